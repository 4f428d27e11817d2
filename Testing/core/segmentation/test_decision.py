"""Choosing labels by the Dice to expect."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from MVGCore.segmentation.fuse.decision import LEAST_SHARE, dice_factors, fit_class_odds
from MVGCore.segmentation.fuse.merge import PLAUSIBLE


def hills(seed: int, count: int = 6, side: int = 24, steep: float = 4.0) -> np.ndarray:
    """(count, 1, side, side) probabilities that fall off around a place, up to some height."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side]
    place, height = rng.uniform(6, side - 6, (2, count)), rng.uniform(-1.5, 3, count)
    distance = np.hypot(y - place[0][:, None, None], x - place[1][:, None, None])
    odds = np.exp(height[:, None, None] + steep - distance)
    return (odds / (1 + odds))[:, None].astype(np.float32)


def expected_dice(planes: np.ndarray, factor: float) -> float:
    """As the probabilities state it."""
    chosen = planes * factor >= 1 - planes
    return 2 * planes[chosen].sum() / (chosen.sum() + planes[planes > PLAUSIBLE].sum())


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_expected_dice_rises(seed: int) -> None:
    slices = hills(seed)
    (factor,) = dice_factors(list(slices))
    assert 1 <= factor <= (1 - LEAST_SHARE) / LEAST_SHARE
    assert expected_dice(slices, factor) >= expected_dice(slices, 1.0)


def test_true_dice_rises_where_nobody_is_sure() -> None:
    gains = []
    for seed in range(20):
        slices = hills(seed, steep=1.0)
        truth = np.random.default_rng(seed).random(slices.shape) < slices
        (factor,) = dice_factors(list(slices))
        before, after = (
            2 * (truth & chosen).sum() / (truth.sum() + chosen.sum())
            for chosen in (slices > 0.5, slices * factor >= 1 - slices)
        )
        gains.append(after - before)
    assert np.mean(gains) > 0.05 and np.mean(np.array(gains) > 0) > 0.8


def test_what_is_sure_is_left_as_it_is() -> None:
    disc = (hills(1) > 0.5).astype(np.float32)
    np.testing.assert_allclose(dice_factors(list(disc)), 1, atol=1e-4)


def test_a_class_that_is_nowhere_likeliest_is_chosen_where_it_is_likely() -> None:
    faint = np.zeros((1, 2, 8, 8), np.float16)
    faint[0, 0, 2:5, 2:5], faint[0, 1, 6:, 6:] = 0.4, 0.95
    factors = dice_factors(faint)
    assert 0.4 * factors[0] > 0.6 and factors[1] < 1.2


def test_all_slices_count_and_each_group_by_itself() -> None:
    groups = [hills(0), np.concatenate((hills(1), hills(2)), 1)]
    class_odds = fit_class_odds([group[n] for group in groups] for n in range(6))
    assert class_odds is not None and [len(each) for each in class_odds] == [1, 2]
    for factors, group in zip(class_odds, groups, strict=True):
        np.testing.assert_array_equal(factors, dice_factors(list(group[:6])))
