"""What drafts are, and their settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class DraftConfig:
    """Settings of the drafts; lengths are in pixels of the in-plane grid that is given.

    Attributes:
        edge: cost of a path step per unit of intensity difference (image in 0..1), against 1 per pixel of
            length.
        rounds: raster sweeps over the six directions for the geodesic distances; a second one changes the
            Dice of this draft by .0003 to -.002, and the final one not at all (four hippocampi).
        temperature: difference of path lengths at which the nearer class is about e times likelier.
        beta: contrast sensitivity of the diffusion, weight = exp(-beta * difference**2).
        iterations: conjugate-gradient steps of the diffusion.
        keep_area: how strictly the diffusion keeps the areas of the labelled slices, 0 (not at all) to 1.
    """

    edge: float = 120.0
    rounds: int = 1
    temperature: float = 2.0
    beta: float = 300.0
    iterations: int = 30
    keep_area: float = 0.75


@dataclass(frozen=True)
class Draft:
    """A guess for every slice, by both propagators; labelled slices hold their labels.

    Attributes:
        geodesic, diffusion: (C, K, H, W) probabilities, summing to one over the classes; of single precision
            as they are made, of half precision where they are kept.
    """

    geodesic: Tensor
    diffusion: Tensor

    @property
    def probabilities(self) -> Tensor:
        """(C, K, H, W) mean of both."""
        return (self.geodesic + self.diffusion) / 2

    @property
    def agreement(self) -> Tensor:
        """(K, H, W) overlap of their opinions, 0..1: how far the mean may be trusted."""
        return torch.minimum(self.geodesic, self.diffusion).sum(0)

    def rows(self, rows: Sequence[int]) -> Draft:
        """Only some of the slices, in single precision."""
        return Draft(self.geodesic[:, rows].float(), self.diffusion[:, rows].float())
