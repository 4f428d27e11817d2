"""The window: views in the middle, MVG's panel at the left, segments and tools at the right."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import slicer
from PyQt5 import QtCore, QtGui, QtWidgets

from MVGCore.errors import MVGError
from MVGDesktop import qtcompat
from MVGDesktop.document import Document
from MVGDesktop.editing.tools import Editor
from MVGDesktop.files.recovery import Autosave
from MVGDesktop.filing import Filing
from MVGDesktop.keeper import Keeper
from MVGDesktop.layout import add_dock, keep_place, panel_column, restore_place, row, stacked, tools_column
from MVGDesktop.marks import marks_of
from MVGDesktop.menus import Menus
from MVGDesktop.nextcases import Queue
from MVGDesktop.overlays import Overlays
from MVGDesktop.rangepreview import RangePreview
from MVGDesktop.recovering import Recoverer
from MVGDesktop.reviewing import ReviewFollower
from MVGDesktop.slicework import SliceWork
from MVGDesktop.statistics import Sizes
from MVGDesktop.statusline import StatusLine
from MVGDesktop.stubs import present
from MVGDesktop.surfaces import Surfaces
from MVGDesktop.theme import SETTING, Theme, apply_theme
from MVGDesktop.views.fourup import FourUp
from MVGDesktop.views.grabbing import grabbed
from MVGDesktop.welcome import Guide, Welcome
from MVGDesktop.widgets.edittools import EditTools, add_shortcuts
from MVGDesktop.widgets.segmentlist import SegmentList
from MVGDesktop.widgets.windowlevel import WindowLevel
from MVGLib import build_panel

_MESSAGE_MS = 12_000


class MainWindow(QtWidgets.QMainWindow):
    """Hosts everything.

    Attributes:
        document: What is worked on.
        views: The four views.
        editor: Takes the mouse for the tools.
        panel: `MVGLib.panel.panel.Panel`.
        filing: Opens and closes.
        keeper: Saves.
        queue: Cases to label next.
    """

    def __init__(self, settings: QtCore.QSettings | None = None, recovery: Path | None = None) -> None:
        """
        Args:
            settings: Where recent files, theme and window are remembered; the user's own by default.
            recovery: Folder of the autosaves; the user's own by default.
        """
        super().__init__()
        self.settings = settings or QtCore.QSettings()
        self.setWindowTitle("MVG")
        self.setAcceptDrops(True)
        self.document = Document(self)
        self.views = FourUp(self)
        self.editor = Editor(self.document, self.views.views)
        self.surfaces = Surfaces(self.document)
        self.sizes = Sizes(self.document)
        self.autosave = Autosave(self.document, recovery)
        self.segments = SegmentList(self.document, self.sizes, self)
        self.tools = EditTools(self.editor, self.document, self)
        self.overlays = Overlays(self.document)
        self.range_preview = RangePreview(self.document)
        self.window_level = WindowLevel(self.document, self)
        self.status_line = StatusLine(self.document, self)
        self.welcome, self.guide = Welcome(self), Guide(self)
        self.guide.hide()
        self.panel = build_panel(python=sys.executable)
        self._panel_view = self.panel.controller.view()
        self._kept = self._panel_view.examples, self._panel_view.review
        self.keeper = Keeper(self)
        self.filing = Filing(self, self.keeper)
        self.queue = Queue(self, self.filing, self.keeper)
        self.work = SliceWork(self)
        self.recoverer = Recoverer(self, self.filing)
        self.follower = ReviewFollower(self.document, self.panel.controller)
        self._lay_out()
        self.menus = Menus(self)
        self._connect()
        self.set_theme(Theme(str(self.settings.value(SETTING, Theme.SYSTEM.value))))
        restore_place(self, self.settings)
        self._show_state()

    @property
    def frame(self) -> QtWidgets.QMainWindow:
        """What dialogs belong to."""
        return self

    def say(self, text: str) -> None:
        """Tell the user something in the line at the bottom, without asking for attention."""
        present(self.statusBar()).showMessage(text, _MESSAGE_MS)

    def attempt(self, action: Callable[[], object]) -> bool:
        """Run an action; an expected failure becomes a message, and what it warns of is told.

        Returns:
            Whether it succeeded.
        """
        try:
            with warnings.catch_warnings(record=True) as noted:
                warnings.simplefilter("always", UserWarning)
                action()
        except MVGError as error:
            slicer.util.errorDisplay(str(error), parent=self, windowTitle="MVG")
            self.say(str(error))
            return False
        notes = [str(each.message) for each in noted if issubclass(each.category, UserWarning)]
        if notes:
            self.say(" ".join(notes))
        return True

    def set_theme(self, theme: Theme) -> None:
        """Change the colours and remember them."""
        self.settings.setValue(SETTING, theme.value)
        dark = apply_theme(qtcompat.application(), theme)
        self.panel.show()  # signs and frames of messages have colours of their own
        self.views.set_background(
            "#000000", "#16181b" if dark else "#c9d3de", "#2b3036" if dark else "#eef1f5"
        )

    def undo(self) -> None:
        """Take the last action back, or tell why not."""
        self.tell(self.document.undo)

    def redo(self) -> None:
        """Do the action again that was taken back last, or tell why not."""
        self.tell(self.document.redo)

    def picture(self) -> QtGui.QImage:
        """The whole window as it looks now, also what VTK draws, which Qt cannot see."""
        image = grabbed(self)
        if self.views.isVisible():
            painter = QtGui.QPainter(image)
            painter.drawImage(
                QtCore.QPointF(self.views.mapTo(self, QtCore.QPoint(0, 0))), self.views.picture()
            )
            painter.end()
        return image

    def closeEvent(self, event: QtGui.QCloseEvent | None) -> None:
        assert event is not None
        if not self.keeper.may_lose_changes():
            event.ignore()
            return
        keep_place(self, self.settings)
        self.close_everything()
        event.accept()

    def close_everything(self) -> None:
        """End worker, autosave and views. Nothing is asked."""
        self.autosave.stop()
        self.surfaces.stop()
        self.overlays.close()
        self.window_level.close_widget()
        self.document.close()
        self.panel.cleanup()
        self.views.close_views()

    def dragEnterEvent(self, event: QtGui.QDragEnterEvent | None) -> None:
        assert event is not None
        if any(url.isLocalFile() for url in present(event.mimeData()).urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QtGui.QDropEvent | None) -> None:
        assert event is not None
        paths = [url.toLocalFile() for url in present(event.mimeData()).urls() if url.isLocalFile()]
        event.acceptProposedAction()
        # Questions must wait until the program that the files come from is let go.
        QtCore.QTimer.singleShot(0, lambda: self.filing.open_all(paths))

    def _lay_out(self) -> None:
        self._stack = QtWidgets.QStackedWidget(self)
        self._stack.addWidget(self.welcome)
        self._stack.addWidget(stacked(self.guide, self.views))
        self.setCentralWidget(self._stack)
        ui = self.panel.ui
        # Out of what scrolls: Apply, how far a run is, Accept and Discard are always in sight.
        apply = row(ui.previewButton, ui.completeButton, ui.applyButton)
        left = panel_column(self.panel.widget, (apply, ui.progressFrame, ui.reviewSection))
        self.panel_dock = add_dock(self, "MVG", left, QtCore.Qt.DockWidgetArea.LeftDockWidgetArea)
        side = tools_column(self.segments, self.tools)
        self.tools_dock = add_dock(
            self, "Segments and tools", side, QtCore.Qt.DockWidgetArea.RightDockWidgetArea
        )
        present(self.statusBar()).addPermanentWidget(self.status_line)

    def _connect(self) -> None:
        document = self.document
        document.volumeChanged.connect(self._on_volume)
        document.segmentationChanged.connect(lambda _id: self._tell_panel())
        document.history.changed.connect(present(self.statusBar()).clearMessage)  # what was told is over
        document.unsaved.changed.connect(lambda _unsaved: self._show_state())
        self.editor.failed.connect(self.say)
        self.segments.failed.connect(self.say)
        self.overlays.told.connect(self.say)
        self.editor.measured.connect(self.say)
        self.tools.copyRequested.connect(self.work.copy_slice)
        self.tools.range.changed.connect(self.range_preview.show)
        self.tools.range.taken.connect(self.work.take_range)
        self.tools.effects.requested.connect(self.work.change_segment)
        self.views.pointed.connect(lambda _view, ras: self.status_line.show_position(ras))
        self.surfaces.updated.connect(self.views.show_surfaces)
        self.panel.controller.changed.connect(self._on_panel)
        for panel in self.views.panels:
            panel.view.changed.connect(self._show_marks)
        add_shortcuts(self, self.editor)
        self.panel.controller.previews.fill = self.work.fill_slice  # one action of the window's own history
        self.panel.enter()

    def _on_volume(self, volume_id: str) -> None:
        self.views.show_volume(volume_id)
        self._tell_panel()
        self._show_state()

    def _tell_panel(self) -> None:
        controller, document = self.panel.controller, self.document
        if controller.view().volume_id != document.volume_id:
            controller.choices.set_volume(document.volume_id)
        node, view = document.segmentation, controller.view()
        if not view.settings.task.makes_segments or (node is not None and self.follower.reviews(node)):
            return
        if view.partner_id != document.segmentation_id:
            controller.choices.set_partner(document.segmentation_id)

    def _on_panel(self) -> None:
        view = self._panel_view = self.panel.controller.view()
        if view.volume_id and view.volume_id != self.document.volume_id:
            labels_id = view.partner_id if view.settings.task.makes_segments else ""
            self.document.set_volume(view.volume_id, labels_id)
        self.follower.follow(view)
        kept = view.examples, view.review if view.progress is None else None
        if kept != self._kept:
            self._kept = kept
            self.autosave.note_change()
        self._show_marks()
        if self.guide.isVisible():
            done = view.review is not None and view.progress is None
            self.guide.show_step(2 if done else 1 if view.examples else 0)

    def _show_marks(self) -> None:
        # Asked for at every scroll, so the panel's state is not made anew.
        for panel in self.views.panels:
            panel.slider.set_marks(marks_of(self._panel_view, panel.axis))

    def _show_state(self) -> None:
        volume = self.document.volume
        self._stack.setCurrentIndex(0 if volume is None else 1)
        present(self.tools_dock.widget()).setEnabled(volume is not None)
        if volume is None:
            self.welcome.show_recent(self.filing.recent.paths())
        name = f"{volume.GetName()}[*] - MVG" if volume is not None else "MVG[*]"
        self.setWindowTitle(name)
        self.setWindowModified(bool(self.document.unsaved.ids()))

    def tell(self, action: Callable[[], object]) -> None:
        """Run an action; an expected failure is told in the line at the bottom."""
        try:
            action()
        except MVGError as error:
            self.say(str(error))
