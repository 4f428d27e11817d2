"""Menus and tool bar."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import slicer
from PyQt5 import QtCore, QtGui, QtWidgets

from MVGCore.volume import CT_WINDOWS, robust_window
from MVGDesktop.theme import SETTING, Theme

if TYPE_CHECKING:
    from MVGDesktop.window import MainWindow

_HELP = """\
<b>Mouse in a slice</b><br>
Wheel: scroll · right drag: zoom · middle or Shift+left drag: pan · left drag with Look: window and level ·
Shift+move: crosshair · double click: this view alone<br><br>
<b>Keys</b><br>
V look · P paint · E erase · D draw · F fill · [ ] brush size · 1 to 9 segment · Up, Down, Page keys: slice ·
Ctrl+Z, Ctrl+Y undo, redo<br>
A add the slice as an example · Space preview · Ctrl+Enter apply · Esc cancel · N next slice to label ·
B before and after<br><br>
MVG is for research. It is not a medical device and must not guide diagnosis or treatment."""


class Menus:
    """Makes the actions of the window.

    Attributes:
        undo: The action.
        redo: The action.
        recent: The menu of recent files.
    """

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._tool_bar = window.addToolBar("Main")
        self._tool_bar.setObjectName("Main")
        self._tool_bar.setMovable(False)
        self._make_file()
        self._make_edit()
        self._make_view()
        about = window.menuBar().addMenu("&Help")
        self._add(about, "Mouse and keys", self._show_help, "F1")
        self._add(about, "About MVG", window.panel.controller.about)
        self._add_slice_keys()
        window.document.history.changed.connect(self._show_history)
        self._show_history()

    def _add(
        self,
        menu: QtWidgets.QMenu,
        text: str,
        action: Callable[[], object],
        key: str = "",
        bar: bool = False,
        icon: QtWidgets.QStyle.StandardPixmap | None = None,
    ) -> QtWidgets.QAction:
        entry = menu.addAction(text)
        entry.triggered.connect(lambda _checked=False: action())
        if key:
            entry.setShortcut(QtGui.QKeySequence(key))
        if icon is not None:
            entry.setIcon(self._window.style().standardIcon(icon))
        if bar:
            self._tool_bar.addAction(entry)
            shown = self._tool_bar.widgetForAction(entry)
            plain = text.replace("&", "").rstrip("…")
            shown.setAccessibleName(plain)
            shown.setToolTip(f"{plain} ({key})" if key else plain)
        return entry

    def _make_file(self) -> None:
        window, filing, style = self._window, self._window.filing, QtWidgets.QStyle
        menu = window.menuBar().addMenu("&File")
        self._add(menu, "&Open…", filing.ask_open, "Ctrl+O", bar=True, icon=style.SP_DialogOpenButton)
        self._add(menu, "Open &labels…", filing.ask_labels, "Ctrl+L")
        self._add(
            menu, "Open &DICOM folder…", filing.ask_folder, "Ctrl+D", bar=True, icon=style.SP_DirOpenIcon
        )
        self.recent = menu.addMenu("&Recent")
        self.recent.aboutToShow.connect(self._fill_recent)
        self._add(menu, "De&mo brain", filing.open_demo)
        menu.addSeparator()
        self._add(menu, "&Save", filing.save, "Ctrl+S", bar=True, icon=style.SP_DialogSaveButton)
        self._add(menu, "Save &as…", filing.save_as, "Ctrl+Shift+S")
        self._add(menu, "Save &volume as…", filing.save_volume_as)
        menu.addSeparator()
        self._add(menu, "&Quit", window.close, "Ctrl+Q")

    def _make_edit(self) -> None:
        window, style = self._window, QtWidgets.QStyle
        menu = window.menuBar().addMenu("&Edit")
        self._tool_bar.addSeparator()
        self.undo = self._add(menu, "&Undo", window.undo, "Ctrl+Z", bar=True, icon=style.SP_ArrowBack)
        self.redo = self._add(
            menu, "&Redo", window.document.redo, "Ctrl+Y", bar=True, icon=style.SP_ArrowForward
        )
        self.redo.setShortcuts([QtGui.QKeySequence("Ctrl+Y"), QtGui.QKeySequence("Ctrl+Shift+Z")])
        menu.addSeparator()
        self._add(menu, "&Add segment", window.segments.add, "Ctrl+N")
        self._add(menu, "&Remove segment", window.segments.remove)
        menu.addSeparator()
        self._add(menu, "Copy slice from &below", partial(window.copy_slice, -1), "Ctrl+Down")
        self._add(menu, "Copy slice from a&bove", partial(window.copy_slice, 1), "Ctrl+Up")
        self._add(menu, "Take slice from the resul&t", partial(window.copy_slice, 0), "Ctrl+T")

    def _make_view(self) -> None:
        window = self._window
        menu = window.menuBar().addMenu("&View")
        self._add(menu, "&Fit", self._fit, "Ctrl+0")
        self._toggle(menu, "&Crosshair", window.views.set_crosshair)
        self._toggle(menu, "&3-D surfaces", window.surfaces.set_enabled)
        menu.addSeparator()
        menu.addAction(window.panel_dock.toggleViewAction())
        menu.addAction(window.tools_dock.toggleViewAction())
        menu.addSeparator()
        themes = menu.addMenu("&Theme")
        group = QtWidgets.QActionGroup(themes)
        chosen = str(window.settings.value(SETTING, Theme.SYSTEM.value))
        for theme in Theme:
            entry = themes.addAction(theme.value.capitalize())
            entry.setCheckable(True)
            entry.setChecked(theme.value == chosen)
            entry.triggered.connect(lambda _on, theme=theme: window.set_theme(theme))
            group.addAction(entry)
        self._tool_bar.addSeparator()
        label = QtWidgets.QLabel(" Window ", window)
        self.windows = QtWidgets.QComboBox(window)
        self.windows.setAccessibleName("Window and level")
        self.windows.setToolTip("How intensities become grey: automatic, or presets of CT")
        self.windows.addItem("Automatic", "")
        for name in CT_WINDOWS:
            self.windows.addItem(f"CT {name}", name)
        self.windows.activated.connect(lambda index: self._set_window(self.windows.itemData(index)))
        self._tool_bar.addWidget(label)
        self._tool_bar.addWidget(self.windows)

    def _toggle(self, menu: QtWidgets.QMenu, text: str, action: Callable[[bool], object]) -> None:
        entry = menu.addAction(text)
        entry.setCheckable(True)
        entry.setChecked(True)
        entry.toggled.connect(action)

    def _add_slice_keys(self) -> None:
        views = self._window.views
        keys = {"Up": 1, "Down": -1, "PgUp": 5, "PgDown": -5}
        for key, count in keys.items():
            shortcut = QtWidgets.QShortcut(QtGui.QKeySequence(key), views)
            shortcut.setContext(QtCore.Qt.WidgetWithChildrenShortcut)
            shortcut.activated.connect(lambda count=count: views.active.step(count))
        for number in range(1, 10):
            shortcut = QtWidgets.QShortcut(QtGui.QKeySequence(str(number)), views)
            shortcut.setContext(QtCore.Qt.WidgetWithChildrenShortcut)
            shortcut.activated.connect(partial(self._window.segments.select, number - 1))

    def _fill_recent(self) -> None:
        self.recent.clear()
        for path in self._window.filing.recent.paths():
            entry = self.recent.addAction(path)
            entry.triggered.connect(lambda _checked=False, path=path: self._window.filing.open(path))
        self.recent.setEnabled(True)

    def _show_history(self) -> None:
        history = self._window.document.history
        for action, word, name in (
            (self.undo, "Undo", history.undo_name),
            (self.redo, "Redo", history.redo_name),
        ):
            action.setEnabled(bool(name))
            action.setText(f"{word} {name}".strip())

    def _fit(self) -> None:
        for view in self._window.views.views:
            view.fit()
        self._window.views.three_d.fit()

    def _set_window(self, name: str) -> None:
        volume = self._window.document.volume
        if volume is None:
            return
        window = CT_WINDOWS[name] if name else robust_window(slicer.util.arrayFromVolume(volume))
        volume.GetDisplayNode().SetAutoWindowLevel(False)
        volume.GetDisplayNode().SetWindowLevelMinMax(window.low, window.high)

    def _show_help(self) -> None:
        box = QtWidgets.QMessageBox(self._window)
        box.setWindowTitle("Mouse and keys")
        box.setTextFormat(QtCore.Qt.RichText)
        box.setText(_HELP)
        box.exec_()
