"""Labels of several registered volumes, fused: each counts most where it is most like the volume."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

NEIGHBOURHOOD = 5  # voxels, over which images are compared
LEAST_DIFFERENCE = 1e-3  # mean squared, of intensities 0..1; what is nearer counts as equal
SHARPNESS = 2.0  # how much more a vote counts that is nearer
SOFTNESS = 0.7  # voxels by which the border of a vote is blurred


@dataclass(frozen=True)
class Vote:
    """What one registered volume says.

    Attributes:
        labels: (K, J, I) on the grid of the volume to label.
        image: (K, J, I) its intensities there, 0..1, matched to those of the volume to label.
        ids: the classes that it can tell of; of others it says nothing.
    """

    labels: NDArray[np.uint16]
    image: NDArray[np.float32]
    ids: tuple[int, ...]


def fuse(image: NDArray[np.float32], votes: Iterable[Vote], ids: Sequence[int]) -> NDArray[np.float32]:
    """(len(ids) + 1, K, J, I) probabilities of the background and each class.

    Args:
        image: (K, J, I) the volume to label, 0..1.
        votes: taken one after the other.
        ids: the classes to tell of, each of at least one vote.
    """
    shares = np.zeros((len(ids) + 1, *image.shape), np.float32)
    weights = np.zeros_like(shares)
    for vote in votes:
        weight = _weight(image, vote.image)
        for n, class_id in enumerate(ids, 1):
            if class_id in vote.ids:
                mask = (vote.labels == class_id).astype(np.float32)
                shares[n] += weight * ndimage.gaussian_filter(mask, SOFTNESS)
                weights[n] += weight
    shares[1:] /= np.maximum(weights[1:], 1e-12)
    # Classes of different votes may claim the same voxel.
    claimed = shares[1:].sum(0)
    shares[1:] /= np.maximum(claimed, 1)
    shares[0] = 1 - np.minimum(claimed, 1)
    return shares


def _weight(image: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    difference = ndimage.uniform_filter((image - other) ** 2, NEIGHBOURHOOD)
    return np.asarray((LEAST_DIFFERENCE / (difference + LEAST_DIFFERENCE)) ** SHARPNESS, np.float32)
