"""Slice <-> canvas: the square that a model sees, cut from the slices of a volume, and the exact way back.

A canvas pixel is a square in millimetres, so anisotropic slices keep their shapes. The mapping is separable
(one matrix per slice axis); matrices weigh by overlap when they shrink, so that nothing aliases, and
interpolate linearly when they enlarge. Label maps travel as one plane per class, never as interpolated
numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


@lru_cache(maxsize=64)
def _resampling_matrix(source: int, target: int, start: float, step: float, inside_only: bool) -> FloatArray:
    """(target, source) weights that sample a line of `source` pixels at start, start + step, ...

    The kernel is a triangle whose half width is one source pixel, or one step when shrinking. With
    `inside_only` rows that lie outside the line are zero; otherwise the line's edge is repeated.
    """
    position = start + step * np.arange(target)
    outside = (position < -0.5) | (position > source - 0.5)
    width = max(1.0, step)
    distance = np.abs(np.clip(position, 0, source - 1)[:, None] - np.arange(source)[None])
    weights = np.clip(1 - distance / width, 0, None)
    weights /= weights.sum(1, keepdims=True)
    if inside_only:
        weights[outside] = 0
    weights = weights.astype(np.float32)
    weights.setflags(write=False)
    return weights


@dataclass(frozen=True)
class Canvas:
    """A square region of the slices of a volume, sampled to side x side pixels.

    Attributes:
        shape: (rows, columns) of a slice.
        side: pixels along a side of the canvas.
        center: (row, column) in slice pixels of the canvas centre; integers are pixel centres.
        scale: slice pixels per canvas pixel along (rows, columns).
    """

    shape: tuple[int, int]
    side: int
    center: tuple[float, float]
    scale: tuple[float, float]

    @classmethod
    def around(
        cls,
        box: tuple[int, int, int, int],
        shape: tuple[int, int],
        spacing: tuple[float, float],
        side: int,
        margin: float = 0.25,
    ) -> Canvas:
        """The canvas that shows a box with a margin.

        Args:
            box: (first row, end row, first column, end column) in slice pixels, half open.
            shape: (rows, columns) of a slice.
            spacing: millimetres per pixel along (rows, columns).
            side: pixels along a side of the canvas.
            margin: added on every side, as a share of the box's longer side.
        """
        rows, columns = (box[1] - box[0]) * spacing[0], (box[3] - box[2]) * spacing[1]
        pixel = max(rows, columns) * (1 + 2 * margin) / side
        center = ((box[0] + box[1] - 1) / 2, (box[2] + box[3] - 1) / 2)
        return cls(shape, side, center, (pixel / spacing[0], pixel / spacing[1]))

    @classmethod
    def whole(cls, shape: tuple[int, int], spacing: tuple[float, float], side: int) -> Canvas:
        """The canvas that shows the whole slice."""
        return cls.around((0, shape[0], 0, shape[1]), shape, spacing, side, margin=0.0)

    def pixel_mm(self, spacing: tuple[float, float]) -> float:
        """Side of a canvas pixel in millimetres, for the slice spacing it was made with."""
        return self.scale[0] * spacing[0]

    def resized(self, side: int) -> Canvas:
        """The same region with another number of pixels."""
        factor = self.side / side
        return Canvas(self.shape, side, self.center, (self.scale[0] * factor, self.scale[1] * factor))

    def within_slice(self) -> Canvas:
        """As many pixels on a square that is no larger than what the canvas shows of the slice."""
        half = (self.side / 2) * np.asarray(self.scale)
        edge = np.asarray(self.shape) - 0.5
        low, high = np.maximum(self.center - half, -0.5), np.minimum(self.center + half, edge)
        center, share = (low + high) / 2, float(np.max((high - low) / (2 * half)))
        scale = (self.scale[0] * share, self.scale[1] * share)
        return Canvas(self.shape, self.side, (float(center[0]), float(center[1])), scale)

    def to_slice(self, points: NDArray[np.floating]) -> NDArray[np.floating]:
        """Canvas coordinates (..., 2) -> slice coordinates (row, column)."""
        return np.asarray(self.center) + (points - (self.side - 1) / 2) * np.asarray(self.scale)

    def to_canvas(self, points: NDArray[np.floating]) -> NDArray[np.floating]:
        """Slice coordinates (..., 2) -> canvas coordinates; the inverse of `to_slice`."""
        return (points - np.asarray(self.center)) / np.asarray(self.scale) + (self.side - 1) / 2

    def _forward(self, axis: int, inside_only: bool) -> FloatArray:
        start = self.center[axis] - (self.side - 1) / 2 * self.scale[axis]
        return _resampling_matrix(self.shape[axis], self.side, start, self.scale[axis], inside_only)

    def _backward(self, axis: int) -> FloatArray:
        step = 1 / self.scale[axis]
        start = (self.side - 1) / 2 - self.center[axis] * step
        return _resampling_matrix(self.side, self.shape[axis], start, step, True)

    def draw_image(self, slices: NDArray[np.generic]) -> FloatArray:
        """Intensities (..., rows, columns) -> (..., side, side); beyond the slice its edge is repeated."""
        rows, columns = self._forward(0, False), self._forward(1, False)
        return np.matmul(np.matmul(rows, slices.astype(np.float32, copy=False)), columns.T)

    def draw_labels(self, slices: NDArray[np.generic], ids: Sequence[int]) -> NDArray[np.uint8]:
        """Label numbers (..., rows, columns) -> positions in `ids` plus one, (..., side, side).

        0 is where none of them is.
        """
        rows, columns = self._forward(0, True), self._forward(1, True)
        # Background wins where the listed classes cover less than half of a pixel in all.
        covered = np.matmul(np.matmul(rows, np.isin(slices, ids).astype(np.float32)), columns.T)
        drawn, best = np.zeros(covered.shape, dtype=np.uint8), np.zeros_like(covered)
        for position, label in enumerate(ids, start=1):
            share = np.matmul(np.matmul(rows, (slices == label).astype(np.float32)), columns.T)
            wins = share > best
            drawn[wins], best[wins] = position, share[wins]
        drawn[covered < 0.5] = 0
        return drawn

    def read_back(self, planes: NDArray[np.generic]) -> FloatArray:
        """Values (..., side, side) -> (..., rows, columns); zero outside the canvas."""
        rows, columns = self._backward(0), self._backward(1)
        return np.matmul(np.matmul(rows, planes.astype(np.float32, copy=False)), columns.T)
