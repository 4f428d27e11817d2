"""Results of examples that overlap: one layer for each pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from MVGCore.errors import InputError
from MVGCore.prompts import PromptSet
from MVGCore.segmentation import Result
from MVGCore.volume import LabelMap, Segment, Segmentation


class LayerSession(Protocol):
    """What passes need of `MVGCore.session.Session`."""

    def set_prompts(self, prompts: PromptSet) -> None: ...

    @property
    def propagate(self) -> Callable[..., Result]: ...


def propagate_layers(
    session: LayerSession,
    passes: Sequence[PromptSet],
    progress: Callable[[float, str], None] = lambda fraction, text: None,
    **choices: Any,
) -> list[Result]:
    """Label all slices once for each set of examples whose classes overlap those of the others.

    Args:
        session: with an image; its examples are those of the first set afterwards.
        passes: see `MVGCore.prompts.passes_of`.
        progress: called with the fraction of all passes that is done, and a text.
        **choices: as of `Session.propagate`, for each pass.

    Raises:
        InputError, Cancelled: as `Session.propagate`; or there is a draft, whose classes do not overlap.
    """
    check_layers(len(passes), choices.get("draft"))
    results = []
    try:
        for number, prompts in enumerate(passes):
            session.set_prompts(prompts)
            results.append(session.propagate(part_of(progress, number, len(passes)), **choices))
    finally:
        session.set_prompts(passes[0])
    return results


def check_layers(passes: int, draft: LabelMap | None) -> None:
    """Raise `InputError` where overlapping examples come with a draft."""
    if passes > 1 and draft is not None:
        raise InputError(
            "A draft has one class for each voxel, and segments of the examples overlap: give examples that "
            "do not overlap, or no draft."
        )


def part_of(progress: Callable[[float, str], None], number: int, count: int) -> Callable[[float, str], None]:
    """Tells the progress of one pass of several as that of all."""
    if count == 1:
        return progress
    return lambda fraction, text: progress(
        (number + fraction) / count, f"{text} (pass {number + 1} of {count})"
    )


def joined(results: Sequence[Result]) -> Segmentation:
    """One segmentation with a layer for each result."""
    segments = [
        Segment(each, layer, each.id)
        for layer, result in enumerate(results)
        for each in result.labels.classes
    ]
    first = results[0].labels
    return Segmentation(tuple(each.labels.array for each in results), first.geometry, tuple(segments))
