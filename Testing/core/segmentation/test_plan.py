"""The plan: where each group of classes is drawn, and in which window."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from MVGCore.prompts import PromptSet
from MVGCore.segmentation.plan.grouping import MANY_CLASSES
from MVGCore.segmentation.plan.plan import (
    ClassGroup,
    fit_canvas,
    fit_prompt,
    make_plan,
    plan_from_others,
    slice_spacing,
)
from MVGCore.segmentation.predict.group_drafts import LEAST_SHARE, draft_side
from MVGCore.volume import Geometry, LabelMap, Volume, Window

SIDES = (32, 64, 96)


def test_forty_classes_make_five_groups_of_neighbours(forty, prompts_of) -> None:
    groups = make_plan(prompts_of(forty, [0]), forty[0].geometry.array_spacing, SIDES).groups
    assert [len(group.ids) for group in groups] == [MANY_CLASSES] * 5
    for group in groups:
        shown = np.argwhere(np.isin(forty[1].array[0], group.ids))
        assert np.prod(np.ptp(shown, axis=0)) < 0.4 * 40 * 48


def test_the_spacing_follows_the_axis() -> None:
    assert slice_spacing((3.0, 2.0, 1.0), 0) == (3.0, 2.0, 1.0)
    assert slice_spacing((3.0, 2.0, 1.0), 1) == (2.0, 3.0, 1.0)
    assert slice_spacing((3.0, 2.0, 1.0), 2) == (1.0, 3.0, 2.0)


def test_the_canvas_shows_all_labels_with_a_margin(tube, prompts_of) -> None:
    prompts = prompts_of(tube, [2, 10])
    plan = make_plan(prompts, tube[0].geometry.array_spacing, SIDES)
    assert plan.axis == 0 and plan.spacing == (2.0, 1.0, 1.0)
    (group,) = plan.groups
    assert group.ids == (3, 300)
    ends = group.canvas.to_slice(np.array([[-0.5, -0.5], [group.canvas.side - 0.5] * 2]))
    labelled = np.argwhere(np.stack([prompt.labels for prompt in prompts]).any(0))
    assert (ends[0] < labelled.min(0) - 3).all() and (ends[1] > labelled.max(0) + 3).all()
    drawn = group.canvas.draw_labels(prompts[0].labels, group.ids)
    assert set(np.unique(drawn)) == {0, 1, 2}


@pytest.mark.parametrize(
    ("size", "side", "scale"), [(10, 32, 0.5), (20, 32, 1.0), (36, 64, 1.0), (80, 180, 1.0)]
)
def test_the_canvas_has_the_slices_own_pixels_if_there_are_not_fewer(
    size: int, side: int, scale: float
) -> None:
    labels = np.zeros((2, 140, 140), np.uint16)
    labels[:, 28 : 28 + size, 28 : 28 + size] = 1  # on the grid that canvases begin on
    image = Volume(np.random.default_rng(0).normal(size=labels.shape), Geometry.identity(labels.shape))
    prompts = PromptSet.from_labelmap(image, LabelMap.of(labels, image.geometry), axis=0).prompts
    (group,) = make_plan(prompts, (1.0, 1.0, 1.0), SIDES).groups
    assert group.canvas.side == side
    assert group.canvas.scale == pytest.approx((scale, scale))
    if scale == 1.0:  # pixel for pixel: nothing is blurred
        corner = group.canvas.to_slice(np.zeros(2))
        np.testing.assert_allclose(corner, np.round(corner), atol=1e-9)


def test_a_coarse_canvas_shows_nothing_beyond_the_slice() -> None:
    shown = np.zeros((1, 150, 200), bool)
    shown[0, 10:140, 10:180] = True
    canvas = fit_canvas(shown, (0.7, 0.7), SIDES)
    assert canvas.side == SIDES[-1]
    assert canvas.scale == pytest.approx((200 / SIDES[-1],) * 2)  # the longer side; with margins 170 * 1.6
    assert canvas.center == pytest.approx((74.5, 99.5))


@settings(max_examples=40, deadline=None)
@given(st.integers(100, 300), st.integers(100, 300), st.integers(0, 50), st.integers(0, 50))
def test_a_canvas_in_tiles_lies_on_the_pixels_of_the_slice(
    rows: int, columns: int, top: int, left: int
) -> None:
    shown = np.zeros((1, 320, 310), bool)
    shown[0, top : top + rows, left : left + columns] = True
    canvas = fit_canvas(shown, (0.7, 0.7), SIDES, tiled=True)
    assert canvas.side > SIDES[-1] and canvas.scale == pytest.approx((1, 1))
    ends = canvas.to_slice(np.array([[-0.5, -0.5], [canvas.side - 0.5, canvas.side - 0.5]]))
    np.testing.assert_allclose((ends + 0.5) % 1, 0, atol=1e-6)
    here = np.argwhere(shown[0])
    assert (ends[0] < here.min(0)).all() and (ends[1] > here.max(0)).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(0, 100), st.integers(0, 90))
def test_a_draft_lies_on_whole_pixels_of_the_slice(rows: int, columns: int, top: int, left: int) -> None:
    """Or on whole parts of them; unless the slice has more than any canvas."""
    shown = np.zeros((1, 200, 200), bool)
    shown[0, top : top + rows, left : left + columns] = True
    canvas = fit_canvas(shown, (0.7, 0.7), SIDES)
    if canvas.scale[0] > 1:
        assert canvas.side == SIDES[-1]
        return
    draft = canvas.resized(draft_side(ClassGroup((1,), canvas, Window(0, 1)), 9))
    parts = round(1 / draft.scale[0])
    assert draft.scale == pytest.approx((1 / parts, 1 / parts))
    assert LEAST_SHARE * canvas.side <= draft.side <= canvas.side
    ends = draft.to_slice(np.array([[-0.5, -0.5], [draft.side - 0.5, draft.side - 0.5]]))
    np.testing.assert_allclose((ends + 0.5) % 1, 0, atol=1e-6)


def test_the_window_shows_what_is_labelled(tube, prompts_of) -> None:
    image, labels = tube
    bone = image.array.copy()
    bone[:, 36:, 32:] = 5000
    prompts = prompts_of((replace(image, array=bone), labels), [2, 10])
    (group,) = make_plan(prompts, (2.0, 1.0, 1.0), SIDES).groups
    assert group.window.low < 55 and 115 < group.window.high < 1500


def test_slices_that_show_nothing_have_the_window_of_their_volume(tube, prompts_of) -> None:
    image, labels = tube
    blank = image.array.copy()
    blank[2] = 7
    prompts = prompts_of((replace(image, array=blank), labels), [2])
    (group,) = make_plan(prompts, (2.0, 1.0, 1.0), SIDES).groups
    assert group.window == prompts[0].window


def other_volume(case: tuple[Volume, LabelMap]) -> tuple[Volume, LabelMap]:
    """The same anatomy at twice the resolution in-plane, brighter and with more contrast."""
    image, labels = case
    depth, height, width = image.array.shape
    geometry = Geometry((depth, 2 * height, 2 * width), (0.5, 0.5, 2.0))
    array = image.array.repeat(2, 1).repeat(2, 2) * 5 + 1000
    return Volume(array, geometry, "other"), LabelMap.of(labels.array.repeat(2, 1).repeat(2, 2), geometry)


def test_a_volume_without_labels_is_planned_as_the_others_are(tube, prompts_of) -> None:
    own = make_plan(prompts_of(tube, [2, 10]), (2.0, 1.0, 1.0), SIDES)
    plan = plan_from_others(prompts_of(other_volume(tube), [2, 10]), tube[0], SIDES)
    assert plan.axis == 0 and plan.spacing == own.spacing
    (expected,), (group,) = own.groups, plan.groups
    assert group.ids == expected.ids and group.canvas.shape == (40, 36)
    np.testing.assert_allclose(group.canvas.center, expected.canvas.center, atol=1)
    np.testing.assert_allclose(group.canvas.scale, expected.canvas.scale, rtol=0.1)
    assert group.window.low == pytest.approx(expected.window.low, abs=5)
    assert group.window.high == pytest.approx(expected.window.high, abs=5)


def test_others_may_have_slices_of_different_sizes(tube, prompts_of) -> None:
    prompts = [*prompts_of(tube, [2]), *prompts_of(other_volume(tube), [10])]
    (group,) = plan_from_others(prompts, tube[0], SIDES).groups
    assert group.ids == (3, 300)


def test_a_prompt_of_another_volume_is_framed_for_the_group_at_its_scale(forty, prompts_of) -> None:
    (prompt,) = prompts_of(other_volume(forty), [2])
    (local,) = prompts_of(forty, [2])
    for group in make_plan([local], (1.0, 1.0, 1.0), SIDES).groups:
        pixel_mm = group.canvas.pixel_mm((1.0, 1.0))
        fitted = fit_prompt(group, prompt, pixel_mm)
        assert fitted.ids == group.ids and fitted.canvas.side == group.canvas.side
        assert fitted.canvas.pixel_mm((0.5, 0.5)) == pytest.approx(pixel_mm)
        # Pixel centres of the finer grid lie a quarter of a coarse pixel beside.
        np.testing.assert_allclose(fitted.canvas.center, 2 * np.array(group.canvas.center) + 0.5, atol=1.01)
        drawn = fitted.canvas.draw_labels(prompt.labels, group.ids)
        assert set(np.unique(drawn)) == set(range(len(group.ids) + 1))


def test_a_prompt_without_a_class_of_the_group_shows_what_it_has(tube, prompts_of) -> None:
    (prompt,) = prompts_of(tube, [2])
    (group,) = make_plan([prompt], (2.0, 1.0, 1.0), SIDES).groups
    fitted = fit_prompt(ClassGroup((77,), group.canvas, group.window), prompt, 1.0)
    assert fitted.ids == (77,)
    assert not fitted.canvas.draw_labels(prompt.labels, (77,)).any()
    assert fitted.canvas.draw_labels(prompt.labels, (3, 300)).any()
