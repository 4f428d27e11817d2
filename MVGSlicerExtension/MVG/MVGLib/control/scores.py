"""How good slices are and what is asked about them, from what the worker says."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from MVGCore.session.results import Propagated, SliceDone
from MVGCore.volume import SegmentClass
from MVGLib.control.state import EndQuestion, SliceScore


def score_of(done: SliceDone) -> SliceScore | None:
    """The expected Dice of a slice, else its mean confidence, else None."""
    if done.dice is not None:
        return SliceScore(done.dice.value, done.dice.error)
    if done.confidence is None:
        return None
    counted = np.asarray(done.values) > 0
    return SliceScore(float(done.confidence[counted].mean())) if counted.any() else None


def scores_of(summary: Propagated) -> dict[int, SliceScore]:
    """The expected Dice of each slice, or its confidence where nothing is expected."""
    scores = {index: SliceScore(value) for index, value in summary.slice_confidence.items()}
    return scores | {index: SliceScore(each.value, each.error) for index, each in summary.slice_dice.items()}


def mean_of(slices: dict[int, SliceScore]) -> SliceScore | None:
    """The mean score of slices, None of no slices."""
    if not slices:
        return None
    errors = [score.error for score in slices.values() if score.error is not None]
    value = sum(score.value for score in slices.values()) / len(slices)
    return SliceScore(value, sum(errors) / len(errors) if errors else None)


def questions_of(summary: Propagated, classes: Mapping[int, SegmentClass]) -> tuple[EndQuestion, ...]:
    """The questions of a result, by the names of its segments; those of unknown classes are left out."""
    return tuple(
        EndQuestion(classes[each.class_id].name, each.axis, each.index, each.onwards, each.presence)
        for each in summary.questions
        if each.class_id in classes
    )
