"""Which voxels a brush stroke, a polygon or a filling covers; plain numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Box = tuple[slice, slice, slice]

# Centres that lie on the border count once, whatever the rounding of the matrices.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Region:
    """Some voxels of a grid.

    Attributes:
        box: Where `mask` lies in the (K, J, I) array.
        mask: Which voxels of the box are meant.
    """

    box: Box
    mask: BoolArray

    @property
    def empty(self) -> bool:
        """Whether no voxel is meant."""
        return not self.mask.any()


@dataclass(frozen=True)
class VoxelGrid:
    """The voxels of a segmentation in the world.

    Attributes:
        shape: (K, J, I).
        to_world: 4 x 4 matrix from (i, j, k, 1) to RAS mm.
    """

    shape: tuple[int, int, int]
    to_world: FloatArray

    def index(self, ras: ArrayLike) -> FloatArray:
        """Fractional (..., 3) indices (i, j, k) of world positions (..., 3)."""
        inverse = np.linalg.inv(self.to_world)
        return np.asarray(ras, dtype=np.float64) @ inverse[:3, :3].T + inverse[:3, 3]

    def position(self, ijk: ArrayLike) -> FloatArray:
        """World positions (..., 3) of indices (..., 3) given as (i, j, k)."""
        return np.asarray(ijk, dtype=np.float64) @ self.to_world[:3, :3].T + self.to_world[:3, 3]

    def box(self, low: ArrayLike, high: ArrayLike) -> Box:
        """The voxels between two fractional indices (i, j, k), cut to the grid; slices in array order."""
        size = np.array(self.shape[::-1])
        first = np.clip(np.floor(np.asarray(low)).astype(int), 0, size)
        last = np.clip(np.ceil(np.asarray(high)).astype(int) + 1, first, size)
        return tuple(slice(int(a), int(b)) for a, b in zip(first[::-1], last[::-1], strict=True))  # type: ignore[return-value]

    def thickness(self, normal: FloatArray) -> float:
        """Extent in mm of one voxel along a unit vector."""
        return float(np.abs(self.to_world[:3, :3].T @ normal).max())

    def axis_along(self, normal: FloatArray) -> int:
        """The array axis (0 = k) that runs along a unit vector best."""
        columns = self.to_world[:3, :3] / np.linalg.norm(self.to_world[:3, :3], axis=0)
        return 2 - int(np.argmax(np.abs(columns.T @ normal)))

    def world_of(self, box: Box) -> FloatArray:
        """World positions (k, j, i, 3) of the voxels of a box."""
        k, j, i = np.meshgrid(*(np.arange(each.start, each.stop) for each in box), indexing="ij")
        return self.position(np.stack([i, j, k], axis=-1))


def brush(
    grid: VoxelGrid, start: FloatArray, end: FloatArray, radius: float, normal: FloatArray | None
) -> Region:
    """The voxels that a round brush covers on its way from `start` to `end`.

    Args:
        grid: The voxels.
        start: World position in mm.
        end: World position in mm.
        radius: In mm; a voxel counts if its centre is covered. The voxel under the end always counts.
        normal: Unit normal of the slice that is painted on, or None for a sphere.
    """
    # A ball of the radius lies within these many voxels along each axis.
    inverse = np.linalg.inv(grid.to_world[:3, :3])
    reach = np.linalg.norm(inverse, axis=1) * radius
    ends = grid.index([start, end])
    if normal is not None:
        across = np.linalg.norm(inverse, axis=1) * grid.thickness(normal) / 2
        # Along the normal the slice is one voxel thick.
        flat = np.linalg.norm(inverse @ (np.eye(3) - np.outer(normal, normal)), axis=1) * radius
        reach = np.minimum(reach, flat + across + _ROUNDING)
    box = grid.box(ends.min(axis=0) - reach, ends.max(axis=0) + reach)
    offset = grid.world_of(box) - start
    path = end - start
    length = float(path @ path)
    along = np.clip(offset @ path / length, 0.0, 1.0) if length > 0 else np.zeros(offset.shape[:3])
    from_path = offset - along[..., None] * path
    if normal is None:
        mask = (from_path**2).sum(axis=-1) <= radius**2
    else:
        height = from_path @ normal
        in_plane = (from_path**2).sum(axis=-1) - height**2
        mask = (in_plane <= radius**2) & on_slice(height, grid.thickness(normal))
    return _with_voxel(grid, Region(box, mask), end)


def on_slice(height: FloatArray, thickness: float) -> BoolArray:
    """Whether centres `height` mm above a slice belong to it; each belongs to one of the parallel slices."""
    half = thickness / 2
    return (height > -half + _ROUNDING) & (height <= half + _ROUNDING)


def slice_region(grid: VoxelGrid, point: FloatArray, normal: FloatArray) -> tuple[int, int]:
    """(array axis, index) of the slice through a world position that lies across `normal` best."""
    axis = grid.axis_along(normal)
    index = int(np.floor(grid.index(point)[2 - axis] + 0.5))
    return axis, index


def slice_box(grid: VoxelGrid, axis: int, index: int) -> Box:
    """The box of one slice; empty where the index lies outside."""
    box = [slice(0, size) for size in grid.shape]
    inside = 0 <= index < grid.shape[axis]
    box[axis] = slice(index, index + 1) if inside else slice(0, 0)
    return tuple(box)  # type: ignore[return-value]


def polygon(grid: VoxelGrid, corners: FloatArray, normal: FloatArray) -> Region:
    """The voxels whose centres lie inside a closed polygon of world positions (N, 3) on one slice."""
    axis, index = slice_region(grid, corners[0], normal)
    others = [2 - each for each in range(3) if each != axis]  # positions in (i, j, k), in array order
    ends = grid.index(corners)[:, others]
    box = list(slice_box(grid, axis, index))
    for array_axis, values in zip((each for each in range(3) if each != axis), ends.T, strict=True):
        size = grid.shape[array_axis]
        first = int(np.clip(np.floor(values.min()), 0, size))
        box[array_axis] = slice(first, int(np.clip(np.ceil(values.max()) + 1, first, size)))
    rows, columns = (box[each] for each in range(3) if each != axis)
    inside = _inside(ends, np.arange(rows.start, rows.stop), np.arange(columns.start, columns.stop))
    if box[axis].stop == box[axis].start:
        inside = inside[:0, :0]
        box = [slice(0, 0)] * 3
    return Region(tuple(box), np.expand_dims(inside, axis))  # type: ignore[arg-type]


def fill(values: NDArray[np.generic], seed: tuple[int, int]) -> BoolArray:
    """The pixels of (H, W) `values` that are joined to `seed` and have its value."""
    same = values == values[seed]
    names, _ = ndimage.label(same)
    region: BoolArray = names == names[seed]
    return region


def _inside(corners: FloatArray, rows: NDArray[np.int_], columns: NDArray[np.int_]) -> BoolArray:
    """Even-odd rule for the pixels of `rows` x `columns`; `corners` are (row, column)."""
    inside = np.zeros((len(rows), len(columns)), bool)
    for (row_a, column_a), (row_b, column_b) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if row_a == row_b:
            continue
        crossed = (row_a <= rows) != (row_b <= rows)
        where = column_a + (rows - row_a) / (row_b - row_a) * (column_b - column_a)
        inside ^= crossed[:, None] & (columns[None, :] < where[:, None])
    return inside


def _with_voxel(grid: VoxelGrid, region: Region, point: FloatArray) -> Region:
    """`region` and the voxel under a point, so that the smallest brush paints something."""
    index = np.floor(grid.index(point) + 0.5).astype(int)[::-1]
    inside = all(each.start <= value < each.stop for each, value in zip(region.box, index, strict=True))
    if inside:
        region.mask[tuple(int(v) - each.start for v, each in zip(index, region.box, strict=True))] = True
    return region
