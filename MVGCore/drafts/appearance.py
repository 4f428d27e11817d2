"""What structures look like on the labelled slices: a pixel classifier, learned in a quarter of a second.

The network and the drafts judge a pixel by the nearest labelled slices. What sets this volume's structures
apart in brightness, texture and place can be learned from its own labels: a small perceptron sees each pixel
smoothed at several scales, edges, local spread, the two neighbour slices, the place on the canvas (the idea
of interactive pixel classification, Sommer et al., ilastik, 2011), and the network's own features of stride
2. On its own it is weaker than the others (Dice .49 on the cases of `mixture`, where the drafts have .51 and
the network .55), but its errors are different ones. Without the network's features the mixture is .004 worse;
with those of stride 4 too, .011.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from MVGCore.drafts.perceptron import Layers, Learning, answer, fit

MOST_SLICES = 32  # more labelled slices than that are thinned out
MOST_PIXELS = 60_000
FEATURE_NOISE = 0.05  # spread of what is added to standardised features while learning
# Spread of the place while learning, as a share of the canvas: structures move from slice to slice. Dice of
# the mixture with .02, .06, .15 and without the place: .599, .597, .594, .589.
PLACE_NOISE = 0.02
PRIOR_STRENGTH = 0.5  # how far the shares of the classes, which sampling evens out, are put back


@dataclass(frozen=True)
class Appearance:
    """The classifier of one class group.

    Attributes:
        center, scale: (F,) of the features.
        layers: (out, in) weights and (out,) biases of the perceptron.
        prior: (C,) added to the last layer's answer.
    """

    center: Tensor
    scale: Tensor
    layers: Layers
    prior: Tensor

    @classmethod
    def learn(
        cls,
        images: Tensor,
        positions: Tensor,
        classes: int,
        textures: Tensor | None = None,
        seed: int = 0,
    ) -> Appearance:
        """Learn from labelled slices.

        Args:
            images: (N, 3, S, S) canvases in 0..1, the labelled slices between their neighbours.
            positions: (N, S, S) class positions, 0 is background.
            classes: C, background included.
            textures: (N, F', s, s) more features of any resolution; None: there are none.
            seed: of the pixels that are drawn and of the first weights.
        """
        generator = torch.Generator().manual_seed(seed)
        thin = -(-len(images) // MOST_SLICES)
        positions = positions[::thin].long()
        chosen = torch.multinomial(
            _importance(positions, classes).flatten(), MOST_PIXELS, replacement=True, generator=generator
        )
        labels = positions.flatten()[chosen]
        more = None if textures is None else textures[::thin]
        some = torch.arange(0, positions.numel(), 7)
        seen = features(images[::thin], torch.cat((chosen, some)), more)
        center, scale = _standard(seen[len(chosen) :])
        noise = torch.full_like(center, FEATURE_NOISE)
        noise[-2:] = 2 * PLACE_NOISE / scale[-1]
        known = (seen[: len(chosen)] - center).div_(scale)
        # Once for all: drawn anew in each step it is a fifth of the time, and no better.
        known += noise * torch.randn(known.shape, generator=generator)
        layers = fit(known, labels, classes, generator, Learning())
        count = torch.bincount(positions.flatten(), minlength=classes).float().clamp(min=1)
        drawn = torch.bincount(labels, minlength=classes).float().clamp(min=1)
        prior = PRIOR_STRENGTH * ((count / count.sum()) / (drawn / drawn.sum())).log()
        return cls(center, scale, layers, prior)

    def log_probabilities(
        self,
        images: Tensor,
        where: Tensor,
        textures: Tensor | None = None,
        place: tuple[int, int, int] | None = None,
    ) -> Tensor:
        """(n, C) log-probabilities of the classes, of some pixels.

        Args:
            images: (T, 3, H, W) slices as in `learn`, or a part of them.
            where: (T, H, W) True at n pixels.
            textures: as in `learn`.
            place: of the part, its first row and column and the side of the canvas; None: it is all of it.
        """
        seen = features(images, where.flatten().nonzero()[:, 0], textures, place)
        told = answer((seen - self.center) / self.scale, self.layers) + self.prior[:, None]
        return told.log_softmax(0).T


def features(
    images: Tensor,
    pixels: Tensor,
    textures: Tensor | None = None,
    place: tuple[int, int, int] | None = None,
) -> Tensor:
    """(m, F' + 15) of m pixels of slices between their neighbours (n, 3, H, W) with textures (n, F', h, w);
    the last two are the place on the canvas, -1..1.

    Args:
        images, textures: the slices.
        pixels: (m,) places in (n, H, W), flattened.
        place: as of `Appearance.log_probabilities`.
    """
    size = (images.shape[-2], images.shape[-1])
    own = _filtered(images, place or (0, 0, size[1])).transpose(0, 1).flatten(1).index_select(1, pixels).T
    if textures is None:
        return own
    # With channels last those of a pixel lie side by side: what is asked for is copied once.
    last = textures.contiguous(memory_format=torch.channels_last)
    fine = F.interpolate(last, size, mode="bilinear").movedim(1, -1).flatten(0, 2)
    return torch.cat((fine.index_select(0, pixels), own), 1)


def _filtered(images: Tensor, place: tuple[int, int, int]) -> Tensor:
    """(n, 15, H, W) what filters of several scales see of the slices, and the place."""
    before, here, after = images.split(1, 1)
    smooth = {sigma: _blurred(here, sigma) for sigma in (1, 2, 4, 8)}
    spread = [
        (_blurred(here.square(), sigma) - smooth[sigma].square()).clamp(min=0).sqrt() for sigma in (2, 4)
    ]
    (row, column, side), (height, width) = place, images.shape[-2:]
    line = torch.linspace(-1, 1, side)
    whole = len(images), 1, height, width
    return torch.cat(
        [
            here,
            *smooth.values(),
            *(_edge(smooth[sigma]) for sigma in (1, 2)),
            *spread,
            before,
            after,
            _blurred(before, 2),
            _blurred(after, 2),
            line[row : row + height, None].expand(whole),
            line[column : column + width].expand(whole),
        ],
        1,
    )


def _blurred(planes: Tensor, sigma: int) -> Tensor:
    """Gaussian blur of (n, 1, H, W): products with matrices take a fifth of the time of convolutions."""
    rows, columns = (_blur_matrix(size, sigma) for size in planes.shape[-2:])
    return rows @ planes @ columns.T


@lru_cache(maxsize=32)
def _blur_matrix(size: int, sigma: int) -> Tensor:
    """(size, size): a Gaussian around each place of a line, cut off after three sigma; ends are repeated."""
    reach = 3 * sigma
    bell = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma).square())
    seen = (torch.arange(size)[:, None] + torch.arange(-reach, reach + 1)).clamp(0, size - 1)
    return torch.zeros(size, size).scatter_add_(1, seen, (bell / bell.sum()).expand(size, -1).contiguous())


def _edge(planes: Tensor) -> Tensor:
    """Length of the gradient."""
    rows, columns = torch.gradient(planes, dim=(2, 3))
    return torch.hypot(rows, columns)


def _importance(positions: Tensor, classes: int) -> Tensor:
    """(N, S, S) how often a pixel is drawn: rare classes more often, background mostly near structures."""
    count = torch.bincount(positions.flatten(), minlength=classes).float().clamp(min=1)
    reach = positions.shape[-1] // 10
    near = (positions > 0).float()
    for _ in range(2):  # rows, then columns: ten times as fast as both at once
        near = F.max_pool1d(near, 2 * reach + 1, 1, reach).transpose(1, 2)
    return count.rsqrt()[positions] * torch.where(positions == 0, 0.3 + 0.7 * near, 1.0)


def _standard(seen: Tensor) -> tuple[Tensor, Tensor]:
    """Center and scale of features (n, F); the place keeps its own."""
    center, scale = seen.mean(0), seen.std(0) + 1e-3
    center[-2:], scale[-2:] = 0.0, 0.5
    return center, scale
