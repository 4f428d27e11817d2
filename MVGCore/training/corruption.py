"""What denoising and inpainting episodes suffer from: the noise and the holes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from MVGCore.drafts.image import denoise_draft
from MVGCore.images.noise import NOISE_KINDS, Noise
from MVGCore.tasks.image import random_hole


@dataclass(frozen=True)
class EpisodeNoise:
    """The noise of one episode.

    Attributes:
        kind, level: as of `Noise`.
        grain: standard deviation in pixels by which the noise is blurred; 0 for white noise.
        streaks: standard deviation of streaks along the rows, as in low-dose CT.
    """

    kind: str
    level: float
    grain: float
    streaks: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> EpisodeNoise:
        """Any kind from hardly visible to strong."""
        kind = str(rng.choice(NOISE_KINDS))
        level = float(np.exp(rng.uniform(np.log(0.02), np.log(0.3))))
        grain = float(rng.uniform(0.4, 0.9)) if rng.random() < 0.2 else 0.0
        streaks = level * float(rng.uniform(0.2, 0.8)) if kind == "poisson" and rng.random() < 0.3 else 0.0
        return cls(kind, level, grain, streaks)

    def draft(self, noisy: Tensor) -> Tensor:
        """(n, D, S, S) -> (n, S, S) cheaply denoised; the kind is used where it is all that there is."""
        if self.grain or self.streaks:
            return denoise_draft(noisy)
        plain = Noise(self.kind, self.level)
        stable, sigma = plain.stabilise(noisy)
        return plain.restore(denoise_draft(stable, torch.full((len(noisy),), sigma)))

    def add(self, images: Tensor, rng: np.random.Generator) -> Tensor:
        """Noise for images (n, 3, S, S); not clipped, since clipping would bias the mean."""
        noisy = Noise(self.kind, self.level).add(images, rng)
        if self.grain:
            line = torch.exp(-0.5 * (torch.arange(-2, 3) / self.grain).square())
            line = line / line.square().sum().sqrt()  # keeps the spread of the noise
            noise = (noisy - images).flatten(0, 1)[:, None]
            kernel = (line[:, None] * line[None])[None, None]
            noisy = images + F.conv2d(noise, kernel, padding=2)[:, 0].view_as(images)
        if self.streaks:
            rows = torch.from_numpy(rng.standard_normal((*images.shape[:3], 1), dtype=np.float32))
            noisy = noisy + self.streaks * rows
        return noisy


@dataclass(frozen=True)
class HoleKind:
    """What is missing in one episode.

    Attributes:
        whole: whole slices are missing.
        before, after: how many slices before and after a target miss the same place.
        count: holes of a slice.
        ragged: the outline is irregular.
    """

    whole: bool
    before: int
    after: int
    count: int
    ragged: bool

    @classmethod
    def draw(cls, rng: np.random.Generator) -> HoleKind:
        """Whole slices or holes, through one slice or several."""
        whole = bool(rng.random() < 0.35)
        deep = rng.random() < 0.7
        before, after = (int(rng.integers(0, 5)) if deep else 0 for _ in range(2))
        return cls(whole, before, after, int(rng.integers(1, 4)), bool(rng.random() < 0.4))

    def mask(self, side: int, rng: np.random.Generator) -> Tensor:
        """(side, side) bool, true where the image is missing."""
        if self.whole:
            return torch.ones(side, side, dtype=torch.bool)
        hole = torch.stack([random_hole(side, rng) for _ in range(self.count)]).amax(0)
        if self.ragged:
            field = torch.from_numpy(rng.standard_normal((1, 1, 12, 12), dtype=np.float32))
            wave = F.interpolate(field, size=(side, side), mode="bicubic", align_corners=True)[0, 0]
            blurred = F.avg_pool2d(hole[None], 15, 1, 7)[0]
            hole = (blurred + 0.25 * wave > 0.4).float() * (blurred > 0.02)
        return hole > 0
