"""What the type stubs of PyQt5 leave out, or call optional although Qt always gives it."""

from __future__ import annotations

from typing import TypeVar

from PyQt5.QtCore import pyqtProperty  # type: ignore[attr-defined]  # the stubs do not have it

__all__ = ["present", "pyqtProperty"]

_Given = TypeVar("_Given")


def present(value: _Given | None) -> _Given:
    """What Qt gave, for the type checker: PyQt5's stubs add None also where Qt never gives a null pointer.

    Raises:
        AssertionError: It is None after all.
    """
    assert value is not None
    return value
