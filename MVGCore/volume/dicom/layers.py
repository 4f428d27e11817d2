"""From masks of segments on slices to as few layers as hold them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.volume.geometry import Geometry
from MVGCore.volume.labelmap import SegmentClass
from MVGCore.volume.segmentation import Segment, Segmentation

Mask = NDArray[np.bool_]


def layered(
    masks: Iterable[tuple[int, int, Mask]], geometry: Geometry, classes: Mapping[int, SegmentClass]
) -> Segmentation:
    """A segmentation whose segments share layers as long as they do not overlap.

    Args:
        masks: Slice, number of the segment, and (rows, columns) mask; several of one segment and slice join.
        geometry: Of the result.
        classes: Number -> class, also of segments without a voxel; others get a default one.

    Raises:
        InputError: There is no segment.
    """
    of_segment: dict[int, list[tuple[int, Mask]]] = {number: [] for number in sorted(classes)}
    for k, number, mask in masks:
        if mask.any():
            of_segment.setdefault(number, []).append((k, mask))
    if not of_segment:
        raise InputError("There is no segment in it; export it again.")
    kind = np.uint8 if max(of_segment) <= 255 else np.uint16
    layers: list[NDArray[Any]] = [np.zeros(geometry.shape, kind)]
    segments = []
    for number, parts in of_segment.items():
        place = next((n for n, layer in enumerate(layers) if _free(layer, parts)), len(layers))
        if place == len(layers):
            layers.append(np.zeros(geometry.shape, kind))
        for k, mask in parts:
            layers[place][k][mask] = number
        segments.append(Segment(classes.get(number) or SegmentClass.default(number), place, number))
    return Segmentation(tuple(layers), geometry, tuple(segments))


def _free(layer: NDArray[Any], parts: list[tuple[int, Mask]]) -> bool:
    return not any(layer[k][mask].any() for k, mask in parts)
