"""A noisy slab taken apart into two whose noises are independent, to judge denoising without the truth.

With y = x + n and z distributed as n, the noises of y + a z and of y - z / a are independent: what comes
nearest to the second from the first comes nearest to x (Pang et al. 2021, "Recorrupted-to-Recorrupted").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from MVGCore.images.noise import Noise

MORE = 0.7  # a: how much more noise the first has
AIR = 3.0  # magnitudes below so many levels of the noise hold next to no signal, and all this is not so
STRENGTHS = (0.75, 0.9, 1.05, 1.2)  # of the shrinkage, in levels of the noise


@dataclass(frozen=True)
class RecorruptedSlab:
    """One slab.

    Attributes:
        place: its wanted slice in the volume.
        row: the same within the slab.
        clean: (K, H, W) a draft of it without noise.
        noisier, other: (K, H, W) the two noisy ones.
        noise: of the first.
    """

    place: int
    row: int
    clean: Tensor
    noisier: Tensor
    other: Tensor
    noise: Noise

    @classmethod
    def of(
        cls, slab: Tensor, clean: Tensor, place: int, row: int, noise: Noise, rng: np.random.Generator
    ) -> RecorruptedSlab:
        """Take a slab with some noise apart."""
        deviation = noise.deviation(noise.mean(clean))
        extra = deviation * torch.from_numpy(rng.standard_normal(clean.shape, dtype=np.float32))
        more = replace(noise, level=noise.level * (1 + MORE**2) ** 0.5)
        return cls(place, row, clean, slab + MORE * extra, slab - extra / MORE, more)

    @property
    def air(self) -> Tensor:
        """(1, H, W) where the second noise tells nothing."""
        if self.noise.kind != "rician":
            return torch.zeros_like(self.clean[[self.row]], dtype=torch.bool)
        return self.clean[[self.row]] < self.noise.floor + AIR * self.noise.level


def best_strength(
    splits: Sequence[RecorruptedSlab], draft: Callable[[RecorruptedSlab, float], Tensor]
) -> float:
    """The strength of `STRENGTHS` that suits the slabs best; 1 if nothing can be compared.

    Args:
        splits: the slabs.
        draft: gives the wanted slice (1, H, W) of a slab's first noisy half, denoised with a strength.
    """
    errors = np.zeros(len(STRENGTHS))
    for split in splits:
        counted = ~split.air
        for n, strength in enumerate(STRENGTHS):
            error = (draft(split, strength) - split.other[[split.row]])[counted]
            errors[n] += float(error.square().sum())
    return STRENGTHS[int(errors.argmin())] if errors.any() else 1.0
