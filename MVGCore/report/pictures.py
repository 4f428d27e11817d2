"""Slices as small pictures, and outlines as paths that a browser draws over them."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from MVGCore.report.orientation import SliceOrientation
from MVGCore.volume import LabelMap, Volume, Window, robust_window

QUALITY = 72
MAX_PIXELS = 256  # of the longer side: a contact sheet shows no more
MARGIN_MM = 12.0

Outline = tuple[int, str]


@dataclass(frozen=True)
class Picture:
    """One slice.

    Attributes:
        index: of the slice.
        jpeg: the image in base64.
        size: (width, height) in pixels of the slice, in which the outlines are drawn.
        aspect: height of one of these pixels over its width.
        outlines: for each of the label maps, (class id, SVG path) pairs.
    """

    index: int
    jpeg: str
    size: tuple[int, int]
    aspect: float
    outlines: tuple[tuple[Outline, ...], ...]


def draw_pictures(image: Volume, maps: Sequence[LabelMap], axis: int, slices: Sequence[int]) -> list[Picture]:
    """Pictures of slices, cropped alike to what any of the label maps shows.

    Args:
        image: shown in grey.
        maps: on the grid of the image; outlined.
        axis: array axis of the slices.
        slices: their indices.
    """
    view = SliceOrientation.of(image.geometry, axis)
    crop = _crop(view, maps)
    greys = [view.picture(image.array, index)[crop].astype(np.float32) for index in slices]
    # Of what is shown: a single bright voxel elsewhere would make all of it black or white.
    window = robust_window(np.stack(greys))
    return [
        _picture(grey, maps, view, window, crop, index) for grey, index in zip(greys, slices, strict=True)
    ]


def informative_slices(labels: LabelMap, axis: int, doubts: dict[int, float], count: int) -> list[int]:
    """Slices at which a reviewer should look: where most is labelled, the least sure ones, and some between.

    Args:
        labels: the result.
        axis: array axis of the slices.
        doubts: index of a slice -> how sure its labels are, as far as that is known.
        count: how many slices at most.
    """
    areas = np.count_nonzero(np.moveaxis(labels.array, axis, 0).reshape(labels.array.shape[axis], -1), axis=1)
    present = np.flatnonzero(areas)
    if not len(present):
        return [len(areas) // 2]
    chosen = [int(areas.argmax())]
    least_sure = sorted((each for each in doubts if areas[each]), key=lambda each: doubts[each])
    apart = max(1, len(present) // (2 * count))
    for index in least_sure:
        if len(chosen) > count // 2:
            break
        if min(abs(index - each) for each in chosen) >= apart:
            chosen.append(index)
    while len(chosen) < min(count, len(present)):
        gaps = np.min(np.abs(present[:, None] - np.array(chosen)[None]), axis=1)
        chosen.append(int(present[gaps.argmax()]))
    return sorted(chosen)


def outline_path(mask: NDArray[np.bool_]) -> str:
    """The border of a mask (rows, columns) along the edges of its pixels, as an SVG path."""
    padded = np.pad(mask, 1).astype(np.int8)
    rows = np.diff(padded, axis=0)[:, 1:-1]  # edges that run along a row
    columns = np.diff(padded, axis=1)[1:-1].T
    across = [f"M{start} {line}h{length}" for line, start, length in _runs(rows)]
    down = [f"M{line} {start}v{length}" for line, start, length in _runs(columns)]
    return "".join([*across, *down])


def _runs(edges: NDArray[np.int8]) -> list[tuple[int, int, int]]:
    """(line, start, length) of what is not 0 in each line; a change of sign begins a new run."""
    padded = np.pad(edges, ((0, 0), (1, 1)))
    changes = np.diff(padded, axis=1) != 0
    runs = []
    for line in np.flatnonzero(edges.any(axis=1)):
        places = np.flatnonzero(changes[line])
        for start, end in zip(places[:-1], places[1:], strict=True):
            if edges[line, start]:
                runs.append((int(line), int(start), int(end - start)))
    return runs


def _picture(
    grey: NDArray[np.float32],
    maps: Sequence[LabelMap],
    view: SliceOrientation,
    window: Window,
    crop: tuple[slice, slice],
    index: int,
) -> Picture:
    height, width = grey.shape
    aspect = view.pixel_mm[0] / view.pixel_mm[1]
    outlines = tuple(_outlines(each, view.picture(each.array, index)[crop]) for each in maps)
    return Picture(index, _jpeg(grey, window, aspect), (width, height), round(aspect, 4), outlines)


def _outlines(labels: LabelMap, plane: NDArray[np.integer]) -> tuple[Outline, ...]:
    masks = ((each.id, plane == each.id) for each in labels.classes)
    return tuple((class_id, outline_path(mask)) for class_id, mask in masks if mask.any())


def _jpeg(grey: NDArray[np.float32], window: Window, aspect: float) -> str:
    from PIL import Image

    scaled = np.clip((grey - window.low) / max(window.high - window.low, 1e-6), 0, 1)
    picture = Image.fromarray((255 * scaled).astype(np.uint8))
    height, width = grey.shape[0] * aspect, float(grey.shape[1])
    zoom = min(1.0, MAX_PIXELS / max(height, width))
    if zoom < 1:
        size = (max(1, round(width * zoom)), max(1, round(height * zoom)))
        picture = picture.resize(size, Image.Resampling.BILINEAR)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=QUALITY, optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _crop(view: SliceOrientation, maps: Sequence[LabelMap]) -> tuple[slice, slice]:
    """Rows and columns that show all that is labelled with a margin; all of them if nothing is."""
    projections = (np.max(each.array > 0, axis=view.axis, keepdims=True) for each in maps)
    filled = np.any([view.picture(each, 0) for each in projections], axis=0)
    if not filled.any():
        return slice(0, filled.shape[0]), slice(0, filled.shape[1])
    ranges = []
    for a, size in enumerate(filled.shape):
        places = np.flatnonzero(filled.any(axis=1 - a))
        margin = int(np.ceil(max(MARGIN_MM / view.pixel_mm[a], 0.25 * (places[-1] - places[0] + 1))))
        ranges.append(slice(max(int(places[0]) - margin, 0), min(int(places[-1]) + margin + 1, size)))
    return ranges[0], ranges[1]
