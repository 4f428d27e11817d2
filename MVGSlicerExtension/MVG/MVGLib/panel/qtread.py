"""Reading Qt properties: attributes in PythonQt (3D Slicer), methods in PyQt5 (the desktop window).

Methods, signals and setters are the same in both and are called as usual.
"""

from __future__ import annotations

from typing import Any


def read(thing: Any, name: str) -> Any:
    """The value of a Qt property.

    Example:
        >>> read(checkbox, "checked")
        True

    Args:
        thing: A widget or another object of Qt.
        name: The property as Qt's documentation spells it ("checked", "value", "currentIndex").

    A property whose getter has another name (`checked` is read by `isChecked()`) is found as well.
    """
    value = getattr(thing, name, None)
    if value is None:
        value = getattr(thing, f"is{name[0].upper()}{name[1:]}")
    return value() if callable(value) else value


def chosen_path(answer: Any) -> str:
    """The path that a file dialog gave, empty if none: a text in PythonQt, a text and a filter in PyQt5."""
    return str(answer if isinstance(answer, str) else answer[0])
