"""Expected Dice from areas, and the slice to label next."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from MVGCore.segmentation.fuse.calibration import AS_STATED, OBVIOUS, SHIPPED_CALIBRATION, Curve, Sureness
from MVGCore.segmentation.fuse.extents import Doubt
from MVGCore.segmentation.fuse.merge import Areas
from MVGCore.segmentation.review.expected_dice import (
    DiceLine,
    DiceLines,
    class_estimates,
    slice_estimate,
    stated_dice,
    summed,
    volume_estimate,
)
from MVGCore.segmentation.review.next_slice import expected_errors, next_slice_to_label

GOOD, POOR = Areas(100, 100, 95), Areas(100, 60, 40)
confidences = st.lists(st.floats(0.01, 0.999), min_size=2, max_size=20)


@given(confidences)
@settings(max_examples=30, deadline=None)
def test_confidence_keeps_its_order(values: list[float]) -> None:
    stated = np.sort(np.array(values, np.float32))
    for curve in (Curve(1.3, -0.4), Curve(0.7, 0.2)):
        right = curve(stated)
        assert (np.diff(right) >= 0).all() and right.min() > 0 and right.max() < 1
    np.testing.assert_allclose(Curve()(stated), stated, rtol=1e-4)


def test_obvious_background_stays_obvious() -> None:
    stated = np.array([0.5, 0.999, 0.999], np.float32)
    right = Sureness(Curve(1, -1), Curve(1, -1))(stated, np.array([0, 0, 7], np.uint16))
    assert right[1] == stated[1] > OBVIOUS and right[0] < 0.5 and right[2] < 0.999


def test_slices_beyond_the_labelled_ones_have_curves_of_their_own() -> None:
    assert (
        SHIPPED_CALIBRATION.of(True) is SHIPPED_CALIBRATION.beyond
        and SHIPPED_CALIBRATION.of(False) is SHIPPED_CALIBRATION.between
    )
    assert AS_STATED.of(True)(np.array([0.7], np.float32), np.array([1], np.uint16)) == pytest.approx(0.7)


def test_the_stated_dice_is_that_of_the_expected_areas() -> None:
    assert stated_dice(GOOD) == pytest.approx(0.95)
    assert stated_dice(Areas(10, 10, 10)) == 1 and stated_dice(Areas(10, 0, 0)) == 0


def test_a_line_says_how_far_it_may_be_off() -> None:
    line = DiceLine(0.1, 0.8, 0.02, 0.2)
    assert line(0.5).value == pytest.approx(0.5) and line(0.5).error == pytest.approx(0.12)
    assert line(2.0).value == 1 and DiceLine()(-1.0).value == 0 and DiceLine(spread=0)(1.0).error > 0


def test_classes_and_slices_are_averaged_and_specks_are_not_judged() -> None:
    lines = DiceLines()
    areas = {1: GOOD, 2: POOR, 3: Areas(2, 1, 0)}
    expected = (stated_dice(GOOD) + stated_dice(POOR)) / 2
    for estimate in (slice_estimate(areas, lines), volume_estimate(areas, lines)):
        assert estimate is not None and estimate.value == pytest.approx(expected)
    assert set(class_estimates(areas, lines)) == {1, 2}
    assert slice_estimate({3: areas[3]}) is None and volume_estimate({}) is None
    assert summed([{1: GOOD}, {1: GOOD, 2: POOR}]) == {1: Areas(200, 200, 190), 2: POOR}


def test_a_small_structure_counts_as_much_as_a_large_one() -> None:
    large, small = Areas(1000, 1000, 900), Areas(10, 10, 9)
    errors = expected_errors({0: {1: large}, 1: {2: small}})
    assert errors[1] > 0.1 * errors[0]  # ten times as much as by its pixels


def test_a_speck_counts_little() -> None:
    slices = {n: {1: Areas(100, 100, 80), 2: Areas(0, 1, 0)} for n in range(5)}
    slices[3] = {1: Areas(100, 100, 80), 2: Areas(1, 1, 0)}
    errors = expected_errors(slices)
    assert errors[3] < 1.3 * errors[2]


def test_where_all_is_equally_unsure_the_middle_of_the_widest_gap_is_next() -> None:
    slices = {n: {1: POOR} for n in range(30) if n not in (2, 20, 29)}
    assert next_slice_to_label(slices, (2, 20, 29), 30) == 11


def test_one_bad_slice_is_next() -> None:
    slices = {n: {1: GOOD} for n in range(30) if n not in (2, 20, 29)}
    slices[24] = {1: Areas(100, 100, 1)}
    assert next_slice_to_label(slices, (2, 20, 29), 30) == 24


@pytest.mark.parametrize(("sure", "proposed"), [(90, 11), (60, 28)])
def test_the_middle_of_a_wide_gap_is_next_before_a_slice_that_is_a_little_unsure(
    sure: int, proposed: int
) -> None:
    slices = {n: {1: Areas(100, 100, 99)} for n in range(30) if n not in (2, 20, 29)}
    slices[28] = {1: Areas(100, 100, sure)}
    assert next_slice_to_label(slices, (2, 20, 29), 30) == proposed


def test_where_nothing_is_wrong_nothing_is_next() -> None:
    assert next_slice_to_label({3: {1: Areas(9, 9, 9)}, 4: {}}, (0, 9), 10) is None
    assert next_slice_to_label({}, (0,), 1) is None


areas_of = st.builds(Areas, st.floats(0, 99), st.floats(0, 99), st.floats(0, 9))
doubt_of = st.builds(Doubt, st.floats(0, 1), st.floats(0, 99), st.just(0))


@given(
    st.dictionaries(st.integers(0, 12), st.dictionaries(st.integers(1, 3), areas_of, max_size=3)),
    st.dictionaries(st.integers(0, 12), st.dictionaries(st.integers(1, 3), doubt_of, max_size=2)),
    st.sets(st.integers(0, 12)),
    st.sets(st.integers(0, 12)),
)
@settings(max_examples=100, deadline=None)
def test_a_slice_without_image_or_structure_is_proposed_only_where_an_end_is_unsure(
    slices: dict[int, dict[int, Areas]],
    doubts: dict[int, dict[int, Doubt]],
    known: set[int],
    black: set[int],
) -> None:
    proposed = next_slice_to_label(slices, sorted(known), 13, lambda index: index not in black, doubts)
    if proposed is None:
        return
    assert proposed in slices and proposed not in known
    structure = any(each.chosen > 0 or each.expected > 8 for each in slices[proposed].values())
    unsure = any(0.1 < each.presence < 0.9 and each.area > 8 for each in doubts.get(proposed, {}).values())
    assert unsure or (structure and proposed not in black)


def test_the_next_best_slice_is_proposed_in_place_of_one_that_shows_nothing() -> None:
    slices = {n: {1: GOOD} for n in range(30) if n not in (2, 20, 29)}
    slices[24] = {1: Areas(900, 900, 10)}
    assert next_slice_to_label(slices, (2, 20, 29), 30) == 24
    assert next_slice_to_label(slices, (2, 20, 29), 30, lambda index: index != 24) not in (24, None)
    unsure = {24: {1: Doubt(0.5, 100, 24)}}
    assert next_slice_to_label(slices, (2, 20, 29), 30, lambda index: index != 24, unsure) == 24


def test_beyond_the_last_label_a_slice_some_way_out_is_next() -> None:
    slices = {n: {1: POOR} for n in range(1, 21)}
    chosen = next_slice_to_label(slices, (0,), 21)
    assert chosen is not None and 3 < chosen < 21
