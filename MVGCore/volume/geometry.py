"""Where the voxels of a volume lie in the patient."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from MVGCore.errors import InputError
from MVGCore.volume.frames import NiftiFrames

FloatArray = NDArray[np.float64]

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
# Cosine between two axes from which on they are not at right angles: 0.06 degrees, 0.2 mm over 200 mm.
_SHEAR = 1e-3
# The sorted columns of a matrix that goes from axis to axis.
_ONE_STEP = np.array([[0.0] * 3, [0.0] * 3, [1.0] * 3])


@dataclass(frozen=True)
class Geometry:
    """The regular grid of a volume in LPS millimetres (x to the Left, y to the Posterior, z Superior).

    Array axes are (k, j, i); `spacing` and the columns of `direction` follow (i, j, k) as in SimpleITK.

    Attributes:
        shape: Number of voxels (K, J, I).
        spacing: Distance of voxel centres in mm along (i, j, k).
        origin: Position in mm of the centre of voxel (0, 0, 0).
        direction: 3 x 3 matrix, row-major; its columns are the unit vectors of i, j and k. They need not be
            at right angles.
        frames: What the header of a NIfTI file says of this grid; None if it comes from elsewhere.

    Raises:
        InputError: The numbers do not describe a grid (an empty axis, a spacing of zero, ...).
    """

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
    direction: tuple[float, ...] = _IDENTITY
    frames: NiftiFrames | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        for name, kind, count in (("shape", int, 3), ("spacing", float, 3), ("origin", float, 3)):
            object.__setattr__(self, name, _numbers(name, getattr(self, name), kind, count))
        object.__setattr__(self, "direction", _numbers("direction", self.direction, float, 9))
        if min(self.shape) < 1:
            raise InputError(f"A volume needs at least one voxel along every axis, not {self.shape}.")
        if min(self.spacing) <= 0:
            raise InputError(f"The spacing must be positive along every axis, not {self.spacing} mm.")
        if abs(np.linalg.det(self._direction_matrix)) < 1e-6:
            raise InputError("The axes of the volume lie in one plane; its header is damaged.")

    @classmethod
    def identity(cls, shape: Sequence[int], spacing: Sequence[float] = (1.0, 1.0, 1.0)) -> Geometry:
        """A grid along the patient's axes with its first voxel at the origin."""
        return cls(shape=tuple(shape), spacing=tuple(spacing))  # type: ignore[arg-type]

    @classmethod
    def from_affine_lps(cls, shape: Sequence[int], affine: ArrayLike) -> Geometry:
        """The grid whose voxel (i, j, k, 1) lies at `affine` (4 x 4) times that vector, in LPS mm."""
        matrix = np.asarray(affine, dtype=np.float64)
        if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
            raise InputError("The position of the volume is not a 4 x 4 matrix of finite numbers.")
        spacing = np.linalg.norm(matrix[:3, :3], axis=0)
        if (spacing <= 0).any():
            raise InputError("The volume has a spacing of zero; its header is damaged.")
        direction = matrix[:3, :3] / spacing
        return cls(tuple(shape), tuple(spacing), tuple(matrix[:3, 3]), tuple(direction.ravel()))  # type: ignore[arg-type]

    @classmethod
    def from_affine_ras(cls, shape: Sequence[int], affine: ArrayLike) -> Geometry:
        """As `from_affine_lps`, for a matrix that gives RAS positions (NIfTI, MRML)."""
        return cls.from_affine_lps(shape, _LPS_TO_RAS @ np.asarray(affine, dtype=np.float64))

    @property
    def affine_lps(self) -> FloatArray:
        """4 x 4 matrix from (i, j, k, 1) to LPS mm."""
        matrix = np.eye(4)
        matrix[:3, :3] = self._direction_matrix * np.asarray(self.spacing)
        matrix[:3, 3] = self.origin
        return matrix

    @property
    def affine_ras(self) -> FloatArray:
        """4 x 4 matrix from (i, j, k, 1) to RAS mm."""
        return _LPS_TO_RAS @ self.affine_lps

    @property
    def array_spacing(self) -> tuple[float, float, float]:
        """Spacing in mm in array order (k, j, i)."""
        i, j, k = self.spacing
        return (k, j, i)

    @property
    def coarsest_axis(self) -> int:
        """The array axis along which slices are thickest; k before j before i of equals."""
        return int(np.argmax(np.round(self.array_spacing, 3)))

    @property
    def flat_axis(self) -> int | None:
        """The array axis along which there is a single slice; None of a volume, k where several are."""
        return self.shape.index(1) if 1 in self.shape else None

    @property
    def orthogonal(self) -> bool:
        """Whether the axes are at right angles; they are not where a gantry was tilted or a grid sheared."""
        cosines = self._direction_matrix.T @ self._direction_matrix
        return bool(np.abs(cosines - np.diag(np.diag(cosines))).max() <= _SHEAR)

    @property
    def voxel_volume(self) -> float:
        """Volume of a voxel in mm^3, also where the axes are not at right angles."""
        return float(abs(np.linalg.det(self.affine_lps[:3, :3])))

    @property
    def orientation(self) -> str:
        """Three letters: towards which side of the patient i, j and k grow, e.g. "LPS"."""
        letters = []
        for column in self._direction_matrix.T:
            main = int(np.argmax(np.abs(column)))
            letters.append("LPS"[main] if column[main] > 0 else "RAI"[main])
        return "".join(letters)

    def index_to_world(self, ijk: ArrayLike) -> FloatArray:
        """LPS positions (..., 3) in mm of the (fractional) indices (..., 3), given as (i, j, k)."""
        return _apply(self.affine_lps, ijk)

    def world_to_index(self, xyz: ArrayLike) -> FloatArray:
        """Fractional indices (..., 3) as (i, j, k) of the LPS positions (..., 3) in mm."""
        inverse = np.linalg.inv(self.affine_lps).astype(np.float64)
        return _apply(inverse, xyz)

    def is_close(self, other: Geometry, tol: float = 1e-2) -> bool:
        """Whether both have the same voxels: equal shapes, corners within `tol` of the smallest spacing."""
        if self.shape != other.shape:
            return False
        shift = np.abs(self.corners() - other.corners()).max()
        return bool(shift <= tol * min(self.spacing + other.spacing))

    def is_part_of(self, other: Geometry, tol: float = 1e-2) -> bool:
        """Whether all voxels are voxels of another grid, as after cropping, flipping or reordering axes.

        Args:
            other: The larger grid.
            tol: Distance, in voxels, that counts as none.
        """
        steps = np.abs(np.linalg.inv(other.affine_lps) @ self.affine_lps)[:3, :3]
        whole = np.rint(steps)
        if not (
            np.array_equal(np.sort(whole, axis=0), _ONE_STEP) and np.array_equal(np.sort(whole), _ONE_STEP.T)
        ):
            return False
        index = other.world_to_index(self.corners())
        nearest = np.rint(index)
        inside = (nearest >= 0) & (nearest < other.shape[::-1])
        return bool(inside.all() and np.abs(index - nearest).max() <= tol)

    def corners(self) -> FloatArray:
        """LPS positions (8, 3) in mm of the centres of the corner voxels."""
        ends = [(0, n - 1) for n in reversed(self.shape)]
        return self.index_to_world(list(itertools.product(*ends)))

    def permuted(self, axes: Sequence[int]) -> Geometry:
        """The geometry of `array.transpose(axes)`; `axes` are array axes (0 = k, 1 = j, 2 = i)."""
        if sorted(axes) != [0, 1, 2]:
            raise InputError(f"A permutation of the axes 0, 1, 2 is needed, not {tuple(axes)}.")
        columns = [2 - axis for axis in reversed(axes)]
        affine = self.affine_lps[:, [*columns, 3]]
        return Geometry.from_affine_lps([self.shape[axis] for axis in axes], affine)

    def flipped(self, axis: int) -> Geometry:
        """The geometry of `numpy.flip(array, axis)`; `axis` is an array axis."""
        last = np.zeros(3)
        last[2 - axis] = self.shape[axis] - 1
        direction = self._direction_matrix.copy()
        direction[:, 2 - axis] *= -1
        origin = self.index_to_world(last)
        return replace(self, origin=tuple(origin), direction=tuple(direction.ravel()), frames=None)

    def describe(self) -> str:
        """One line for messages: size, spacing, origin, orientation."""
        k, j, i = self.shape
        spacing = " x ".join(f"{value:.4g}" for value in self.spacing)
        origin = ", ".join(f"{value:.2f}" for value in self.origin)
        sheared = "" if self.orthogonal else ", not at right angles"
        return (
            f"{i} x {j} x {k} voxels of {spacing} mm, origin ({origin}) LPS, axes {self.orientation}{sheared}"
        )

    @property
    def _direction_matrix(self) -> FloatArray:
        return np.asarray(self.direction, dtype=np.float64).reshape(3, 3)


def _apply(affine: FloatArray, points: ArrayLike) -> FloatArray:
    array = np.asarray(points, dtype=np.float64)
    moved: FloatArray = array @ affine[:3, :3].T + affine[:3, 3]
    return moved


def _numbers(name: str, values: Sequence[float], kind: type, count: int) -> tuple[float, ...]:
    try:
        numbers = tuple(kind(value) for value in values)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"The {name} of a volume must be {count} numbers, not {values!r}.") from error
    if len(numbers) != count or not all(math.isfinite(value) for value in numbers):
        raise InputError(f"The {name} of a volume must be {count} finite numbers, not {values!r}.")
    return numbers
