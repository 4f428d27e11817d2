"""The user's hands: mouse and keyboard."""

from __future__ import annotations

from typing import Any

import qt
from PyQt5 import QtTest

from MVGDesktop import qtcompat
from MVGLib.panel.panel import Panel


def click(button: Any, at: Any = None) -> None:
    """Click a button with the left key of the mouse, in its middle or at a place in it."""
    qtcompat.application().processEvents()  # layouts first, or the button moves away under the mouse
    assert button.isVisible() and button.isEnabled(), button.objectName()
    QtTest.QTest.mouseClick(button, qt.Qt.LeftButton, qt.Qt.NoModifier, at or button.rect().center())


def press(panel: Panel, key: Any, modifier: Any = qt.Qt.NoModifier) -> None:
    """Press a key in a panel."""
    qt.QApplication.setActiveWindow(panel.widget)  # there is no window manager that could do it
    panel.widget.setFocus()  # as if the user had clicked beside the controls
    QtTest.QTest.keyClick(panel.widget, key, modifier)
