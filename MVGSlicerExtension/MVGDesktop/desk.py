"""What menus and filing need of the window; they do not know the window itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from PyQt5 import QtCore, QtWidgets

from MVGDesktop.document import Document
from MVGDesktop.editing.tools import Editor
from MVGDesktop.files.recovery import Autosave
from MVGDesktop.overlays import Overlays
from MVGDesktop.surfaces import Surfaces
from MVGDesktop.theme import Theme
from MVGDesktop.views.fourup import FourUp
from MVGDesktop.welcome import Guide, Welcome
from MVGDesktop.widgets.edittools import EditTools
from MVGDesktop.widgets.segmentlist import SegmentList
from MVGDesktop.widgets.windowlevel import WindowLevel


class Desk(Protocol):
    """See `MVGDesktop.window.MainWindow`."""

    document: Document
    views: FourUp
    segments: SegmentList
    surfaces: Surfaces
    autosave: Autosave
    welcome: Welcome
    guide: Guide
    settings: QtCore.QSettings
    panel: Any
    overlays: Overlays
    editor: Editor
    tools: EditTools
    window_level: WindowLevel
    panel_dock: QtWidgets.QDockWidget
    tools_dock: QtWidgets.QDockWidget

    @property
    def filing(self) -> Any: ...

    @property
    def keeper(self) -> Any: ...

    @property
    def queue(self) -> Any: ...

    @property
    def work(self) -> Any: ...

    @property
    def frame(self) -> QtWidgets.QMainWindow: ...

    def set_theme(self, theme: Theme) -> None: ...

    def tell(self, action: Callable[[], object]) -> None: ...

    def undo(self) -> None: ...

    def redo(self) -> None: ...

    def say(self, text: str) -> None: ...

    def attempt(self, action: Callable[[], object]) -> bool: ...
