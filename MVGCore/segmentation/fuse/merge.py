"""Joins what the groups say of a slice: one class and one confidence per pixel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from MVGCore.segmentation.fuse.calibration import AS_STATED, Sureness
from MVGCore.segmentation.plan.plan import ClassGroup

# Smaller probabilities do not count towards the expected area of a class: over a whole slice they add up to
# more than there is (held-out head and neck, 2 slices: expected Dice .36 with them, .48 without, true .51).
PLAUSIBLE = 0.05
LEAST_PROBABILITY = 1e-4  # probability below which nothing is told apart; keeps odds finite


@dataclass(frozen=True)
class Areas:
    """What is expected of a class on a slice, in pixels.

    Attributes:
        chosen: labelled as the class.
        expected: sum of the class's plausible probabilities: how large it should be.
        overlap: sum of the class's probabilities where it was chosen: how much of it should be right.
    """

    chosen: float
    expected: float
    overlap: float

    def __add__(self, other: Areas) -> Areas:
        return Areas(self.chosen + other.chosen, self.expected + other.expected, self.overlap + other.overlap)


@dataclass(frozen=True)
class MergedSlice:
    """Class ids (H, W), the probability of the chosen class (H, W), background included, the classes' areas,
    and the likeliest classes (H, W) where others were favoured; None: those that were chosen."""

    labels: NDArray[np.uint16]
    confidence: NDArray[np.float32]
    areas: dict[int, Areas]
    likeliest: NDArray[np.uint16] | None = None


def average(
    probabilities: Sequence[NDArray[np.float32]], in_examples: Sequence[NDArray[np.bool_]]
) -> NDArray[np.float32]:
    """What several sets of examples say of a group, averaged: (T, C - 1, S, S).

    The odds of a class against background are those of the sets that show it: what the others call
    background is no word against it.

    Args:
        probabilities: per set (T, C - 1, S, S) foreground probabilities.
        in_examples: per set (C - 1,) the classes that it shows.
    """
    if len(probabilities) == 1:
        return probabilities[0]
    odds = np.zeros_like(probabilities[0])
    knows = np.asarray(in_examples)[:, :, None, None]  # (sets, C - 1, 1, 1)
    backgrounds = [1 - each.sum(1, keepdims=True) for each in probabilities]
    says = sum(each * know for each, know in zip(probabilities, knows, strict=True))
    denies = sum(each * know for each, know in zip(backgrounds, knows, strict=True))
    odds = np.divide(says, np.maximum(denies, LEAST_PROBABILITY), out=odds, where=knows.any(0))
    return np.asarray(odds / (1 + odds.sum(1, keepdims=True)), np.float32)


def merge_groups(
    groups: Sequence[ClassGroup],
    probabilities: Sequence[NDArray[np.float32]],
    shape: tuple[int, int],
    sure: Sureness = AS_STATED.between,
    class_odds: Sequence[NDArray[np.float32]] | None = None,
    outside: Callable[[int], NDArray[np.bool_] | None] = lambda class_id: None,
    finer: Callable[[ClassGroup, int], NDArray[np.float32] | None] = lambda group, class_id: None,
) -> MergedSlice:
    """Join groups whose classes exclude each other.

    Every group tells its classes from "none of mine". With the odds of a class against that background, the
    joint probability of class c is odds(c) / (1 + sum of all odds): for one group this is its own answer.

    Args:
        groups: the class groups.
        probabilities: per group (C - 1, S, S) foreground probabilities on its canvas.
        shape: (H, W) of the slice.
        sure: what the confidence is worth.
        favour: per group (C - 1,) factors on the odds where a class is chosen (see `decision`), which the
            confidence leaves out; None: 1.
        outside: gives (H, W) where a class is known not to be; None: nothing is known.
        finer: gives (H, W) what to add to the log-odds of a class of a group on the pixels of the slice, if
            something is known more finely than on the canvas; None: nothing is.
    """
    total = np.ones(shape, np.float32)
    stated = []
    for group, planes in zip(groups, probabilities, strict=True):
        part = _extent(group)
        native = np.maximum(group.canvas.read_back(planes)[:, part[0], part[1]], 0)
        odds = native / np.clip(1 - native.sum(0), LEAST_PROBABILITY, 1)
        for plane, class_id in zip(odds, group.ids, strict=True):
            added = finer(group, class_id)
            if added is not None:
                plane *= np.exp(added[part])
            mask = outside(class_id)
            if mask is not None:
                plane[mask[part]] = 0
            total[part] += plane
        stated.append((part, odds))
    labels, best = _winners(groups, stated, shape, class_odds)
    claimed = best / total
    confidence = np.where(
        total == 1, np.float32(1), sure(claimed, labels)
    )  # beyond all canvases nobody doubts
    # What the chosen class loses by calibration the others share, each by its part.
    rest = (1 - confidence) / np.maximum(total - best, LEAST_PROBABILITY)
    areas = {}
    for group, (part, odds) in zip(groups, stated, strict=True):
        for plane, class_id in zip(odds, group.ids, strict=True):
            chosen = labels[part] == class_id
            overlap = float(confidence[part][chosen].sum())
            missed = (plane * rest[part])[~chosen]
            elsewhere = float(missed[missed > PLAUSIBLE].sum())
            areas[class_id] = Areas(float(chosen.sum()), overlap + elsewhere, overlap)
    likeliest = None if class_odds is None else _winners(groups, stated, shape)[0]
    return MergedSlice(labels, confidence, areas, likeliest)


def _winners(
    groups: Sequence[ClassGroup],
    stated: Sequence[tuple[tuple[slice, slice], NDArray[np.float32]]],
    shape: tuple[int, int],
    class_odds: Sequence[NDArray[np.float32]] | None = None,
) -> tuple[NDArray[np.uint16], NDArray[np.float32]]:
    """Class ids (H, W), 0 where none beats the background, and the odds (H, W) of those.

    Args:
        groups: the class groups.
        stated: per group the part of the slice that its canvas shows, and the odds (C - 1, h, w) there.
        shape: (H, W) of the slice.
        favour: see `merge_groups`.
    """
    labels = np.zeros(shape, np.uint16)
    highest, best = np.ones((2, *shape), np.float32)
    for number, (group, (part, odds)) in enumerate(zip(groups, stated, strict=True)):
        factors = np.ones(len(odds)) if class_odds is None else class_odds[number]
        for plane, class_id, factor in zip(odds, group.ids, factors, strict=True):
            score = plane * np.float32(factor)
            wins = score > highest[part]
            labels[part][wins] = class_id
            highest[part][wins] = score[wins]
            best[part][wins] = plane[wins]
    return labels, best


def _extent(group: ClassGroup) -> tuple[slice, slice]:
    """The rows and columns of a slice that the canvas shows."""
    canvas = group.canvas
    low = np.floor(canvas.to_slice(np.array([-0.5, -0.5]))).astype(int)
    high = np.ceil(canvas.to_slice(np.array([canvas.side - 0.5, canvas.side - 0.5]))).astype(int) + 1
    low, high = np.maximum(low, 0), np.minimum(high, canvas.shape)
    return slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1]))
