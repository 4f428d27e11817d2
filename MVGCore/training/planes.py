"""Augmented slices of a stack: one warp and one contrast for a whole episode, noise for each slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from MVGCore.augment import change_contrast, random_warp, spoil
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
        warp = Warp.draw(side, rng)
        images = change_contrast(warp.with_neighbours(stack.image, slices), rng)
        if flat:
            images = images[:, 1:2].expand(-1, 3, -1, -1)
        images = spoil(images, rng)
        labels, first, second = (
            warp.sample(p[slices], "nearest").long() for p in (stack.labels, draft.first, draft.second)
        )
        weight, agreement = (warp.sample(p[slices]) / 255 for p in (draft.weight, draft.agreement))
        return cls(images, labels, first, second, weight, agreement, warp.zoom)


@dataclass(frozen=True)
class Warp:
    """One change of geometry for all planes of an episode.

    Attributes:
        grid: (1, S, S, 2) where to sample a stack.
        zoom: canvas pixels per stack pixel.
        flips: dimensions of (n, S, S) that are turned round afterwards.
    """

    grid: Tensor
    zoom: float
    flips: tuple[int, ...]

    @classmethod
    def draw(cls, side: int, rng: np.random.Generator) -> Warp:
        """A random rotation, scale, shear and bending for canvases of a side."""
        # The share of the stack's side that is seen.
        reach = 128 / STACK_SIDE * float(np.exp(rng.uniform(-0.25, 0.2)))
        grid = random_warp(side, reach, rng, shift=0.6 * max(0.0, 1 - reach))
        flips = tuple(d + 1 for d in range(2) if rng.random() < 0.5)
        return cls(grid, side / (STACK_SIDE * reach), flips)

    def sample(self, planes: np.ndarray, mode: str = "bilinear") -> Tensor:
        """(n, H, W) planes of a stack, of any resolution -> (n, S, S) float."""
        source = torch.from_numpy(planes).float()[None]
        out = F.grid_sample(source, self.grid, mode=mode, padding_mode="border", align_corners=False)[0]
        return out.flip(self.flips) if self.flips else out

    def with_neighbours(self, image: np.ndarray, slices: Sequence[int]) -> Tensor:
        """(n, 3, S, S) previous, this and next slice in 0..1; each slice is sampled once."""
        around = np.clip([k + d for k in slices for d in (-1, 0, 1)], 0, len(image) - 1)
        unique, place = np.unique(around, return_inverse=True)
        planes = self.sample(image[unique]) / 255
        return planes[torch.from_numpy(place)].unflatten(0, (len(slices), 3))
