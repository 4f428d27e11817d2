"""Where voxels of MRML nodes lie, as matrices; the only place where RAS becomes LPS.

Everything is compared in the world, where the views show it: linear parent transforms are part of a volume's
geometry. A volume under a transform that bends space has no regular grid there and is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import vtk
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.volume import Geometry, SliceKey
from MVGLib.texts import _

Matrix = NDArray[Any]

# Below half a voxel the nearest voxel is the same with or without the deviation; half of that is safe.
_SAME_VOXEL = 0.25
# Indices that come out of a product of matrices are whole numbers but for this.
_ROUNDING = 1e-6


def local_to_world(node: Any) -> Matrix:
    """4 x 4 RAS matrix of a node's parent transforms.

    Raises:
        InputError: A parent transform is not linear.
    """
    parent = node.GetParentTransformNode()
    if parent is None:
        return np.eye(4)
    if not parent.IsTransformToWorldLinear():
        raise InputError(
            _(
                "'{name}' lies under the transform '{transform}', which bends space; harden the transform "
                "(Transforms module) or take '{name}' out of it."
            ).format(name=node.GetName(), transform=parent.GetName())
        )
    matrix = vtk.vtkMatrix4x4()
    parent.GetMatrixTransformToWorld(matrix)
    return to_array(matrix)


def volume_to_world(volume_node: Any) -> Matrix:
    """4 x 4 matrix from (i, j, k, 1) of a volume to RAS mm in the world.

    Raises:
        InputError: A parent transform is not linear.
    """
    matrix = vtk.vtkMatrix4x4()
    volume_node.GetIJKToRASMatrix(matrix)
    return local_to_world(volume_node) @ to_array(matrix)


def image_to_local(image: Any) -> Matrix:
    """4 x 4 matrix from (i, j, k, 1) of a `vtkOrientedImageData` to RAS mm of its node."""
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    return to_array(matrix)


def volume_shape(volume_node: Any) -> tuple[int, int, int]:
    """Voxels of a volume along (k, j, i)."""
    i, j, k = volume_node.GetImageData().GetDimensions()
    return k, j, i


def geometry_of(volume_node: Any) -> Geometry:
    """The grid of a volume in the world, in LPS.

    Raises:
        InputError: A parent transform is not linear, or the grid has no volume.
    """
    return Geometry.from_affine_ras(volume_shape(volume_node), volume_to_world(volume_node))


def to_array(matrix: Any) -> Matrix:
    """A `vtkMatrix4x4` as an array."""
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])


def to_vtk(matrix: Matrix) -> Any:
    """An array as a `vtkMatrix4x4`."""
    result = vtk.vtkMatrix4x4()
    result.DeepCopy(np.asarray(matrix, dtype=float).ravel())
    return result


@dataclass(frozen=True, eq=False)
class Sampler:
    """Reads a label image at the voxels of another grid: the nearest voxel, 0 outside.

    Attributes:
        array: (K, J, I) voxels of the label image.
        first: Index (i, j, k) of the image's first voxel.
        matrix: From (i, j, k, 1) of the other grid to that of the image.
        shape: Voxels of the other grid along (k, j, i).
    """

    array: NDArray[Any]
    first: tuple[int, int, int]
    matrix: Matrix
    shape: tuple[int, int, int]

    @property
    def offset(self) -> tuple[int, int, int] | None:
        """If both grids have the same voxels: array index (k, j, i) here of their first one; else None."""
        shift = np.rint(self.matrix[:3, 3])
        residue = self.matrix - np.eye(4)
        residue[:3, 3] = self.matrix[:3, 3] - shift
        corners = np.array(
            [
                [i, j, k, 1]
                for i in (0, self.shape[2] - 1)
                for j in (0, self.shape[1] - 1)
                for k in (0, self.shape[0] - 1)
            ]
        )
        if np.abs(corners @ residue[:3].T).max() > _SAME_VOXEL:
            return None
        i, j, k = (int(a - b) for a, b in zip(shift, self.first, strict=True))
        return k, j, i

    def slice(self, key: SliceKey) -> NDArray[Any]:
        """(H, W) labels of one slice of the other grid."""
        start, stop = [0, 0, 0], list(self.shape)
        start[key.axis], stop[key.axis] = key.index, key.index + 1
        return self.box((start, stop)).squeeze(key.axis)

    def box(self, box: tuple[list[int], list[int]]) -> NDArray[Any]:
        """Labels of a box of the other grid, from its first to before its last index (k, j, i)."""
        start, stop = box
        result = np.zeros([b - a for a, b in zip(start, stop, strict=True)], self.array.dtype)
        if not self.array.size:
            return result
        offset = self.offset
        if offset is not None:
            _copy_shifted(self.array, [a + o for a, o in zip(start, offset, strict=True)], result)
            return result
        for plane in range(len(result)):
            self._nearest(start[0] + plane, start, result[plane])
        return result

    def filled_box(self) -> tuple[list[int], list[int]] | None:
        """A box of the other grid (k, j, i) outside which all labels are 0; None if there are none."""
        to_other = np.linalg.inv(self.matrix)
        to_other[:3, 3] += to_other[:3, :3] @ np.array(self.first)
        extent = covered_extent(self.array, to_other)
        if extent is None:
            return None
        start = np.maximum(extent[4::-2], 0)
        stop = np.minimum(np.array(extent[5::-2]) + 1, self.shape)
        return (start.tolist(), stop.tolist()) if (start < stop).all() else None

    def _nearest(self, k: int, start: list[int], plane: NDArray[Any]) -> None:
        """Fill `plane`, which lies at `k` of the other grid, with the nearest labels."""
        rows, columns = plane.shape
        i = np.arange(start[2], start[2] + columns)
        j = np.arange(start[1], start[1] + rows)
        index = []
        for axis in range(3):
            along_i, along_j, along_k, shift = self.matrix[axis]
            at = along_j * j[:, None] + (along_i * i + along_k * k + shift)[None]
            index.append(np.floor(at + 0.5).astype(np.int64) - self.first[axis])
        sizes = self.array.shape[::-1]
        inside = np.ones(plane.shape, bool)
        for at, size in zip(index, sizes, strict=True):
            inside &= (at >= 0) & (at < size)
        plane[inside] = self.array[index[2][inside], index[1][inside], index[0][inside]]


def covered_extent(array: NDArray[Any], matrix: Matrix) -> tuple[int, ...] | None:
    """What the voxels that are not 0 cover on another grid.

    Args:
        array: (K, J, I).
        matrix: From (i, j, k, 1) of the array to that of the other grid.

    Returns:
        First and last index of i, j and k; None if all voxels are 0.
    """
    box = _bounding_box(array)
    if box is None:
        return None
    low, high = box[0] - 0.5, box[1] - 0.5
    corners = np.array(
        [[i, j, k, 1] for i in (low[2], high[2]) for j in (low[1], high[1]) for k in (low[0], high[0])]
    )
    moved = corners @ matrix[:3].T
    first = np.floor(moved.min(axis=0) + 0.5 + _ROUNDING).astype(int)
    last = np.ceil(moved.max(axis=0) - 0.5 - _ROUNDING).astype(int)
    return tuple(int(each) for pair in zip(first, last, strict=True) for each in pair)


def _bounding_box(array: NDArray[Any]) -> tuple[NDArray[np.int_], NDArray[np.int_]] | None:
    """First and behind-the-last index (k, j, i) of what is not 0."""
    start, stop = [], []
    part = array
    for axis in range(3):
        filled = np.flatnonzero(part.any(axis=tuple(other for other in range(3) if other != axis)))
        if not len(filled):
            return None
        start.append(int(filled[0]))
        stop.append(int(filled[-1]) + 1)
        part = part[(slice(None),) * axis + (slice(start[-1], stop[-1]),)]
    return np.array(start), np.array(stop)


def _copy_shifted(source: NDArray[Any], start: list[int], target: NDArray[Any]) -> None:
    """target[p] = source[start + p] wherever that exists."""
    of_source, of_target = [], []
    for first, size, length in zip(start, source.shape, target.shape, strict=True):
        low, high = max(first, 0), min(first + length, size)
        if low >= high:
            return
        of_source.append(slice(low, high))
        of_target.append(slice(low - first, high - first))
    target[tuple(of_target)] = source[tuple(of_source)]
