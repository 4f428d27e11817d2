"""Classical denoising of a volume: shrinkage of overlapping blocks in the cosine domain, in two passes.

The first pass keeps what is clearly larger than noise (Yu and Sapiro, "DCT image denoising", IPOL 2011); the
second weighs every coefficient by what the first has found (an empirical Wiener filter, as the second step of
BM3D by Dabov et al. 2007). Blocks reach over neighbouring slices.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from MVGCore.drafts.image import BLOCK, STRIDE, THRESHOLD, atoms, cosines

NEIGHBOUR_SLICES = 2  # slices on either side


def dct_denoise(stack: Tensor, sigma: float, rows: Sequence[int]) -> Tensor:
    """Slices of a stack without their noise.

    Args:
        stack: (K, H, W), of which up to 2 * `NEIGHBOUR_SLICES` slices around each wanted one are used.
        sigma: standard deviation of the noise.
        rows: the wanted slices.

    Returns:
        (T, H, W).
    """
    offsets = np.arange(-NEIGHBOUR_SLICES, NEIGHBOUR_SLICES + 1)
    around = np.clip(np.asarray(rows)[:, None] + offsets, 0, len(stack) - 1)
    needed, place = np.unique(around, return_inverse=True)
    wider = np.clip(needed[:, None] + offsets, 0, len(stack) - 1)
    slices, among = np.unique(wider, return_inverse=True)
    coefficients = _analyse(stack[slices])
    pilot = torch.cat(
        [_keep_large(coefficients[each], sigma, stack.shape) for each in _rows(among, wider.shape)]
    )
    mine, own = _analyse(pilot), coefficients[np.searchsorted(slices, needed)]
    return torch.cat(
        [_wiener(own[each], mine[each], sigma, stack.shape) for each in _rows(place, around.shape)]
    )


def _rows(places: np.ndarray, shape: tuple[int, ...]) -> list[np.ndarray]:
    return list(places.reshape(shape))


def _analyse(planes: Tensor) -> Tensor:
    """(T, H, W) -> (T, 64, h, w) coefficients of its blocks."""
    # Whole blocks on every side, so that each pixel lies in equally many of them.
    right, bottom = (BLOCK + (-size) % STRIDE for size in (planes.shape[-1], planes.shape[-2]))
    padded = F.pad(planes[:, None], (BLOCK, right, BLOCK, bottom), mode="replicate")
    return F.conv2d(padded, atoms(), stride=STRIDE)


def _middle(blocks: Tensor, gains: Tensor, weight: Tensor, shape: Sequence[int]) -> Tensor:
    """(1, H, W): the middle slice of weighted coefficients along the stack, summed over all blocks."""
    along = cosines(len(blocks))
    middle = torch.einsum("a,acyx->cyx", along[:, len(blocks) // 2], blocks * gains) * weight
    total = F.conv_transpose2d(middle[None], atoms(), stride=STRIDE)
    share = F.conv_transpose2d(weight[None, None], torch.ones(1, 1, BLOCK, BLOCK), stride=STRIDE)
    return (total / share.clamp(min=1e-9))[0, :, BLOCK : BLOCK + shape[-2], BLOCK : BLOCK + shape[-1]]


def _keep_large(coefficients: Tensor, sigma: float, shape: Sequence[int]) -> Tensor:
    blocks = torch.einsum("ab,bcyx->acyx", cosines(len(coefficients)), coefficients)
    gains = (blocks.abs() >= THRESHOLD * sigma).float()
    gains[0, 0] = 1  # the mean
    return _middle(blocks, gains, 1 / gains.sum((0, 1)), shape)


def _wiener(coefficients: Tensor, pilot: Tensor, sigma: float, shape: Sequence[int]) -> Tensor:
    along = cosines(len(coefficients))
    blocks, power = (torch.einsum("ab,bcyx->acyx", along, each) for each in (coefficients, pilot))
    power = power.square()
    gains = power / (power + sigma**2)
    gains[0, 0] = 1
    return _middle(blocks, gains, 1 / gains.square().sum((0, 1)), shape)
