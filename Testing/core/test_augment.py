"""Random changes that leave an anatomy what it is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from MVGCore.augment import change_contrast, random_warp, spoil

seeds = st.integers(0, 2**32 - 1)


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_images_stay_in_range_and_shape(seed: int) -> None:
    rng = np.random.default_rng(seed)
    images = torch.from_numpy(rng.random((2, 3, 24, 24), dtype=np.float32))
    for change in (change_contrast, spoil):
        changed = change(images, rng)
        assert changed.shape == images.shape and changed.dtype == torch.float32
        assert changed.min() >= 0 and changed.max() <= 1


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_the_same_seed_changes_alike(seed: int) -> None:
    images = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    for _ in range(2):
        one, other = np.random.default_rng(seed), np.random.default_rng(seed)
        torch.testing.assert_close(random_warp(16, 0.9, one), random_warp(16, 0.9, other))
        torch.testing.assert_close(change_contrast(images, one), change_contrast(images, other))
        torch.testing.assert_close(spoil(images, one), spoil(images, other))


def test_contrast_is_changed_alike_in_all_images() -> None:
    """Equal intensities in two images stay equal, but for the bias field, which is that of the place."""
    images = torch.rand(1, 1, 16, 16).expand(4, 3, -1, -1)
    for seed in range(20):
        changed = change_contrast(images, np.random.default_rng(seed))
        torch.testing.assert_close(changed, changed[:1, :1].expand_as(changed))


@pytest.mark.parametrize("reach", [0.5, 1.0])
def test_a_warp_sees_the_share_of_the_source_that_is_asked_for(reach: float) -> None:
    """A disc of a quarter of the source's side appears so much larger."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 64), indexing="ij")
    disc = (torch.hypot(x, y) < 0.25).float()[None, None]
    sizes = []
    for seed in range(20):
        grid = random_warp(64, reach, np.random.default_rng(seed))
        assert grid.shape == (1, 64, 64, 2)
        sizes.append(float(F.grid_sample(disc, grid, align_corners=False).sum() / disc.sum()))
    assert np.mean(sizes) == pytest.approx(1 / reach**2, rel=0.15)


def test_a_shift_stays_within_its_limit() -> None:
    centres = [
        random_warp(33, 1.0, np.random.default_rng(seed), 0.0, shift=0.2)[0, 16, 16] for seed in range(30)
    ]
    far = torch.stack(centres).abs().max()
    assert 0.1 < far < 0.2 + 0.15  # and what bending adds
