"""Augmented slices of a stack: one warp and one contrast for a whole episode, noise for each slice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from MVGCore.training.stack import STACK_SIDE, Stack, StoredDraft


@dataclass(frozen=True)
class Planes:
    """Augmented slices.

    Attributes:
        images: (n, 3, S, S) previous, this and next slice in 0..1.
        labels, first, second: (n, S, S) class positions: the truth, and the draft's two likeliest.
        weight: (n, S, S) share of `first` among both.
        agreement: (n, S, S) how far the draft may be trusted.
        zoom: canvas pixels per stack pixel.
    """

    images: Tensor
    labels: Tensor
    first: Tensor
    second: Tensor
    weight: Tensor
    agreement: Tensor
    zoom: float

    @classmethod
    def draw(
        cls,
        stack: Stack,
        draft: StoredDraft,
        slices: list[int],
        side: int,
        rng: np.random.Generator,
        flat: bool,
    ) -> Planes:
        depth = len(stack.image)
        unique, place = np.unique(
            np.clip([k + d for k in slices for d in (-1, 0, 1)], 0, depth - 1), return_inverse=True
        )
        grid, zoom = _warp(side, rng)
        flips = [d + 1 for d in range(2) if rng.random() < 0.5]

        def sample(planes: np.ndarray, mode: str) -> Tensor:
            source = torch.from_numpy(planes).float()[None]
            out = F.grid_sample(source, grid, mode=mode, padding_mode="border", align_corners=False)[0]
            return out.flip(flips) if flips else out

        images = sample(stack.image[unique], "bilinear") / 255
        images = change_contrast(images, rng)[torch.from_numpy(place)].view(len(slices), 3, side, side)
        if flat:
            images = images[:, 1:2].expand(-1, 3, -1, -1)
        images = _spoil(images, rng)
        nearest = [sample(p[slices], "nearest").long() for p in (stack.labels, draft.first, draft.second)]
        smooth = [sample(p[slices], "bilinear") / 255 for p in (draft.weight, draft.agreement)]
        labels, first, second = nearest
        weight, agreement = smooth
        return cls(images, labels, first, second, weight, agreement, zoom)


def _warp(side: int, rng: np.random.Generator) -> tuple[Tensor, float]:
    """A sampling grid (1, side, side, 2) with rotation, scale, shear and bending; and canvas pixels per
    stack pixel."""
    reach = (
        128 / STACK_SIDE * float(np.exp(rng.uniform(-0.25, 0.2)))
    )  # share of the stack's side that is seen
    angle = float(rng.normal(0, 0.25))
    stretch = np.exp(rng.normal(0, 0.08, 2))
    cos, sin = np.cos(angle), np.sin(angle)
    matrix = reach * np.array([[cos * stretch[0], -sin], [sin, cos * stretch[1]]])
    shift = rng.uniform(-1, 1, 2) * max(0.0, 1 - reach) * 0.6
    theta = torch.tensor(np.column_stack((matrix, shift)), dtype=torch.float32)[None]
    grid = F.affine_grid(theta, [1, 1, side, side], align_corners=False)
    if rng.random() < 0.6:
        bend = torch.from_numpy(rng.normal(0, rng.uniform(0, 0.035), (1, 2, 5, 5)).astype(np.float32))
        grid = grid + F.interpolate(bend, size=(side, side), mode="bicubic", align_corners=True).movedim(
            1, -1
        )
    return grid, side / (STACK_SIDE * reach)


def change_contrast(images: Tensor, rng: np.random.Generator) -> Tensor:
    """One smooth intensity curve for all slices of an episode, now and then inverted, with a bias field."""
    if rng.random() < 0.5:
        images = images.clamp(0, 1) ** float(np.exp(rng.normal(0, 0.3)))
    if rng.random() < 0.15:
        images = 1 - images
    if rng.random() < 0.5:
        low, high = rng.uniform(-0.1, 0.25), rng.uniform(0.75, 1.1)
        images = low + images * (high - low)
    if rng.random() < 0.3:
        field = torch.from_numpy(rng.normal(0, 0.15, (1, 1, 3, 3)).astype(np.float32))
        images = (
            images * F.interpolate(field, size=images.shape[-2:], mode="bicubic", align_corners=True)[0].exp()
        )
    return images.clamp(0, 1)


def _spoil(images: Tensor, rng: np.random.Generator) -> Tensor:
    """Noise of each slice and, now and then, blur."""
    if rng.random() < 0.25:
        images = F.avg_pool2d(images, 3, 1, 1, count_include_pad=False)
    if rng.random() < 0.4:
        noise = torch.from_numpy(rng.standard_normal(images.shape, dtype=np.float32))
        images = images + noise * float(rng.uniform(0, 0.08))
    return images.clamp(0, 1)
