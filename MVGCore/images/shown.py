"""Examples as the model is shown them: on the grid of the image's slices, in 0..1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from MVGCore.images.examples import ImageExamples, neighbours
from MVGCore.segmentation.plan.plan import slice_spacing
from MVGCore.segmentation.predict.context import FAR
from MVGCore.volume import Volume, Window
from MVGCore.volume.canvas import Canvas


@dataclass(frozen=True)
class Shown:
    """N examples, ready to be shown.

    Attributes:
        images: (N, 3, H, W) in 0..1.
        target: (N, H, W), 0 and 1 at the ends of the window of the wanted intensities, not clipped.
        places: (N,) slice of the image that each resembles most: its own index, or for an example from
            another volume the same share of the way through.
        local: (N,) bool, whether it is a slice of the image itself.
        step: distance of neighbouring slices in pixels.
    """

    images: Tensor
    target: Tensor
    places: NDArray[np.float64]
    local: NDArray[np.bool_]
    step: float

    def nearest(self, index: float, count: int, but: int | None = None) -> list[int]:
        """Positions of the examples nearest to a slice, those of other volumes last; `but` is left out."""
        distance = np.abs(self.places - index) + np.where(self.local, 0.0, 1e6)
        return [int(n) for n in np.argsort(distance, kind="stable") if n != but][:count]

    def distances(self, slices: Sequence[int], chosen: Sequence[int]) -> Tensor:
        """(T, N) distance of slices to the chosen examples, in pixels."""
        distance = np.abs(np.asarray(slices)[:, None] - self.places[None, list(chosen)]) * self.step
        return torch.from_numpy(np.where(self.local[list(chosen)], distance, FAR).astype(np.float32))

    @classmethod
    def joined(cls, parts: Sequence[Shown]) -> Shown:
        """All examples of several sets for one image."""
        return cls(
            torch.cat([part.images for part in parts]),
            torch.cat([part.target for part in parts]),
            np.concatenate([part.places for part in parts]),
            np.concatenate([part.local for part in parts]),
            parts[0].step,
        )


def pixel_step(image: Volume, axis: int) -> float:
    """Distance of neighbouring slices in pixels of a slice (the mean of its two spacings)."""
    along, rows, columns = slice_spacing(image.geometry.array_spacing, axis)
    return float(along / np.sqrt(rows * columns))


def scaled(planes: NDArray[np.generic], window: Window) -> Tensor:
    """Raw intensities -> 0 and 1 at the ends of a window, not clipped."""
    return torch.from_numpy((planes.astype(np.float32) - window.low) / (window.high - window.low))


def show(
    examples: ImageExamples,
    image: Volume,
    image_window: Window,
    target_window: Window,
    local: bool,
    clip: bool = True,
) -> Shown:
    """Examples for an image.

    Args:
        examples: of the image itself or of another volume.
        image: what will be asked about.
        image_window: of the image; another volume is shown in its own.
        target_window: of the answer; likewise.
        local: whether the examples are slices of the image.
        clip: whether intensities outside the window are clipped; noise must not be.
    """
    axis = examples.axis
    images = np.stack([each.image for each in examples.slices])
    target = np.stack([each.target for each in examples.slices]).astype(np.float32)
    places = np.array(examples.indices, dtype=np.float64)
    if not local:
        image_window, target_window = examples.image_window, examples.target_window
        places *= (image.geometry.shape[axis] - 1) / max(examples.geometry.shape[axis] - 1, 1)
        images, target = _aligned(images, target, examples, image)
    flags, given = np.full(len(places), local), scaled(images, image_window)
    return Shown(
        given.clamp(0, 1) if clip else given,
        scaled(target, target_window),
        places,
        flags,
        pixel_step(image, axis),
    )


def _aligned(
    images: NDArray[np.float32], target: NDArray[np.float32], examples: ImageExamples, image: Volume
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Slices of another volume with the pixels of the image's slices, its body over the image's body."""
    axis = examples.axis
    planes = np.moveaxis(image.array, axis, 0)
    theirs = slice_spacing(examples.geometry.array_spacing, axis)[1:]
    ours = slice_spacing(image.geometry.array_spacing, axis)[1:]
    scale = (ours[0] / theirs[0], ours[1] / theirs[1])
    rows, columns = planes.shape[1:]
    side = max(rows, columns)
    # A few slices of the image say where its body lies.
    few = neighbours(planes, [int(k) for k in np.linspace(0, len(planes) - 1, 8).round()])[:, 1]
    body, goal = _center(images[:, 1]), _center(few)
    offset = [(goal[d] - (size - 1) / 2) * scale[d] for d, size in enumerate((rows, columns))]
    center = (body[0] - offset[0], body[1] - offset[1])
    canvas = Canvas((images.shape[-2], images.shape[-1]), side, center, scale)
    top, left = (side - rows) // 2, (side - columns) // 2
    part = (..., slice(top, top + rows), slice(left, left + columns))
    return canvas.draw_image(images)[part], canvas.draw_image(target)[part]


def _center(planes: NDArray[np.float32]) -> tuple[float, float]:
    """Middle of what is brighter than the background in slices (N, H, W), in pixels."""
    low, high = np.percentile(planes, (2, 98))
    bright = planes > low + 0.2 * (high - low)
    if not bright.any():
        return ((planes.shape[1] - 1) / 2, (planes.shape[2] - 1) / 2)
    rows, columns = np.flatnonzero(bright.any((0, 2))), np.flatnonzero(bright.any((0, 1)))
    return ((rows[0] + rows[-1]) / 2, (columns[0] + columns[-1]) / 2)
