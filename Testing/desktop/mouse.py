"""Real mouse events in a slice view, at world positions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PyQt5 import QtCore, QtGui, QtWidgets

NO_KEY = QtCore.Qt.NoModifier
LEFT, RIGHT, MIDDLE = QtCore.Qt.LeftButton, QtCore.Qt.RightButton, QtCore.Qt.MidButton


def send(view, kind: QtCore.QEvent.Type, place: QtCore.QPoint, button, buttons, keys=NO_KEY) -> None:
    """One mouse event, as the window system would send it."""
    position = QtCore.QPointF(place)
    on_screen = QtCore.QPointF(view.mapToGlobal(place))
    event = QtGui.QMouseEvent(kind, position, on_screen, button, buttons, keys)
    QtWidgets.QApplication.sendEvent(view, event)


def move(view, place: QtCore.QPoint, buttons=QtCore.Qt.NoButton, keys=NO_KEY) -> None:
    send(view, QtCore.QEvent.MouseMove, place, QtCore.Qt.NoButton, buttons, keys)


def press(view, place: QtCore.QPoint, button=LEFT, keys=NO_KEY) -> None:
    move(view, place, keys=keys)
    send(view, QtCore.QEvent.MouseButtonPress, place, button, button, keys)


def release(view, place: QtCore.QPoint, button=LEFT, keys=NO_KEY) -> None:
    send(view, QtCore.QEvent.MouseButtonRelease, place, button, QtCore.Qt.NoButton, keys)


def click(view, place: QtCore.QPoint, button=LEFT, keys=NO_KEY) -> None:
    press(view, place, button, keys)
    release(view, place, button, keys)


def drag(view, places: Sequence[QtCore.QPoint], button=LEFT, keys=NO_KEY) -> None:
    """Press at the first place, move along the others, release at the last."""
    press(view, places[0], button, keys)
    for place in places[1:]:
        move(view, place, button, keys)
    release(view, places[-1], button, keys)


def wheel(view, place: QtCore.QPoint, turns: int = 1, keys=NO_KEY) -> None:
    """Turn the wheel, away from the hand where `turns` is positive."""
    for _ in range(abs(turns)):
        event = QtGui.QWheelEvent(
            QtCore.QPointF(place),
            QtCore.QPointF(view.mapToGlobal(place)),
            QtCore.QPoint(),
            QtCore.QPoint(0, 120 if turns > 0 else -120),
            QtCore.Qt.NoButton,
            keys,
            QtCore.Qt.NoScrollPhase,
            False,
        )
        QtWidgets.QApplication.sendEvent(view, event)


def place_of(panel, ijk: Sequence[float]) -> QtCore.QPoint:
    """Where in the panel's view a voxel of its volume is seen."""
    return panel.view.widget_position(panel.grid.position(np.asarray(ijk, dtype=float)))
