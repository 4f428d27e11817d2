"""Small pictures of slices with the outlines of their segments, as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.report.orientation import SliceOrientation as Orientation
from MVGCore.volume import Geometry, Window, normalise

SIDE = 104  # pixels; twice what is shown, for screens with small pixels

Color = tuple[float, float, float]


def thumbnail(
    image: NDArray[Any],
    labels: NDArray[np.uint16] | None,
    colors: Mapping[int, Color],
    geometry: Geometry,
    axis: int,
    window: Window,
    side: int = SIDE,
) -> NDArray[np.uint8]:
    """A picture of a slice in radiological convention, square pixels, on black.

    Args:
        image: (H, W) intensities.
        labels: (H, W) class ids whose outlines are drawn, or None.
        colors: Class id -> red, green, blue in 0..1; ids without a colour are white.
        geometry: Of the volume that the slice comes from.
        axis: Array axis that the slice lies across.
        window: Intensities shown as black and white.
        side: Height and width of the picture.

    Returns:
        (side, side, 3) uint8.
    """
    orientation = Orientation.of(geometry, axis)
    gray = _oriented(normalise(image, window), orientation)
    rows, columns = _sampling(gray.shape, orientation.pixel_mm, side)
    picture = np.zeros((side, side, 3), np.uint8)
    top, left = (side - len(rows)) // 2, (side - len(columns)) // 2
    part = np.repeat((255 * gray[np.ix_(rows, columns)]).astype(np.uint8)[..., None], 3, axis=2)
    if labels is not None:
        small = _oriented(labels, orientation)[np.ix_(rows, columns)]
        for class_id in np.unique(small):
            if class_id:
                color = colors.get(int(class_id), (1.0, 1.0, 1.0))
                part[outline(small == class_id)] = np.round(255 * np.asarray(color)).astype(np.uint8)
    picture[top : top + len(rows), left : left + len(columns)] = part
    return picture


def beside(pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Pictures of one height next to each other."""
    return np.concatenate(pictures, axis=1)


def outline(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pixels of a mask that have a neighbour outside it; the border of the picture is outside."""
    padded = np.pad(mask, 1)
    inside = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return mask & ~inside


def _oriented(plane: NDArray[Any], orientation: Orientation) -> NDArray[Any]:
    turned: NDArray[Any] = plane.T if orientation.transposed else plane
    return np.flip(turned, tuple(axis for axis in (0, 1) if orientation.flipped[axis]))


def _sampling(
    shape: tuple[int, ...], pixel_mm: tuple[float, float], side: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Which rows and columns of the slice the pixels of the picture show."""
    extent = [max(count * mm, 1e-6) for count, mm in zip(shape, pixel_mm, strict=True)]
    scale = side / max(extent)
    sizes = [max(1, round(each * scale)) for each in extent]
    rows, columns = (
        np.minimum(((np.arange(size) + 0.5) * count / size).astype(np.intp), count - 1)
        for size, count in zip(sizes, shape, strict=True)
    )
    return rows, columns
