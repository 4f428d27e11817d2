"""The keyboard shortcuts of the panel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt

from MVGLib.panel.qtread import read

# Action -> keys as Qt spells them. In 3D Slicer's slice views B goes to the previous slice, and its Segment
# Editor has Space and Esc; a key that two shortcuts of a window share is dead for both.
DESKTOP_KEYS = {
    "add": ("A",),
    "preview": ("Space",),
    "complete": ("C",),
    "apply": ("Ctrl+Return", "Ctrl+Enter"),
    "escape": ("Esc",),
    "next": ("N",),
    "yes": ("Y",),
    "compare": ("B",),
}
MODULE_KEYS = {**DESKTOP_KEYS, "compare": ("Shift+B",)}
# The Segment Editor redoes with Y.
EFFECT_KEYS = {**MODULE_KEYS, "preview": ("Shift+Space",), "escape": ("Shift+Esc",), "yes": ("Shift+Y",)}


class Shortcuts:
    """Keys that act wherever the window has the focus, while the panel is in use."""

    def __init__(self, keys: dict[str, tuple[str, ...]], actions: dict[str, Callable[[], object]]) -> None:
        """
        Args:
            keys: Action -> keys, such as `MODULE_KEYS`.
            actions: Action -> what it does.
        """
        self._actions = {key: actions[name] for name, own in keys.items() for key in own}
        self._shortcuts: list[Any] = []

    @property
    def live(self) -> list[Any]:
        """The `QShortcut` of each key, while they are on."""
        return list(self._shortcuts)

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
        if key == "Space" and isinstance(focused, qt.QAbstractButton):
            if read(focused, "enabled"):
                focused.click()
            return
        action()

    return run
