"""What is going on, and how far it is."""

from __future__ import annotations

from dataclasses import replace

from MVGLib.control.protocols import Clock
from MVGLib.control.state import Phase, RunProgress
from MVGLib.control.timing import Timing


class Activity:
    """The run or preview that goes on, if any.

    Attributes:
        missing: What has to be installed before anything can go on, or empty.
    """

    def __init__(self, clock: Clock) -> None:
        """
        Args:
            clock: Seconds.
        """
        self.missing = ""
        self._clock = clock
        self._phase: Phase | None = None
        self._progress: RunProgress | None = None
        self._timing = Timing(clock)
        self._told_second = 0  # for which the time was shown last

    @property
    def phase(self) -> Phase:
        """What is going on."""
        return self._phase or (Phase.SETUP if self.missing else Phase.IDLE)

    @property
    def busy(self) -> bool:
        """Whether something is computed."""
        return self._phase is not None

    @property
    def progress(self) -> RunProgress | None:
        """How far it is, and how long it will take."""
        if self._progress is None:
            return None
        seconds, remaining = self._timing.seconds(), self._timing.remaining()
        return replace(self._progress, seconds=seconds, remaining=remaining)

    def begin(self, phase: Phase, text: str) -> None:
        """Something is computed from now on."""
        self._phase, self._progress = phase, RunProgress(0, text)
        self._timing, self._told_second = Timing(self._clock), 0

    def reached(self, fraction: float, text: str) -> None:
        """A fraction of 0..1 is done."""
        self._timing.reached(fraction)
        self._progress = RunProgress(fraction, text)

    def stopping(self) -> None:
        """The user wants it to end."""
        self._phase = Phase.CANCELLING

    def end(self) -> None:
        """Nothing is computed any more."""
        self._phase, self._progress = None, None

    def second_passed(self) -> bool:
        """Whether the time that is shown is out of date."""
        if self._progress is None or int(self._timing.seconds()) == self._told_second:
            return False
        self._told_second = int(self._timing.seconds())
        return True
