"""How a slice is shown: radiological convention, whatever the order and direction of the volume's axes.

Axial: the patient's right at the left of the picture, front at the top. Coronal: right at the left, head at
the top. Sagittal: front at the left, head at the top.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np

from MVGCore.volume import Geometry

_LEFT, _POSTERIOR, _SUPERIOR = 0, 1, 2  # components of an LPS vector
_PLANE_NAMES = {_LEFT: "sagittal", _POSTERIOR: "coronal", _SUPERIOR: "axial"}
_SIDES = {_LEFT: ("R", "L"), _POSTERIOR: ("A", "P"), _SUPERIOR: ("I", "S")}  # towards -, towards +


@dataclass(frozen=True)
class SliceOrientation:
    """Turns slices along one array axis into pictures (rows from top to bottom, columns from left to right).

    Attributes:
        axis: array axis of the slices.
        plane: "axial", "coronal" or "sagittal", whichever is nearest.
        transposed: whether rows and columns of the slice are exchanged first.
        flipped: whether the rows and the columns are then reversed.
        pixel_mm: height and width of a pixel of the picture.
        sides: letters of the patient's sides at the left, right, top and bottom.
    """

    axis: int
    plane: str
    transposed: bool
    flipped: tuple[bool, bool]
    pixel_mm: tuple[float, float]
    sides: tuple[str, str, str, str]

    @classmethod
    def of(cls, geometry: Geometry, axis: int) -> SliceOrientation:
        """Chooses the view for slices along `axis` (an array axis) of a volume."""
        anatomy = nearest_anatomical_axes(geometry)
        rows, columns = (a for a in range(3) if a != axis)
        # The horizontal of the picture is left-right where the slice has it, else front-back.
        transposed = anatomy[rows] < anatomy[columns]
        if transposed:
            rows, columns = columns, rows
        down, right = _direction(geometry, rows), _direction(geometry, columns)
        # Superior is shown upwards, left and posterior grow rightwards, posterior grows downwards.
        flip_rows = bool((down[anatomy[rows]] > 0) == (anatomy[rows] == _SUPERIOR))
        flip_columns = bool(right[anatomy[columns]] < 0)
        low, high = _SIDES[anatomy[columns]]
        vertical = _SIDES[anatomy[rows]]
        top, bottom = reversed(vertical) if anatomy[rows] == _SUPERIOR else vertical
        spacing = geometry.array_spacing
        return cls(
            axis=axis,
            plane=_PLANE_NAMES[anatomy[axis]],
            transposed=transposed,
            flipped=(flip_rows, flip_columns),
            pixel_mm=(spacing[rows], spacing[columns]),
            sides=(low, high, top, bottom),
        )

    def picture(self, array: np.ndarray, index: int) -> np.ndarray:
        """Returns slice `index` of a (K, J, I) array as it is shown, (rows, columns)."""
        plane = np.take(array, index, axis=self.axis)
        if self.transposed:
            plane = plane.T
        flipped = tuple(a for a in (0, 1) if self.flipped[a])
        return np.flip(plane, flipped) if flipped else plane


def nearest_anatomical_axes(geometry: Geometry) -> tuple[int, int, int]:
    """Returns for each array axis the LPS component it runs along most, each component once."""
    cosines = np.abs(np.stack([_direction(geometry, axis) for axis in range(3)]))
    orders = ((a, b, c) for a, b, c in permutations(range(3)))
    return max(orders, key=lambda order: sum(cosines[axis, c] for axis, c in enumerate(order)))


def _direction(geometry: Geometry, axis: int) -> np.ndarray:
    """Returns the LPS unit vector of an array axis (0 = k, 1 = j, 2 = i)."""
    return np.asarray(geometry.direction, dtype=float).reshape(3, 3)[:, 2 - axis]
