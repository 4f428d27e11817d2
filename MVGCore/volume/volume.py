"""An image in three dimensions, and the checks that every image passes before it is used."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.volume.geometry import Geometry

# Intensities are computed with as float32: what does not fit there is as bad as an infinite voxel.
_LARGEST = float(np.finfo(np.float32).max)


@dataclass
class Volume:
    """Intensities on a grid.

    Attributes:
        array: (K, J, I), C-ordered.
        geometry: Where the voxels lie; `geometry.shape` equals `array.shape`.
        name: What to call it, usually the file name without its suffix.
        modality: "CT", "MR", ... where the file says so, else empty.
    """

    array: NDArray[Any]
    geometry: Geometry
    name: str = ""
    modality: str = ""

    def __post_init__(self) -> None:
        check_grid(self.array, self.geometry, "image")


def check_grid(array: NDArray[Any], geometry: Geometry, what: str) -> None:
    """Raise `InputError` unless `array` is three-dimensional with the shape of `geometry`."""
    if array.ndim != 3:
        raise InputError(f"The {what} has {array.ndim} dimensions; give one of three dimensions.")
    if array.shape != geometry.shape:
        raise InputError(
            f"The {what} has {array.shape} voxels (k, j, i), its geometry {geometry.shape}; make them equal."
        )


def check_image(volume: Volume) -> Volume:
    """Check that an image can be segmented, and give it back C-ordered in a plain numeric type.

    Raises:
        InputError: NaN or infinite voxels, complex or non-numeric values, less than a slice, a constant
            image.
    """
    array = _numeric(volume.array)
    check_grid(array, volume.geometry, "image")
    name = f"The image '{volume.name}'" if volume.name else "The image"
    if sorted(array.shape)[1] < 2:
        size = " x ".join(str(n) for n in reversed(array.shape))
        raise InputError(f"{name} is less than a slice ({size} voxels); give at least two along two axes.")
    low, high = float(array.min()), float(array.max())  # a NaN anywhere makes both of them NaN
    if not (low >= -_LARGEST and high <= _LARGEST):
        bad = int(np.count_nonzero(~(np.abs(array) <= _LARGEST)))
        raise InputError(
            f"{name} has {bad} voxels that are NaN or infinite; replace them, e.g. with numpy.nan_to_num."
        )
    if low == high:
        raise InputError(f"{name} is constant (every voxel is {low:g}); give an image that shows something.")
    return replace(volume, array=array)


def _numeric(array: NDArray[Any]) -> NDArray[Any]:
    """`array` C-ordered, in native byte order, as an integer type, float32 or float64."""
    values = np.asarray(array)
    if values.dtype.kind not in "buif":
        raise InputError(f"The image has values of type {values.dtype}; convert it to one number per voxel.")
    kind = values.dtype.newbyteorder("=")
    if kind == np.bool_:
        kind = np.dtype(np.uint8)
    elif kind.kind == "f" and kind.itemsize not in (4, 8):
        kind = np.dtype(np.float32 if kind.itemsize < 4 else np.float64)
    return np.ascontiguousarray(values, dtype=kind)
