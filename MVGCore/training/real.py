"""Stacks from real labelled volumes and label maps: any axis, any of their structures, any zoom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from MVGCore.segmentation.plan.plan import slice_spacing
from MVGCore.training.stack import MAX_SLICES, MAX_STACK_CLASSES, STACK_SIDE, Bytes
from MVGCore.volume.canvas import Canvas


@dataclass(frozen=True)
class LabelledVolume:
    """A training volume.

    Attributes:
        source: its id.
        image: (K, J, I) intensities in 0..1.
        labels: (K, J, I) class ids; None where there are none.
        spacing: millimetres along (k, j, i).
        other: (K, J, I) the same in another contrast, or noisy, where there is one.
        task: the one task that it serves; empty: all.
        axis: of its slices.
    """

    source: str
    image: NDArray[np.float32]
    labels: NDArray[np.integer] | None
    spacing: tuple[float, float, float]
    other: NDArray[np.float32] | None = None
    task: str = ""
    axis: int = 0


@dataclass(frozen=True)
class CropRegion:
    """Aligned canvases cut from a volume: image (K, S, S) in 0..1, class positions (K, S, S), step in canvas
    pixels, and the image in another contrast where there is one; no labels where the volume has none."""

    image: NDArray[np.float32]
    labels: Bytes | None
    step: float
    other: NDArray[np.float32] | None = None


def cut(
    volume: LabelledVolume, rng: np.random.Generator, side: int = STACK_SIDE, whole: bool = False
) -> CropRegion | None:
    """A region around some structures, or whole slices where that is wanted or there is nothing to choose."""
    if volume.labels is None or whole or volume.task == "inpainting":
        return cut_slices(volume, rng, side)
    return cut_region(volume, volume.labels, rng, side)


def cut_slices(volume: LabelledVolume, rng: np.random.Generator, side: int) -> CropRegion | None:
    """Whole slices along the volume's axis: up to MAX_SLICES that follow each other within the labelled
    range, with as many structures as a stack may have; None if fewer than two are labelled."""
    image = np.moveaxis(volume.image, volume.axis, 0)
    span, labels = np.arange(len(image)), None
    ids: tuple[int, ...] = ()
    if volume.labels is not None:
        labels = np.moveaxis(volume.labels, volume.axis, 0)
        present = np.unique(labels[labels > 0])
        holes = volume.task == "inpainting"
        ids = (1, 2) if holes else _ids(rng.permutation(present)[:MAX_STACK_CLASSES])
        span = np.flatnonzero(np.isin(labels, ids[:1] if holes else ids).any((1, 2)))
        if len(span) < 2:
            return None
        span = np.arange(span[0], span[-1] + 1)
    first = int(rng.integers(0, max(1, len(span) - MAX_SLICES + 1)))
    slices = span[first : first + MAX_SLICES]
    along, rows, columns = slice_spacing(volume.spacing, volume.axis)
    canvas = Canvas.whole((image.shape[1], image.shape[2]), (rows, columns), side)
    return CropRegion(
        _drawn(canvas, image[slices]),
        None if labels is None else canvas.draw_labels(labels[slices], ids),
        along / canvas.pixel_mm((rows, columns)),
        None if volume.other is None else _drawn(canvas, np.moveaxis(volume.other, volume.axis, 0)[slices]),
    )


def cut_region(
    volume: LabelledVolume, ids: NDArray[np.integer], rng: np.random.Generator, side: int
) -> CropRegion | None:
    """A random region: axis, structures, margin and slice distance are drawn; None if the draw holds too
    little. `ids` are the volume's labels."""
    axis = int(rng.choice(3, p=[0.5, 0.25, 0.25]))
    image, labels = np.moveaxis(volume.image, axis, 0), np.moveaxis(ids, axis, 0)
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
    canvas = _canvas(mask[slices].max(0), (rows, columns), rng, side)
    if canvas is None:
        return None
    step = along * (slices[1] - slices[0]) / canvas.pixel_mm((rows, columns))
    other = None if volume.other is None else _drawn(canvas, np.moveaxis(volume.other, axis, 0)[slices])
    return CropRegion(
        _drawn(canvas, image[slices]), canvas.draw_labels(labels[slices], _ids(chosen)), step, other
    )


def _drawn(canvas: Canvas, planes: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.clip(canvas.draw_image(planes), 0, 1)


def _ids(chosen: NDArray[np.integer]) -> tuple[int, ...]:
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
    shown: NDArray[np.bool_], spacing: tuple[float, float], rng: np.random.Generator, side: int
) -> Canvas | None:
    rows, columns = np.flatnonzero(shown.any(1)), np.flatnonzero(shown.any(0))
    if len(rows) == 0:
        return None
    box = (int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1)
    seen = round(0.8 * side)  # of a stack in an episode, see `Augmentation.reach`
    fit = Canvas.around(
        box, (shown.shape[0], shown.shape[1]), (spacing[0], spacing[1]), seen, float(rng.uniform(0.08, 0.6))
    )
    shift = rng.uniform(-0.08, 0.08, 2) * seen * np.asarray(fit.scale)
    center = (fit.center[0] + float(shift[0]), fit.center[1] + float(shift[1]))
    return Canvas(fit.shape, side, center, fit.scale)
