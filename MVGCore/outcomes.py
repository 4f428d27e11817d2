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
class Question:
    """Whether a class is on a slice, where only the user can tell.

    No: it has ended there, an absence from the slice on (`PromptSet.answer`). Yes: a presence.

    Attributes:
        class_id: the class.
        axis, index: the slice.
        until: the last slice on which it is not either, if it is not on this one: that at the border of the
            volume, or the one before the next labelled slice, which is without the class.
        presence: probability that it is there.
        gain: expected error that the answer takes away, as a share of the size of the class.
    """

    class_id: int
    axis: int
    index: int
    until: int
    presence: float
    gain: float


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
