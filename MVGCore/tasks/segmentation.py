"""Segmentation by in-context colouring."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from MVGCore.tasks.palette import class_logits, colour_labels


@dataclass(frozen=True)
class SegmentationLoss:
    """Weights of the parts of the loss.

    Attributes:
        colour: smooth-L1 of the colours (the paper's loss).
        cross_entropy, dice: losses of the class probabilities decoded from the colours.
        background: weight of background pixels in the colour loss (0.1 in the paper).
        beta: where smooth-L1 turns from quadratic to linear.
    """

    colour: float = 1.0
    cross_entropy: float = 0.5
    dice: float = 1.0
    background: float = 0.3
    beta: float = 0.05


@dataclass(frozen=True)
class SegmentationTask:
    """Answers are class positions; each position has a colour.

    Attributes:
        palette: (C, 3) colours, or (T, C, 3) when every target has its own; background first.
        used: (T, C) True where a row of the palette is a class; None: all are.
        weights: of the loss.
    """

    palette: Tensor
    used: Tensor | None = None
    weights: SegmentationLoss = field(default_factory=SegmentationLoss)
    name: str = "segmentation"

    def encode(self, answer: Tensor) -> Tensor:
        """Class positions (T, H, W) -> colours (T, 3, H, W)."""
        return colour_labels(answer, self.palette)

    def logits(self, colours: Tensor) -> Tensor:
        """Colours (T, 3, H, W) -> class logits (T, C, H, W)."""
        logits = class_logits(colours, self.palette)
        if self.used is None:
            return logits
        return logits.masked_fill(~self.used.to(logits.device)[..., None, None], -1e4)

    def decode(self, colours: Tensor) -> Tensor:
        """Colours (T, 3, H, W) -> class probabilities (T, C, H, W).

        By softmax over the distance to the palette.
        """
        return self.logits(colours).softmax(1)

    def loss(self, colours: Tensor, answer: Tensor) -> Tensor:
        """Smooth-L1 of the colours, cross-entropy and Dice of the decoded classes."""
        logits, weights = self.logits(colours), self.weights
        error = F.smooth_l1_loss(
            colours.float(), self.encode(answer), beta=weights.beta, reduction="none"
        ).mean(1)
        weight = torch.where(answer > 0, 1.0, weights.background)
        colour = (error * weight).sum() / weight.sum()
        entropy = F.cross_entropy(logits, answer.long())
        dice = soft_dice_loss(logits.softmax(1), answer)
        return weights.colour * colour + weights.cross_entropy * entropy + weights.dice * dice


def soft_dice_loss(probabilities: Tensor, positions: Tensor) -> Tensor:
    """1 - mean Dice over the foreground classes that each target holds; (T, C, H, W) and (T, H, W)."""
    truth = F.one_hot(positions.long(), probabilities.shape[1]).movedim(-1, 1)[:, 1:].float()
    probabilities = probabilities[:, 1:]
    overlap = (probabilities * truth).sum((-2, -1))
    size = probabilities.sum((-2, -1)) + truth.sum((-2, -1))
    present = truth.sum((-2, -1)) > 0
    # One pixel in both terms keeps the gradient of structures of a few pixels finite.
    dice = (2 * overlap + 1) / (size + 1)
    return 1 - dice[present].mean() if bool(present.any()) else probabilities.sum() * 0
