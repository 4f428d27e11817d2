"""What the panel tells the user, and what surrounds everything that the user does."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from MVGCore.errors import InputError, MVGError
from MVGLib.control.protocols import Clock
from MVGLib.control.signals import Signal
from MVGLib.control.state import Level, Message, Remedy

MESSAGE_SECONDS = 8.0  # for which a message without a problem and a remedy stays


class RemediableError(InputError):
    """A problem that a button beside the message can solve."""

    def __init__(self, text: str, remedy: Remedy | None) -> None:
        super().__init__(text)
        self.remedy = remedy


class Dialogue:
    """Keeps the message that is shown, and tells when something else is to be shown.

    Attributes:
        changed: Emitted when what is shown is out of date.
        message: What happened last.
        version: Differs whenever what is shown is out of date.
        closed: Whether the host has gone; nothing is done any more then.
    """

    def __init__(self, clock: Clock, save: Callable[[], object]) -> None:
        """
        Args:
            clock: Seconds.
            save: Keeps the choices after whatever the user did.
        """
        self.changed = Signal()
        self.message: Message | None = None
        self.version = 0
        self.closed = False
        self._clock = clock
        self._save = save
        self._until: float | None = None
        self._gathering = self._waiting = False

    def say(
        self, text: str, level: Level = Level.INFO, remedy: Remedy | None = None, stays: bool = False
    ) -> None:
        """Show a message; an empty text hides the one that is shown.

        Information without a remedy goes by itself after a while, unless it `stays`.
        """
        self.message = Message(text, level, remedy) if text else None
        passes = level is Level.INFO and remedy is None and not stays
        self._until = self._clock() + MESSAGE_SECONDS if passes else None

    def forget(self) -> None:
        """The scene is closed: the message is about nothing, and nobody is told yet."""
        self.message, self._until = None, None
        self.version += 1

    def let_go(self) -> None:
        """Hide a message whose time is over."""
        if self._until is not None and self._clock() >= self._until:
            self.say("")
            self.update()

    def update(self) -> None:
        """What is shown is out of date."""
        self.version += 1
        if self._gathering:
            self._waiting = True
        elif not self.closed:
            self.changed.emit()

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """What changes inside is told once, at its end."""
        self._gathering, self._waiting = True, False
        try:
            yield
        finally:
            self._gathering = False
            if self._waiting:
                self.update()

    def perform(self, what: Callable[[], Any]) -> Any:
        """Do what the user wants: an expected failure becomes a message; the choices are kept."""
        if self.closed:  # widgets may outlive the panel
            return None
        self.message = None
        try:
            return what()
        except MVGError as error:
            self.say(str(error), Level.ERROR, getattr(error, "remedy", None))
            return None
        finally:
            self._save()
            self.update()


class _Actor(Protocol):
    _dialogue: Dialogue


def action(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method that is called for the user, see `Dialogue.perform`; its object has a `_dialogue`."""

    @functools.wraps(method)
    def run(self: _Actor, *arguments: Any, **choices: Any) -> Any:
        return self._dialogue.perform(functools.partial(method, self, *arguments, **choices))

    return run
