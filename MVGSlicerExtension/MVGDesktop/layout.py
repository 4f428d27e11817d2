"""How the window is laid out, and where on the screen it lies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from PyQt5 import QtCore, QtWidgets

from MVGDesktop.stubs import present

_PANEL_WIDTH, _TOOLS_WIDTH = 360, 290
_SIZE, _GEOMETRY = QtCore.QSize(1500, 940), "Window/Geometry"
_DECORATION = QtCore.QMargins(2, 30, 2, 2)  # what frame and title of a window take at most


def restore_place(window: QtWidgets.QMainWindow, settings: QtCore.QSettings) -> None:
    """Put the window where it was last, but on the screen, and no larger than it."""
    window.resize(_SIZE)
    geometry = settings.value(_GEOMETRY)
    if geometry is not None:
        window.restoreGeometry(geometry)
    screen = QtWidgets.QApplication.screenAt(window.geometry().center()) or window.screen()
    if not window.isMaximized():
        window.setGeometry(clamped(window.geometry(), present(screen).availableGeometry()))


def keep_place(window: QtWidgets.QMainWindow, settings: QtCore.QSettings) -> None:
    """Remember where the window is."""
    settings.setValue(_GEOMETRY, window.saveGeometry())


def clamped(place: QtCore.QRect, room: QtCore.QRect) -> QtCore.QRect:
    """A place for a window, moved and shrunk until it lies on a screen with its frame and title."""
    room = room.marginsRemoved(_DECORATION)
    size = place.size().boundedTo(room.size())
    left = min(max(place.left(), room.left()), room.right() - size.width() + 1)
    top = min(max(place.top(), room.top()), room.bottom() - size.height() + 1)
    return QtCore.QRect(QtCore.QPoint(left, top), size)


def stacked(*widgets: QtWidgets.QWidget) -> QtWidgets.QWidget:
    """Widgets one above the other; the last one takes the room."""
    column, rows = _column()
    rows.setSpacing(2)
    for widget in widgets:
        rows.addWidget(widget)
    rows.setStretch(len(widgets) - 1, 1)
    return column


def row(*widgets: QtWidgets.QWidget) -> QtWidgets.QWidget:
    """Widgets beside each other, sharing the width."""
    line = QtWidgets.QWidget()
    columns = QtWidgets.QHBoxLayout(line)
    columns.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        columns.addWidget(widget, 1)
    return line


def panel_column(panel: QtWidgets.QWidget, fixed: Iterable[QtWidgets.QWidget]) -> QtWidgets.QWidget:
    """The panel, which scrolls, and below it what is always in sight."""
    scroll = QtWidgets.QScrollArea()
    scroll.setWidgetResizable(True)
    scroll.setFrameShape(QtWidgets.QFrame.NoFrame)
    scroll.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    scroll.setWidget(panel)
    column, rows = _column()
    column.setMinimumWidth(_PANEL_WIDTH)
    rows.addWidget(scroll, 1)
    below = QtWidgets.QVBoxLayout()
    margins = present(panel.layout()).contentsMargins()
    below.setContentsMargins(margins.left(), 0, margins.right(), margins.bottom())
    for widget in fixed:
        below.addWidget(widget)
    rows.addLayout(below)
    return column


def tools_column(segments: QtWidgets.QWidget, tools: QtWidgets.QWidget) -> QtWidgets.QWidget:
    """The segments, which take the room, and below them the tools."""
    column = QtWidgets.QWidget()
    column.setMinimumWidth(_TOOLS_WIDTH)
    rows = QtWidgets.QVBoxLayout(column)
    rows.addWidget(segments, 1)
    rows.addWidget(tools)
    return column


def add_dock(
    window: QtWidgets.QMainWindow, title: str, widget: QtWidgets.QWidget, area: Any
) -> QtWidgets.QDockWidget:
    """Put a widget at a side of the window, where it can be moved and closed."""
    dock = QtWidgets.QDockWidget(title, window)
    dock.setObjectName(title)
    dock.setFeatures(QtWidgets.QDockWidget.DockWidgetClosable | QtWidgets.QDockWidget.DockWidgetMovable)
    dock.setWidget(widget)
    window.addDockWidget(area, dock)
    return dock


def _column() -> tuple[QtWidgets.QWidget, QtWidgets.QVBoxLayout]:
    widget = QtWidgets.QWidget()
    rows = QtWidgets.QVBoxLayout(widget)
    rows.setContentsMargins(0, 0, 0, 0)
    return widget, rows
