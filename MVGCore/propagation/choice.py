"""Which slice to label next: the one from which the result should gain most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from MVGCore.propagation.estimate import summed
from MVGCore.propagation.merge import Areas


def expected_errors(slices: Mapping[int, Mapping[int, Areas]]) -> dict[int, float]:
    """Index of a slice -> how much of the classes is expected to be wrong on it.

    Each class counts relative to its own size, as it does in a mean Dice: a small structure weighs as much as
    a large one.
    """
    sizes = {
        class_id: max(each.expected, each.chosen, 1.0) for class_id, each in summed(slices.values()).items()
    }
    return {
        index: sum(
            (each.chosen + each.expected - 2 * each.overlap) / sizes[class_id]
            for class_id, each in areas.items()
        )
        for index, areas in slices.items()
    }


def choose_next(slices: Mapping[int, Mapping[int, Areas]], known: Sequence[int], depth: int) -> int | None:
    """The slice whose label should take away most of the expected error; None where nothing is wrong.

    A label takes the error of its own slice away, and that of the slices around it as far as they get nearer
    to a label: a slice at half its former distance loses half its error.

    Args:
        slices: areas of the generated slices.
        known: labelled slices.
        depth: slices of the volume.
    """
    errors = expected_errors(slices)
    gains = {index: _gain(index, errors, sorted(known), depth) for index in errors}
    best = max(gains, key=lambda index: gains[index], default=None)
    return best if best is not None and gains[best] > 0 else None


def _gain(candidate: int, errors: Mapping[int, float], known: Sequence[int], depth: int) -> float:
    gap = int(np.searchsorted(known, candidate))
    first = known[gap - 1] if gap else -1
    last = known[gap] if gap < len(known) else depth
    gain = 0.0
    for index in range(first + 1, last):
        if index in errors:
            before = min((abs(index - place) for place in known), default=depth)
            gain += errors[index] * (1 - min(1.0, abs(index - candidate) / before))
    return gain
