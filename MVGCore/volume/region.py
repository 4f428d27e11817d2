"""Parts of a grid: the box of the labelled voxels, and what lies around it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from MVGCore.errors import InputError
from MVGCore.volume.geometry import Geometry
from MVGCore.volume.labelmap import LabelMap

RegionPart = tuple[slice, slice, slice]

# A structure goes on beyond the labelled slices, and grows and moves between them.
_MARGIN, _LEAST_MARGIN = 0.5, 16


def labelled_box(labels: LabelMap) -> Geometry:
    """The grid of the smallest box that holds all labelled voxels.

    Raises:
        InputError: Nothing is labelled.
    """
    ends = []
    for axis in range(3):
        others = tuple(n for n in range(3) if n != axis)
        filled = np.flatnonzero(labels.array.any(axis=others))
        if not filled.size:
            raise InputError("There is no labelled voxel; label a few slices.")
        ends.append(slice(int(filled[0]), int(filled[-1]) + 1))
    return cropped(labels.geometry, (ends[0], ends[1], ends[2]))


def around(grid: Geometry, box: Geometry) -> RegionPart:
    """Which voxels (K, J, I) of a grid lie in a box or near it: within half its length, at least 16 voxels.

    Raises:
        InputError: The box lies elsewhere.
    """
    corners = np.round(grid.world_to_index(box.corners()), 6)[:, ::-1]
    part = []
    for low, high, count in zip(corners.min(axis=0), corners.max(axis=0), grid.shape, strict=True):
        margin = max(_MARGIN * (high - low), _LEAST_MARGIN)
        first, last = max(0, int(np.floor(low - margin))), min(count, int(np.ceil(high + margin)) + 1)
        if first >= last:
            raise InputError("The labels do not lie on the image; export them with the image as reference.")
        part.append(slice(first, last))
    return part[0], part[1], part[2]


def cropped(grid: Geometry, part: RegionPart) -> Geometry:
    """The grid of a part."""
    first = [each.start for each in reversed(part)]
    origin = grid.index_to_world(np.array(first, dtype=float))
    shape = tuple(each.stop - each.start for each in part)
    return replace(grid, shape=shape, origin=tuple(np.asarray(origin).tolist()), frames=None)
