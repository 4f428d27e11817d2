"""Which slices the sliders point out, read from what the panel shows."""

from __future__ import annotations

from typing import Any

from MVGDesktop.views.slider import Marks

_LEAST_SURE = 3
_UNSURE_BELOW = 0.9


def marks_of(view: Any, axis: int) -> Marks:
    """The marks along an array axis.

    Args:
        view: `MVGLib.control.state.View`.
        axis: 0 = k.
    """
    rows = [row for row in view.examples if row.enabled and getattr(row, "slice", None) is not None]
    examples = tuple(sorted({row.slice.index for row in rows if row.slice.axis == axis}))
    review = view.review
    if review is None or review.axis != axis:
        return Marks(examples)
    worst = sorted(review.slices.items(), key=lambda item: item[1].value)[:_LEAST_SURE]
    unsure = tuple(sorted(index for index, score in worst if score.value < _UNSURE_BELOW))
    return Marks(examples, unsure, review.next_slice)
