"""Joins what the groups say of a slice: one class and one confidence per pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from MVGCore.propagation.plan import ClassGroup

LEAST = 1e-4  # probability below which nothing is told apart; keeps odds finite


@dataclass(frozen=True)
class MergedSlice:
    """Class ids (H, W) and the probability of the chosen class (H, W), background included."""

    labels: NDArray[np.uint16]
    confidence: NDArray[np.float32]


def merge_groups(
    groups: Sequence[ClassGroup], probabilities: Sequence[NDArray[np.float32]], shape: tuple[int, int]
) -> MergedSlice:
    """Join groups whose classes exclude each other.

    Every group tells its classes from "none of mine". With the odds of a class against that background, the
    joint probability of class c is odds(c) / (1 + sum of all odds): for one group this is its own answer.

    Args:
        groups: the class groups.
        probabilities: per group (C - 1, S, S) foreground probabilities on its canvas.
        shape: (H, W) of the slice.
    """
    best = np.ones(shape, np.float32)
    total = np.ones(shape, np.float32)
    labels = np.zeros(shape, np.uint16)
    for group, planes in zip(groups, probabilities, strict=True):
        rows, columns = _extent(group)
        native = group.canvas.read_back(planes)[:, rows, columns]
        background = np.clip(1 - native.sum(0), LEAST, 1)
        part = (rows, columns)
        for plane, class_id in zip(native, group.ids, strict=True):
            odds = np.maximum(plane, 0) / background
            wins = odds > best[part]
            labels[part][wins] = class_id
            best[part][wins] = odds[wins]
            total[part] += odds
    return MergedSlice(labels, best / total)


def _extent(group: ClassGroup) -> tuple[slice, slice]:
    """The rows and columns of a slice that the canvas shows."""
    canvas = group.canvas
    low = np.floor(canvas.to_slice(np.array([-0.5, -0.5]))).astype(int)
    high = np.ceil(canvas.to_slice(np.array([canvas.side - 0.5, canvas.side - 0.5]))).astype(int) + 1
    low, high = np.maximum(low, 0), np.minimum(high, canvas.shape)
    return slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1]))


class EndTracker:
    """Remembers which classes have ended on the way out from the first or the last labelled slice.

    A structure that was not there on `patience` slices in a row does not come back: what matches it farther
    out is something else.
    """

    def __init__(self, patience: int = 2) -> None:
        self._patience = patience
        self._absent: dict[tuple[int, int], int] = {}

    def ended(self, side: int, ids: Sequence[int], labels: NDArray[np.uint16]) -> NDArray[np.uint16]:
        """The labels of the next slice outwards on a side (-1 or 1), without the classes that have ended."""
        present = set(np.unique(labels).tolist())
        gone = []
        for class_id in ids:
            key, absent = (side, class_id), self._absent.get((side, class_id), 0)
            if absent >= self._patience:
                gone.append(class_id)
            else:
                self._absent[key] = 0 if class_id in present else absent + 1
        return np.where(np.isin(labels, gone), 0, labels).astype(np.uint16) if gone else labels
