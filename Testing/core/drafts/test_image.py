"""The cheap drafts of the image tasks keep what is known and beat doing nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from MVGCore.drafts.image import SynthesisDraft, denoise_draft, estimate_noise, inpaint_draft, membrane
from MVGCore.images.noise import Noise


def anatomy(count: int = 5, side: int = 64, shift: float = 0.1) -> torch.Tensor:
    """(n, H, W) smooth discs that wander from slice to slice, in 0..1."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, side), torch.linspace(-1, 1, side), indexing="ij")
    k = torch.arange(count).view(-1, 1, 1) * shift
    disc = torch.sigmoid((0.5 - torch.hypot(y - 0.3 * k, x)) * 20)
    return 0.2 + 0.5 * disc + 0.2 * torch.sin(6 * x + k)


def error(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).abs().mean())


@pytest.mark.parametrize("level", [0.03, 0.1, 0.2])
def test_the_noise_is_estimated(level: float) -> None:
    noisy = Noise("gaussian", level).add(anatomy(), np.random.default_rng(0))
    assert estimate_noise(noisy) == pytest.approx(torch.full((5,), level), rel=0.15)


def test_an_empty_border_does_not_hide_the_noise() -> None:
    noisy = Noise("gaussian", 0.1).add(anatomy(), np.random.default_rng(0))
    framed = torch.nn.functional.pad(noisy, (60, 60, 60, 60))
    assert estimate_noise(framed) == pytest.approx(torch.full((5,), 0.1), rel=0.3)


@pytest.mark.parametrize("size", [(64, 64), (37, 50)])
@pytest.mark.parametrize("level", [0.05, 0.2])
def test_denoising_removes_most_of_the_noise(size: tuple[int, int], level: float) -> None:
    clean = anatomy()[None, :, : size[0], : size[1]].unfold(1, 3, 1)[0].movedim(-1, 1)
    noisy = Noise("gaussian", level).add(clean, np.random.default_rng(0))
    denoised = denoise_draft(noisy)
    assert denoised.shape == (3, *size)
    assert error(denoised, clean[:, 1]) < 0.45 * error(noisy[:, 1], clean[:, 1])


def test_an_image_without_noise_is_left_alone() -> None:
    clean = anatomy(3)[None]
    assert error(denoise_draft(clean, torch.zeros(1)), clean[:, 1]) < 1e-5


@given(seed=st.integers(0, 1000), share=st.floats(0.05, 0.95))
@settings(max_examples=20, deadline=None)
def test_a_membrane_keeps_known_pixels_and_stays_within_their_range(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    values = torch.from_numpy(rng.random((2, 23, 40), dtype=np.float32))
    known = torch.from_numpy(rng.random((2, 23, 40)) < share)
    filled = membrane(values, known)
    assert torch.equal(filled[known], values[known])
    for image, mask, result in zip(values, known, filled, strict=True):
        assert result.min() >= image[mask].min() - 1e-4 and result.max() <= image[mask].max() + 1e-4


def test_inpainting_uses_the_slices_around_and_meets_the_rim() -> None:
    stack = anatomy(7, shift=0.3)
    holes = torch.zeros_like(stack, dtype=torch.bool)
    holes[2:5, 20:44, 20:44] = True
    filled = inpaint_draft(stack.masked_fill(holes, 0.0), holes, [float(k) for k in range(7)], [3])[0]
    hole = holes[3]
    assert torch.equal(filled[~hole], stack[3][~hole])
    flat = membrane(stack[3:4], ~holes[3:4])[0]
    assert error(filled[hole], stack[3][hole]) < error(flat[hole], stack[3][hole])


def test_a_missing_slice_is_interpolated_by_distance() -> None:
    stack = torch.stack([torch.full((8, 8), v) for v in (0.0, 9.0, 0.9)])
    holes = torch.zeros_like(stack, dtype=torch.bool)
    holes[1] = True
    filled = inpaint_draft(stack, holes, [0.0, 1.0, 3.0], [1])
    torch.testing.assert_close(filled[0], torch.full((8, 8), 0.3))


def test_without_any_neighbour_the_rim_decides() -> None:
    image = torch.full((1, 16, 16), 0.4)
    holes = torch.zeros(1, 16, 16, dtype=torch.bool)
    holes[0, 4:9, 4:9] = True
    filled = inpaint_draft(image.masked_fill(holes, 7.0), holes, [0.0], [0])
    torch.testing.assert_close(filled, image)


def test_synthesis_learns_a_contrast_from_examples_and_repeats_itself() -> None:
    planes = anatomy(9)
    images = planes.unfold(0, 3, 1).movedim(-1, 1)
    target = (1 - images[:, 1]) ** 2 + 0.1 * images[:, 0]
    draft = SynthesisDraft.fit(images[::2], target[::2])
    predicted = draft.predict(images[1::2])
    assert predicted.shape == target[1::2].shape
    assert error(predicted, target[1::2]) < 0.1 * error(images[1::2, 1], target[1::2])
    assert torch.equal(predicted, SynthesisDraft.fit(images[::2], target[::2]).predict(images[1::2]))


@pytest.mark.parametrize("count", [2, 5])
def test_a_regression_does_not_drown_in_rounding(count: int) -> None:
    stack = anatomy(count + 2)
    images, target = stack.unfold(0, 3, 1).movedim(-1, 1), 1 - stack[1:-1] ** 2
    draft = SynthesisDraft.fit(images, target, waves=512, samples=24_000, ridge=1e-4, rounds=2)
    # In single precision .00026 to .001: the normal equations have a condition of 1e8.
    assert error(draft.predict(images), target) < 0.0002
