"""Overlapping square tiles of a slice, at its own pixels, and their seamless sum."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

OVERLAP = 0.25  # of a tile's side is shared by neighbouring tiles at least, where nothing else is said


@dataclass(frozen=True)
class Tile:
    """One square of the padded slice: its first row and column, and its weights (side, side)."""

    row: int
    column: int
    weights: Tensor


@dataclass(frozen=True)
class Tiling:
    """How slices are cut.

    Attributes:
        shape: (rows, columns) of a slice.
        side: pixels along a side of a tile.
        rows, columns: where tiles begin along each direction of the padded slice.
    """

    shape: tuple[int, int]
    side: int
    rows: tuple[int, ...]
    columns: tuple[int, ...]

    @classmethod
    def of(cls, shape: tuple[int, int], sides: Sequence[int], overlap: float = OVERLAP) -> Tiling:
        """The tiling with the fewest pixels in all; of equal ones that with the smallest tiles.

        Args:
            shape: (rows, columns) of a slice.
            sides: what the model offers, ascending.
            overlap: share of a tile's side that neighbouring tiles have in common at least.
        """
        tilings = [cls(shape, side, *(_starts(size, side, overlap) for size in shape)) for side in sides]
        return min(tilings, key=lambda each: each.pixels)

    @property
    def pixels(self) -> int:
        """Of all tiles together."""
        return len(self.rows) * len(self.columns) * self.side**2

    @property
    def padding(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Pixels added (before, after) rows and columns, so that one tile fits."""
        extra = [max(0, self.side - size) for size in self.shape]
        rows, columns = ((each // 2, each - each // 2) for each in extra)
        return rows, columns

    def pad(self, planes: Tensor) -> Tensor:
        """(..., H, W) -> (..., H', W') with at least one tile along each side; mirrored at the borders."""
        if not any(sum(each) for each in self.padding):
            return planes
        widths = [(0, 0)] * (planes.ndim - 2) + list(self.padding)
        return torch.from_numpy(np.pad(planes.numpy(), widths, mode="symmetric"))

    def unpad(self, planes: Tensor) -> Tensor:
        """The inverse of `pad`."""
        (top, _), (left, _) = self.padding
        return planes[..., top : top + self.shape[0], left : left + self.shape[1]]

    def crop(self, planes: Tensor, tile: Tile) -> Tensor:
        """(..., H', W') -> (..., side, side)."""
        return planes[..., tile.row : tile.row + self.side, tile.column : tile.column + self.side]

    def __iter__(self) -> Iterator[Tile]:
        """All tiles; at every pixel their weights sum to one."""
        down, across = (_profiles(starts, self.side) for starts in (self.rows, self.columns))
        for row, vertical in zip(self.rows, down, strict=True):
            for column, horizontal in zip(self.columns, across, strict=True):
                yield Tile(row, column, torch.from_numpy(np.outer(vertical, horizontal)))


def largest_step(side: int, overlap: float) -> int:
    """Pixels between the beginnings of neighbouring tiles at most."""
    return int(side * (1 - overlap))


def _starts(size: int, side: int, overlap: float) -> tuple[int, ...]:
    """Evenly spread beginnings of tiles that cover `size` pixels."""
    if size <= side:
        return (0,)
    count = 1 + -(-(size - side) // largest_step(side, overlap))
    return tuple(int(start) for start in np.linspace(0, size - side, count).round())


def _profiles(starts: Sequence[int], side: int) -> list[NDArray[np.float32]]:
    """For each tile along one direction its weights (side,), which fade where the next tile takes over."""
    size = starts[-1] + side
    total = np.zeros(size)
    raw = []
    for n, start in enumerate(starts):
        before = starts[n - 1] + side - start if n else 0
        after = start + side - starts[n + 1] if n + 1 < len(starts) else 0
        place = np.arange(side) + 0.5
        weights = np.ones(side)
        if before:
            weights *= np.clip(place / before, 0, 1)
        if after:
            weights *= np.clip((side - place) / after, 0, 1)
        weights = weights**2 * (3 - 2 * weights)  # without a kink at either end
        total[start : start + side] += weights
        raw.append(weights)
    return [
        (weights / total[start : start + side]).astype(np.float32)
        for start, weights in zip(starts, raw, strict=True)
    ]
