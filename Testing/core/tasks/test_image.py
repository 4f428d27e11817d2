"""The tasks whose answer is an image, and the examples that they make for themselves."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from MVGCore.tasks import IMAGE_TASKS, ImageTask
from MVGCore.tasks.image import image_target, random_curve, random_hole


def anatomy(count: int = 2, side: int = 48) -> torch.Tensor:
    """(n, 3, H, W) smooth slices in 0.1..0.9."""
    wave = torch.linspace(0, 6.28, side).sin()
    plane = 0.5 + 0.4 * wave[:, None] * wave[None]
    return plane.expand(count, 3, side, side).clone()


@pytest.mark.parametrize("name", IMAGE_TASKS)
def test_intensities_become_grey_and_come_back(name: str) -> None:
    task, answer = ImageTask(name), torch.rand(2, 8, 8)
    colours = task.encode(answer)
    assert colours.shape == (2, 3, 8, 8)
    assert torch.equal(colours[:, 0], colours[:, 2])
    torch.testing.assert_close(task.decode(colours), answer[:, None])


def test_the_loss_is_zero_at_the_truth_and_grows_with_the_error() -> None:
    task, answer = ImageTask("denoising"), torch.rand(2, 8, 8)
    losses = [float(task.loss(task.encode(answer) + error, answer)) for error in (0, 0.05, 0.2, 0.4)]
    assert losses[0] == 0 and losses == sorted(losses)
    double = ImageTask("denoising", weight=8.0).loss(task.encode(answer) + 0.2, answer)
    assert float(double) == pytest.approx(2 * losses[2])


def test_holes_lie_inside_and_have_the_size_they_should() -> None:
    rng, side = np.random.default_rng(0), 100
    for _ in range(50):
        hole = random_hole(side, rng)
        assert set(hole.unique().tolist()) == {0.0, 1.0}
        rows, columns = (torch.nonzero(hole.any(d)).ravel() for d in (1, 0))
        for line in (rows, columns):
            assert 9 <= len(line) <= 41 and line[0] >= 0 and line[-1] < side


def test_a_curve_gives_equal_intensities_equal_values() -> None:
    images = torch.linspace(-0.1, 1.1, 100).repeat(2)
    curved = random_curve(images, np.random.default_rng(0))
    assert curved.min() >= 0 and curved.max() <= 1
    assert torch.equal(curved[:100], curved[100:])
    assert (curved[:100].diff().abs() < 0.1).all() and curved.std() > 0.02


def test_only_the_region_of_an_inpainting_counts() -> None:
    answer, region = torch.rand(2, 8, 8), torch.zeros(2, 8, 8)
    region[:, 2:4, 2:4] = 1
    task = ImageTask("inpainting", region=region)
    outside = task.encode(answer) + 0.3 * (1 - region[:, None])
    assert float(task.loss(outside, answer)) == 0
    everywhere = float(ImageTask("inpainting").loss(task.encode(answer) + 0.3, answer))
    assert float(task.loss(task.encode(answer) + 0.3, answer)) == pytest.approx(everywhere)


def test_errors_count_in_units_of_what_the_draft_leaves() -> None:
    answer = torch.rand(2, 8, 8)
    guess = answer + torch.tensor([0.02, 0.2])[:, None, None]
    target = image_target(anatomy(2, 8), guess)
    task = ImageTask("denoising", weight=1.0).relative_to(target, answer)
    assert float(task.loss(target.label, answer)) == pytest.approx(1.0)
    halved = task.encode(answer) + torch.tensor([0.01, 0.2])[:, None, None, None]
    assert float(task.loss(halved, answer)) == pytest.approx((0.25 + 1.0) / 2)
    hidden = image_target(anatomy(2, 8), None)
    assert float(task.relative_to(hidden, answer).loss(task.encode(answer), answer)) == 0


def test_a_target_shows_the_draft_and_what_is_known() -> None:
    images, guess, known = anatomy(), torch.rand(2, 48, 48), torch.zeros(2, 48, 48)
    known[:, :24] = 1
    target = image_target(images, guess, known)
    assert torch.equal(target.label[:, 0], guess) and torch.equal(target.label[:, 2], guess)
    assert torch.equal(target.known[:, 0], known)
    assert (target.draft[:, 0][known > 0] == 0).all() and (target.draft[:, 0][known == 0] > 0).all()
    alone = image_target(images, None)
    assert not alone.label.any() and not alone.draft.any() and not alone.known.any()
