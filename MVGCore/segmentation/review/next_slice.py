"""Which slice to label next: the one from which the result should gain most."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from MVGCore.drafts.seeds import mean_gap
from MVGCore.segmentation.fuse.extents import Doubt
from MVGCore.segmentation.fuse.merge import Areas
from MVGCore.segmentation.review.expected_dice import LEAST_AREA, summed

UNFORESEEN = 1.0  # mean error that nothing hints at, as a share of the mean expected one
UNSURE_END = 0.1  # a class is on a slice or not for sure if one of both is less probable


def expected_errors(slices: Mapping[int, Mapping[int, Areas]]) -> dict[int, float]:
    """Index of a slice -> how much of the classes is expected to be wrong on it.

    Each class counts relative to its own size, as it does in a mean Dice, so that a small structure weighs as
    much as a large one; but a speck does not.
    """
    sizes = class_sizes(slices)
    return {
        index: sum(
            (each.chosen + each.expected - 2 * each.overlap) / sizes[class_id]
            for class_id, each in areas.items()
        )
        for index, areas in slices.items()
    }


def class_sizes(slices: Mapping[int, Mapping[int, Areas]]) -> dict[int, float]:
    """Class id -> pixels that its errors are compared to: all that is expected of it, and a little more."""
    total = summed(slices.values())
    sizes = {class_id: max(each.expected, each.chosen) for class_id, each in total.items()}
    speck = 0.1 * float(np.mean(list(sizes.values()))) + 1 if sizes else 1.0
    return {class_id: size + speck for class_id, size in sizes.items()}


def label_gains(
    slices: Mapping[int, Mapping[int, Areas]], known: Sequence[int], depth: int
) -> dict[int, float]:
    """Index of a slice -> expected error that its label takes away; empty where nothing is wrong.

    A label takes the error of its own slice away, and that of the slices around it as far as they get nearer
    to a label: a slice at half its former distance loses half its error. What the probabilities do not know
    of, such as a structure that begins where nobody has looked, is the likelier the farther a slice is from
    all labels; it is added up to one gap beyond the outermost ones.

    Args:
        slices: areas of the generated slices.
        known: labelled slices.
        depth: slices of the volume.
    """
    errors, ordered = expected_errors(slices), sorted(known)
    typical = [error for error in errors.values() if error > 0]
    if not typical:
        return {}
    low, high = _within_reach(ordered, depth)
    near = {index: _distance(index, ordered, depth) for index in errors if low <= index <= high}
    share = UNFORESEEN * float(np.mean(typical)) * len(near) / max(sum(near.values()), 1)
    for index, distance in near.items():
        errors[index] += share * distance
    return {index: _gain(index, errors, ordered, depth) for index in sorted(errors)}


def next_slice_to_label(
    slices: Mapping[int, Mapping[int, Areas]],
    known: Sequence[int],
    depth: int,
    shows: Callable[[int], bool] = lambda _index: True,
    doubts: Mapping[int, Mapping[int, Doubt]] | None = None,
) -> int | None:
    """The slice that gains most; None where nothing is wrong.

    Args:
        slices, known, depth: see `label_gains`.
        shows: whether the image shows anything on a slice. One without image, or without a structure, is
            never proposed, unless the end of a structure there is what is unsure.
        doubts: index of a slice -> class id -> what is unsure of its end.
    """
    gains, doubts = label_gains(slices, known, depth), doubts or {}
    for index in sorted(gains, key=lambda index: -gains[index]):
        if index in known or gains[index] <= 0:
            continue
        if end_is_unsure(doubts.get(index, {})) or (shows_structure(slices[index]) and shows(index)):
            return index
    return None


def shows_structure(areas: Mapping[int, Areas]) -> bool:
    """Whether any class is chosen or to be expected on a slice."""
    return any(each.chosen > 0 or each.expected > LEAST_AREA for each in areas.values())


def end_is_unsure(doubts: Mapping[int, Doubt]) -> bool:
    """Whether a class may as well be on a slice as not."""
    return any(
        UNSURE_END < each.presence < 1 - UNSURE_END and each.area > LEAST_AREA for each in doubts.values()
    )


def _within_reach(known: Sequence[int], depth: int) -> tuple[int, int]:
    """First and last slice that lie between labelled ones, or a mean gap beyond them, but not only a few."""
    if not known:
        return 0, depth - 1
    gap = max(mean_gap(known, depth), depth / 8)
    return int(known[0] - gap), int(known[-1] + gap)


def _gain(candidate: int, errors: Mapping[int, float], known: Sequence[int], depth: int) -> float:
    gap = int(np.searchsorted(known, candidate))
    first = known[gap - 1] if gap else -1
    last = known[gap] if gap < len(known) else depth
    gain = 0.0
    for index in range(first + 1, last):
        if index in errors:
            before = _distance(index, known, depth)
            gain += errors[index] * (1 - min(1.0, abs(index - candidate) / before))
    return gain


def _distance(index: int, known: Sequence[int], depth: int) -> int:
    """Slices to the nearest labelled one."""
    return min((abs(index - place) for place in known), default=depth)
