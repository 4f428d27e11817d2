"""Colours that are readable on the window's own colours, light or dark."""

from __future__ import annotations

from typing import Any

import qt

from MVGLib.control.state import Level
from MVGLib.panel.qtread import read

_SIGN = {Level.INFO: "\u2139", Level.WARNING: "\u26a0", Level.ERROR: "\u2716"}
# Contrast of at least 4.5 to 1 against the window's usual colours.
_LIGHT = {Level.INFO: "#0b5cad", Level.WARNING: "#8a5300", Level.ERROR: "#b3261e"}
_DARK = {Level.INFO: "#8ec5ff", Level.WARNING: "#ffc66b", Level.ERROR: "#ff9b94"}


def role(widget: Any, name: str) -> Any:
    """A colour of the widget's palette, e.g. "WindowText"."""
    return read(widget, "palette").color(getattr(qt.QPalette, name))


def is_dark(widget: Any) -> bool:
    """Whether text is lighter than what is behind it."""
    return role(widget, "WindowText").lightness() > role(widget, "Window").lightness()


def accent(widget: Any, level: Level = Level.INFO) -> str:
    """A colour for signs and lines, as "#rrggbb"."""
    return (_DARK if is_dark(widget) else _LIGHT)[level]


def sign(level: Level) -> str:
    """A character that says what the colour says."""
    return _SIGN[level]
