"""Menus and tool bar."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PyQt5 import QtCore, QtGui, QtWidgets

from MVGDesktop.desk import Desk
from MVGDesktop.helping import Help
from MVGDesktop.keys import add_key
from MVGDesktop.stubs import present
from MVGDesktop.theme import SETTING, Theme


class Menus:
    """Makes the actions of the window.

    Attributes:
        undo: The action.
        redo: The action.
        recent: The menu of recent files.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._help: Help | None = None
        self._tool_bar = present(desk.frame.addToolBar("Main"))
        self._tool_bar.setObjectName("Main")
        self._tool_bar.setMovable(False)
        self._make_file()
        self._make_edit()
        self._make_view()
        about = self._menu("&Help")
        self._add(about, "Mouse and keys", self._show_help, "F1")
        self._add(about, "About MVG", desk.panel.controller.setup.about)
        self._add_slice_keys()
        desk.document.history.changed.connect(self._show_history)
        self._show_history()

    def _menu(self, title: str) -> QtWidgets.QMenu:
        return present(present(self._desk.frame.menuBar()).addMenu(title))

    def _add(
        self,
        menu: QtWidgets.QMenu,
        text: str,
        action: Callable[[], object],
        key: str = "",
        bar: bool = False,
        icon: QtWidgets.QStyle.StandardPixmap | None = None,
    ) -> QtWidgets.QAction:
        entry = present(menu.addAction(text))

        def act(_checked: bool = False) -> None:
            action()

        entry.triggered.connect(act)
        if key:
            entry.setShortcut(QtGui.QKeySequence(key))
        if icon is not None:
            entry.setIcon(present(self._desk.frame.style()).standardIcon(icon))
        if bar:
            self._tool_bar.addAction(entry)
            button = present(self._tool_bar.widgetForAction(entry))
            plain = text.replace("&", "").rstrip("…")
            button.setAccessibleName(plain)
            button.setToolTip(f"{plain} ({key})" if key else plain)
        return entry

    def _make_file(self) -> None:
        desk, style = self._desk, QtWidgets.QStyle.StandardPixmap
        filing, keeper = desk.filing, desk.keeper
        menu = self._menu("&File")
        self._add(menu, "&Open…", filing.ask_open, "Ctrl+O", bar=True, icon=style.SP_DialogOpenButton)
        self._add(menu, "&Add an image to this case…", filing.ask_add)
        self._add(menu, "Open &labels…", filing.ask_labels, "Ctrl+L")
        self._add(
            menu, "Open &DICOM folder…", filing.ask_folder, "Ctrl+D", bar=True, icon=style.SP_DirOpenIcon
        )
        self.recent = present(menu.addMenu("&Recent"))
        self.recent.aboutToShow.connect(self._fill_recent)
        self._add(menu, "De&mo brain", filing.open_demo)
        menu.addSeparator()
        self._add(menu, "&Save", keeper.save, "Ctrl+S", bar=True, icon=style.SP_DialogSaveButton)
        self._add(menu, "Save &as…", keeper.save_as, "Ctrl+Shift+S")
        self._add(menu, "Save &volume as…", keeper.save_volume_as)
        menu.addSeparator()
        self._add(menu, "Cases to label &next…", desk.queue.ask)
        self._add(menu, "Save sl&ice, next case", desk.queue.save_and_next, "Ctrl+Shift+Return")
        self._add(menu, "&Review page of the labels", desk.panel.open_review_page)
        menu.addSeparator()
        self._add(menu, "&Close", filing.close_case, "Ctrl+W")
        self._add(menu, "&Quit", desk.frame.close, "Ctrl+Q")

    def _make_edit(self) -> None:
        desk, style = self._desk, QtWidgets.QStyle.StandardPixmap
        menu = self._menu("&Edit")
        self._tool_bar.addSeparator()
        self.undo = self._add(menu, "&Undo", desk.undo, "Ctrl+Z", bar=True, icon=style.SP_ArrowBack)
        self.redo = self._add(menu, "&Redo", desk.redo, "Ctrl+Y", bar=True, icon=style.SP_ArrowForward)
        self.redo.setShortcuts([QtGui.QKeySequence("Ctrl+Y"), QtGui.QKeySequence("Ctrl+Shift+Z")])
        self.results = present(menu.addMenu("&Earlier results"))
        self.results.aboutToShow.connect(self._fill_results)
        menu.addSeparator()
        self._add(menu, "&Add segment", desk.segments.add, "Ctrl+N")
        self._add(menu, "&Remove segment", desk.segments.remove)
        self.copies = present(menu.addMenu("Copy se&gment to"))
        self.copies.aboutToShow.connect(self._fill_copies)
        self._add(menu, "Remove segmentatio&n", desk.document.remove_segmentation)
        menu.addSeparator()
        self._single(menu, "Segment is n&ot on this slice", desk.work.nothing_here, "0")
        self._single(menu, "Segment &ends on this slice", desk.work.ends_here, "X")
        menu.addSeparator()
        self._add(menu, "Copy slice from &below", partial(desk.work.copy_slice, -1), "Ctrl+Down")
        self._add(menu, "Copy slice from a&bove", partial(desk.work.copy_slice, 1), "Ctrl+Up")
        self._add(menu, "Take slice from the resul&t", partial(desk.work.copy_slice, 0), "Ctrl+T")

    def _make_view(self) -> None:
        desk = self._desk
        menu = self._menu("&View")
        self._add(menu, "&Fit", desk.views.fit, "Ctrl+0")
        self._toggle(menu, "&Crosshair", desk.views.set_crosshair)
        self._toggle(menu, "&3-D surfaces", desk.surfaces.set_enabled)
        menu.addSeparator()
        self._single(menu, "&Hide labels and overlays", desk.overlays.toggle, "G")
        self._single(menu, "&Outlines or areas", desk.overlays.next_style, "O")
        menu.addSeparator()
        menu.addAction(desk.panel_dock.toggleViewAction())
        menu.addAction(desk.tools_dock.toggleViewAction())
        menu.addSeparator()
        themes = present(menu.addMenu("&Theme"))
        group = QtWidgets.QActionGroup(themes)
        chosen = str(desk.settings.value(SETTING, Theme.SYSTEM.value))
        for theme in Theme:
            entry = present(themes.addAction(theme.value.capitalize()))
            entry.setCheckable(True)
            entry.setChecked(theme.value == chosen)
            entry.triggered.connect(lambda _on, theme=theme: desk.set_theme(theme))
            group.addAction(entry)
        self._tool_bar.addSeparator()
        self._tool_bar.addWidget(desk.window_level)

    def _single(self, menu: QtWidgets.QMenu, text: str, action: Callable[[], object], key: str) -> None:
        """An entry with a key of one letter, which types that letter where somebody writes."""
        self._add(menu, f"{text}\t{key}", action)
        add_key(self._desk.frame, key, action)

    def _toggle(self, menu: QtWidgets.QMenu, text: str, action: Callable[[bool], None]) -> None:
        entry = present(menu.addAction(text))
        entry.setCheckable(True)
        entry.setChecked(True)
        entry.toggled.connect(action)

    def _add_slice_keys(self) -> None:
        views = self._desk.views
        keys = {"Up": 1, "Down": -1, "PgUp": 5, "PgDown": -5}
        for key, count in keys.items():
            shortcut = QtWidgets.QShortcut(QtGui.QKeySequence(key), views)
            shortcut.setContext(QtCore.Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(lambda count=count: views.active.step(count))
        for number in range(1, 10):
            shortcut = QtWidgets.QShortcut(QtGui.QKeySequence(str(number)), views)
            shortcut.setContext(QtCore.Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(partial(self._desk.segments.select, number - 1))

    def _fill_recent(self) -> None:
        self.recent.clear()
        for path in self._desk.filing.recent.paths():
            entry = present(self.recent.addAction(path))
            entry.triggered.connect(lambda _checked=False, path=path: self._desk.filing.open(path))
        self.recent.setEnabled(True)

    def _show_history(self) -> None:
        history = self._desk.document.history
        for action, word, name in (
            (self.undo, "Undo", history.undo_name),
            (self.redo, "Redo", history.redo_name),
        ):
            action.setEnabled(bool(name))
            action.setText(f"{word} {name}".strip())

    def _fill_results(self) -> None:
        """The results whose review has ended, the last one first."""
        controller = self._desk.panel.controller
        self.results.clear()
        for each in reversed(controller.view().ended):
            how = "accepted" if each.accepted else "discarded"
            entry = present(self.results.addAction(f"{each.name} ({how})"))
            entry.setToolTip("Let this result wait for its review again")
            entry.triggered.connect(lambda _checked=False, key=each.key: controller.reviews.bring_back(key))
        if self.results.isEmpty():
            present(self.results.addAction("None in this session")).setEnabled(False)

    def _fill_copies(self) -> None:
        """The other segmentations of the volume."""
        desk, document = self._desk, self._desk.document
        self.copies.clear()
        for node in document.copy_targets() if document.volume is not None else ():
            copy = partial(document.copy_segment, node.GetID())
            entry = present(self.copies.addAction(node.GetName()))
            entry.triggered.connect(lambda _checked=False, copy=copy: desk.tell(copy))
        if self.copies.isEmpty():
            present(self.copies.addAction("There is no other segmentation")).setEnabled(False)

    def _show_help(self) -> None:
        if self._help is None:
            self._help = Help(self._desk.frame)
        self._help.show()
        self._help.raise_()
