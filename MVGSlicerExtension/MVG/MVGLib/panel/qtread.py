"""Reading Qt properties: attributes in PythonQt (3D Slicer), methods in PyQt5 (the desktop window).

Methods, signals and setters are the same in both and are called as usual.
"""

from __future__ import annotations

from collections.abc import Callable
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


def follow(thing: Any, signal: str, name: str, action: Callable[[Any], object]) -> None:
    """Have `action` called with the value of a property whenever a signal tells that it may be another.

    What the signal itself brings is ignored: of a signal with overloads PythonQt connects any.

    Args:
        thing: A widget.
        signal: Such as "valueChanged".
        name: The property, as for `read`.
        action: Is told the value.
    """

    def told(*_arguments: Any) -> None:
        action(read(thing, name))

    getattr(thing, signal).connect(told)
