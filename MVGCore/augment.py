"""Random changes that leave an anatomy what it is: warps, contrast, noise; shared by training and adaptation.

What belongs together (prompts and targets of one volume, an image and its labels) is changed alike.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def random_warp(
    side: int, reach: float, rng: np.random.Generator, angle: float = 0.25, shift: float = 0.0
) -> Tensor:
    """A sampling grid (1, side, side, 2) for `grid_sample` with rotation, stretching and bending.

    Args:
        side: pixels along a side of what is sampled.
        reach: share of the source's side that is seen.
        rng: source of randomness.
        angle: standard deviation of the rotation, radians.
        shift: largest displacement as a share of half the source's side.
    """
    turn = float(rng.normal(0, angle))
    stretch = np.exp(rng.normal(0, 0.08, 2))
    cos, sin = np.cos(turn), np.sin(turn)
    matrix = reach * np.array([[cos * stretch[0], -sin], [sin, cos * stretch[1]]])
    theta = torch.tensor(np.column_stack((matrix, rng.uniform(-1, 1, 2) * shift)), dtype=torch.float32)[None]
    grid = F.affine_grid(theta, [1, 1, side, side], align_corners=False)
    if rng.random() < 0.6:
        bend = torch.from_numpy(rng.normal(0, rng.uniform(0, 0.035), (1, 2, 5, 5)).astype(np.float32))
        bent = F.interpolate(bend, size=(side, side), mode="bicubic", align_corners=True)
        grid = grid + bent.movedim(1, -1)
    return grid


def change_contrast(images: Tensor, rng: np.random.Generator) -> Tensor:
    """One smooth intensity curve for all images (..., H, W) in 0..1, now and then inverted, with a bias
    field."""
    if rng.random() < 0.5:
        images = images.clamp(0, 1) ** float(np.exp(rng.normal(0, 0.3)))
    if rng.random() < 0.15:
        images = 1 - images
    if rng.random() < 0.5:
        low, high = rng.uniform(-0.1, 0.25), rng.uniform(0.75, 1.1)
        images = low + images * (high - low)
    if rng.random() < 0.3:
        field = torch.from_numpy(rng.normal(0, 0.15, (1, 1, 3, 3)).astype(np.float32))
        bias = F.interpolate(field, size=images.shape[-2:], mode="bicubic", align_corners=True)
        images = images * bias[0].exp()
    return images.clamp(0, 1)


def spoil(images: Tensor, rng: np.random.Generator) -> Tensor:
    """Now and then blur, and noise of each image (n, C, H, W) in 0..1 by itself."""
    if rng.random() < 0.25:
        images = F.avg_pool2d(images, 3, 1, 1, count_include_pad=False)
    if rng.random() < 0.4:
        noise = torch.from_numpy(rng.standard_normal(images.shape, dtype=np.float32))
        images = images + noise * float(rng.uniform(0, 0.08))
    return images.clamp(0, 1)
