"""What a file holds, be it an image or labels, and whether it was written well."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.volume.geometry import Geometry

# Positions are kept to this many mm, and far from the origin as exactly as 32-bit numbers can.
_POSITION_MM = 1e-3
_POSITION_SHARE = 1e-6


@dataclass
class Stored:
    """The voxels of a file.

    Attributes:
        array: (K, J, I), or (K, J, I, C) when there are several values per voxel.
        geometry: Of the three spatial axes.
        step: Distance of neighbouring values of an array that the file keeps as scaled whole numbers, else 0.
    """

    array: NDArray[Any]
    geometry: Geometry
    step: float = 0.0


def check_written(path: Path, array: NDArray[Any], geometry: Geometry, again: Stored) -> None:
    """Compare what was to be written with what can be read back.

    Raises:
        OSError: Voxels or positions differ.
    """
    if not np.array_equal(again.array, array):
        raise OSError("what can be read back differs from what was to be written")
    expected = geometry.corners()
    tolerance = max(_POSITION_MM, _POSITION_SHARE * float(np.abs(expected).max()))
    moved = float(np.abs(again.geometry.corners() - expected).max())
    if not moved <= tolerance:
        raise OSError(f"{path.suffix} would put the voxels {moved:.3g} mm away from their place")
