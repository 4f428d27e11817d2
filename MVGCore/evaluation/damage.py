"""What is wrong with existing segmentations, done to a truth: organs missing, shifted, over-grown, leaked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Labels = NDArray[np.integer]
MISSING, GAP, SHIFTED, GROWN, LEAKED = "missing", "gap", "shifted", "over-grown", "leaked"
DAMAGES = (MISSING, GAP, SHIFTED, GROWN, LEAKED)
SHIFT = 0.35  # of the mean radius of the organs, along each axis
GROWTH = 0.2  # of the mean radius of the organs
LEAK = 0.7  # of the radius of the largest organ: radius of what leaks


def damaged(truth: Labels, kind: str, spacing: Sequence[float], ids: Sequence[int]) -> Labels:
    """A truth (K, H, W) as an existing segmentation might have it.

    * missing: the first class is nowhere; where there is one only, as gap.
    * gap: nothing on the middle third of the slices.
    * shifted: all by a third of the mean radius of the organs, along each axis.
    * over-grown: by a fifth of that radius, into what belongs to none of them.
    * leaked: a ball at the side of the largest organ belongs to it.

    Args:
        truth: class ids.
        kind: one of `DAMAGES`.
        spacing: millimetres between slices, and along rows and columns.
        ids: the classes that are looked at.
    """
    step = np.array(spacing)
    sizes = {each: float((truth == each).sum()) * float(step.prod()) for each in ids}
    radii = {each: (size * 3 / 4 / np.pi) ** (1 / 3) for each, size in sizes.items()}
    radius, largest = float(np.mean(list(radii.values()))), max(sizes, key=sizes.__getitem__)
    if kind == MISSING and len(ids) > 1:
        return np.where(truth == min(ids), 0, truth)
    if kind in (MISSING, GAP):
        return _gap(truth)
    if kind == SHIFTED:
        return np.asarray(ndimage.shift(truth, np.round(SHIFT * radius / step), order=0))
    if kind == GROWN:
        reach = max(GROWTH * radius, 1.01 * float(step.min()))
        distance, nearest = ndimage.distance_transform_edt(truth == 0, step, return_indices=True)
        return np.where(distance <= reach, truth[tuple(nearest)], truth)
    return _leaked(truth, largest, LEAK * radii[largest], step)


def _gap(truth: Labels) -> Labels:
    with_truth = np.flatnonzero(truth.any((1, 2)))
    first, count = int(with_truth[0]), int(with_truth[-1]) + 1 - int(with_truth[0])
    start, size = first + count // 2 - count // 6, max(1, count // 3)
    gone = truth.copy()
    gone[start : start + size] = 0
    return gone


def _leaked(truth: Labels, class_id: int, radius: float, step: NDArray[np.float64]) -> Labels:
    places = np.argwhere(truth == class_id)
    middle = places[places[:, 0] == round(float(places[:, 0].mean()))]
    middle = middle if len(middle) else places
    center = middle[middle[:, 2].argmax()]
    grid = np.indices(truth.shape, sparse=True)
    far = sum(((grid[n] - center[n]) * step[n]) ** 2 for n in range(3))
    return np.where((far <= radius**2) & (truth == 0), class_id, truth)
