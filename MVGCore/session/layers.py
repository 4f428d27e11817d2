"""Results of examples that overlap: one layer for each pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from MVGCore.errors import InputError
from MVGCore.outcomes import Estimate, Question
from MVGCore.prompts import PromptSet
from MVGCore.segmentation import Result
from MVGCore.session.results import Propagated
from MVGCore.volume import LabelMap, Segment, Segmentation

Judged = TypeVar("Judged")


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


def judged_together(passes: Sequence[Propagated]) -> Propagated:
    """What is said of the passes as one result; `layers` has each of them, if they are several.

    A slice is as good as the pass makes it that is least sure of it; a volume is judged by all its classes.
    """
    first = passes[0]
    if len(passes) == 1:
        return first
    following = [each for each in passes if each.next_slice is not None]
    asked = [each.next_question for each in passes if each.next_question is not None]
    adaptations = [each.adaptation for each in passes if each.adaptation is not None]
    return replace(
        first,
        slice_confidence=_least([each.slice_confidence for each in passes], float),
        class_confidence={key: value for each in passes for key, value in each.class_confidence.items()},
        expected_dice=_mean_dice(passes),
        slice_dice=_least([each.slice_dice for each in passes], lambda estimate: estimate.value),
        class_dice={key: value for each in passes for key, value in each.class_dice.items()},
        next_slice=min(following, key=_worth_of_next).next_slice if following else None,
        seconds=_summed([each.seconds for each in passes]),
        notes=tuple(dict.fromkeys(note for each in passes for note in each.notes)),
        adaptation=next(iter(adaptations), None),
        questions=tuple(sorted((each for one in passes for each in one.questions), key=_by_gain)),
        next_question=min(asked, key=_by_gain, default=None),
        layers=tuple(passes),
    )


def _least(tables: Sequence[dict[int, Judged]], value: Callable[[Judged], float]) -> dict[int, Judged]:
    """Of each slice the lowest that is said of it."""
    found: dict[int, Judged] = {}
    for table in tables:
        for index, each in table.items():
            if index not in found or value(each) < value(found[index]):
                found[index] = each
    return dict(sorted(found.items()))


def _summed(tables: Sequence[dict[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for table in tables for name in table)
    return {name: sum(table.get(name, 0.0) for table in tables) for name in names}


def _mean_dice(passes: Sequence[Propagated]) -> Estimate | None:
    """Over the classes of all passes; of one volume, so their errors are taken to go together."""
    judged = [(len(each.class_dice), each.expected_dice) for each in passes if each.expected_dice is not None]
    count = sum(number for number, _estimate in judged)
    if not count:
        return None
    return Estimate(
        sum(number * each.value for number, each in judged) / count,
        sum(number * each.error for number, each in judged) / count,
    )


def _worth_of_next(one: Propagated) -> float:
    """Lower the more the next slice of a pass gains."""
    assert one.next_slice is not None
    dice = one.slice_dice.get(one.next_slice)
    return dice.value if dice is not None else one.slice_confidence.get(one.next_slice, 1.0)


def _by_gain(question: Question) -> float:
    return -question.gain
