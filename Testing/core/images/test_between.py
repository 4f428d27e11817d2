"""Holes filled from what is before, after and around them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from MVGCore.images.between import USUAL_SHARES, WAYS, best_ways, fill_ways

LINEAR, CUBIC, MOVED, AROUND = range(WAYS)


def whole(rows: list[int], depth: int = 7, side: int = 24) -> torch.Tensor:
    holes = torch.zeros(depth, side, side, dtype=torch.bool)
    holes[rows] = True
    return holes


def test_what_is_known_stays(rng: np.random.Generator) -> None:
    stack = torch.from_numpy(rng.random((6, 15, 18), dtype=np.float32))
    holes = torch.from_numpy(rng.random((6, 15, 18)) < 0.3)
    filled = fill_ways(stack, holes, [0, 3, 5])
    assert filled.shape == (WAYS, 3, 15, 18) and filled.isfinite().all()
    for n, row in enumerate([0, 3, 5]):
        assert torch.equal(filled[:, n][:, ~holes[row]], stack[row][~holes[row]].expand(WAYS, -1))


def test_linear_and_cubic_changes_along_the_slices_are_continued() -> None:
    places = torch.arange(7.0)[:, None, None].expand(7, 24, 24)
    straight = fill_ways(places / 7, whole([2, 3]), [2, 3])
    bent = fill_ways((places / 7) ** 3, whole([3]), [3])
    for way in (LINEAR, CUBIC, MOVED):
        assert torch.allclose(straight[way], places[2:4] / 7, atol=1e-4)
    assert torch.allclose(bent[CUBIC], (places[3:4] / 7) ** 3, atol=1e-4)
    assert not torch.allclose(bent[LINEAR], (places[3:4] / 7) ** 3, atol=1e-3)


def test_a_shape_that_moves_is_found_half_way() -> None:
    y, x = torch.meshgrid(torch.arange(48.0), torch.arange(48.0), indexing="ij")
    stack = torch.stack([torch.exp(-((y - 22) ** 2 + (x - 20 - 2 * k) ** 2) / 60) for k in range(7)])
    filled = fill_ways(stack, whole([2, 3, 4], side=48), [3])
    error = (filled[:, 0] - stack[3]).abs().mean((1, 2))
    assert float(error[MOVED]) < 0.3 * float(error[LINEAR])


def test_a_smooth_slice_is_continued_from_around_the_hole() -> None:
    slope = torch.linspace(0, 1, 30).expand(3, 30, 30).contiguous()
    holes = torch.zeros(3, 30, 30, dtype=torch.bool)
    holes[:, 10:18, 12:20] = True  # there is nothing before and after
    filled = fill_ways(slope, holes, [1])
    assert torch.allclose(filled[AROUND, 0], slope[1], atol=0.05)
    assert torch.allclose(filled[LINEAR], filled[AROUND])


def test_ends_of_the_volume_repeat_what_is_next_to_them() -> None:
    stack = torch.rand(5, 12, 12, generator=torch.Generator().manual_seed(0))
    filled = fill_ways(stack, whole([0, 1], 5, 12), [0, 1])
    for way in (LINEAR, CUBIC, MOVED):
        assert torch.allclose(filled[way], stack[2].expand(2, 12, 12), atol=1e-5)


@pytest.mark.parametrize("best", range(WAYS))
def test_the_way_that_misses_least_gains_most(best: int) -> None:
    error = torch.randn(WAYS, 500, generator=torch.Generator().manual_seed(0))
    error[best] /= 50
    shares = best_ways([error])
    assert sum(shares) == pytest.approx(1)
    assert shares[best] == pytest.approx((1 + USUAL_SHARES[best]) / 2)


def test_ways_whose_errors_cancel_are_mixed() -> None:
    noise, other = torch.randn(2, 500, generator=torch.Generator().manual_seed(0))
    error = torch.stack((noise, -noise, other, other * 2))
    shares = best_ways([error, error])
    assert shares[0] == pytest.approx((0.5 + USUAL_SHARES[0]) / 2) and shares[3] == 0
