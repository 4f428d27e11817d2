"""One computation at a time, from its beginning to whatever end it has."""

from __future__ import annotations

from dataclasses import dataclass

from MVGCore.session.results import FailureKind
from MVGLib.control.activity import Activity
from MVGLib.control.dialogue import Dialogue
from MVGLib.control.runner import Listener, Order, RunCarrier
from MVGLib.control.setup import Setup
from MVGLib.control.state import Phase
from MVGLib.control.warmstart import WarmStart
from MVGLib.texts import _


@dataclass(eq=False, repr=False)
class Computing:
    """Gives orders to the worker, and keeps what is shown of them in step."""

    _dialogue: Dialogue
    _activity: Activity
    _runner: RunCarrier
    _warm: WarmStart
    _setup: Setup

    def first_step(self) -> str:
        """What the worker does first."""
        return _("Starting") if self._runner.ready is not None else _("Loading the network, once")

    def begin(self, phase: Phase, text: str, order: Order, listener: Listener) -> None:
        """Let the worker compute, and say so."""
        self._activity.begin(phase, text)
        self._warm.note()
        self._runner.start(order, listener)

    def go_on(self, order: Order, listener: Listener) -> None:
        """Let the worker compute another part of the same run."""
        self._runner.start(order, listener)

    def reached(self, fraction: float, text: str) -> None:
        """A fraction of 0..1 is done."""
        self._activity.reached(fraction, text)
        self._dialogue.update()

    def stop(self) -> None:
        """Ask for an early end; the listener is told when it has come."""
        self._activity.stopping()
        self._runner.cancel()

    def abandon(self) -> Phase:
        """End it now, tell nobody, and give what was going on."""
        phase = self._activity.phase
        self._runner.abandon()
        self._activity.end()
        return phase

    def end(self) -> None:
        """It has come to its end."""
        self._activity.end()

    def fail(self, message: str, kind: FailureKind) -> None:
        """It has come to its end without a result: say why."""
        self._activity.end()
        self._setup.failed(message, kind)
