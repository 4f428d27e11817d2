"""Makes confidence a probability: how often pixels of that confidence were right on held-out volumes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
LEAST_CONFIDENCE = 1e-4  # confidences nearer to 0 or 1 are not told apart
OBVIOUS = 0.995  # background that is stated with more than this is left as it is: it was right


@dataclass(frozen=True)
class Curve:
    """Log-odds of being right as a line in the log-odds that are stated."""

    slope: float = 1.0
    offset: float = 0.0

    def __call__(self, stated: Floats) -> Floats:
        """Stated confidence -> probability of being right, same shape."""
        clipped = np.clip(stated, LEAST_CONFIDENCE, 1 - LEAST_CONFIDENCE)
        odds = (clipped / (1 - clipped)) ** self.slope * np.float32(np.exp(self.offset))
        return (odds / (1 + odds)).astype(np.float32)


@dataclass(frozen=True)
class Sureness:
    """What the confidence of a slice is worth where a class was chosen, and where background was."""

    of_class: Curve = Curve()
    of_background: Curve = Curve()

    def __call__(self, stated: Floats, labels: NDArray[np.uint16]) -> Floats:
        """Stated confidence (H, W) of labels (H, W) -> probability that they are right."""
        right = np.where(labels > 0, self.of_class(stated), self.of_background(stated))
        return np.where((labels == 0) & (stated > OBVIOUS), stated, right).astype(np.float32)


@dataclass(frozen=True)
class Calibration:
    """Sureness between labelled slices, beyond the first and the last of them, and where the examples were
    carried over from other volumes."""

    between: Sureness = Sureness()
    beyond: Sureness = Sureness()
    transferred: Sureness = Sureness()

    def of(self, beyond: bool, transferred: bool = False) -> Sureness:
        """That of a slice."""
        if transferred:
            return self.transferred
        return self.beyond if beyond else self.between


AS_STATED = Calibration()
# Fitted on 18 held-out training cases (hippocampus, head and neck) with 1, 2, 3 and 5 labelled slices.
# Expected calibration error before, and after with the curve that the other half of the cases gives: between
# labelled slices .039 and .034 where a class was chosen, .021 and .007 where background was; beyond them
# .177 and .050, .025 and .003; from another patient's slices .214 and .048, .049 and .017. Beyond them it was
# fitted anew, on first looks at 7 hearts and 12 hippocampi labelled by three protocols, once classes had odds
# to be there (see `ends`), which take most of what was too sure away. For other weights or another mixture:
# python -m MVGCore.evaluation.confidence
SHIPPED_CALIBRATION = Calibration(
    between=Sureness(Curve(0.667, 0.045), Curve(0.891, -0.135)),
    beyond=Sureness(Curve(1.112, 0.109), Curve(0.839, 0.245)),
    transferred=Sureness(Curve(0.333, -0.380), Curve(0.503, 0.607)),
)
