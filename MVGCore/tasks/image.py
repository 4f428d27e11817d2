"""The tasks whose answer is an image: denoising, inpainting and cross-modal synthesis.

Their label is the wanted image in grey, the same in all three channels. Denoising and inpainting make their
own examples by spoiling intact slices; synthesis is given examples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

IMAGE_TASKS = ("synthesis", "denoising", "inpainting")


@dataclass(frozen=True)
class ImageTask:
    """Answers are intensities in 0..1, shown in grey.

    Attributes:
        name: one of `IMAGE_TASKS`.
        weight: of its loss beside that of segmentations.
    """

    name: str
    weight: float = 4.0

    def encode(self, answer: Tensor) -> Tensor:
        """Intensities (T, H, W) in 0..1 -> colours (T, 3, H, W)."""
        return answer.unsqueeze(1).expand(-1, 3, -1, -1)

    def decode(self, colours: Tensor) -> Tensor:
        """Colours (T, 3, H, W) -> intensities (T, 1, H, W)."""
        return colours.mean(1, keepdim=True)

    def loss(self, colours: Tensor, answer: Tensor) -> Tensor:
        """Smooth-L1 of all three channels."""
        return self.weight * F.smooth_l1_loss(colours.float(), self.encode(answer), beta=0.05)


def add_noise(images: Tensor, level: float, rng: np.random.Generator, kind: str = "gaussian") -> Tensor:
    """Images in 0..1 with noise of about `level` (standard deviation).

    Args:
        images: any shape, 0..1.
        level: standard deviation of the noise.
        rng: source of randomness.
        kind: "gaussian", "rician" (magnitude MR) or "poisson" (counts, as in low-dose CT).
    """

    def normal() -> Tensor:
        return torch.from_numpy(rng.standard_normal(images.shape, dtype=np.float32)) * level

    if kind == "gaussian":
        return images + normal()
    if kind == "rician":
        return torch.hypot(images + normal(), normal())
    if kind == "poisson":
        counts = 1 / max(level, 1e-3) ** 2
        return (
            torch.from_numpy(rng.poisson((images.clamp(0, 1) * counts).numpy()).astype(np.float32)) / counts
        )
    raise ValueError(f"unknown noise {kind!r}; choose gaussian, rician or poisson")


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


def make_example(task: str, images: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Spoil intact slices, so that they show what the task is.

    Args:
        task: one of `IMAGE_TASKS`.
        images: (n, 3, H, W) previous, this and next slice in 0..1.
        rng: source of randomness.

    Returns:
        What is shown (n, 3, H, W), and the wanted intensities (n, H, W).
    """
    wanted = images[:, 1]
    if task == "denoising":
        kind = str(rng.choice(["gaussian", "rician", "poisson"]))
        return add_noise(images, float(rng.uniform(0.03, 0.25)), rng, kind).clamp(0, 1), wanted
    if task == "inpainting":
        holes = torch.stack([random_hole(images.shape[-1], rng) for _ in images])
        shown = images.clone()
        shown[:, 1] *= 1 - holes
        return shown, wanted
    return images, random_curve(wanted, rng)
