"""Time is counted by stage."""

from __future__ import annotations

import time

import pytest

from MVGCore.segmentation.timing import Stopwatch


def test_stages_add_up_and_are_cleared() -> None:
    watch = Stopwatch()
    for stage in ("a", "b", "a"):
        with watch.of(stage):
            time.sleep(0.01)
    seconds = watch.seconds
    assert seconds["a"] >= 0.02 and seconds["b"] >= 0.01 and set(seconds) == {"a", "b"}
    watch.clear()
    assert watch.seconds == {} and seconds["a"] > 0


def test_a_stage_that_fails_has_taken_its_time() -> None:
    watch = Stopwatch()
    with pytest.raises(ValueError), watch.of("a"):
        raise ValueError
    assert set(watch.seconds) == {"a"}
