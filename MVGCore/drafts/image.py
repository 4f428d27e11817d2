"""Cheap drafts of the image tasks: what classical methods make of a slice before the network corrects it.

As with labels (`MVGCore.drafts`), the network receives a guess as the target's label and learns when to trust
it. One method for each task, all on torch tensors in 0..1:

* denoising: shrinkage of overlapping 8 x 8 blocks in the cosine domain (Yu and Sapiro, "DCT image denoising",
  IPOL 2011), taken over the slice and its two neighbours together;
* inpainting: linear interpolation between the nearest intact slices, bent so that it meets the intact rim
  (a membrane, as in Poisson image editing, Perez et al. 2003);
* synthesis: ridge regression on random Fourier features (Rahimi and Recht 2007) of a pixel's neighbourhood,
  fitted to the example slices.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

BLOCK = 8
STRIDE = 2  # of the blocks: every position costs four times as much
THRESHOLD = 2.7  # in standard deviations of the noise, as is usual for hard thresholds
SMALL_ERROR = 0.01  # below it an error counts as its square
TRUST = 0.5  # what the network is told of a draft of an image


@lru_cache(maxsize=4)
def cosines(size: int) -> Tensor:
    """(size, size) orthonormal cosine basis, one function per row."""
    n = torch.arange(size, dtype=torch.float32)
    basis = torch.cos(math.pi / size * (n[None] + 0.5) * n[:, None]) * math.sqrt(2 / size)
    basis[0] /= math.sqrt(2)
    return basis


@lru_cache(maxsize=1)
def atoms() -> Tensor:
    """(64, 1, 8, 8) products of cosines."""
    basis = cosines(BLOCK)
    return torch.einsum("ay,bx->abyx", basis, basis).reshape(BLOCK * BLOCK, 1, BLOCK, BLOCK)


def estimate_noise(planes: Tensor) -> Tensor:
    """Standard deviation of the noise in images (T, H, W) -> (T,).

    By the median absolute value of the finest cosine coefficients of blocks, which hold little else (Donoho
    and Johnstone 1994); blocks without any variation (an empty border) are left out.
    """
    finest = atoms().view(BLOCK, BLOCK, 1, BLOCK, BLOCK)[-3:, -3:].reshape(9, 1, BLOCK, BLOCK)
    details = F.conv2d(planes[:, None].float(), finest.to(planes.device), stride=STRIDE).abs()
    details = details.masked_fill(details.amax(1, keepdim=True) < 1e-6, torch.nan).flatten(1)
    return details.nanmedian(1).values.nan_to_num(0.0) / 0.6745


def denoise_draft(planes: Tensor, sigma: Tensor | None = None) -> Tensor:
    """The middle slices with their noise shrunk away.

    Args:
        planes: (T, 3, H, W) previous, this and next slice, or (T, 1, H, W) the slice alone.
        sigma: (T,) standard deviation of the noise; estimated where it is not given.

    Returns:
        (T, H, W).
    """
    targets, depth, height, width = planes.shape
    sigma = estimate_noise(planes[:, depth // 2]) if sigma is None else sigma
    along, blocks = cosines(depth).to(planes.device), atoms().to(planes.device)
    # Whole blocks on every side, so that each pixel lies in equally many of them.
    right, bottom = (BLOCK + (-size) % STRIDE for size in (width, height))
    padded = F.pad(planes.float(), (BLOCK, right, BLOCK, bottom), mode="replicate")
    coefficients = F.conv2d(padded.flatten(0, 1)[:, None], blocks, stride=STRIDE).unflatten(
        0, (targets, depth)
    )
    coefficients = torch.einsum("ab,tbcyx->tacyx", along, coefficients)
    keep = coefficients.abs() >= THRESHOLD * sigma.view(-1, 1, 1, 1, 1)
    keep[:, 0, 0] = True  # the mean
    # Blocks that need few functions are smooth: they know better (the weights of Yu and Sapiro's successors).
    weight = 1.0 / keep.sum((1, 2)).float()
    middle = torch.einsum("a,tacyx->tcyx", along[:, depth // 2], coefficients * keep) * weight[:, None]
    total = F.conv_transpose2d(middle, blocks, stride=STRIDE)
    ones = torch.ones(1, 1, BLOCK, BLOCK, device=planes.device)
    share = F.conv_transpose2d(weight[:, None], ones, stride=STRIDE)
    return (total / share.clamp(min=1e-9))[:, 0, BLOCK : BLOCK + height, BLOCK : BLOCK + width]


def membrane(values: Tensor, known: Tensor, rounds: int = 8) -> Tensor:
    """Fill the unknown pixels of images smoothly from the known ones, coarse to fine.

    Args:
        values: (T, H, W); ignored where unknown.
        known: (T, H, W) bool.
        rounds: averaging steps at every scale.

    Returns:
        (T, H, W): known pixels as they were; zero where an image has none.
    """
    values = values.masked_fill(~known, 0.0)
    if values.shape[-1] > 2 and values.shape[-2] > 2 and not bool(known.all()):
        share = F.avg_pool2d(known.float()[:, None], 2, ceil_mode=True)[:, 0]
        coarse = F.avg_pool2d(values[:, None], 2, ceil_mode=True)[:, 0] / share.clamp(min=1e-6)
        filled = membrane(coarse, share > 0, rounds)
        guess = F.interpolate(filled[:, None], size=values.shape[-2:], mode="bilinear", align_corners=False)
        guess = guess[:, 0]
    else:
        mean = values.sum((1, 2)) / known.sum((1, 2)).clamp(min=1)
        guess = mean[:, None, None].expand_as(values)
    for _ in range(rounds):
        guess = torch.where(known, values, guess)
        around = F.pad(guess[:, None], (1, 1, 1, 1), mode="replicate")[:, 0]
        guess = (around[:, :-2, 1:-1] + around[:, 2:, 1:-1] + around[:, 1:-1, :-2] + around[:, 1:-1, 2:]) / 4
    return torch.where(known, values, guess)


def _from_neighbours(
    stack: Tensor, known: Tensor, places: Sequence[float], row: int
) -> tuple[Tensor, Tensor]:
    """Linear interpolation of a slice from the nearest known pixels of the slices before and after it.

    Returns:
        (H, W) values, and (H, W) bool where there is any.
    """
    sides = []
    for rows in (range(row - 1, -1, -1), range(row + 1, len(stack))):
        value, far = torch.zeros_like(stack[row]), torch.full_like(stack[row], torch.inf)
        for other in rows:
            new = known[other] & far.isinf()
            value = torch.where(new, stack[other], value)
            far = far.masked_fill(new, abs(places[other] - places[row]))
        sides.append((value, far))
    (before, far_before), (after, far_after) = sides
    weight_before, weight_after = 1 / far_before, 1 / far_after
    total = weight_before + weight_after
    value = (before * weight_before + after * weight_after) / total.clamp(min=1e-9)
    return value, total > 0


def inpaint_draft(stack: Tensor, holes: Tensor, places: Sequence[float], rows: Sequence[int]) -> Tensor:
    """Slices with their holes filled.

    Args:
        stack: (K, H, W) neighbouring slices; ignored inside holes.
        holes: (K, H, W) bool.
        places: (K,) where the slices lie, ascending, in any unit.
        rows: which slices to fill.

    Returns:
        (len(rows), H, W); pixels outside the holes are as they were.
    """
    known = ~holes
    between, there = (
        torch.stack(each)
        for each in zip(*(_from_neighbours(stack, known, places, row) for row in rows), strict=True)
    )
    own, intact = stack[list(rows)], known[list(rows)]
    # Where the interpolation misses the intact rim, its error is carried smoothly into the hole.
    error = membrane(own - between, intact & there)
    alone = membrane(own, intact)
    filled = torch.where(there, between + error, alone)
    return torch.where(intact, own, filled)


@dataclass(frozen=True)
class SynthesisDraft:
    """A regression from the neighbourhood of a pixel to the intensity of another contrast.

    Attributes:
        mean, scale: (D,) of the features, by which they are brought to zero mean and unit spread.
        directions: (D, R), phases (R,): of the random Fourier features.
        weights: (1 + D + R,) of the regression.
        limits: lowest and highest intensity of the examples, which no prediction leaves.
    """

    mean: Tensor
    scale: Tensor
    directions: Tensor
    phases: Tensor
    weights: Tensor
    limits: tuple[float, float]

    @classmethod
    def fit(
        cls,
        images: Tensor,
        target: Tensor,
        waves: int = 256,
        samples: int = 8192,
        ridge: float = 3e-3,
        rounds: int = 0,
    ) -> SynthesisDraft:
        """Learn from examples; the same examples give the same regression.

        Args:
            images: (N, 3, H, W) previous, this and next slice of the source contrast.
            target: (N, H, W) the middle slice in the other contrast.
            waves: number of random Fourier features.
            samples: pixels to learn from, drawn evenly.
            ridge: strength of the regularisation, as a share of the mean variance of the features.
            rounds: times that the pixels are weighed anew by their errors, which turns least squares into
                least absolute errors (T1 to T2 on a training case: mean absolute error .0178 to .0167).
        """
        features, values = _neighbourhood(images), target.flatten().float()
        generator = torch.Generator().manual_seed(0)
        if len(features) > samples:
            chosen = torch.randint(len(features), (samples,), generator=generator)
            features, values = features[chosen], values[chosen]
        mean, scale = features.mean(0), features.std(0).clamp(min=1e-4)
        # Half of the waves are long and see trends, half are short and see detail.
        lengths = torch.where(torch.arange(waves) % 2 == 0, 6.0, 2.5)
        directions = torch.randn(features.shape[1], waves, generator=generator) / lengths
        phases = torch.rand(waves, generator=generator) * 2 * math.pi
        limits = float(values.min()), float(values.max())
        draft = cls(mean, scale, directions, phases, torch.zeros(0), limits)
        design = draft._design(features)
        weights = _ridge_regression(design, values, torch.ones_like(values), ridge)
        for _ in range(rounds):
            error = (design @ weights - values).abs()
            weights = _ridge_regression(design, values, 1 / error.clamp(min=SMALL_ERROR), ridge)
        return replace(draft, weights=weights)

    def predict(self, images: Tensor) -> Tensor:
        """(T, 3, H, W) previous, this and next slice -> (T, H, W) in the other contrast."""
        targets, _, height, width = images.shape
        predicted = self._design(_neighbourhood(images)) @ self.weights
        return predicted.clamp(*self.limits).view(targets, height, width)

    def _design(self, features: Tensor) -> Tensor:
        scaled = (features - self.mean) / self.scale
        waves = torch.cos(scaled @ self.directions + self.phases)
        return torch.cat((torch.ones(len(scaled), 1), scaled, waves), 1)


def _ridge_regression(design: Tensor, values: Tensor, shares: Tensor, ridge: float) -> Tensor:
    """(D,) weights for a design (n, D), answers (n,) and how much each of them counts (n,).

    In double precision: with a condition of 1e8 the answers of single precision are sometimes noise (on one
    choice of T1 slices a mean error of .88 instead of .015).
    """
    exact = design.double()
    weighed = exact * (shares / shares.sum()).double()[:, None]
    gram = exact.T @ weighed
    ridges = torch.full((len(gram),), ridge * float(gram.diagonal().mean()), dtype=gram.dtype)
    ridges[0] = 1e-6  # the mean is free
    return torch.linalg.solve(gram + torch.diag(ridges), weighed.T @ values.double()).float()


def _neighbourhood(images: Tensor) -> Tensor:
    """(T, 3, H, W) -> (T * H * W, 10) intensities, averages over growing discs, edges and position."""
    images = images.float()
    targets, _, height, width = images.shape
    middle = images[:, 1:2]
    blurred = [blur(middle, sigma) for sigma in (1.0, 2.0, 4.0)]
    detail = (blur(middle.square(), 1.5) - blur(middle, 1.5).square()).clamp(min=0).sqrt()
    y = torch.linspace(-1, 1, height).view(1, 1, -1, 1).expand(targets, 1, height, width)
    x = torch.linspace(-1, 1, width).view(1, 1, 1, -1).expand(targets, 1, height, width)
    planes = torch.cat((images, *blurred, detail, middle.square(), y, x), 1)
    return planes.movedim(1, -1).reshape(-1, planes.shape[1])


def blur(planes: Tensor, sigma: float, reach: int | None = None) -> Tensor:
    """Gaussian blur of (T, 1, H, W), cut off after `reach` pixels (None: two and a half sigma)."""
    reach = max(1, round(2.5 * sigma)) if reach is None else reach
    line = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma).square())
    line = line / line.sum()
    padded = F.pad(planes, (reach, reach, reach, reach), mode="replicate")
    return F.conv2d(F.conv2d(padded, line.view(1, 1, -1, 1)), line.view(1, 1, 1, -1))
