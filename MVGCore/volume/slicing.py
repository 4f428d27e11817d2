"""Slices: which of a label map the user drew, and which lie around one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.volume.labelmap import LabelMap

AXIS_NAMES = ("k", "j", "i")  # of array axes

BoolArray = NDArray[np.bool_]

# Mean run length below which the labels along an axis are single slices with gaps between them.
_SINGLE = 1.5
# How much longer the runs along another axis may be for it to be as good a choice: little when there are
# single slices, which are a clear sign; more when slices were drawn next to each other.
_TIE_SINGLE = 1.25
_TIE_ADJACENT = 3.0


def check_axis(axis: int) -> None:
    """Refuse what is no array axis.

    Raises:
        InputError: It is none.
    """
    if axis not in (0, 1, 2):
        raise InputError(f"There is no axis {axis}; choose 0, 1 or 2 (k, j or i).")


def slices_within(depth: int, axis: int, slice_range: tuple[int, int] | None = None) -> list[int]:
    """The slices of a range (first, last), both within it; None: all of the `depth` slices along an axis.

    Raises:
        InputError: The range is empty or leaves the volume.
    """
    first, last = slice_range or (0, depth - 1)
    if not 0 <= first <= last < depth:
        raise InputError(
            f"There is no slice range {first} to {last} along {AXIS_NAMES[axis]}; "
            f"choose within 0 to {depth - 1}."
        )
    return list(range(first, last + 1))


@dataclass(frozen=True, order=True)
class SliceKey:
    """A slice of the image grid: array axis (0 = k, 1 = j, 2 = i) and index along it."""

    axis: int
    index: int


def neighbour_indices(indices: Sequence[int], depth: int, stride: int = 1) -> NDArray[np.intp]:
    """(T, 3) slices `stride` before, at and after T slices among `depth`; the ends repeat themselves."""
    return np.clip(np.asarray(indices, dtype=np.intp)[:, None] + [-stride, 0, stride], 0, depth - 1)


def labelled_slices(labels: LabelMap, axis: int | None = None) -> list[SliceKey]:
    """Find the slices that were labelled.

    A slice drawn across an axis is one voxel thick along it, so the axis is the one along which the labelled
    voxels form the shortest runs. When that does not tell (all is labelled, a structure is as thin as a
    slice), the axis with the largest spacing is taken, then the one with the fewest labelled planes, then k.
    Single slices drawn across another axis as well are found too; the lines that they leave in the planes of
    the chosen axis do not count as labels of those planes.

    Args:
        labels: At least one voxel must be labelled.
        axis: Consider this array axis only.

    Returns:
        The slices of the chosen axis by index, then those of the others.
    """
    if axis is not None:
        check_axis(axis)
    if axis is None and labels.geometry.flat_axis is not None:
        axis = labels.geometry.flat_axis  # a single slice is seen from the front
    box, offset = _bounding_box(labels.array)
    alone = [_alone(box, each) for each in range(3)]
    if axis is not None:
        return _shifted(_planes(box, axis), axis, offset)
    chosen = _best_axis(box, alone, labels.geometry.array_spacing)
    single = {other: _single_planes(box, alone[other], other) for other in range(3)}
    crossing = np.zeros_like(box)
    for other in {0, 1, 2} - {chosen}:
        in_single = box & _along(single[other], other)
        crossing |= in_single & ~alone[chosen]
    own = _planes(box & ~crossing, chosen)
    if not own.any():
        return _shifted(_planes(box, chosen), chosen, offset)
    shifted = _shifted(own, chosen, offset)
    rest = box & ~_along(own, chosen)
    for other in sorted({0, 1, 2} - {chosen}):
        shifted += _shifted(single[other] & _planes(rest, other), other, offset)
    return shifted


def _best_axis(box: BoolArray, alone: list[BoolArray], spacing: tuple[float, float, float]) -> int:
    runs = [_mean_run(box, axis) for axis in range(3)]
    tie = min(runs) * (_TIE_SINGLE if min(runs) < _SINGLE else _TIE_ADJACENT)
    candidates = [axis for axis in range(3) if runs[axis] <= tie]
    return min(candidates, key=lambda axis: (-spacing[axis], int(_planes(box, axis).sum()), axis))


def _bounding_box(array: NDArray[Any]) -> tuple[BoolArray, tuple[int, ...]]:
    """The labelled part of `array` as a mask, and where it starts."""
    mask = array > 0
    ranges = []
    for axis in range(3):
        filled = np.flatnonzero(_planes(mask, axis))
        ranges.append(slice(int(filled[0]), int(filled[-1]) + 1))
    return mask[tuple(ranges)], tuple(each.start for each in ranges)


def _planes(mask: BoolArray, axis: int) -> BoolArray:
    """For each plane across `axis`, whether any voxel of it is set."""
    planes: BoolArray = np.any(mask, axis=tuple(other for other in range(3) if other != axis))
    return planes


def _along(values: BoolArray, axis: int) -> BoolArray:
    """One value per plane, shaped so that it applies to the voxels of the planes."""
    return np.expand_dims(values, [other for other in range(3) if other != axis])


def _alone(mask: BoolArray, axis: int) -> BoolArray:
    """The voxels of `mask` without a neighbour of `mask` along `axis`."""
    alone = mask.copy()
    to, of = np.moveaxis(alone, axis, 0), np.moveaxis(mask, axis, 0)
    to[1:] &= ~of[:-1]
    to[:-1] &= ~of[1:]
    return alone


def _mean_run(mask: BoolArray, axis: int) -> float:
    """Mean number of voxels that follow each other along `axis`."""
    line = np.moveaxis(mask, axis, 0)
    starts = np.count_nonzero(line[0]) + np.count_nonzero(line[1:] & ~line[:-1])
    return float(np.count_nonzero(mask) / starts)


def _single_planes(box: BoolArray, alone: BoolArray, axis: int) -> BoolArray:
    """The planes across `axis` most of whose voxels have no neighbour along it."""
    others = tuple(other for other in range(3) if other != axis)
    return 2 * alone.sum(axis=others) > box.sum(axis=others)


def _shifted(planes: BoolArray, axis: int, offset: tuple[int, ...]) -> list[SliceKey]:
    return [SliceKey(axis, int(index) + offset[axis]) for index in np.flatnonzero(planes)]
