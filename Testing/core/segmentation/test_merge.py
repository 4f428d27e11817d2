"""Merging the answers of groups."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from MVGCore.segmentation.fuse.calibration import Curve, Sureness
from MVGCore.segmentation.fuse.merge import PLAUSIBLE, average, merge_groups
from MVGCore.segmentation.plan.plan import ClassGroup
from MVGCore.volume.canvas import Canvas
from MVGCore.volume.normalise import Window

SHAPE = (9, 11)
WINDOW = Window(0, 1)


def group_of(*ids: int, canvas: Canvas | None = None) -> ClassGroup:
    return ClassGroup(ids, canvas or Canvas(SHAPE, 11, (4.0, 5.0), (1.0, 1.0)), WINDOW)


def answers(classes: int, seed: int, side: int = 11) -> np.ndarray:
    """(classes + 1, side, side) random probabilities, background first."""
    odds = np.random.default_rng(seed).exponential(size=(classes + 1, side, side)) ** 2
    return (odds / odds.sum(0)).astype(np.float32)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_one_group_keeps_its_own_answer(classes: int, seed: int) -> None:
    ids = tuple(range(100, 100 + classes))
    planes = answers(classes, seed)
    merged = merge_groups([group_of(*ids)], [planes[1:]], SHAPE)
    own = planes[:, 1:10]  # the canvas is higher than the slice
    np.testing.assert_array_equal(merged.labels, np.array([0, *ids])[own.argmax(0)])
    np.testing.assert_allclose(merged.confidence, own.max(0), atol=2e-3)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_groups_does_not_matter(seed: int) -> None:
    groups = [group_of(1, 2), group_of(3), group_of(4, 5, 6)]
    planes = [answers(len(group.ids), seed + n)[1:] for n, group in enumerate(groups)]
    one = merge_groups(groups, planes, SHAPE)
    other = merge_groups(groups[::-1], planes[::-1], SHAPE)
    np.testing.assert_array_equal(one.labels, other.labels)
    np.testing.assert_allclose(one.confidence, other.confidence, rtol=1e-4)
    assert one.confidence.min() > 0 and one.confidence.max() <= 1


def test_groups_share_their_doubt() -> None:
    sure, unsure = (np.full((1, 11, 11), p, np.float32) for p in (0.9, 0.6))
    merged = merge_groups([group_of(1), group_of(2)], [sure, unsure], SHAPE)
    assert (merged.labels == 1).all()
    np.testing.assert_allclose(merged.confidence, 9 / (1 + 9 + 1.5), rtol=1e-4)


def test_an_absent_group_changes_nothing() -> None:
    planes = answers(2, 0)[1:]
    alone = merge_groups([group_of(1, 2)], [planes], SHAPE)
    blank = np.zeros((1, 11, 11), np.float32)
    merged = merge_groups([group_of(1, 2), group_of(9)], [planes, blank], SHAPE)
    np.testing.assert_array_equal(merged.labels, alone.labels)
    np.testing.assert_array_equal(merged.confidence, alone.confidence)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 6), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_sets_of_examples_have_equal_votes(classes: int, sets: int, seed: int) -> None:
    told = [answers(classes, seed + n)[None, 1:] for n in range(sets)]
    every = np.ones(classes, bool)
    np.testing.assert_allclose(average(told, [every] * sets), np.mean(told, axis=0), atol=2e-3)
    np.testing.assert_allclose(average(told[:1] * sets, [every] * sets), told[0], atol=2e-3)


def test_a_set_that_does_not_show_a_class_has_no_vote_on_it() -> None:
    knows = np.array([0.6, 0.2], np.float32).reshape(1, 2, 1, 1)
    does_not = np.array([0.6, 0.0], np.float32).reshape(1, 2, 1, 1)
    both = average([knows, does_not], [np.array([True, True]), np.array([True, False])])
    # Odds against background: of the first class 1.2 / (.2 + .4), of the second .2 / .2.
    np.testing.assert_allclose(both.ravel(), np.array([2.0, 1.0]) / 4, atol=1e-6)
    neither = average([does_not, does_not], [np.array([True, False])] * 2)
    np.testing.assert_allclose(neither.ravel(), [0.6, 0.0], atol=1e-6)


@pytest.mark.parametrize("certain", [0.0, 1.0])
def test_certainty_stays_finite(certain: float) -> None:
    planes = np.full((1, 11, 11), certain, np.float32)
    merged = merge_groups([group_of(7)], [planes], SHAPE)
    assert (merged.labels == 7 * certain).all()
    np.testing.assert_allclose(merged.confidence, 1, atol=1e-3)


def test_beyond_its_canvas_a_group_has_no_say() -> None:
    corner = Canvas(SHAPE, 6, (1.0, 1.0), (0.5, 0.5))
    merged = merge_groups([group_of(5, canvas=corner)], [np.ones((1, 6, 6), np.float32)], SHAPE)
    expected = np.zeros(SHAPE, np.uint16)
    expected[:3, :3] = 5
    np.testing.assert_array_equal(merged.labels, expected)
    assert (merged.confidence[expected == 0] == 1).all()


def test_a_canvas_beside_the_slice_is_no_error() -> None:
    outside = Canvas(SHAPE, 6, (30.0, -20.0), (1.0, 1.0))
    merged = merge_groups([group_of(5, canvas=outside)], [np.ones((1, 6, 6), np.float32)], SHAPE)
    assert not merged.labels.any()


def test_areas_are_what_the_probabilities_say() -> None:
    planes = answers(2, 3)
    merged = merge_groups([group_of(4, 9)], [planes[1:]], SHAPE)
    own = planes[:, 1:10]
    for position, class_id in enumerate((4, 9), start=1):
        areas, chosen = merged.areas[class_id], merged.labels == class_id
        assert areas.chosen == chosen.sum()
        plausible = chosen | (own[position] > PLAUSIBLE)
        assert areas.expected == pytest.approx(own[position][plausible].sum(), rel=5e-3)
        assert areas.overlap == pytest.approx(own[position][chosen].sum(), rel=5e-3)
    both = merged.areas[4] + merged.areas[9]
    assert both.chosen == (merged.labels > 0).sum()


def test_what_the_confidence_is_worth_moves_the_areas_along() -> None:
    planes = answers(3, 5)
    stated = merge_groups([group_of(1, 2, 3)], [planes[1:]], SHAPE)
    modest = merge_groups(
        [group_of(1, 2, 3)], [planes[1:]], SHAPE, Sureness(Curve(1.0, -0.5), Curve(1.0, -0.5))
    )
    np.testing.assert_array_equal(stated.labels, modest.labels)
    assert (modest.confidence < stated.confidence).all()
    for class_id in (1, 2, 3):
        assert modest.areas[class_id].overlap < stated.areas[class_id].overlap
    background = (1 - modest.confidence[modest.labels > 0]).sum()
    assert sum(each.expected for each in modest.areas.values()) < SHAPE[0] * SHAPE[1]
    assert background > 0


def test_a_favoured_class_is_chosen_earlier_and_its_confidence_is_not_raised() -> None:
    planes = np.full((2, 11, 11), 0.3, np.float32)
    planes[1] = 0.25
    class_odds = [np.array([1.0, 2.0], np.float32)]
    merged = merge_groups([group_of(5, 6)], [planes], SHAPE, class_odds=class_odds)
    assert (merged.labels == 6).all()
    np.testing.assert_allclose(merged.confidence, 0.25, rtol=1e-4)
    assert merged.areas[6].overlap < merged.areas[6].chosen == 99
