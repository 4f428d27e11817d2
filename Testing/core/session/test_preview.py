"""One slice at a time: what was prepared is kept, and only what a change touches is made anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from MVGCore.errors import CancelledError, InputError
from MVGCore.models.compact import Compact
from MVGCore.prompts import PromptSet
from MVGCore.segmentation.predict import group_drafts as drafting
from MVGCore.session import Session
from MVGCore.volume import LabelMap, Volume

Case = tuple[Volume, LabelMap]


def a_session(weights: Path, case: Case, slices) -> Session:
    session = Session(weights, "cpu")
    session.set_image(case[0])
    session.set_prompts(PromptSet.from_labelmap(*case, axis=0, slices=slices))
    return session


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> dict[str, list]:
    """Records which gaps are drafted and how many prompts are encoded."""
    record: dict[str, list] = {"drafts": [], "encoded": []}
    draft_group, encode = drafting.draft_group, Compact.encode_prompts

    def drafted(planes, group, prompts, slices, *rest):
        record["drafts"].append((slices.start, slices.stop - 1))
        return draft_group(planes, group, prompts, slices, *rest)

    def encoded(model, prompts):
        record["encoded"].append(prompts.images.shape[1])
        return encode(model, prompts)

    monkeypatch.setattr(drafting, "draft_group", drafted)
    monkeypatch.setattr(Compact, "encode_prompts", encoded)
    return record


def emptied(made: dict[str, list]) -> None:
    for each in made.values():
        each.clear()


def corrected(case: Case, slices, index: int) -> PromptSet:
    """The examples, with a hole of the size of a brush in the box of one slice."""
    labels = case[1].array.copy()
    labels[index, 20:23, 26:29] = 0
    return PromptSet.from_labelmap(case[0], replace(case[1], array=labels), axis=0, slices=slices)


def test_a_preview_is_the_slice_of_the_result(small_weights: Path, tube: Case) -> None:
    session = a_session(small_weights, tube, [2, 6, 11])
    previews = {index: session.preview(index) for index in (3, 8)}
    fresh = a_session(small_weights, tube, [2, 6, 11])  # nothing was prepared for it by the previews
    first_look, both_looks = fresh.propagate(all_axes=False), session.propagate()
    for index, done in previews.items():
        assert done.index == index
        np.testing.assert_array_equal(done.labels, first_look.labels.array[index])
        halved = first_look.confidence[index].astype(np.float32)
        np.testing.assert_allclose(done.confidence, halved, atol=0.0003)  # as float16 rounds
        # What is seen along other axes moves it a little, in labels hardly ever.
        assert np.mean(done.labels == both_looks.labels.array[index]) > 0.999
        assert np.abs(done.confidence - both_looks.confidence[index]).mean() < 0.005


def test_a_labelled_slice_is_shown_as_it_was_drawn(small_weights: Path, tube: Case) -> None:
    done = a_session(small_weights, tube, [2, 6]).preview(6)
    np.testing.assert_array_equal(done.labels, tube[1].array[6])
    assert (done.confidence == 1).all()


def test_the_second_preview_prepares_nothing(small_weights: Path, tube: Case, made) -> None:
    session = a_session(small_weights, tube, [2, 6, 11])
    first = session.preview(4)
    assert made["drafts"] == [(2, 6)]
    assert made["encoded"] == [1] * 3
    emptied(made)
    again = session.preview(4)
    session.preview(5)
    assert made == {"drafts": [], "encoded": []}
    np.testing.assert_array_equal(again.confidence, first.confidence)
    session.set_prompts(PromptSet.from_labelmap(*tube, axis=0, slices=[2, 6, 11]))  # equal, not the same
    session.propagate(all_axes=False)
    assert sorted(made["drafts"]) == [(0, 2), (6, 11), (11, 13)] and made["encoded"] == []


def test_a_correction_prepares_only_what_it_touches(small_weights: Path, tube: Case, made) -> None:
    slices = [1, 4, 8, 12]
    session = a_session(small_weights, tube, slices)
    session.propagate(all_axes=False)
    emptied(made)
    session.set_prompts(corrected(tube, slices, 4))
    result = session.propagate(all_axes=False)
    assert made["encoded"] == [1]
    assert (8, 12) not in made["drafts"] and {(1, 4), (4, 8)} <= set(made["drafts"])
    fresh = a_session(small_weights, tube, slices)
    fresh.set_prompts(corrected(tube, slices, 4))
    expected = fresh.propagate(all_axes=False)
    np.testing.assert_array_equal(result.labels.array, expected.labels.array)
    np.testing.assert_array_equal(result.confidence, expected.confidence)


def test_changing_the_set_in_place_is_noticed(small_weights: Path, tube: Case) -> None:
    prompts = PromptSet.from_labelmap(*tube, axis=0, slices=[2, 6, 11])
    session = a_session(small_weights, tube, [2])
    session.set_prompts(prompts)
    before = session.preview(4)
    prompts.prompts[1].labels[...] = 0
    after = session.preview(4)
    assert (after.labels > 0).sum() < (before.labels > 0).sum()
    prompts.enable(prompts.prompts[1].key, False)
    assert session.propagate().prompt_slices == (2, 11)


def test_another_image_forgets_what_was_prepared(small_weights: Path, tube: Case) -> None:
    session = a_session(small_weights, tube, [2, 11])
    session.preview(5)
    noise = np.random.default_rng(1).normal(0, 60, tube[0].array.shape).astype(np.float32)
    other = replace(tube[0], array=tube[0].array + noise)
    session.set_image(other)
    session.set_prompts(PromptSet.from_labelmap(other, tube[1], axis=0, slices=[2, 11]))
    expected = a_session(small_weights, (other, tube[1]), [2, 11]).preview(5)
    np.testing.assert_array_equal(session.preview(5).confidence, expected.confidence)


@pytest.mark.parametrize("index", [-1, 14])
def test_there_is_no_such_slice(small_weights: Path, tube: Case, index: int) -> None:
    session = a_session(small_weights, tube, [2])
    with pytest.raises(InputError, match="0 to 13"):
        session.preview(index)


def test_a_cancelled_preview_leaves_the_session_usable(small_weights: Path, tube: Case) -> None:
    session = a_session(small_weights, tube, [2, 6, 11])
    with pytest.raises(CancelledError):
        session.preview(4, cancelled=lambda: True)
    assert session.preview(4).labels.any()
