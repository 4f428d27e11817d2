"""Known values of Dice, surface Dice and HD95 on boxes; what empty classes count for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from MVGCore import metrics
from MVGCore.errors import InputError

SPACING = (3.0, 1.0, 0.5)


@pytest.fixture()
def surface_library() -> None:
    pytest.importorskip("surface_distance", reason="surface measures need the surface-distance package")


def box(k: slice, j: slice, i: slice, shape: tuple[int, int, int] = (20, 24, 40)) -> np.ndarray:
    mask = np.zeros(shape, dtype=bool)
    mask[k, j, i] = True
    return mask


CENTRE = box(slice(5, 11), slice(5, 15), slice(10, 30))


def test_dice_of_boxes_that_share_half_is_one_half() -> None:
    truth = box(slice(5, 11), slice(0, 8), slice(0, 8)).astype(np.uint8)
    result = box(slice(5, 11), slice(4, 12), slice(0, 8)).astype(np.uint8)
    assert metrics.dice_per_class(truth, result, [1]) == {1: pytest.approx(0.5)}


def test_dice_leaves_out_what_both_lack_and_punishes_what_one_lacks() -> None:
    truth = np.zeros((4, 4, 4), np.uint16)
    result = truth.copy()
    truth[0], result[1], truth[2], result[2] = 300, 2, 3, 3
    assert metrics.dice_per_class(truth, result, [2, 3, 4, 300]) == {300: 0.0, 2: 0.0, 3: 1.0}


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_dice_is_the_overlap_over_the_mean_size(data: st.DataObject) -> None:
    seed = data.draw(st.integers(0, 10_000))
    rng = np.random.default_rng(seed)
    truth, result = rng.integers(0, 4, (2, 3, 5, 4)).astype(np.uint8)
    for class_id, value in metrics.dice_per_class(truth, result, [1, 2, 3]).items():
        a, b = truth == class_id, result == class_id
        assert value == pytest.approx(2 * (a & b).sum() / (a.sum() + b.sum()))


@pytest.mark.usefixtures("surface_library")
@pytest.mark.parametrize(("axis", "steps"), [(0, 2), (1, 3), (2, 4)])
def test_hd95_of_a_shifted_box_is_the_shift_in_millimetres(axis: int, steps: int) -> None:
    moved = np.roll(CENTRE, steps, axis=axis)
    assert metrics.hd95_mm(CENTRE, moved, SPACING) == pytest.approx(steps * SPACING[axis])


@pytest.mark.usefixtures("surface_library")
def test_surface_dice_tolerates_what_it_is_told_to() -> None:
    moved = np.roll(CENTRE, 2, axis=1)  # 2 mm
    within = metrics.surface_dice(CENTRE, moved, SPACING, tolerance_mm=2.0)
    beyond = metrics.surface_dice(CENTRE, moved, SPACING, tolerance_mm=1.0)
    assert within == pytest.approx(1.0)
    assert beyond is not None and 0.3 < beyond < 0.95


@pytest.mark.usefixtures("surface_library")
def test_surface_measures_of_empty_masks() -> None:
    empty = np.zeros_like(CENTRE)
    assert metrics.surface_measures(empty, empty, SPACING, 1.0) == (None, None)
    assert metrics.surface_measures(CENTRE, empty, SPACING, 1.0) == (0.0, None)
    assert metrics.surface_measures(empty, CENTRE, SPACING, 1.0) == (0.0, None)


@pytest.mark.usefixtures("surface_library")
def test_a_mask_that_fills_the_volume_matches_itself() -> None:
    full = np.ones((4, 4, 4), bool)
    assert metrics.surface_measures(full, full, SPACING, 1.0) == (pytest.approx(1.0), 0.0)


def test_score_leaves_out_the_given_slices_and_lists_classes_never_shown() -> None:
    truth = np.zeros((6, 8, 8), np.uint8)
    truth[:, 0:4, 0:4] = 1
    truth[2, 6, 6] = 2  # only in the labelled slice
    truth[4, 7, 7] = 3  # never shown
    result = np.zeros_like(truth)
    result[3:, 0:4, 0:4] = 1
    score = metrics.score_propagation(truth, result, SPACING, 0, [2], {1: "organ"}, surfaces=False)
    (organ,) = score.classes
    assert (organ.name, organ.truth_voxels, organ.result_voxels) == ("organ", 5 * 16, 3 * 16)
    assert organ.dice == pytest.approx(2 * 3 / (5 + 3))
    assert score.never_shown == (3,)


@pytest.mark.usefixtures("surface_library")
def test_score_of_a_perfect_result() -> None:
    truth = CENTRE.astype(np.uint8)
    score = metrics.score_propagation(truth, truth, SPACING, 2, [15], surfaces=True)
    assert (score.dice, score.surface_dice, score.hd95_mm) == (pytest.approx(1.0), pytest.approx(1.0), 0.0)


def test_means_ignore_undefined_values() -> None:
    assert metrics.mean([1.0, None, 0.0]) == 0.5
    assert metrics.mean([None]) is None
    assert metrics.Score(()).dice is None


def test_maps_of_different_shape_are_refused() -> None:
    with pytest.raises(InputError, match="differ in shape"):
        metrics.dice_per_class(np.zeros((2, 2, 2), np.uint8), np.zeros((2, 2, 3), np.uint8), [1])
