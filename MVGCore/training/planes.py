"""Augmented slices of a stack: one warp and one contrast for a whole episode, noise for each slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from MVGCore.augment import change_contrast, random_warp, spoil
from MVGCore.training.stack import SliceStack, StoredDraft
from MVGCore.volume import neighbour_indices


@dataclass(frozen=True)
class Augmentation:
    """How the slices of an episode are changed, all alike but for noise.

    Attributes:
        reach: share of a stack's side that a canvas shows; its place is drawn.
        zoom: logarithms of the smallest and the largest change of that share.
        warp: rotate, stretch and bend; otherwise it is only cropped.
        flip: turn round half of the episodes, along each side.
        contrast: change the intensity curve and add a bias field.
        spoil: now and then blur, and noise.
    """

    reach: float = 0.8
    zoom: tuple[float, float] = (-0.25, 0.2)
    warp: bool = True
    flip: bool = True
    contrast: bool = True
    spoil: bool = True

    def contrasted(self, images: Tensor, rng: np.random.Generator) -> Tensor:
        """Images (..., H, W) in 0..1 with another intensity curve, where that is wanted."""
        return change_contrast(images, rng) if self.contrast else images


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
        stack: SliceStack,
        draft: StoredDraft,
        slices: list[int],
        side: int,
        rng: np.random.Generator,
        flat: bool,
        augment: Augmentation,
    ) -> Planes:
        warp = Warp.draw(stack.image.shape[-1], side, rng, augment)
        images = augment.contrasted(warp.with_neighbours(stack.image, slices), rng)
        if flat:
            images = images[:, 1:2].expand(-1, 3, -1, -1)
        images = spoil(images, rng) if augment.spoil else images
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
    def draw(cls, source: int, side: int, rng: np.random.Generator, augment: Augmentation) -> Warp:
        """A random change for canvases of a side out of stacks of another."""
        reach = augment.reach * float(np.exp(rng.uniform(*augment.zoom)))
        if augment.warp:
            grid = random_warp(side, reach, rng, shift=0.6 * max(0.0, 1 - reach))
        else:
            grid = _crop(source, side, reach, rng)
        flips = tuple(d + 1 for d in range(2) if augment.flip and rng.random() < 0.5)
        return cls(grid, side / (source * reach), flips)

    def sample(self, planes: np.ndarray, mode: str = "bilinear") -> Tensor:
        """(n, H, W) planes of a stack, of any resolution -> (n, S, S) float."""
        source = torch.from_numpy(planes).float()[None]
        out = F.grid_sample(source, self.grid, mode=mode, padding_mode="border", align_corners=False)[0]
        return out.flip(self.flips) if self.flips else out

    def with_neighbours(self, image: np.ndarray, slices: Sequence[int]) -> Tensor:
        """(n, 3, S, S) previous, this and next slice in 0..1; each slice is sampled once."""
        around = neighbour_indices(slices, len(image))
        unique, place = np.unique(around.ravel(), return_inverse=True)
        planes = self.sample(image[unique]) / 255
        return planes[torch.from_numpy(place)].unflatten(0, (len(slices), 3))


def _crop(source: int, side: int, reach: float, rng: np.random.Generator) -> Tensor:
    """Grid (1, side, side, 2) of a square of whole pixels somewhere in a slice of `source` x `source`."""
    size = min(source, round(reach * source))
    corner = rng.integers(0, source - size + 1, 2)
    shift = (2 * corner + size) / source - 1  # of the middle; a slice reaches from -1 to 1
    theta = torch.tensor([[size / source, 0, shift[0]], [0, size / source, shift[1]]], dtype=torch.float32)
    return F.affine_grid(theta[None], [1, 1, side, side], align_corners=False)
