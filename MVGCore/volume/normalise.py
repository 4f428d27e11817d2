"""Intensities to 0..1 and back, with one window for a whole volume."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError

# Percentiles of this many voxels, spread evenly, differ from those of all by far less than the noise.
_SAMPLE = 2_000_000


@dataclass(frozen=True)
class Window:
    """The intensities `low` and `high`, which become 0 and 1."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.low < self.high):
            raise InputError(f"An intensity window needs low < high, not {self.low} and {self.high}.")


CT_WINDOWS = MappingProxyType(
    {
        "abdomen": Window(-160.0, 240.0),
        "bone": Window(-450.0, 1050.0),
        "brain": Window(0.0, 80.0),
        "lung": Window(-1350.0, 150.0),
        "mediastinum": Window(-125.0, 225.0),
        "wide": Window(-1000.0, 1000.0),
    }
)


def robust_window(array: NDArray[Any], low: float = 0.5, high: float = 99.5) -> Window:
    """The window between two percentiles, so that a few extreme voxels do not darken the rest.

    Args:
        array: Intensities of any shape, all finite.
        low: Lower percentile, 0..100.
        high: Upper percentile, 0..100.

    Raises:
        InputError: The image is constant.
    """
    sample = array.reshape(-1)[:: max(1, array.size // _SAMPLE)]
    bottom, top = (float(value) for value in np.percentile(sample, (low, high)))
    if not bottom < top:  # nearly everything is background
        bottom, top = float(array.min()), float(array.max())
    if not bottom < top:
        raise InputError("The image is constant; give an image that shows something.")
    return Window(bottom, top)


def normalise(array: NDArray[Any], window: Window) -> NDArray[np.float32]:
    """Intensities as float32 in 0..1; what lies outside the window is clipped."""
    scaled = array.astype(np.float32)
    scaled -= np.float32(window.low)
    scaled *= np.float32(1.0 / (window.high - window.low))
    return np.clip(scaled, 0.0, 1.0, out=scaled)


def denormalise(array: NDArray[Any], window: Window) -> NDArray[np.float32]:
    """Values in 0..1 back to intensities, as float32."""
    intensities = array.astype(np.float32)
    intensities *= np.float32(window.high - window.low)
    intensities += np.float32(window.low)
    return intensities
