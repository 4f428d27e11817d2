"""The segmentation task: classes to colours, back, and the loss in between."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from MVGCore.tasks import SegmentationLoss, SegmentationTask
from MVGCore.tasks.palette import MAX_CLASSES, binary_palette, random_palette
from MVGCore.tasks.segmentation import soft_dice_loss


def answers(classes: int, targets: int = 2) -> torch.Tensor:
    """(T, H, W) positions in which every class occurs."""
    return (torch.arange(targets * 64) % (classes + 1)).view(targets, 8, 8)


@pytest.mark.parametrize("classes", range(1, MAX_CLASSES + 1))
def test_colours_lead_back_to_the_classes(classes: int) -> None:
    task = SegmentationTask(random_palette(classes, np.random.default_rng(classes)))
    answer = answers(classes)
    decoded = task.decode(task.encode(answer))
    assert decoded.shape == (2, classes + 1, 8, 8)
    torch.testing.assert_close(decoded.sum(1), torch.ones(2, 8, 8))
    assert torch.equal(decoded.argmax(1), answer)


def test_every_target_may_have_its_own_colours() -> None:
    rng = np.random.default_rng(0)
    task = SegmentationTask(torch.stack([random_palette(5, rng) for _ in range(2)]))
    answer = answers(5)
    colours = task.encode(answer)
    assert torch.equal(task.decode(colours).argmax(1), answer)
    assert not torch.equal(task.decode(colours.flip(0)).argmax(1), answer.flip(0))


def test_unused_rows_of_a_palette_are_never_answered() -> None:
    palette = random_palette(4, np.random.default_rng(0))
    used = torch.tensor([[True, True, False, True, False], [True] * 5])
    task = SegmentationTask(palette.expand(2, -1, -1), used)
    decoded = task.decode(task.encode(answers(4)))
    assert (decoded[0, [2, 4]] == 0).all()
    torch.testing.assert_close(decoded.sum(1), torch.ones(2, 8, 8))
    assert torch.equal(decoded[1].argmax(0), answers(4)[1])


@pytest.mark.parametrize("palette", [binary_palette(), random_palette(6, np.random.default_rng(1))])
def test_the_loss_falls_on_the_way_to_the_truth(palette: torch.Tensor) -> None:
    task, answer = SegmentationTask(palette), answers(len(palette) - 1)
    truth, wrong = task.encode(answer), task.encode(answer.roll(1, -1))
    losses = [float(task.loss(wrong + share * (truth - wrong), answer)) for share in (0, 0.5, 0.75, 1)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.2 * losses[0]


def test_each_part_of_the_loss_vanishes_at_the_truth() -> None:
    answer = answers(1)
    for part in ("colour", "cross_entropy", "dice"):
        weights = replace(SegmentationLoss(colour=0, cross_entropy=0, dice=0), **{part: 1.0})
        task = SegmentationTask(binary_palette(), weights=weights)
        assert float(task.loss(task.encode(answer), answer)) < 1e-3
        assert float(task.loss(task.encode(1 - answer), answer)) > 0.5


def test_errors_on_the_background_weigh_less() -> None:
    answer = answers(1)
    task = SegmentationTask(binary_palette(), weights=SegmentationLoss(1.0, 0.0, 0.0, background=0.1))
    truth = task.encode(answer)
    on_class, on_background = truth.clone(), truth.clone()
    on_class[(answer == 1)[:, None].expand_as(truth)] -= 0.5
    on_background[(answer == 0)[:, None].expand_as(truth)] += 0.5
    loss = float(task.loss(on_background, answer))
    assert float(task.loss(on_class, answer)) == pytest.approx(10 * loss, rel=1e-3)


def test_an_empty_target_has_a_finite_loss_and_gradient() -> None:
    task = SegmentationTask(random_palette(3, np.random.default_rng(0)))
    empty = torch.zeros(2, 8, 8, dtype=torch.long)
    colours = torch.rand(2, 3, 8, 8, requires_grad=True)
    loss = task.loss(colours, empty)
    loss.backward()
    assert torch.isfinite(loss) and colours.grad is not None and torch.isfinite(colours.grad).all()


def test_dice_counts_the_classes_that_a_target_holds() -> None:
    positions = torch.zeros(2, 4, 4, dtype=torch.long)
    positions[0, :2] = 1  # the second target is empty, class 2 is nowhere
    certain = torch.nn.functional.one_hot(positions, 3).movedim(-1, 1).float()
    assert float(soft_dice_loss(certain, positions)) == pytest.approx(0)
    blind = torch.zeros_like(certain)
    assert float(soft_dice_loss(blind, positions)) == pytest.approx(1 - 1 / (8 + 1))
    half = certain.clone()
    half[0, 1, 0] = 0  # one of both rows is missed: (2 * 4 + 1) / (4 + 8 + 1)
    assert float(soft_dice_loss(half, positions)) == pytest.approx(1 - 9 / 13)


def test_the_gradient_points_to_the_truth() -> None:
    task, answer = SegmentationTask(random_palette(4, np.random.default_rng(3))), answers(4)
    colours = torch.full((2, 3, 8, 8), 0.5, requires_grad=True)
    optimiser = torch.optim.Adam([colours], lr=0.05)
    for _ in range(60):
        optimiser.zero_grad()
        task.loss(colours, answer).backward()
        optimiser.step()
    assert torch.equal(task.decode(colours).argmax(1), answer)
