"""Stacks from real labelled volumes and label maps: any axis, any of their structures, any zoom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from MVGCore.propagation.plan import slice_spacing
from MVGCore.training.stack import MAX_SLICES, MAX_STACK_CLASSES, STACK_SIDE, Bytes
from MVGCore.volume.canvas import Canvas


@dataclass(frozen=True)
class LabelledVolume:
    """A training volume.

    Attributes:
        source: its id.
        image: (K, J, I) intensities in 0..1.
        labels: (K, J, I) class ids.
        spacing: millimetres along (k, j, i).
        other: (K, J, I) the same in another contrast, where there is one.
    """

    source: str
    image: NDArray[np.float32]
    labels: NDArray[np.integer]
    spacing: tuple[float, float, float]
    other: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Region:
    """Aligned canvases cut from a volume: image (K, S, S) in 0..1, class positions (K, S, S), step in canvas
    pixels, and the image in another contrast where there is one."""

    image: NDArray[np.float32]
    labels: Bytes
    step: float
    other: NDArray[np.float32] | None = None


def cut_region(volume: LabelledVolume, rng: np.random.Generator) -> Region | None:
    """A random region: axis, structures, margin and slice distance are drawn; None if the draw holds too
    little."""
    axis = int(rng.choice(3, p=[0.5, 0.25, 0.25]))
    image, labels = np.moveaxis(volume.image, axis, 0), np.moveaxis(volume.labels, axis, 0)
    along, rows, columns = slice_spacing(volume.spacing, axis)
    present = np.unique(labels)[1:] if labels.min() == 0 else np.unique(labels)
    if len(present) == 0:
        return None
    chosen = rng.permutation(present)[: int(rng.integers(1, min(len(present), MAX_STACK_CLASSES) + 1))]
    mask = np.isin(labels, chosen)
    labelled = np.flatnonzero(mask.any((1, 2)))
    if len(labelled) < 3:
        return None
    slices = _slice_range(labelled, len(labels), rng)
    canvas = _canvas(mask[slices].max(0), (rows, columns), rng)
    if canvas is None:
        return None
    step = along * (slices[1] - slices[0]) / canvas.pixel_mm((rows, columns))

    def drawn(planes: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.clip(canvas.draw_image(planes[slices]), 0, 1)

    other = None if volume.other is None else drawn(np.moveaxis(volume.other, axis, 0))
    return Region(drawn(image), canvas.draw_labels(labels[slices], _ids(chosen)), step, other)


def _ids(chosen: NDArray[np.integer]) -> Sequence[int]:
    return tuple(int(c) for c in chosen)


def _slice_range(labelled: NDArray[np.intp], depth: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Slices over the labelled range and a little beyond, sometimes every second or third, at most
    MAX_SLICES."""
    beyond = int(rng.integers(0, 5))
    first, last = max(0, labelled[0] - beyond), min(depth - 1, labelled[-1] + beyond)
    length = last - first + 1
    stride = max(1, -(-length // MAX_SLICES)) * int(rng.choice([1, 1, 1, 2, 3]))
    stride = min(stride, max(1, length // 6))
    slices = np.arange(first, last + 1, stride)
    start = int(rng.integers(0, max(1, len(slices) - MAX_SLICES + 1)))
    return slices[start : start + MAX_SLICES]


def _canvas(
    shown: NDArray[np.bool_], spacing: tuple[float, float], rng: np.random.Generator
) -> Canvas | None:
    rows, columns = np.flatnonzero(shown.any(1)), np.flatnonzero(shown.any(0))
    if len(rows) == 0:
        return None
    box = (int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1)
    fit = Canvas.around(
        box, (shown.shape[0], shown.shape[1]), (spacing[0], spacing[1]), 128, float(rng.uniform(0.08, 0.6))
    )
    shift = rng.uniform(-0.08, 0.08, 2) * 128 * np.asarray(fit.scale)
    center = (fit.center[0] + float(shift[0]), fit.center[1] + float(shift[1]))
    return Canvas(fit.shape, STACK_SIDE, center, fit.scale)
