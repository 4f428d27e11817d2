"""The contract of requests and results: the same examples give the same labels, whichever way they came."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from MVGCore.errors import CancelledError, InputError
from MVGCore.outcomes import AdaptReport
from MVGCore.prompts import Prompt, PromptSet
from MVGCore.session import Session
from MVGCore.session.requests import AskInfo, Denoise, ForgetAdaptation, PreviewSlice, SegmentVolume
from MVGCore.session.results import Event, Info, Previewed, Progress, Propagated, SliceDone
from MVGCore.volume import LabelMap, SliceKey, Volume, robust_window

Case = tuple[Volume, LabelMap]
PLACES = [SliceKey(0, 2), SliceKey(0, 6), SliceKey(0, 11), SliceKey(1, 20), SliceKey(2, 14)]


def prompt_at(case: Case, place: SliceKey, erased: bool = False) -> Prompt:
    """A labelled slice, or the same with a part of it erased."""
    image, labels = case
    array = labels.array.copy()
    if erased:
        array[:, 20:24] = 0
    drawn = LabelMap(array, labels.geometry, labels.classes)
    return Prompt.of(image, drawn, place, robust_window(image.array))


def set_of(prompts: list[Prompt], case: Case) -> PromptSet:
    present = {int(value) for prompt in prompts for value in np.unique(prompt.labels)}
    return PromptSet(prompts, tuple(each for each in case[1].classes if each.id in present))


def heard(session: Session, request: Any) -> tuple[Any, list[Event]]:
    """What a session says to a request: the summary, and what came before it."""
    events: list[Event] = []
    return session.run(request, events.append), events


def slices_of(events: list[Event]) -> dict[int, SliceDone]:
    """Index -> the slice as it was told last."""
    return {event.index: event for event in events if isinstance(event, SliceDone)}


def assert_same(one: dict[int, SliceDone], other: dict[int, SliceDone]) -> None:
    assert one.keys() == other.keys()
    for index, done in one.items():
        same = other[index]
        np.testing.assert_array_equal(done.values, same.values)
        np.testing.assert_array_equal(done.confidence, same.confidence)
        assert (done.axis, done.dice, done.given) == (same.axis, same.dice, same.given)


@pytest.mark.parametrize("seed", range(2))
def test_the_same_examples_give_the_same_labels_whichever_way_they_came(
    small_weights: Path, tube: Case, seed: int
) -> None:
    """Added, changed, removed and applied in a random order, against a session that gets them at once."""
    chance = random.Random(seed)
    session = Session(small_weights, "cpu")
    now: dict[SliceKey, Prompt] = {PLACES[0]: prompt_at(tube, PLACES[0])}
    session.run(SegmentVolume(image=tube[0], prompts=set_of(list(now.values()), tube)))
    for step in range(3):
        place = chance.choice(PLACES)
        if place in now and len(now) > 1 and chance.random() < 0.3:
            del now[place]
        else:
            now[place] = prompt_at(tube, place, erased=chance.random() < 0.5)
        if not any(prompt.axis == 0 and prompt.labels.any() for prompt in now.values()):
            now[PLACES[1]] = prompt_at(tube, PLACES[1])
        examples = list(now.values())
        chance.shuffle(examples)
        whole = step == 2 or chance.random() < 0.3
        request = SegmentVolume(prompts=set_of(examples, tube), axis=0, all_axes=whole)
        _, events = heard(session, request)
    once = Session(small_weights, "cpu")
    ordered = sorted(now.values(), key=lambda prompt: (prompt.axis, prompt.index))
    _, expected = heard(once, SegmentVolume(image=tube[0], prompts=set_of(ordered, tube), axis=0))
    assert_same(slices_of(events), slices_of(expected))


def looked_across(events: list[Event]) -> bool:
    """Whether there was a look along the other axes."""
    return any("Second look" in event.text for event in events if isinstance(event, Progress))


def test_the_quality_is_that_of_the_last_request_that_named_one(small_weights: Path, tube: Case) -> None:
    prompts = set_of([prompt_at(tube, place) for place in PLACES[:3]], tube)
    session = Session(small_weights, "cpu")
    _, standard = heard(session, SegmentVolume(image=tube[0], prompts=prompts))
    _, draft = heard(session, SegmentVolume(quality="draft"))
    _, still = heard(session, SegmentVolume())
    _, again = heard(session, SegmentVolume(quality="standard"))
    assert [looked_across(each) for each in (standard, draft, still, again)] == [True, False, False, True]
    assert_same(slices_of(draft), slices_of(still))
    assert_same(slices_of(standard), slices_of(again))
    with pytest.raises(InputError, match="no quality"):
        session.run(SegmentVolume(quality="best"))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_as_many_examples_across_two_axes_the_first_axis_counts(
    small_weights: Path, tube: Case, order: tuple[int, int]
) -> None:
    """Whichever of them was labelled first; and both are used."""
    pair = [prompt_at(tube, SliceKey(0, 6)), prompt_at(tube, SliceKey(2, 14))]
    prompts = set_of([pair[each] for each in order], tube)
    assert prompts.axis == 0
    summary, events = heard(Session(small_weights, "cpu"), SegmentVolume(image=tube[0], prompts=prompts))
    assert summary.axis == 0 and not summary.notes
    for index, done in slices_of(events).items():
        if not done.given:
            np.testing.assert_array_equal(done.values[:, 14], tube[1].array[index, :, 14])


def test_the_axis_may_be_chosen(small_weights: Path, tube: Case) -> None:
    prompts = set_of([prompt_at(tube, place) for place in PLACES], tube)
    session = Session(small_weights, "cpu")
    summary, events = heard(session, SegmentVolume(image=tube[0], prompts=prompts, axis=2, all_axes=False))
    assert summary.axis == 2 and summary.prompt_slices == (14,)
    assert slices_of(events).keys() == set(range(36))
    preview, (shown,) = heard(session, PreviewSlice(index=5, axis=1))
    assert (shown.axis, shown.index, preview.axis) == (1, 5, 1)
    few = set_of([prompt_at(tube, PLACES[0])], tube)
    with pytest.raises(InputError, match="chosen axis"):
        session.run(SegmentVolume(prompts=few, axis=1))


def test_slices_that_were_given_are_told_as_they_were_drawn(small_weights: Path, tube: Case) -> None:
    prompts = set_of([prompt_at(tube, place, erased=True) for place in PLACES[:3]], tube)
    for choices in ({}, {"slice_range": (4, 5)}):
        _, events = heard(
            Session(small_weights, "cpu"),
            SegmentVolume(image=tube[0], prompts=prompts, all_axes=False, **choices),
        )
        given = {index: done for index, done in slices_of(events).items() if done.given}
        assert given.keys() == {2, 6, 11}
        for prompt in prompts.prompts:
            assert given[prompt.index].values.tobytes() == prompt.labels.tobytes()
            assert (given[prompt.index].confidence == 1).all() and given[prompt.index].dice is None


def test_every_request_ends_in_its_summary(small_weights: Path, tube: Case) -> None:
    prompts = set_of([prompt_at(tube, place) for place in PLACES[:2]], tube)
    session = Session(small_weights, "cpu")
    summary, events = heard(session, SegmentVolume(image=tube[0], prompts=prompts, all_axes=False))
    assert isinstance(summary, Propagated) and isinstance(events[-1], Progress) and events[-1].fraction == 1
    summary, (shown,) = heard(session, PreviewSlice(index=4))
    assert isinstance(summary, Previewed) and shown.index == summary.index == 4
    summary, events = heard(session, Denoise(slice_range=(4, 6)))
    assert summary.generated == (4, 5, 6) == tuple(slices_of(events))
    assert isinstance(session.run(AskInfo()), Info)
    with pytest.raises(CancelledError):
        session.run(SegmentVolume(), cancelled=lambda: True)


def test_a_request_adapts_once_to_the_same_examples(
    small_weights: Path, tube: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The core knows whether it has adapted to these examples; a host asks for it every time."""
    made: list[float] = []
    session = Session(small_weights, "cpu")

    def run(adaptation: Any, seconds: float, *_: Any) -> tuple[AdaptReport, dict[str, Any]]:
        made.append(seconds)
        return AdaptReport(True, 0.8, 0.9, 1, 0.1, "Better."), session.model.weights()

    monkeypatch.setattr("MVGCore.session.labelling.Adaptation.run", run)
    few, more = (set_of([prompt_at(tube, place) for place in PLACES[:n]], tube) for n in (2, 3))
    first = session.run(SegmentVolume(image=tube[0], prompts=few, all_axes=False, adapt_seconds=5.0))
    again = session.run(SegmentVolume(all_axes=False, adapt_seconds=5.0))
    assert first.adaptation is not None and again.adaptation is None and made == [5.0]
    assert first.adapted_to == again.adapted_to != ""
    assert session.run(SegmentVolume(prompts=more, all_axes=False)).adapted_to == first.adapted_to
    other = session.run(SegmentVolume(all_axes=False, adapt_seconds=5.0))
    assert made == [5.0, 5.0] and other.adapted_to != first.adapted_to
    assert (
        session.run(SegmentVolume(all_axes=False, adapt_seconds=0)).adapted_to == ""
        and not session.model.adapted
    )
    session.run(SegmentVolume(all_axes=False, adapt_seconds=5.0))
    session.run(ForgetAdaptation())
    assert len(made) == 3 and not session.model.adapted
