"""A noisy image judges its own denoising."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from MVGCore.images.noise import Noise
from MVGCore.images.recorrupted import MORE, STRENGTHS, RecorruptedSlab, best_strength


def split_of(kind: str, value: float = 0.8, level: float = 0.05) -> tuple[torch.Tensor, RecorruptedSlab]:
    rng = np.random.default_rng(0)
    clean = torch.full((3, 120, 120), value)
    clean[:, :20] = 0
    noise = Noise(kind, level)
    return clean, RecorruptedSlab.of(noise.add(clean, rng), clean, 7, 1, noise, rng)


@pytest.mark.parametrize("kind", ["gaussian", "rician", "poisson"])
def test_the_two_noises_are_independent_and_as_strong_as_said(kind: str) -> None:
    clean, split = split_of(kind)
    first, second = ((each - clean)[:, 20:].flatten() for each in (split.noisier, split.other))
    correlation = float(torch.corrcoef(torch.stack((first, second)))[0, 1])
    assert abs(correlation) < 0.02
    expected = split.noise.deviation(clean)[0, 50, 50]
    assert float(first.std()) == pytest.approx(float(expected), rel=0.05)
    assert float(second.std() / first.std()) == pytest.approx(1 / MORE, rel=0.05)


def test_air_counts_unless_noise_is_rician() -> None:
    assert not split_of("gaussian")[1].air.any()
    air = split_of("rician")[1].air
    assert air[0, :20].all() and not air[0, 20:].any()


@pytest.mark.parametrize("best", STRENGTHS)
def test_the_strength_that_comes_nearest_is_found(best: float) -> None:
    """A draft whose error grows with the distance from one strength."""
    clean, split = split_of("gaussian")

    def draft(each: RecorruptedSlab, strength: float) -> torch.Tensor:
        return clean[[each.row]] + abs(strength - best)

    assert best_strength([split, split], draft) == best
    assert best_strength([], draft) == 1.0
