"""From the positions of slices to a regular grid; each slice of it is a given one or lies between two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.volume.dicom.planes import Plane
from MVGCore.volume.geometry import Geometry

# Part of the distance of slices by which one may be off; scanners round positions to a hundredth of a mm.
_OFF = 0.05
# So many times as many slices as there are may be needed to make unequal distances equal.
_MOST_FILLED = 4
_TILT_DEGREES = 0.1


@dataclass(frozen=True)
class SliceGrid:
    """A regular grid through slices.

    Attributes:
        geometry: Of the volume; sheared where the slices step aside (gantry tilt).
        below: (K,) place among the given slices of the one at or below each slice of the grid.
        weight: (K,) 0 where a slice of the grid is a given one, else the share of the next one in it.
        notes: Sentences about what is not as it seems.
    """

    geometry: Geometry
    below: NDArray[np.intp]
    weight: NDArray[np.float64]
    notes: tuple[str, ...]


def grid_of(planes: Sequence[Plane]) -> SliceGrid:
    """The grid of slices in the order of space.

    Raises:
        InputError: They do not lie on a line, or too unequally.
    """
    first, count = planes[0], len(planes)
    notes = [] if first.spacing else ["the size of the pixels is unknown and taken as 1 mm"]
    if first.position is None or first.orientation is None:
        if not first.source.alone:
            notes.append("the positions of the slices are unknown: order and distances are guessed")
        geometry = geometry_of(first, count, first.normal * (first.between or 1.0))
        return SliceGrid(geometry, np.arange(count), np.zeros(count), tuple(notes))
    if count == 1:
        step = first.normal * (first.between or 1.0)
        return SliceGrid(geometry_of(first, 1, step), np.zeros(1, np.intp), np.zeros(1), tuple(notes))
    positions = np.array([plane.position for plane in planes])
    heights = (positions - positions[0]) @ first.normal
    _check_line(positions, heights, min(first.spacing or (1.0,)))
    index, note = _indices(heights)
    notes += [note] if note else []
    step = (positions[-1] - positions[0]) / index[-1]
    notes += _tilt(step, first.normal)
    slices = np.arange(round(index[-1]) + 1)
    below = np.clip(np.searchsorted(index, slices + _OFF, side="right") - 1, 0, count - 1)
    above = np.minimum(below + 1, count - 1)
    weight = (slices - index[below]) / np.maximum(index[above] - index[below], 1e-9)
    weight[np.abs(slices - index[below]) <= _OFF] = 0
    return SliceGrid(geometry_of(first, len(slices), step), below, weight, tuple(notes))


def geometry_of(first: Plane, count: int, step: NDArray[np.float64]) -> Geometry:
    rows, columns = np.reshape(first.orientation or (1, 0, 0, 0, 1, 0), (2, 3))
    rows, columns = rows / np.linalg.norm(rows), columns / np.linalg.norm(columns)
    between_rows, between_columns = first.spacing or (1.0, 1.0)
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1], affine[:3, 2] = rows * between_columns, columns * between_rows, step
    affine[:3, 3] = first.position or (0, 0, 0)
    return Geometry.from_affine_lps((count, *first.size), affine)


def _check_line(positions: NDArray[np.float64], heights: NDArray[np.float64], pixel: float) -> None:
    """Slices may step aside, but each by the same: else no grid goes through them."""
    line = np.outer(heights / heights[-1], positions[-1] - positions[0]) + positions[0]
    aside = float(np.linalg.norm(positions - line, axis=1).max())
    if aside > max(_OFF * float(np.diff(heights).min()), 0.1 * pixel):
        raise InputError(
            f"the slices do not lie one behind the other (one is {aside:.3g} mm aside); "
            "make a volume of them with the software of the scanner"
        )


def _indices(heights: NDArray[np.float64]) -> tuple[NDArray[np.float64], str]:
    """The place of each slice on a regular grid, and a sentence where slices are missing or unequal."""
    last = len(heights) - 1
    even = heights / heights[-1] * last
    if np.abs(even - np.arange(last + 1)).max() <= _OFF:
        return np.arange(last + 1, dtype=np.float64), ""
    gaps = np.diff(heights)
    smallest, largest = float(gaps.min()), float(gaps.max())
    step = float(np.median(gaps[gaps <= smallest * (1 + 2 * _OFF)]))
    total = max(round(heights[-1] / step), 1)
    if total + 1 > _MOST_FILLED * len(heights):
        raise InputError(
            f"the distances of the slices are too unequal ({smallest:.4g} to {largest:.4g} mm); "
            "give slices at equal distances"
        )
    index = heights / heights[-1] * total
    whole = np.round(index)
    if np.abs(index - whole).max() > _OFF:
        return index, (
            f"the distances of the slices are unequal ({smallest:.4g} to {largest:.4g} mm): they were "
            f"interpolated to {heights[-1] / total:.4g} mm"
        )
    missing = sorted(set(range(total + 1)) - set(whole.astype(int).tolist()))
    listed = ", ".join(map(str, missing[:8])) + (", ..." if len(missing) > 8 else "")
    return whole, (
        f"{len(missing)} of {total + 1} slices are missing (counted from 0: {listed}) and were interpolated "
        "from their neighbours"
    )


def _tilt(step: NDArray[np.float64], normal: NDArray[np.float64]) -> list[str]:
    cosine = float(step @ normal / np.linalg.norm(step))
    angle = float(np.degrees(np.arccos(min(cosine, 1.0))))
    if angle < _TILT_DEGREES:
        return []
    return [f"the slices are sheared by {angle:.1f} degrees (a tilted gantry); each keeps its place"]
