"""Lessons: parts of volumes, turned, bent and shown in other intensities, with real or made-up drafts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from MVGCore.datasets.specialist.material import Material

TURN = 0.15  # radians, spread
ZOOM = 0.1
BEND = 0.03  # of the longest side
MISPLACED = 0.05  # of a made-up draft
MADE_UP = 0.5  # of the drafts; the others are real


@dataclass(frozen=True)
class SpecialistLesson:
    """One input and what is wanted.

    Attributes:
        shown: (1, 1 + classes, K, J, I) image and draft.
        labels: (1, classes + 1, K, J, I) wanted shares.
        weight: (1, 1, K, J, I) how much each voxel counts.
        known: (1, classes + 1) 1 for classes whose absence is a fact.
    """

    shown: Tensor
    labels: Tensor
    weight: Tensor
    known: Tensor


class Teacher:
    """Draws lessons of one size.

    Args:
        size: (K, J, I) voxels.
        seed: the same seed gives the same lessons.
    """

    def __init__(self, size: Sequence[int], seed: int) -> None:
        self._size = tuple(size)
        self._rng = np.random.default_rng(seed)
        self._noise = torch.Generator().manual_seed(seed)

    def lesson(self, material: Material) -> SpecialistLesson:
        """A random part of a volume that has labels."""
        assert material.known is not None
        classes = len(material.draft)
        sampled = _sampled(material.stacked, self._grid(material.image.shape[1:]))
        image, draft, labels, weight, ideal = sampled.split((1, classes, classes + 1, 1, classes))
        if self._rng.random() < MADE_UP or not material.draft.any():
            draft = self._spoiled(ideal)
        stacked = torch.cat((self._changed(image), draft))
        return SpecialistLesson(stacked[None], labels[None], weight[None], material.known[None])

    def _grid(self, shape: Sequence[int]) -> Tensor:
        """Where the voxels of a turned, stretched and bent part lie in a volume, for `grid_sample`."""
        rng, size, whole = self._rng, np.array(self._size), np.array(shape)
        room = np.maximum(whole - 0.8 * size, 0)
        middle = rng.random(3) * room + np.minimum(whole, 0.8 * size) / 2 - 0.5
        flat = size == 1
        turn = _rotation(rng.normal(0, TURN, 3) * (not flat.any()), rng.normal(0, TURN) if flat[0] else 0.0)
        scale = np.exp(rng.normal(0, ZOOM, 3) + rng.normal(0, ZOOM))
        matrix = torch.tensor(turn * scale, dtype=torch.float32)
        places = torch.einsum("ab,bkji->akji", matrix, _centred(self._size))
        places = places + self._smooth(10, BEND * rng.random() * size.max())
        places = places + torch.tensor(middle, dtype=torch.float32)[:, None, None, None]
        return _normalised(places, shape)

    def _spoiled(self, ideal: Tensor) -> Tensor:
        """A draft as registration may bring it: bent and shifted, at times with one class missing."""
        rng, size = self._rng, np.array(self._size)
        shift = torch.tensor(rng.normal(0, 0.6 * MISPLACED * size.max(), 3) * (size > 1), dtype=torch.float32)
        bend = self._smooth(8, MISPLACED * rng.random() * size.max())
        middle = torch.tensor((size - 1) / 2, dtype=torch.float32)[:, None, None, None]
        places = _centred(self._size) + middle + bend + shift[:, None, None, None]
        there = torch.tensor(rng.random(len(ideal)) > 0.08)[:, None, None, None]
        return _sampled(ideal, _normalised(places, self._size)) * there

    def _changed(self, image: Tensor) -> Tensor:
        """Noise, blur, contrast and a bias field, each now and then."""
        rng = self._rng
        if rng.random() < 0.5:
            image = image + torch.randn(image.shape, generator=self._noise) * float(rng.uniform(0, 0.2))
        if rng.random() < 0.3:
            image = _blurred(image)
        if rng.random() < 0.5:
            low, high = image.min(), image.max()
            share = (image - low) / (high - low + 1e-6)
            image = share ** float(np.exp(rng.normal(0, 0.3))) * (high - low) + low
        if rng.random() < 0.3:
            image = image + self._smooth(1000, 0.3)[:1]
        return image * float(np.exp(rng.normal(0, 0.15))) + float(rng.normal(0, 0.15))

    def _smooth(self, cell: int, amount: float) -> Tensor:
        """(3, K, J, I) smooth random numbers, of cells of so many voxels; none along an axis of one voxel."""
        cells = [max(2, n // cell + 2) for n in self._size]
        coarse = torch.tensor(self._rng.normal(0, amount, (1, 3, *cells)), dtype=torch.float32)
        fine = functional.interpolate(coarse, self._size, mode="trilinear", align_corners=True)[0]
        return fine * torch.tensor([float(n > 1) for n in self._size])[:, None, None, None]


def _centred(size: Sequence[int]) -> Tensor:
    """(3, K, J, I) places of voxels, from the middle."""
    lines = [torch.arange(n, dtype=torch.float32) - (n - 1) / 2 for n in size]
    return torch.stack(torch.meshgrid(*lines, indexing="ij"))


def _normalised(places: Tensor, shape: Sequence[int]) -> Tensor:
    """Places in voxels (3, K, J, I) as `grid_sample` wants them."""
    extent = torch.tensor(shape, dtype=torch.float32)[:, None, None, None]
    return (2 * (places + 0.5) / extent - 1).flip(0).permute(1, 2, 3, 0)[None]


def _sampled(planes: Tensor, grid: Tensor) -> Tensor:
    return functional.grid_sample(planes[None], grid, padding_mode="border", align_corners=False)[0]


def _blurred(planes: Tensor) -> Tensor:
    kernel = [3 if n > 1 else 1 for n in planes.shape[1:]]
    padding = [n // 2 for n in kernel]
    return functional.avg_pool3d(planes[None], kernel, 1, padding, count_include_pad=False)[0]


def _rotation(angles: np.ndarray, in_plane: float) -> np.ndarray:
    """About the k, j and i axes; of a single slice about k alone."""
    result = np.eye(3)
    for axis, angle in enumerate((angles[0] + in_plane, angles[1], angles[2])):
        a, b = (each for each in range(3) if each != axis)
        turn = np.eye(3)
        turn[a, a] = turn[b, b] = np.cos(angle)
        turn[a, b], turn[b, a] = -np.sin(angle), np.sin(angle)
        result = result @ turn
    return result
