"""Intensities that a structure can have at all."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError


@dataclass(frozen=True)
class IntensityRange:
    """Voxels of other intensities are not labelled, unless the user labelled them.

    Attributes:
        low, high: both ends count; an infinite one is no limit.
        class_id: the class that it is about; None: every class.
    """

    low: float = -math.inf
    high: float = math.inf
    class_id: int | None = None

    def __post_init__(self) -> None:
        if math.isnan(self.low) or math.isnan(self.high) or self.low > self.high:
            raise InputError(
                f"There is no intensity range {self.low:g} to {self.high:g}; give the lower end first."
            )

    def concerns(self, class_id: int) -> bool:
        """Whether it is about a class."""
        return self.class_id is None or self.class_id == class_id

    def excludes(self, intensities: NDArray[Any]) -> NDArray[np.bool_]:
        """Where intensities lie outside of it, same shape."""
        return np.asarray((intensities < self.low) | (intensities > self.high))

    def describe(self) -> str:
        """The range for messages: "100 to 300", "at least 100", "at most 300"."""
        if math.isinf(self.high):
            return f"at least {self.low:g}"
        return f"at most {self.high:g}" if math.isinf(self.low) else f"{self.low:g} to {self.high:g}"
