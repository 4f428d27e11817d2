"""How good a result is and what is asked about it, from what the worker says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from MVGCore.session.results import ImageMade, Propagated, SliceDone
from MVGCore.volume import SegmentClass
from MVGLib.control.reviewstate import EndQuestion, Review, SliceScore


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
        EndQuestion(classes[each.class_id].name, each.axis, each.index, each.until, each.presence)
        for each in summary.questions
        if each.class_id in classes
    )


def summed_up(
    review: Review, summary: Any, notes: Iterable[str], partial: bool, classes: Mapping[int, SegmentClass]
) -> Review:
    """A review with what is said at the end of a run.

    Args:
        review: As it was after the last slice.
        summary: What the worker says: `Propagated`, `ImageMade` or another one.
        notes: What the user should know.
        partial: Whether a part of a result that was there before was made anew.
        classes: Number -> class, of the questions.
    """
    review = replace(review, notes=tuple(notes))
    if isinstance(summary, ImageMade):
        return replace(review, known=tuple(summary.kept), slices={})
    if not isinstance(summary, Propagated):
        return review
    slices = {**review.slices, **scores_of(summary)}
    slices = {index: slices[index] for index in sorted(slices) if index not in review.known}
    estimate = summary.expected_dice
    expected = SliceScore(estimate.value, estimate.error) if estimate else None
    if partial:  # what is said of a part must not stand for all
        following = min(slices, key=lambda index: slices[index].value, default=None)
        return replace(
            review, slices=slices, expected=mean_of(slices) if expected else None, next_slice=following
        )
    return replace(
        review,
        slices=slices,
        expected=expected,
        next_slice=summary.next_slice,
        questions=questions_of(summary, classes),
        ask_first=summary.next_question is not None,
    )
