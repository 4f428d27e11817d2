"""Slices on which nothing was drawn, and which slices of other views that were drawn cross as lines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from MVGLib.control.examples import Example

Drawn = tuple[Example, NDArray[np.bool_]]  # an example, and (H, W) where something is labelled on its slice


def crossed_only(drawn: Sequence[Drawn]) -> set[str]:
    """The keys of the examples on whose slices nothing but such lines is labelled.

    Taken for a drawing, the rest of the slice would be background: whoever takes the drawing of a slice back,
    and draws on slices across it, did not say so.
    """
    suspects = [each for each in drawn if not _beyond(each, drawn)]
    held = {example.key for example, _labels in suspects}
    sure = [each for each in drawn if each[0].key not in held]
    return {each[0].key for each in suspects if not _beyond(each, sure)}


def _beyond(one: Drawn, others: Sequence[Drawn]) -> bool:
    """Whether something is labelled beside the lines of slices across other axes."""
    example, labels = one
    left = labels.copy()
    for other, _labels in others:
        same = (other.volume_id, other.partner_id) == (example.volume_id, example.partner_id)
        if same and other.axis != example.axis:
            across = [axis for axis in range(3) if axis != example.axis].index(other.axis)
            left[(slice(None),) * across + (other.index,)] = False
    return bool(left.any())
