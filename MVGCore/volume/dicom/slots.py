"""Where labelled frames go: slices of a grid, also if only a few of them are there."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.volume.dicom.grid import geometry_of
from MVGCore.volume.dicom.planes import Plane
from MVGCore.volume.geometry import Geometry

# Part of a voxel by which a frame may be off the grid of its image, and of a slice by which it may be off
# the grid of its file.
_ON_GRID = 0.1
_LARGEST_VOXELS = 1 << 30


@dataclass(frozen=True)
class Slots:
    """A grid, and the slice of it that each frame goes to."""

    geometry: Geometry
    index: tuple[int, ...]


def slots_of(planes: Sequence[Plane], grid: Geometry | None) -> Slots:
    """The slices that frames go to.

    Args:
        planes: The frames, in any order; several may go to one slice.
        grid: Of the image that they belong to, if that is known.

    Raises:
        InputError: The frames say no position, are not parallel, or lie at unequal distances without a grid.
    """
    first, file = planes[0], planes[0].source.file
    if any(plane.position is None or plane.orientation is None for plane in planes):
        raise InputError(f"'{file}' does not say where its frames lie; export it with its series.")
    if any(np.abs(np.subtract(p.orientation, first.orientation)).max() > 1e-3 for p in planes):  # type: ignore[arg-type]
        raise InputError(
            f"The frames of '{file}' are not parallel; save each direction in a file of its own."
        )
    positions = np.array([plane.position for plane in planes])
    return (_on(grid, planes, positions) if grid is not None else None) or _own(planes, positions)


def _on(grid: Geometry, planes: Sequence[Plane], positions: NDArray[np.float64]) -> Slots | None:
    """The slices of the image; None if the frames have other pixels or lie beside them."""
    first = planes[0]
    if first.size != grid.shape[1:]:
        return None
    own = geometry_of(first, 1, first.normal)
    corners = (
        own.index_to_world([[0, 0, 0], [first.size[1] - 1, 0, 0], [0, first.size[0] - 1, 0]]) - own.origin
    )
    places = grid.world_to_index(positions[:, None] + corners)  # (n, 3 corners, ijk)
    index = np.round(places[:, 0, 2])
    expected = np.array([[0, 0], [first.size[1] - 1, 0], [0, first.size[0] - 1]])
    aside = np.abs(places[..., :2] - expected).max()
    turned = np.abs(places[..., 2] - places[:, :1, 2]).max()
    if max(aside, turned) > _ON_GRID or index.min() < 0 or index.max() >= grid.shape[0]:
        return None
    off = np.abs(places[:, 0, 2] - index).max()
    if off > _ON_GRID:
        warnings.warn(
            f"Frames of '{first.source.file}' lie between slices of the image, by up to {off:.0%} of their "
            "distance; each went to the nearest slice.",
            stacklevel=5,
        )
    return Slots(grid, tuple(int(each) for each in index))


def _own(planes: Sequence[Plane], positions: NDArray[np.float64]) -> Slots:
    """A grid from the first frame to the last: empty slices are left out of the file."""
    first = planes[0]
    heights = positions @ first.normal
    low, high = int(np.argmin(heights)), int(np.argmax(heights))
    heights = heights - heights[low]
    between = _distance(heights, first.between)
    exact = heights / between
    index = np.round(exact)
    if np.abs(exact - index).max() > _ON_GRID:
        raise InputError(
            f"The frames of '{first.source.file}' lie at unequal distances; "
            "open them together with their image."
        )
    count = int(index.max()) + 1
    if count * first.size[0] * first.size[1] > _LARGEST_VOXELS:
        raise InputError(
            f"The few frames of '{first.source.file}' span {count} slices of {between:g} mm; "
            "open them together with their image."
        )
    step = (positions[high] - positions[low]) / index.max() if count > 1 else first.normal * between
    return Slots(geometry_of(planes[low], count, step), tuple(int(each) for each in index))


def _distance(heights: NDArray[np.float64], said: float) -> float:
    """mm between slices: what the file says if the frames fit it, else the smallest distance of two."""
    gaps = np.diff(np.unique(np.round(heights, 4)))
    gaps = gaps[gaps > 1e-3]
    for distance in (abs(said), float(gaps.min()) if len(gaps) else 1.0):
        if distance > 0 and (np.abs(heights / distance - np.round(heights / distance)) <= _ON_GRID).all():
            return distance
    return float(gaps.min())
