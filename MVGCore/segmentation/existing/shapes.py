"""Signed distances to the edges of structures on a slice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]


def signed_distance(mask: Bools, spacing: Sequence[float], limit: float) -> Floats:
    """(H, W) millimetres to the edge of a structure (H, W), positive within it, `limit` at most either way.

    Args:
        mask: where the structure is.
        spacing: millimetres along rows and columns.
        limit: in millimetres.
    """
    distance = np.full(mask.shape, -limit, np.float32)
    if not mask.any():
        return distance
    margin = [int(np.ceil(limit / each)) + 1 for each in spacing]
    box = tuple(around(np.asarray(mask.any(1 - axis)), margin[axis]) for axis in (0, 1))
    part, half = mask[box], min(spacing) / 2
    outside = half - ndimage.distance_transform_edt(~part, spacing)
    inside = ndimage.distance_transform_edt(part, spacing) - half if not part.all() else limit
    distance[box] = np.clip(np.where(part, inside, outside), -limit, limit)
    return distance


def zones(labels: NDArray[np.integer], spacing: Sequence[float]) -> NDArray[np.integer]:
    """(H, W) the label of the nearest labelled pixel; labels (H, W) themselves if there is none."""
    if not labels.any():
        return labels
    nearest = ndimage.distance_transform_edt(
        labels == 0, spacing, return_distances=False, return_indices=True
    )
    return np.asarray(labels[tuple(nearest)])


def edge(mask: Bools) -> Bools:
    """(H, W) the outermost pixels of a structure."""
    return np.asarray(mask & ~ndimage.binary_erosion(mask))


def around(filled: Bools, margin: int) -> slice:
    """What is filled of a line (n,) with a margin on both sides, within the line."""
    places = np.flatnonzero(filled)
    return slice(max(0, int(places[0]) - margin), min(len(filled), int(places[-1]) + 1 + margin))


def class_side(labelled: Mapping[int, NDArray[np.integer]], class_id: int, spacing: Sequence[float]) -> float:
    """Millimetres along a side of the mean area of a class on the slices (H, W) that show it; 0 without."""
    areas = [area for each in labelled.values() if (area := int((each == class_id).sum()))]
    return float(np.sqrt(np.mean(areas) * spacing[0] * spacing[1])) if areas else 0.0
