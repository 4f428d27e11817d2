"""How people label slices: evenly, the first and the last one and some between, or as they come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.evaluation.cases import BenchmarkExample, labelled_slices
from MVGCore.volume import Geometry

EVEN, OUTERMOST, RANDOM = "evenly spaced", "first, last and between", "at random"
PROTOCOLS = (EVEN, OUTERMOST, RANDOM)


def choose_slices(
    protocol: str, truth: NDArray[np.integer], axis: int, count: int, rng: np.random.Generator
) -> tuple[int, ...]:
    """The slices that a user labels.

    Args:
        protocol: one of `PROTOCOLS`.
        truth: (K, J, I) the complete labels.
        axis: array axis of the slices.
        count: how many slices; of a single outermost one the middle is taken.
        rng: draws the slices that are labelled at random.

    Returns:
        Ascending indices.

    Raises:
        InputError: as `labelled_slices`, or there is no such protocol.
    """
    even = labelled_slices(truth, axis, count)
    if protocol == EVEN or (protocol == OUTERMOST and count == 1):
        return even
    with_truth = shown_slices(truth, axis)
    if protocol == OUTERMOST:
        places = np.round(np.linspace(0, len(with_truth) - 1, count)).astype(int)
        return tuple(int(index) for index in with_truth[places])
    if protocol == RANDOM:
        return tuple(int(index) for index in np.sort(rng.choice(with_truth, count, replace=False)))
    raise InputError(f"There is no protocol '{protocol}'; choose one of {', '.join(PROTOCOLS)}.")


def shown_slices(labels: NDArray[np.integer], axis: int) -> NDArray[np.intp]:
    """Indices of the slices that show anything."""
    return np.flatnonzero(labels.any(axis=tuple(other for other in range(3) if other != axis)))


def thinned(example: BenchmarkExample, axis: int, every: int) -> BenchmarkExample:
    """A case with only every so manieth slice across an axis: thicker ones, as they are scanned with gaps."""
    return _part(example, axis, slice(every // 2, None, every))


def cut(example: BenchmarkExample, first: int, last: int) -> BenchmarkExample:
    """A case of which only a range of slices was scanned, both ends within it."""
    return _part(example, example.axis, slice(first, last + 1))


def _part(example: BenchmarkExample, axis: int, taken: slice) -> BenchmarkExample:
    part = (slice(None),) * axis + (taken,)
    image, labels = example.image.array[part], example.truth.array[part]
    spacing = list(example.image.geometry.spacing)
    spacing[2 - axis] *= taken.step or 1
    geometry = _resized(example.image.geometry, labels.shape, spacing)
    return BenchmarkExample(
        replace(example.image, array=image, geometry=geometry),
        replace(example.truth, array=labels, geometry=geometry),
        axis,
    )


def _resized(geometry: Geometry, shape: Sequence[int], spacing: Sequence[float]) -> Geometry:
    k, j, i = shape
    of_i, of_j, of_k = spacing
    return replace(geometry, shape=(k, j, i), spacing=(of_i, of_j, of_k))


@dataclass(frozen=True)
class Parts:
    """Mean Dice over the classes that labelled slices show, those slices left out; None without any class.

    Attributes:
        whole: of the volume; of the classes that the truth has there.
        between: of the slices between the outermost labelled ones, likewise.
        beyond: of the slices beyond them; of the classes that truth or result have there, so that one that
            is continued past its end counts 0.
    """

    whole: float | None
    between: float | None
    beyond: float | None


def dice_parts(
    truth: NDArray[np.integer], result: NDArray[np.integer], axis: int, slices: Sequence[int]
) -> Parts:
    """Dice of a result (K, J, I), and of its parts between and beyond the labelled slices."""
    true, predicted = np.moveaxis(truth, axis, 0), np.moveaxis(result, axis, 0)
    ids = [int(each) for each in np.unique(true[list(slices)]) if each]
    index = np.arange(len(true))
    free = ~np.isin(index, slices)
    within = (index > min(slices)) & (index < max(slices))
    return Parts(
        _mean_dice(true[free], predicted[free], ids, False),
        _mean_dice(true[free & within], predicted[free & within], ids, False),
        _mean_dice(true[free & ~within], predicted[free & ~within], ids, True),
    )


def _mean_dice(
    truth: NDArray[np.integer], result: NDArray[np.integer], ids: Sequence[int], either: bool
) -> float | None:
    scores = []
    for class_id in ids:
        true, predicted = truth == class_id, result == class_id
        if true.any() or (either and predicted.any()):
            scores.append(2 * np.count_nonzero(true & predicted) / (true.sum() + predicted.sum()))
    return float(np.mean(scores)) if scores else None
