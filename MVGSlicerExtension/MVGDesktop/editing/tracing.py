"""Level tracing: the closed line of one intensity around a place, with scikit-image."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGDesktop.editing import shapes
from MVGDesktop.editing.shapes import FloatArray, VoxelGrid


def traced(grid: VoxelGrid, image: NDArray[Any], point: FloatArray, normal: FloatArray) -> FloatArray | None:
    """The line along which a slice has the intensity that it has at a place.

    Args:
        grid: The voxels.
        image: (K, J, I) intensities.
        point: World position of the place.
        normal: Of the slice.

    Returns:
        World positions (N, 3) of the closed line nearest to the place; None where there is none.
    """
    from skimage.measure import find_contours

    axis, index = shapes.slice_region(grid, point, normal)
    if not 0 <= index < grid.shape[axis]:
        return None
    plane = np.asarray(image.take(index, axis=axis), np.float32)
    seed = np.delete(grid.index(point)[::-1], axis)
    row, column = (int(np.floor(value + 0.5)) for value in seed)
    if not (0 <= row < plane.shape[0] and 0 <= column < plane.shape[1]):
        return None
    # A frame of the lowest intensity closes lines at the border.
    framed = np.pad(plane, 1, constant_values=plane.min())
    lines = [line - 1 for line in find_contours(framed, float(plane[row, column]))]
    closed = [line for line in lines if len(line) > 3 and np.array_equal(line[0], line[-1])]
    if not closed:
        return None
    nearest = min(closed, key=lambda line: float(((line - seed) ** 2).sum(axis=1).min()))
    places = np.insert(nearest, axis, index, axis=1)  # in array order: k, j, i
    return grid.position(places[:, ::-1])
