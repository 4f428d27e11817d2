"""One-hot volumes: a mask for each class, numbered by a fourth axis."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.volume.geometry import Geometry
from MVGCore.volume.labelmap import MAX_CLASSES, LabelMap, SegmentClass
from MVGCore.volume.segmentation import Segment, Segmentation


def segmentation_of_masks(array: NDArray[Any], geometry: Geometry, name: str) -> Segmentation:
    """Make one segment of every mask; a warning tells which.

    Where every voxel belongs to exactly one mask the first of them is the background, and mask n is class n;
    else mask n, counted from 0, is class n + 1.

    Args:
        array: (K, J, I, C), 0 or 1.
        geometry: Of the three spatial axes.
        name: The file, for messages.

    Raises:
        InputError: The values are not masks (probabilities, colours, time points).
    """
    count = array.shape[3]
    if not np.isin(array, (0, 1)).all():
        raise InputError(_what_it_is(array, name))
    if count > MAX_CLASSES:
        raise InputError(f"'{name}' holds {count} masks and at most {MAX_CLASSES} are possible; merge some.")
    masks = array.astype(np.uint8)
    if (masks.sum(axis=3, dtype=np.uint16) == 1).all():
        warnings.warn(
            f"'{name}' holds {count} masks of which one is set in each voxel: the first was read as "
            f"background, the others as the classes 1 to {count - 1}.",
            stacklevel=2,
        )
        numbers = masks.argmax(axis=3).astype(np.uint8)
        classes = [SegmentClass.default(each) for each in range(1, count)]
        return Segmentation.from_labelmap(LabelMap.of(numbers, geometry, classes))
    warnings.warn(f"'{name}' holds {count} masks: they were read as the classes 1 to {count}.", stacklevel=2)
    layers = tuple(np.ascontiguousarray(masks[..., each]) for each in range(count))
    segments = [Segment(SegmentClass.default(each + 1), each, 1) for each in range(count)]
    return Segmentation(layers, geometry, tuple(segments))


def _what_it_is(array: NDArray[Any], name: str) -> str:
    count = array.shape[3]
    if array.dtype.kind == "f" and array.min() >= 0 and array.max() <= 1:
        return (
            f"'{name}' holds {count} probabilities per voxel; MVG needs labels. Take the most probable class "
            "of each voxel first, e.g. with numpy.argmax(probabilities, axis=-1)."
        )
    return (
        f"'{name}' has {count} values per voxel (RGB, vectors or time); MVG needs one label per voxel, or "
        "masks of 0 and 1. Give one of them."
    )
