"""Classical ways to fill a slice from what is known before, after and around its holes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from MVGCore.drafts.image import blur, membrane

WAYS = 4
USUAL_SHARES = (0.25, 0.25, 0.5, 0.0)  # their shares where nothing can be tried
SHARE_STEP = 0.25  # of the shares that are tried
SCALES = (8, 4, 2, 1)  # pixels of a slice per pixel, coarse to fine, at which shapes are brought together
ROUNDS = 6  # at every scale
SMOOTH = 2.0  # pixels over which a displacement is smooth
_SMALLEST_GRADIENT = 0.02  # gradients below it say nothing


@dataclass(frozen=True)
class KnownSide:
    """What is known on one side of a slice: the nearest and second nearest values of every pixel, (2, H, W),
    and how many slices away they are, infinite where there are none."""

    values: Tensor
    far: Tensor

    @classmethod
    def of(cls, stack: Tensor, known: Tensor, row: int, step: int) -> KnownSide:
        """Look from a row of a stack (K, H, W) in steps of -1 or 1."""
        values = torch.zeros(2, *stack.shape[1:])
        far = torch.full_like(values, torch.inf)
        for other in range(row + step, len(stack) if step > 0 else -1, step):
            for n in (1, 0):  # the second takes what the first has already
                new = known[other] & far[n].isinf() & (~far[0].isinf() if n else True)
                values[n] = torch.where(new, stack[other], values[n])
                far[n] = far[n].masked_fill(new, abs(other - row))
        return cls(values, far)


def fill_ways(stack: Tensor, holes: Tensor, rows: Sequence[int]) -> Tensor:
    """Slices with their holes filled in several ways.

    Args:
        stack: (K, H, W) neighbouring slices; ignored inside holes.
        holes: (K, H, W) bool.
        rows: which slices to fill.

    Returns:
        (`WAYS`, T, H, W): linear between the nearest known values before and after; cubic through four of
        them; linear along the shapes as they move from before to after; smooth from around the hole. The
        first three are bent so that they meet the rim.
    """
    filled = [_one(stack, ~holes, row) for row in rows]
    return torch.stack(filled, 1)


def _one(stack: Tensor, known: Tensor, row: int) -> Tensor:
    own, intact = stack[row], known[row]
    around = membrane(own[None], intact[None])[0]
    before, after = KnownSide.of(stack, known, row, -1), KnownSide.of(stack, known, row, 1)
    there = ~(before.far[0].isinf() & after.far[0].isinf())
    linear = _linear(before, after)
    guesses = torch.stack([linear, _cubic(before, after, linear), _moved(before, after, linear)])
    # Where a guess misses the intact rim, its error is carried smoothly into the hole.
    error = membrane(own - guesses, (intact & there).expand_as(guesses))
    guesses = torch.where(there, guesses + error, around)
    return torch.where(intact, own, torch.cat((guesses, around[None])))


def _linear(before: KnownSide, after: KnownSide) -> Tensor:
    first, second = 1 / before.far[0], 1 / after.far[0]
    total = (first + second).clamp(min=1e-9)
    return (before.values[0] * first + after.values[0] * second) / total


def _cubic(before: KnownSide, after: KnownSide, linear: Tensor) -> Tensor:
    """The cubic polynomial through two values on either side; linear where one of them is missing."""
    places = torch.stack((-before.far[1], -before.far[0], after.far[0], after.far[1]))
    values = torch.stack((before.values[1], before.values[0], after.values[0], after.values[1]))
    complete = places.isfinite().all(0)
    places = torch.where(complete, places, torch.tensor([-2.0, -1.0, 1.0, 2.0])[:, None, None])
    total = torch.zeros_like(linear)
    for n in range(4):
        weight = torch.ones_like(linear)
        for other in range(4):
            if other != n:
                weight = weight * -places[other] / (places[n] - places[other])
        total = total + weight * values[n]
    return torch.where(complete, total, linear)


def _moved(before: KnownSide, after: KnownSide, linear: Tensor) -> Tensor:
    """Linear between places that belong together: a displacement that brings before and after to agree."""
    both = before.far[0].isfinite() & after.far[0].isfinite()
    if not both.any():
        return linear
    share = torch.where(both, before.far[0] / (before.far[0] + after.far[0]), 0.5)
    first = torch.where(both, before.values[0], linear)
    second = torch.where(both, after.values[0], linear)
    flow = _flow(first, second, share)
    one, two = _displaced(first, -share * flow), _displaced(second, (1 - share) * flow)
    return torch.where(both, one * (1 - share) + two * share, linear)


def _flow(first: Tensor, second: Tensor, share: Tensor) -> Tensor:
    """(2, H, W) displacement in pixels (rows, columns) from `first` to `second`, seen from between them."""
    height, width = first.shape
    flow = torch.zeros(2, 1, 1)
    for scale in SCALES:
        size = (max(4, height // scale), max(4, width // scale))
        one, two, part = (_resized(each[None], size)[0] for each in (first, second, share))
        grown = torch.tensor([size[0] / flow.shape[1], size[1] / flow.shape[2]])
        flow = _resized(flow, size) * (grown[:, None, None] if flow.shape[1] > 1 else 1)
        for _ in range(ROUNDS):
            left, right = _displaced(one, -part * flow), _displaced(two, (1 - part) * flow)
            slope = part * _slopes(left) + (1 - part) * _slopes(right)
            strength = slope.square().sum(0) + (right - left).square() + _SMALLEST_GRADIENT**2
            flow = flow - (right - left) * slope / strength
            flow = blur(flow[:, None], SMOOTH, int(2 * SMOOTH))[:, 0]
    return flow


def _resized(planes: Tensor, size: tuple[int, int]) -> Tensor:
    """(C, H, W) -> (C, *size)."""
    return F.interpolate(planes[None], size=size, mode="bilinear", align_corners=False, antialias=True)[0]


def _displaced(plane: Tensor, flow: Tensor) -> Tensor:
    """A plane (H, W) looked up `flow` (2, H, W) pixels further on."""
    height, width = plane.shape
    y = (torch.arange(height).view(-1, 1) + flow[0]) * (2 / max(height - 1, 1)) - 1
    x = (torch.arange(width).view(1, -1) + flow[1]) * (2 / max(width - 1, 1)) - 1
    grid = torch.stack((x, y), -1)[None]
    return F.grid_sample(plane[None, None], grid, padding_mode="border", align_corners=True)[0, 0]


def _slopes(plane: Tensor) -> Tensor:
    """(2, H, W) central differences along rows and columns."""
    padded = F.pad(plane[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]
    return torch.stack((padded[2:, 1:-1] - padded[:-2, 1:-1], padded[1:-1, 2:] - padded[1:-1, :-2])) / 2


def best_ways(errors: Sequence[Tensor]) -> tuple[float, ...]:
    """The shares of the ways that would have served best, half way towards what usually does.

    Args:
        errors: of each trial what every way missed, (`WAYS`, pixels).
    """
    choices = [
        shares
        for shares in itertools.product(np.arange(0, 1 + SHARE_STEP, SHARE_STEP), repeat=WAYS)
        if abs(sum(shares) - 1) < 1e-6
    ]
    mixtures = torch.tensor(np.array(choices), dtype=torch.float32)
    scores = torch.zeros(len(choices))
    for error in errors:
        products = error @ error.T / error.shape[1]  # the mean square error of any mixture follows from these
        mean_squares = torch.einsum("cw,wv,cv->c", mixtures, products, mixtures)
        scores += mean_squares / mean_squares.mean().clamp(min=1e-12)
    best = mixtures[int(scores.argmin())]
    return tuple(((best + torch.tensor(USUAL_SHARES)) / 2).tolist())
