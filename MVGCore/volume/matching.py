"""Bringing labels onto the grid of an image."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import GeometryMismatchError, InputError
from MVGCore.volume.geometry import Geometry
from MVGCore.volume.labelmap import LabelMap, present_ids
from MVGCore.volume.niftiplace import places, sform_place

# Labels may reach beyond the image (a larger field of view), but if most of them do, the frames differ.
_INSIDE = 0.5
_SAME_SIZE = 0.01
_SAMPLE = 100_000
_ROUNDING = 1e-3


def same_voxels(labels: Geometry, image: Geometry) -> bool:
    """Whether labels have the voxels of an image, by any of the places that a NIfTI header gives."""
    return any(own.is_close(other) for own in places(labels) for other in places(image))


def match_labels(labels: LabelMap, image: Geometry) -> LabelMap:
    """Give labels on the grid of an image: as they are, or resampled to the nearest voxel.

    What is cut off, and which classes vanish, is told in a warning.

    Args:
        labels: Drawn on any grid in the same patient coordinates.
        image: The grid of the image that they belong to.

    Raises:
        GeometryMismatchError: Most labelled voxels lie outside the image, or both have equally many voxels
            of different size, which means that one of the headers was lost.
        InputError: No labelled voxel is hit on the coarser grid of the image.
    """
    if same_voxels(labels.geometry, image):
        return LabelMap(labels.array, image, labels.classes)
    own, ground = on_common_ground(labels, image)
    array = _nearest(labels.array, own, ground)
    missing = sorted(set(present_ids(labels.array)) - set(present_ids(array)))
    if missing and not array.any():
        raise InputError(
            "The labels vanish on the coarser grid of the image; label slices of the image itself."
        )
    if outside := 1 - _share_inside(labels.array, own, ground):
        warnings.warn(f"{outside:.1%} of the labelled voxels lie outside the image: cut off.", stacklevel=2)
    if missing:
        names = ", ".join(labels.class_by_id(each).name for each in missing)
        warnings.warn(f"On the grid of the image these classes vanish: {names}.", stacklevel=2)
    return LabelMap(array, image, labels.classes)


def on_common_ground(labels: LabelMap, image: Geometry) -> tuple[Geometry, Geometry]:
    """The grids of labels and image as one program sees both.

    Raises:
        GeometryMismatchError: See `match_labels`.
    """
    own, ground = sform_place(labels.geometry), sform_place(image)
    if own is None or ground is None:
        own, ground = labels.geometry, image
    if not _same_frame(labels.array, own, ground):
        raise GeometryMismatchError(
            f"The labels do not lie on the image: the labels have {labels.geometry.describe()}; "
            f"the image has {image.describe()}. Export the labels with the image as reference."
        )
    return own, ground


def _same_frame(array: NDArray[Any], own: Geometry, image: Geometry) -> bool:
    sizes = np.multiply(own.array_spacing, own.shape) / np.multiply(image.array_spacing, image.shape)
    if own.shape == image.shape and np.abs(sizes - 1).max() > _SAME_SIZE:
        return False
    return _share_inside(array, own, image) >= _INSIDE


def _share_inside(array: NDArray[Any], own: Geometry, image: Geometry) -> float:
    """Which share of the labelled voxels, or of the corners if there are none, lies on the image."""
    flat = np.flatnonzero(array)
    sample = np.unravel_index(flat[:: max(1, len(flat) // _SAMPLE)], own.shape)
    world = own.index_to_world(np.stack(sample[::-1], axis=-1)) if len(flat) else own.corners()
    index = image.world_to_index(world)
    inside = (index >= -0.5 - _ROUNDING) & (index <= np.array(image.shape[::-1]) - 0.5 + _ROUNDING)
    return float(inside.all(axis=1).mean())


def _nearest(labels: NDArray[Any], own: Geometry, image: Geometry) -> NDArray[Any]:
    """The label of the nearest voxel, 0 outside; slab by slab, so that the coordinates stay small."""
    to_labels = np.linalg.inv(own.affine_lps) @ image.affine_lps
    slices, rows, columns = image.shape
    grid = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).reshape(-1, 2)
    in_slice = grid @ to_labels[:3, :2].T + to_labels[:3, 3]
    sizes = np.array(labels.shape[::-1])
    array = np.zeros(image.shape, dtype=labels.dtype)
    for k in range(slices):
        ijk = np.floor(in_slice + k * to_labels[:3, 2] + 0.5).astype(np.int64)
        inside = ((ijk >= 0) & (ijk < sizes)).all(axis=1)
        i, j, depth = ijk[inside].T
        array[k].reshape(-1)[inside] = labels[depth, j, i]
    return array
