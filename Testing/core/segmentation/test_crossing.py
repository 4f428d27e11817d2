"""Slices that are labelled across another axis: kept, seen by drafts and network, and a gain."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from MVGCore.models.device import select_device
from MVGCore.prompts import PromptSet
from MVGCore.segmentation import Propagator
from MVGCore.segmentation.plan.crossing import Crossing
from MVGCore.segmentation.predict.group_drafts import draw_known
from MVGCore.session import Session
from MVGCore.volume import Geometry, LabelMap, Volume
from MVGCore.volume.canvas import Canvas

SHAPE = (7, 9, 11)


def random_case(seed: int) -> tuple[Volume, LabelMap]:
    rng = np.random.default_rng(seed)
    geometry = Geometry.identity(SHAPE)
    labels = rng.integers(0, 4, SHAPE).astype(np.uint16)
    return Volume(rng.random(SHAPE).astype(np.float32), geometry, "random"), LabelMap.of(labels, geometry)


def branch() -> tuple[Volume, LabelMap]:
    """A column of one grey; from slice 8 on a second one of the same grey, which no end slice shows."""
    labels = np.zeros((20, 40, 40), np.uint16)
    labels[:, 10:18, 10:18] = 1
    labels[8:13, 24:32, 12:20] = 1
    image = 50 + 100 * (labels > 0) + np.random.default_rng(0).normal(0, 4, labels.shape)
    geometry = Geometry.identity(labels.shape)
    return Volume(image.astype(np.float32), geometry, "branch"), LabelMap.of(labels, geometry)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2), st.integers(0, 2), st.integers(0, 6), st.booleans(), st.integers(0, 99))
def test_a_line_is_what_the_slice_shows_there(axis, across, index, in_part, seed) -> None:
    if axis == across:
        return
    image, labels = random_case(seed)
    prompts = PromptSet()
    plane = tuple(np.delete(SHAPE, across))
    known = np.random.default_rng(seed).random(plane) < 0.5 if in_part else None
    prompts.add_slice(image, labels, across, index, known)
    everywhere = np.zeros(SHAPE, bool)
    np.moveaxis(everywhere, across, 0)[index] = True if known is None else known
    crossing = Crossing(axis, tuple(prompts.prompts))
    for n in range(SHAPE[axis]):
        found, where = crossing.on(n)
        np.testing.assert_array_equal(where, everywhere.take(n, axis))
        np.testing.assert_array_equal(found[where], labels.array.take(n, axis)[where])
        assert not found[~where].any()
    drawn = np.where(everywhere, labels.array, 0)
    for value in (1, 2, 3):
        shown = [n for n in range(SHAPE[axis]) if (drawn.take(n, axis) == value).any()]
        assert crossing.span().get(value) == ((shown[0], shown[-1]) if shown else None)


@pytest.mark.parametrize("scale", [0.5, 1.0, 1.7, 3.0])
@pytest.mark.parametrize("row", [20, 21, 22, 23])
def test_a_line_stays_a_line_on_any_canvas(scale: float, row: int) -> None:
    labels, known = np.zeros((1, 48, 48), np.uint16), np.zeros((1, 48, 48), bool)
    known[0, row], labels[0, row, 20:30] = True, 5
    canvas = Canvas((48, 48), int(48 / scale) // 2 * 2, (23.5, 23.5), (scale, scale))
    drawn = draw_known(canvas, (3, 5), labels, known)[0]
    rows = np.flatnonzero((drawn >= 0).any(1))
    middle = canvas.to_canvas(np.array([row, 25.0]))
    assert abs(rows.mean() - middle[0]) <= 1 and 1 <= len(rows) <= 1 + 1 / scale + (scale > 1)
    assert set(np.unique(drawn)) == {-1, 0, 2}
    columns = np.flatnonzero((drawn == 2).any(0))
    assert abs(len(columns) - 10 / scale) <= 2


def test_the_drafts_take_the_lines_along(echo) -> None:
    """The second column is far from all labelled slices: only the crossing one tells of it."""
    image, labels = branch()
    local = PromptSet.from_labelmap(image, labels, axis=0, slices=[3, 17]).prompts
    prompts = PromptSet()
    prompts.add_slice(image, labels, 2, 15)
    quiet, never = (lambda fraction, text: None), (lambda: False)

    def second(crossing: Crossing | None) -> float:
        propagator = Propagator(echo, select_device("cpu"), image, local, [], crossing=crossing)
        (done,) = propagator.slices([10], quiet, never)
        if crossing:
            np.testing.assert_array_equal(done.labels[:, 15], labels.array[10][:, 15])
            assert (done.confidence[:, 15] == 1).all()
        (gap,) = (context.drafts.around(10) for context in propagator.contexts(never))
        assert torch.isfinite(gap.draft.geodesic).all() and torch.isfinite(gap.draft.diffusion).all()
        return float((done.labels[24:32, 12:20] == 1).mean())

    assert second(None) == 0.0
    assert second(Crossing(0, tuple(prompts.prompts))) > 0.9


def test_what_is_drawn_across_comes_back_bit_for_bit(small_weights, tube) -> None:
    prompts = PromptSet.from_labelmap(*tube, axis=0, slices=[3, 10])
    prompts.add_slice(*tube, axis=2, index=18)
    part = np.zeros((14, 36), bool)
    part[5:9, 4:30] = True
    prompts.add_slice(*tube, axis=1, index=20, known=part)
    session = Session(small_weights, "cpu")
    session.set_image(tube[0])
    session.set_prompts(prompts)
    result = session.propagate()
    assert result.axis == 0 and result.prompt_slices == (3, 10) and result.notes == ()
    drawn = np.zeros(tube[1].array.shape, bool)
    drawn[:, :, 18], drawn[:, 20] = True, part
    np.testing.assert_array_equal(result.labels.array[drawn], tube[1].array[drawn])
    assert (result.confidence[drawn] == 1).all()
    one = session.preview(7)
    np.testing.assert_array_equal(one.labels, result.labels.array[7])


def test_a_class_that_is_drawn_across_only_is_kept_and_named(small_weights, tube) -> None:
    image, labels = tube
    prompts = PromptSet.from_labelmap(image, labels, axis=0, slices=[3, 10])
    other = labels.array.copy()
    other[6:9, 15:20, 18] = 9
    prompts.add_slice(image, LabelMap.of(other, labels.geometry), axis=2, index=18)
    session = Session(small_weights, "cpu")
    session.set_image(image)
    session.set_prompts(prompts)
    result = session.propagate()
    rest = np.delete(np.arange(14), [3, 10])
    np.testing.assert_array_equal(result.labels.array[rest, :, 18], other[rest, :, 18])
    assert "classes [9]" in result.notes[0] and "across k" in result.notes[0]


def test_a_changed_line_changes_the_result(small_weights, tube) -> None:
    """What was prepared for the earlier line is not used again."""
    image, labels = tube
    prompts = PromptSet.from_labelmap(image, labels, axis=0, slices=[3, 10])
    session = Session(small_weights, "cpu")
    session.set_image(image)
    session.set_prompts(prompts)
    before = session.preview(6)
    prompts.add_slice(image, labels, axis=2, index=18)
    session.set_prompts(prompts)
    with_line = session.preview(6)
    np.testing.assert_array_equal(with_line.labels[:, 18], labels.array[6, :, 18])
    prompts.remove(prompts.prompts[-1].key)
    session.set_prompts(prompts)
    np.testing.assert_array_equal(session.preview(6).labels, before.labels)
