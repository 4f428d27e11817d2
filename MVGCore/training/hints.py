"""What is known of a target's label: nothing, parts or lines of the truth, a real draft, or damaged truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from MVGCore.models.base import LEAST_TRUST
from MVGCore.tasks.palette import colour_labels
from MVGCore.training.planes import Planes


@dataclass(frozen=True)
class Patches:
    """Which patches of a target are shown in masked modelling.

    Attributes:
        cells: fewest and most patches along a side.
        visible: smallest and largest share of them that is shown.
    """

    cells: tuple[int, int] = (2, 8)
    visible: tuple[float, float] = (0.2, 0.8)

    def mask(self, side: int, rng: np.random.Generator) -> Tensor:
        """(side, side) of zeros and ones."""
        cells = int(rng.integers(self.cells[0], self.cells[1] + 1))
        coarse = rng.random((1, 1, cells, cells)) < rng.uniform(*self.visible)
        return F.interpolate(torch.from_numpy(coarse.astype(np.float32)), size=(side, side), mode="nearest")[
            0, 0
        ]


LINES = (1, 6)  # fewest and most lines of a target
LINE_WIDTH = (1, 4)  # pixels


def draw_lines(side: int, rng: np.random.Generator) -> Tensor:
    """(side, side) of zeros and ones: parallel lines, as labelled slices of a volume are seen across another
    axis."""
    starts = rng.integers(0, side, int(rng.integers(LINES[0], LINES[1] + 1)))
    width = int(rng.integers(LINE_WIDTH[0], LINE_WIDTH[1] + 1))
    mask = torch.zeros(side, side)
    for start in starts.tolist():
        mask[start : start + width] = 1
    return mask if rng.random() < 0.5 else mask.T.contiguous()


@dataclass(frozen=True)
class HintShares:
    """Shares of the targets of which nothing is known (the paper's autoregressive case), with the draft that
    the user would get, with a draft made by damaging the truth, with patches of the truth shown (masked
    modelling), and with lines of it, as the second look sees labelled slices."""

    hidden: float = 0.2
    draft: float = 0.6
    damaged: float = 0.12
    partial: float = 0.08
    lines: float = 0.0


@dataclass(frozen=True)
class TargetHint:
    """Colours (3, S, S), mask of what is given and confidence of the draft (1, S, S)."""

    colours: Tensor
    known: Tensor
    trust: Tensor

    @classmethod
    def nothing(cls, side: int) -> TargetHint:
        return cls(torch.zeros(3, side, side), torch.zeros(1, side, side), torch.zeros(1, side, side))


@dataclass(frozen=True)
class HintMaker:
    """Makes hints for the targets of one episode.

    Attributes:
        planes: the episode's slices.
        positions: (n, S, S) class positions within the episode's palette.
        lookup: class position of the stack -> position within the palette.
        palette: (C, 3).
    """

    planes: Planes
    positions: Tensor
    lookup: Tensor
    palette: Tensor

    def make(self, index: int, shares: HintShares, rng: np.random.Generator) -> TargetHint:
        """A hint of a random kind for a slice."""
        makers: tuple[Callable[[int, np.random.Generator], TargetHint], ...] = (
            self._nothing,
            self._draft,
            self._damaged,
            self._partial,
            self._lines,
        )
        chances = [shares.hidden, shares.draft, shares.damaged, shares.partial, shares.lines]
        kind = rng.choice(len(makers), p=chances)
        return makers[int(kind)](index, rng)

    def _nothing(self, index: int, rng: np.random.Generator) -> TargetHint:
        return TargetHint.nothing(self.positions.shape[-1])

    def _draft(self, index: int, rng: np.random.Generator) -> TargetHint:
        planes, blank = self.planes, TargetHint.nothing(self.positions.shape[-1])
        first = colour_labels(self.lookup[planes.first[index]], self.palette)
        second = colour_labels(self.lookup[planes.second[index]], self.palette)
        colours = torch.lerp(second, first, planes.weight[index])
        return TargetHint(colours, blank.known, planes.agreement[index].clamp(min=LEAST_TRUST)[None])

    def _damaged(self, index: int, rng: np.random.Generator) -> TargetHint:
        blank = TargetHint.nothing(self.positions.shape[-1])
        colours = colour_labels(damaged(self.positions[index], rng), self.palette)
        return TargetHint(colours, blank.known, torch.full_like(blank.trust, float(rng.uniform(0.3, 1))))

    def _partial(self, index: int, rng: np.random.Generator) -> TargetHint:
        return self._shown(index, Patches().mask(self.positions.shape[-1], rng))

    def _lines(self, index: int, rng: np.random.Generator) -> TargetHint:
        return self._shown(index, draw_lines(self.positions.shape[-1], rng))

    def _shown(self, index: int, visible: Tensor) -> TargetHint:
        """The truth where a mask (S, S) is one."""
        truth = colour_labels(self.positions[index], self.palette)
        return TargetHint(truth * visible, visible[None], torch.zeros_like(visible[None]))


def damaged(truth: Tensor, rng: np.random.Generator) -> Tensor:
    """A draft as a bad propagator makes it: the truth warped, shifted, with patches of one class lost."""
    side = truth.shape[-1]
    theta = torch.eye(2, 3)[None]
    theta[0, :, 2] = torch.from_numpy(rng.normal(0, 0.04, 2).astype(np.float32))
    theta[0, :, :2] *= float(np.exp(rng.normal(0, 0.1)))
    bend = torch.from_numpy(rng.normal(0, 0.05, (1, 2, 7, 7)).astype(np.float32))
    grid = F.affine_grid(theta, [1, 1, side, side], align_corners=False)
    grid = grid + F.interpolate(bend, size=(side, side), mode="bicubic", align_corners=True).movedim(1, -1)
    out = F.grid_sample(
        truth[None, None].float(), grid, mode="nearest", padding_mode="border", align_corners=False
    )[0, 0].long()
    if rng.random() < 0.4:
        lost = int(rng.integers(0, int(truth.max()) + 1))
        out[(out == lost) & (Patches().mask(side, rng) > 0)] = int(rng.integers(0, int(truth.max()) + 1))
    return out
