"""The tasks whose answer is an image: denoising, inpainting and cross-modal synthesis.

Their label is the wanted image in grey, the same in all three channels. Denoising and inpainting make their
own examples by spoiling intact slices; synthesis is given examples. What is known or guessed of a target
(`image_target`) is the same for training and use.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from MVGCore.drafts.image import TRUST
from MVGCore.models.base import TargetBatch

IMAGE_TASKS = ("synthesis", "denoising", "inpainting")
NO_DRAFT = 0.05  # error that counts as usual without a draft
LEAST_SCALE = 5e-4  # smooth-L1 of an error of 0.7 % of the window: better is not asked for


@dataclass(frozen=True)
class ImageTask:
    """Answers are intensities in 0..1, shown in grey.

    Attributes:
        name: one of `IMAGE_TASKS`.
        weight: of its loss beside that of segmentations.
        region: (T, H, W) 1 where the answer counts (the holes of an inpainting); None: everywhere.
        scale: (T,) error that is usual for each target, by which its own is divided: otherwise a few hard
            targets outweigh all on which a good draft could be bettered. None: errors count as they are.
        beta: where smooth-L1 turns from quadratic to linear.
    """

    name: str
    weight: float = 4.0
    region: Tensor | None = None
    scale: Tensor | None = None
    beta: float = 0.05

    def encode(self, answer: Tensor) -> Tensor:
        """Intensities (T, H, W) in 0..1 -> colours (T, 3, H, W)."""
        return answer.unsqueeze(1).expand(-1, 3, -1, -1)

    def decode(self, colours: Tensor) -> Tensor:
        """Colours (T, 3, H, W) -> intensities (T, 1, H, W)."""
        return colours.mean(1, keepdim=True)

    def loss(self, colours: Tensor, answer: Tensor) -> Tensor:
        """Smooth-L1 of all three channels, within the region."""
        label = self.encode(answer)
        error = F.smooth_l1_loss(colours.float(), label, beta=self.beta, reduction="none").mean(1)
        return self.weight * self.mean(error)

    def mean(self, error: Tensor) -> Tensor:
        """Mean of an error (T, H, W) over the region, in units of the scale."""
        region = torch.ones_like(error) if self.region is None else self.region.to(error)
        if self.scale is None:
            return (error * region).sum() / region.sum().clamp(min=1)
        each = (error * region).sum((1, 2)) / region.sum((1, 2)).clamp(min=1)
        return (each / self.scale.to(each)).mean()

    def relative_to(self, target: TargetBatch, answer: Tensor) -> ImageTask:
        """The task with errors in units of what the draft of each target leaves; the answer is (T, H, W)."""
        label = self.encode(answer)
        left = F.smooth_l1_loss(target.label, label, beta=self.beta, reduction="none").mean(1)
        region = torch.ones_like(left) if self.region is None else self.region.to(left)
        scale = (left * region).sum((1, 2)) / region.sum((1, 2)).clamp(min=1)
        drafted = target.draft.amax((1, 2, 3)) > 0
        return replace(self, scale=torch.where(drafted, scale, NO_DRAFT).clamp(min=LEAST_SCALE))


def image_target(images: Tensor, guess: Tensor | None, known: Tensor | None = None) -> TargetBatch:
    """Targets of an image task.

    Args:
        images: (T, 3, H, W) what is given: noisy, of the source contrast, or with holes at 0.
        guess: (T, H, W) the draft of the answer, where `known` the answer itself; None: there is no draft.
        known: (T, H, W) 1 where the answer is known (outside the holes of an inpainting).
    """
    blank = torch.zeros_like(images[:, :1])
    given = blank if known is None else known[:, None].to(blank)
    if guess is None:
        return TargetBatch(images, (images * given).contiguous(), given, blank)
    return TargetBatch(images, guess[:, None].expand(-1, 3, -1, -1).contiguous(), given, TRUST * (1 - given))


def random_hole(side: int, rng: np.random.Generator) -> Tensor:
    """(side, side) mask, 1 inside an ellipse or a box of 10 to 40 % of the side."""
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    radius, center = rng.uniform(0.05, 0.2, 2) * side, rng.uniform(0.2, 0.8, 2) * side
    v, u = (y - center[0]).abs() / radius[0], (x - center[1]).abs() / radius[1]
    inside = (v < 1) & (u < 1) if rng.random() < 0.5 else v.square() + u.square() < 1
    return inside.float()


def random_curve(images: Tensor, rng: np.random.Generator) -> Tensor:
    """Another contrast of the same anatomy: a smooth random curve of the intensity.

    It need not be rising.
    """
    knots = torch.from_numpy(rng.uniform(0, 1, (1, 1, int(rng.integers(3, 7)))).astype(np.float32))
    table = F.interpolate(knots, size=256, mode="linear", align_corners=True)[0, 0]
    return table[(images.clamp(0, 1) * 255).long()]
