"""How long a run has taken, and how long it will take."""

from __future__ import annotations

from MVGLib.control.protocols import Clock

_LEAST_PART = 0.03  # of the run, from which its rest can be told


class Timing:
    """Follows the fraction that is done.

    Example:
        >>> timing = Timing(time.monotonic)
        >>> timing.reached(0.25)
        >>> timing.seconds(), timing.remaining()
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = clock()
        # What comes before the first slice is not like the rest.
        self._first: tuple[float, float] | None = None
        self._last = (self._began, 0.0)

    def reached(self, fraction: float) -> None:
        """A fraction of 0..1 is done."""
        self._last = (self._clock(), fraction)
        if fraction > 0 and self._first is None:
            self._first = self._last

    def seconds(self) -> float:
        """Since the beginning."""
        return self._clock() - self._began

    def remaining(self) -> float | None:
        """Seconds until the end, if the pace stays; None while too little is done to tell."""
        if self._first is None:
            return None
        (began, before), (now, done) = self._first, self._last
        part = done - before
        if part < _LEAST_PART or now <= began:
            return None
        return max((now - began) * (1 - done) / part - (self._clock() - now), 0.0)
