"""The part of a volume that a specialist sees, on voxels of one size for the whole data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

FRAME_MARGIN = 0.25  # around what is labelled, as a share of its extent
LEAST_MARGIN = 4  # voxels


@dataclass(frozen=True)
class Frame:
    """A box of voxels and the grid on which it is seen.

    Attributes:
        shape: (K, J, I) of the volume.
        low, high: the box, half-open, in voxels.
        size: (K, J, I) of the grid.
    """

    shape: tuple[int, int, int]
    low: tuple[int, int, int]
    high: tuple[int, int, int]
    size: tuple[int, int, int]

    @classmethod
    def around(cls, shown: NDArray[np.bool_], spacing: Sequence[float], voxel: Sequence[float]) -> Frame:
        """Around what is labelled; the whole volume where nothing is.

        Args:
            shown: (K, J, I) where labels are or may be.
            spacing: of the volume along (k, j, i), mm.
            voxel: of the grid, likewise.
        """
        places = np.argwhere(shown)
        shape = np.array(shown.shape)
        low, high = (places.min(0), places.max(0) + 1) if len(places) else (0 * shape, shape)
        margin = np.ceil(np.maximum(FRAME_MARGIN * (high - low), LEAST_MARGIN)).astype(int)
        low, high = np.maximum(low - margin, 0), np.minimum(high + margin, shape)
        size = np.maximum(np.round((high - low) * np.array(spacing) / np.array(voxel)), 1)
        return cls(_triple(shape), _triple(low), _triple(high), _triple(size))

    def seen(self, array: NDArray[np.floating]) -> Tensor:
        """(C, K, J, I) of the volume -> (C, K, J, I) of the grid, float32."""
        part = np.ascontiguousarray(array[self._box], np.float32)
        return _resized(torch.from_numpy(part), self.size)

    def put_back(self, seen: Tensor, onto: NDArray[np.float32]) -> NDArray[np.float32]:
        """`onto` (C, K, J, I) of the volume, in the box replaced by what was found on the grid."""
        inside = _triple(np.subtract(self.high, self.low))
        result = onto.copy()
        result[self._box] = _resized(seen, inside).numpy()
        return result

    @property
    def _box(self) -> tuple[slice, ...]:
        return (slice(None), *(slice(a, b) for a, b in zip(self.low, self.high, strict=True)))


def _resized(x: Tensor, size: tuple[int, int, int]) -> Tensor:
    if tuple(x.shape[1:]) == size:
        return x
    return functional.interpolate(x[None], size, mode="trilinear", align_corners=False)[0]


def _triple(values: NDArray[np.number]) -> tuple[int, int, int]:
    k, j, i = (int(value) for value in values)
    return k, j, i
