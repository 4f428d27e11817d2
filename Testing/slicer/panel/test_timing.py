"""How long a run takes."""

from __future__ import annotations

from MVGLib.control.timing import Timing
from Testing.slicer.panel.fakes import FakeClock


def test_the_rest_is_told_by_the_pace_after_the_preparation() -> None:
    clock = FakeClock()
    timing = Timing(clock)
    clock.now = 60.0  # a long preparation
    assert timing.remaining() is None and timing.seconds() == 60.0
    timing.reached(0.1)
    assert timing.remaining() is None
    clock.now = 70.0
    timing.reached(0.3)
    assert timing.remaining() == 35.0
    clock.now = 75.0
    assert timing.remaining() == 30.0 and timing.seconds() == 75.0
