"""The hybrid objective's losses: an image loss on the colours, and class losses read through the palette."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from MVGCore.tasks.palette import batched_class_logits
from MVGCore.training.episodes import Batch


@dataclass(frozen=True)
class LossConfig:
    """Weights of the parts of the loss.

    Attributes:
        colour: smooth-L1 of the colours (the paper's loss).
        cross_entropy, dice: losses of the class probabilities decoded from the colours.
        background: weight of background pixels in the colour loss of segmentations (0.1 in the paper).
        beta: where smooth-L1 turns from quadratic to linear.
        image: smooth-L1 of image tasks.
    """

    colour: float = 1.0
    cross_entropy: float = 0.5
    dice: float = 1.0
    background: float = 0.3
    beta: float = 0.05
    image: float = 4.0


def batch_loss(generated: Tensor, batch: Batch, config: LossConfig) -> tuple[Tensor, dict[str, float]]:
    """Loss of generated colours (T, 3, S, S) and its parts for the log."""
    generated = generated.float()
    colour = F.smooth_l1_loss(generated, batch.answer, beta=config.beta, reduction="none").mean(1)
    if batch.positions is None:
        loss = config.image * colour.mean()
        return loss, {"image": float(loss.detach())}
    weight = torch.where(batch.positions > 0, 1.0, config.background)
    colour_loss = (colour * weight).sum() / weight.sum()
    logits = batched_class_logits(generated, batch.palette).masked_fill(~batch.used[..., None, None], -1e4)
    entropy = F.cross_entropy(logits, batch.positions)
    dice = soft_dice_loss(logits.softmax(1), batch.positions)
    loss = config.colour * colour_loss + config.cross_entropy * entropy + config.dice * dice
    return loss, {
        "colour": float(colour_loss.detach()),
        "entropy": float(entropy.detach()),
        "dice": float(dice.detach()),
    }


def soft_dice_loss(probabilities: Tensor, positions: Tensor) -> Tensor:
    """1 - mean Dice over the foreground classes that each target holds; (T, C, S, S) and (T, S, S)."""
    truth = F.one_hot(positions, probabilities.shape[1]).movedim(-1, 1)[:, 1:].float()
    probabilities = probabilities[:, 1:]
    overlap = (probabilities * truth).sum((-2, -1))
    size = probabilities.sum((-2, -1)) + truth.sum((-2, -1))
    present = truth.sum((-2, -1)) > 0
    # One pixel in both terms keeps the gradient of structures of a few pixels finite.
    dice = (2 * overlap + 1) / (size + 1)
    return 1 - dice[present].mean() if present.any() else probabilities.sum() * 0
