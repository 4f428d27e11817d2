"""A small U-Net (Ronneberger et al., 2015) for volumes of any anisotropy, single slices among them.

Blocks of a volume's voxels become channels first and are unfolded last (sub-voxel convolution, Shi et al.,
2016): so no layer works on the finest grid, which costs an eighth.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

LEVELS = 3  # halvings, the fold among them
LEAST_VOXELS = 5  # voxels along an axis, below which it is halved no more
THICK = 1.6  # an axis whose voxels are so much longer than the finest is not halved yet
LEAST_SHARE = 0.05  # of a class at a place that its draft leaves out: it may be there all the same
LIKELY_SHARE = 0.8  # of a class in the middle of its draft
DRAFT_GAIN = 3.0  # a draft varies less than an image of spread 1, and counts as much for the first layer
OUT_SPREAD = 0.1  # of the last layer's first weights: from zero, classes side by side are told apart late

Steps = tuple[int, int, int]


class UNet(nn.Module):
    """Logits (N, classes + 1, K, J, I) of an image and a draft, (N, 1 + classes, K, J, I).

    What is learned is added to the logits of the draft: where classes are is known from the start.
    The fold has to divide the sides.

    Args:
        classes: without the background.
        width: channels of the finest level, doubled at each coarser one.
        steps: by how much the fold and then each level shrinks the (k, j, i) axes of the one before: 1 or 2.
        flat: the volume is a single slice along k.
    """

    def __init__(self, classes: int, width: int, steps: Sequence[Steps], flat: bool) -> None:
        super().__init__()
        self.fold, *self.steps = steps
        block = self.fold[0] * self.fold[1] * self.fold[2]
        kernel = (1, 3, 3) if flat else (3, 3, 3)
        widths = [width * 2**n for n in range(len(steps))]
        self.down = nn.ModuleList(
            _block(before, after, kernel)
            for before, after in zip([(1 + classes) * block, *widths], widths, strict=False)
        )
        self.up = nn.ModuleList(
            _block(widths[n] + widths[n + 1], widths[n], kernel) for n in reversed(range(len(widths) - 1))
        )
        self.out = nn.Conv3d(width, (1 + classes) * block, 1)
        nn.init.normal_(self.out.weight, std=OUT_SPREAD)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]

    def forward(self, seen: Tensor) -> Tensor:
        """See the class."""
        kept = []
        draft = seen[:, 1:]
        x = self.down[0](folded(torch.cat((seen[:, :1], DRAFT_GAIN * draft), 1), self.fold))
        for step, block in zip(self.steps, list(self.down)[1:], strict=True):
            kept.append(x)
            x = block(functional.max_pool3d(x, step, ceil_mode=True))
        for block in self.up:
            finer = kept.pop()
            x = functional.interpolate(x, finer.shape[2:], mode="trilinear", align_corners=False)
            x = block(torch.cat((finer, x), 1))
        draft = LIKELY_SHARE * draft
        shares = torch.cat((1 - draft.sum(1, keepdim=True), draft), 1)
        return unfolded(self.out(x), self.fold) + torch.log(shares.clamp(LEAST_SHARE, 1))


def halvings(shape: Sequence[int], spacing: Sequence[float]) -> list[Steps]:
    """Which axes the fold and each level halve: thick ones later, short ones not at all.

    Single slices have few voxels: they are not folded, which would cost them the finest borders.
    """
    size, voxel, steps = list(shape), list(spacing), []
    for _ in range(LEVELS):
        finest = min(v for v, n in zip(voxel, size, strict=True) if n > 1)
        step = [
            2 if n >= 2 * LEAST_VOXELS and v < THICK * finest else 1 for n, v in zip(size, voxel, strict=True)
        ]
        size = [-(-n // s) for n, s in zip(size, step, strict=True)]
        voxel = [v * s for v, s in zip(voxel, step, strict=True)]
        steps.append((step[0], step[1], step[2]))
    return [(1, 1, 1), *steps] if shape[0] == 1 else steps


def folded(x: Tensor, fold: Steps) -> Tensor:
    """(N, C, K, J, I) -> (N, C * block, K / f, J / f, I / f)."""
    n, c, k, j, i = x.shape
    a, b, d = fold
    x = x.reshape(n, c, k // a, a, j // b, b, i // d, d).permute(0, 1, 3, 5, 7, 2, 4, 6)
    return x.reshape(n, c * a * b * d, k // a, j // b, i // d)


def unfolded(x: Tensor, fold: Steps) -> Tensor:
    """The inverse of `folded`."""
    n, c, k, j, i = x.shape
    a, b, d = fold
    x = x.reshape(n, c // (a * b * d), a, b, d, k, j, i).permute(0, 1, 5, 2, 6, 3, 7, 4)
    return x.reshape(n, c // (a * b * d), k * a, j * b, i * d)


def _block(before: int, after: int, kernel: Steps) -> nn.Sequential:
    padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
    layers: list[nn.Module] = []
    for inside in (before, after):
        layers += [
            nn.Conv3d(inside, after, kernel, padding=padding, bias=False),
            nn.InstanceNorm3d(after, affine=True),
            nn.LeakyReLU(0.01, inplace=True),
        ]
    return nn.Sequential(*layers)
