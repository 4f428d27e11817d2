"""Holes of a volume, and the same holes moved to where the image is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class Move:
    """A hole's slice that is moved over another place.

    Attributes:
        source: the slice that has the hole.
        row: the slice that it is moved to.
        shift: pixels by which it is moved along rows and columns.
    """

    source: int
    row: int
    shift: tuple[int, int] = (0, 0)


def moved(holes: BoolArray, move: Move, rows: Sequence[int]) -> BoolArray:
    """The moved holes (without those that are really there) in some slices.

    Args:
        holes: (K, H, W).
        move: how all holes move.
        rows: slices of the volume; those beyond it repeat its ends.

    Returns:
        (T, H, W).
    """
    depth = len(holes)
    places = np.clip(rows, 0, depth - 1)
    sources = places - (move.row - move.source)
    there = (sources >= 0) & (sources < depth)
    shifted = holes[np.clip(sources, 0, depth - 1)] & there[:, None, None]
    for axis, step in enumerate(move.shift, start=1):
        if step:
            shifted = np.roll(shifted, step, axis=axis)
            edge = [slice(None)] * 3
            edge[axis] = slice(0, step) if step > 0 else slice(step, None)
            shifted[tuple(edge)] = False
    return shifted


def moves_for(holes: BoolArray, source: int, count: int) -> list[Move]:
    """Up to `count` ways to move a hole over intact slices, nearest first.

    Slices whose surroundings are intact as well are preferred: there the hole is as deep as it really is.
    If no slice is intact the hole is moved within its own slice.
    """
    depth = len(holes)
    spoiled: BoolArray = np.any(holes, axis=(1, 2))
    intact = np.flatnonzero(~spoiled)
    if not len(intact):
        return [_within(holes, source)]
    first, last = source, source
    while first > 0 and spoiled[first - 1]:
        first -= 1
    while last < depth - 1 and spoiled[last + 1]:
        last += 1

    def is_clear(row: int) -> bool:
        start, end = first + row - source - 1, last + row - source + 1
        return start >= 0 and end < depth and not spoiled[start : end + 1].any()

    ordered = sorted((int(row) for row in intact), key=lambda row: (not is_clear(row), abs(row - source)))
    return [Move(source, row) for row in ordered[:count]]


def _within(holes: BoolArray, source: int) -> Move:
    """The move within a slice that brings most of its hole over what is known."""
    hole = holes[source]
    rows, columns = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
    down, across = int(rows[-1] - rows[0]) + 1, int(columns[-1] - columns[0]) + 1
    moves = [Move(source, source, shift) for shift in ((down, 0), (-down, 0), (0, across), (0, -across))]
    return max(moves, key=lambda move: int((moved(holes, move, [source])[0] & ~hole).sum()))


def deepest(holes: BoolArray) -> int:
    """The largest number of slices in a row that miss the same pixel."""
    run = np.zeros(holes.shape[1:], dtype=np.int32)
    longest = 0
    for plane in holes:
        run = np.where(plane, run + 1, 0)
        longest = max(longest, int(run.max()))
    return longest
