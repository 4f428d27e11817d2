"""Noise is recognised, measured, taken away and made."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from MVGCore.drafts.image import denoise_draft
from MVGCore.images.dct import dct_denoise
from MVGCore.images.noise import NOISE_KINDS, Noise, measure_noise


@pytest.fixture(scope="module")
def clean() -> np.ndarray:
    """Smooth organs of several brightnesses in air; (9, 96, 96) in 0..1."""
    rng = np.random.default_rng(5)
    field = ndimage.gaussian_filter(rng.normal(size=(9, 96, 96)), (2, 8, 8))
    levels = np.digitize(field, np.quantile(field, [0.4, 0.55, 0.7, 0.85])) / 4
    return ndimage.gaussian_filter(levels, (0, 0.7, 0.7)).astype(np.float32)


def noisy(clean: np.ndarray, kind: str, level: float) -> torch.Tensor:
    return Noise(kind, level).add(torch.from_numpy(clean), np.random.default_rng(1))


def planes_of(stack: torch.Tensor) -> torch.Tensor:
    return torch.stack([stack[[k - 1, k, k + 1]] for k in (2, 4, 6)])


@pytest.mark.parametrize("kind", NOISE_KINDS)
@pytest.mark.parametrize("level", [0.1, 0.2])
def test_kind_and_level_are_found(clean: np.ndarray, kind: str, level: float) -> None:
    planes = planes_of(noisy(clean, kind, level))
    found = measure_noise(planes, denoise_draft(planes))
    assert found.kind == kind
    assert found.level == pytest.approx(level, rel=0.15)


@pytest.mark.parametrize("kind", NOISE_KINDS)
def test_shrinking_takes_the_noise_and_the_bias_away(clean: np.ndarray, kind: str) -> None:
    given = noisy(clean, kind, 0.1)
    noise = Noise(kind, 0.1)
    stable, sigma = noise.stabilise(given)
    found = noise.restore(dct_denoise(stable, sigma, [3, 4]))
    truth = torch.from_numpy(clean[3:5])
    before = float((given[3:5] - truth).square().mean())
    after = float((found - truth).square().mean())
    assert found.shape == (2, 96, 96) and after < before / 5
    assert abs(float((found - truth)[truth < 0.02].mean())) < 0.03  # a magnitude of noise alone would be .125


@pytest.mark.parametrize("kind", NOISE_KINDS)
def test_made_noise_has_the_mean_and_the_deviation_it_says(kind: str) -> None:
    noise = Noise(kind, 0.1, floor=-0.2)
    for value in (0.0, 0.3, 0.9):
        clean = torch.full((200, 200), value)
        made = noise.add(clean, np.random.default_rng(0))
        mean = noise.mean(clean)
        assert float(made.mean()) == pytest.approx(float(mean[0, 0]), abs=0.003)
        assert float(made.std()) == pytest.approx(float(noise.deviation(mean)[0, 0]), rel=0.03)


@pytest.mark.parametrize("kind", NOISE_KINDS)
def test_noise_in_another_window_is_the_same_noise(kind: str) -> None:
    noise, clean = Noise(kind, 0.2, floor=0.1), torch.full((300, 300), 0.6)
    made = noise.add(clean, np.random.default_rng(2))
    scaled = noise.rescaled(0.1, 0.7).add((clean - 0.1) / 0.6, np.random.default_rng(2))
    assert torch.allclose(scaled, (made - 0.1) / 0.6, atol=1e-4)


def test_an_image_without_noise_has_next_to_none(clean: np.ndarray) -> None:
    planes = planes_of(torch.from_numpy(clean))
    assert measure_noise(planes, denoise_draft(planes)).level < 0.01


@pytest.mark.parametrize("shape", [(1, 5, 7), (2, 9, 8), (9, 40, 33)])
def test_shrinking_keeps_shapes_and_smooth_images(shape: tuple[int, ...]) -> None:
    smooth = torch.linspace(0, 1, shape[2]).expand(shape).contiguous()
    found = dct_denoise(smooth, 1e-4, range(shape[0]))
    assert found.shape == smooth.shape
    assert torch.allclose(found, smooth, atol=1e-3)
