"""Keys of one letter, which act unless somebody is typing."""

from __future__ import annotations

from collections.abc import Callable

from PyQt5 import QtGui, QtWidgets


def typing() -> bool:
    """Whether a text field has the keyboard."""
    focused = QtWidgets.QApplication.focusWidget()
    return isinstance(focused, (QtWidgets.QLineEdit, QtWidgets.QAbstractSpinBox, QtWidgets.QTextEdit))


def add_key(window: QtWidgets.QWidget, sequence: str, action: Callable[[], object]) -> None:
    """Let a key act in a whole window unless somebody is typing.

    Args:
        window: Where the key works.
        sequence: As Qt spells it.
        action: What it does.
    """
    shortcut = QtWidgets.QShortcut(QtGui.QKeySequence(sequence), window)

    def act() -> None:
        if not typing():
            action()

    shortcut.activated.connect(act)
