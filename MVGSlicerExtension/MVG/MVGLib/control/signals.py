"""A signal in plain Python, for code that knows no Qt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Signal:
    """Calls the connected functions, in the order in which they were connected.

    Example:
        >>> changed = Signal()
        >>> changed.connect(print)
        >>> changed.emit("text")
        text
    """

    def __init__(self) -> None:
        self._slots: list[Callable[..., object]] = []

    def connect(self, slot: Callable[..., object]) -> None:
        """Call `slot` at every `emit` from now on."""
        self._slots.append(slot)

    def disconnect(self, slot: Callable[..., object]) -> None:
        """Call `slot` no longer; one that is not connected is ignored."""
        if slot in self._slots:
            self._slots.remove(slot)

    def emit(self, *arguments: Any) -> None:
        """Call all slots; one that disconnects itself or others meanwhile does no harm."""
        for slot in tuple(self._slots):
            slot(*arguments)
