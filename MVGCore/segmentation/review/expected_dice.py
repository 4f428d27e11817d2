"""How good a result should be: the expected Dice of a class, a slice and a volume, each with its error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from MVGCore.outcomes import Estimate
from MVGCore.segmentation.fuse.merge import Areas

LEAST_AREA = 8.0  # pixels chosen and expected together below which a class is not judged on a slice


@dataclass(frozen=True)
class DiceLine:
    """True Dice and its scatter on held-out volumes as lines in the Dice that the probabilities state.

    Attributes:
        offset, slope: of the Dice.
        spread, spread_slope: of the standard error, against 1 - Dice.
    """

    offset: float = 0.0
    slope: float = 1.0
    spread: float = 0.1
    spread_slope: float = 0.0

    def __call__(self, stated: float) -> Estimate:
        """What a stated Dice is worth."""
        value = float(np.clip(self.offset + self.slope * stated, 0.0, 1.0))
        return Estimate(value, float(max(0.01, self.spread + self.spread_slope * (1 - value))))


@dataclass(frozen=True)
class DiceLines:
    """The lines of single classes in a volume, of slices, and of whole volumes."""

    of_class: DiceLine = DiceLine()
    of_slice: DiceLine = DiceLine()
    of_volume: DiceLine = DiceLine()


AS_STATED = DiceLines()
# Fitted to first looks at 17 training cases of hearts, hippocampi, head and neck in 233 settings: along all
# axes, of several thicknesses, 1 to 6 slices labelled by three protocols. docs/ends.md tells how far the
# expected Dice is off on a data set that took no part. For other weights or another mixture:
# python -m MVGCore.evaluation.expectation
SHIPPED_LINES = DiceLines(
    of_class=DiceLine(-0.211, 1.232, 0.030, 0.267),
    of_slice=DiceLine(-0.141, 1.112, 0.141, 0.130),
    of_volume=DiceLine(-0.187, 1.200, 0.022, 0.201),
)


def stated_dice(areas: Areas) -> float:
    """The Dice that the probabilities state: twice the expected overlap over both areas."""
    return 2 * areas.overlap / max(areas.chosen + areas.expected, 1e-6)


def slice_estimate(areas: Mapping[int, Areas], lines: DiceLines = SHIPPED_LINES) -> Estimate | None:
    """Expected mean Dice over the classes of one slice; None where there is nothing to judge."""
    judged = [stated_dice(each) for each in areas.values() if each.chosen + each.expected > LEAST_AREA]
    return lines.of_slice(float(np.mean(judged))) if judged else None


def class_estimates(areas: Mapping[int, Areas], lines: DiceLines = SHIPPED_LINES) -> dict[int, Estimate]:
    """Expected Dice of each class over the slices whose areas were summed up."""
    return {
        class_id: lines.of_class(stated_dice(each))
        for class_id, each in areas.items()
        if each.chosen + each.expected > LEAST_AREA
    }


def volume_estimate(areas: Mapping[int, Areas], lines: DiceLines = SHIPPED_LINES) -> Estimate | None:
    """Expected mean Dice over the classes; None without any."""
    judged = [stated_dice(each) for each in areas.values() if each.chosen + each.expected > LEAST_AREA]
    return lines.of_volume(float(np.mean(judged))) if judged else None


def summed(slices: Iterable[Mapping[int, Areas]]) -> dict[int, Areas]:
    """The areas of each class over several slices."""
    total: dict[int, Areas] = {}
    for areas in slices:
        for class_id, each in areas.items():
            total[class_id] = total[class_id] + each if class_id in total else each
    return total
