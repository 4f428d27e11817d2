"""What a session tells about its work beside labels: plain values that a host can read without torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """An expected Dice.

    Attributes:
        value: 0 to 1.
        error: one standard error of it.
    """

    value: float
    error: float


@dataclass(frozen=True)
class AdaptReport:
    """What came of an adaptation.

    Attributes:
        kept: whether the adapted weights are in use now.
        dice_before, dice_after: mean Dice on left-out labelled slices without and with adaptation; None if
            there are too few slices to leave one out.
        steps: training steps of the weights that were kept or tried.
        seconds: how long it took.
        text: one sentence for the user: what happened and why.
    """

    kept: bool
    dice_before: float | None
    dice_after: float | None
    steps: int
    seconds: float
    text: str
