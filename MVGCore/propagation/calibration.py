"""Makes confidence a probability: how often pixels of that confidence were right on held-out volumes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST = 1e-4  # confidences nearer to 0 or 1 are not told apart


@dataclass(frozen=True)
class Curve:
    """Log-odds of being right as a line in the log-odds that the model states."""

    slope: float = 1.0
    offset: float = 0.0

    def __call__(self, confidence: NDArray[np.float32]) -> NDArray[np.float32]:
        """Stated confidence -> probability of being right, same shape."""
        stated = np.clip(confidence, LEAST, 1 - LEAST)
        odds = (stated / (1 - stated)) ** self.slope * np.float32(np.exp(self.offset))
        return (odds / (1 + odds)).astype(np.float32)


@dataclass(frozen=True)
class Calibration:
    """Curves for slices between labelled ones, and for those beyond the first and the last."""

    between: Curve = Curve()
    beyond: Curve = Curve()

    def curve(self, beyond: bool) -> Curve:
        """The one that holds for a slice."""
        return self.beyond if beyond else self.between


AS_STATED = Calibration()
