"""The keyboard shortcuts of the panel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt

from MVGLib.panel.qtread import read


class Shortcuts:
    """Keys that act wherever the window has the focus, while the panel is in use."""

    def __init__(self, actions: dict[str, Callable[[], object]]) -> None:
        """
        Args:
            actions: Key as Qt spells it ("Ctrl+Return") -> what it does.
        """
        self._actions = actions
        self._shortcuts: list[Any] = []

    def on(self, window: Any) -> None:
        """Listen in a window; harmless when already on."""
        if self._shortcuts:
            return
        for key, action in self._actions.items():
            shortcut = qt.QShortcut(qt.QKeySequence(key), window)
            shortcut.activated.connect(_pressed(key, action))
            self._shortcuts.append(shortcut)

    def off(self) -> None:
        """Listen no longer."""
        for shortcut in self._shortcuts:
            shortcut.setEnabled(False)
            shortcut.deleteLater()
        self._shortcuts = []


def _pressed(key: str, action: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        focused = qt.QApplication.focusWidget()
        # Space belongs to the button or check box with the keyboard, or it could not be used without a mouse.
        if key == "Space" and isinstance(focused, (qt.QCheckBox, qt.QPushButton, qt.QToolButton)):
            if read(focused, "enabled"):
                focused.click()
            return
        action()

    return run
