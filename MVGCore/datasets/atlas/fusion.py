"""Labels of several registered volumes, fused by the likeness of small patches of their images.

Registration leaves errors of a voxel or two. Each voxel therefore takes the labels of all places nearby in
all registered volumes, and a place counts the more, the more the patch around it is like the voxel's own
(Coupé et al., Patch-based segmentation using expert priors, NeuroImage 2011; Rousseau et al., IEEE TMI 2011).
Places of single slices are compared with themselves alone, by larger patches.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

LEAST_CONTRAST = 0.03  # of intensities 0..1
LEAST_DIFFERENCE = 0.02  # mean squared; what is nearer counts as equal
SOFTNESS = 0.7  # voxels (sigma) by which the border of a vote is blurred
BORDER = 3  # voxels around a block that patches and blurring see
BLOCK, FLAT_BLOCK = 32, 160  # voxels along the sides of what is fused at a time, for memory; of single slices

Shape: TypeAlias = tuple[int, int, int]
Box: TypeAlias = tuple[slice, slice, slice]


@dataclass(frozen=True)
class Likeness:
    """How places are compared.

    Attributes:
        search_mm: by which a registered volume may be off: a voxel at least, if it is searched at all.
        most_searched: voxels.
        patch: voxels along a side of what is compared.
        scale: voxels (sigma) over which brightness and contrast are made equal.
        sharpness: how fast a place loses weight whose patch is less like than the most similar one.
    """

    search_mm: float
    most_searched: int
    patch: int
    scale: float
    sharpness: float


# Single slices of different volumes show other parts of a structure: nearby places tell less than their own.
IN_VOLUMES = Likeness(2.0, 2, 3, 8.0, 3.0)
IN_SLICES = Likeness(0.0, 0, 7, 40.0, 1.0)


@dataclass(frozen=True)
class Vote:
    """What one registered volume says.

    Attributes:
        labels: (K, J, I) on the grid of the volume to label.
        image: (K, J, I) its intensities there, 0..1.
        ids: the classes that it can tell of; of others it says nothing.
    """

    labels: NDArray[np.uint16]
    image: NDArray[np.float32]
    ids: tuple[int, ...]


def fuse(
    image: NDArray[np.float32], spacing: Sequence[float], votes: Iterable[Vote], ids: Sequence[int]
) -> NDArray[np.float32]:
    """(len(ids) + 1, K, J, I) probabilities of the background and each class.

    Args:
        image: (K, J, I) the volume to label, 0..1.
        spacing: of its voxels along (k, j, i), mm.
        votes: one of each registered volume.
        ids: the classes to tell of, each of at least one vote.
    """
    by = IN_SLICES if 1 in image.shape else IN_VOLUMES
    voxels = (min(max(round(by.search_mm / size), 1), by.most_searched) for size in spacing)
    search = _triple(min(most, (n - 1) // 2) for most, n in zip(voxels, image.shape, strict=True))
    margin = _triple(n + BORDER for n in search)
    own = _padded(_evened(image, by.scale), margin)
    wide = [
        Vote(_padded(each.labels, margin), _padded(_evened(each.image, by.scale), margin), each.ids)
        for each in votes
    ]
    result = np.zeros((len(ids) + 1, *image.shape), np.float32)
    for block in _blocks([each.labels for each in wide], image.shape, search, margin):
        seen = tuple(slice(a.start, a.stop + 2 * n) for a, n in zip(block, margin, strict=True))
        parts = [Vote(each.labels[seen], each.image[seen], each.ids) for each in wide]
        result[1:][(slice(None),) + block] = _fused(own[seen], parts, ids, search, by)
    share_out(result)
    return result


def share_out(probabilities: NDArray[np.float32]) -> None:
    """Turn what classes claim into probabilities (classes + 1, K, J, I), in place.

    Classes of different origin may claim the same voxel; the background, which comes first, has what is left.
    """
    claimed = probabilities[1:].sum(0)
    probabilities[1:] /= np.maximum(claimed, 1)
    probabilities[0] = 1 - np.minimum(claimed, 1)


def _blocks(
    labels: Sequence[NDArray[np.uint16]], shape: Sequence[int], search: Shape, margin: Shape
) -> Iterator[Box]:
    """Those parts of the volume that some label can search."""
    side = FLAT_BLOCK if 1 in shape else BLOCK
    for start in product(*(range(0, n, side) for n in shape)):
        block = [slice(a, min(a + side, n)) for a, n in zip(start, shape, strict=True)]
        near = tuple(
            slice(a.start + m - r, a.stop + m + r) for a, m, r in zip(block, margin, search, strict=True)
        )
        if any(each[near].any() for each in labels):
            yield block[0], block[1], block[2]


def _fused(
    own: NDArray[np.float32], votes: Sequence[Vote], ids: Sequence[int], search: Shape, by: Likeness
) -> NDArray[np.float32]:
    """(len(ids), k, j, i) shares of the classes in a block, of which everything given has a margin."""
    moves = list(product(*(range(-n, n + 1) for n in search)))
    middle = _inner(own.shape, search, (0, 0, 0))
    inside = (slice(BORDER, -BORDER),) * 3
    differences = np.stack(
        [
            _patch_means((own[middle] - vote.image[_inner(own.shape, search, move)]) ** 2, by.patch)[inside]
            for vote in votes
            for move in moves
        ]
    ).reshape(len(votes), len(moves), *(n - 2 * BORDER for n in own[middle].shape))
    differences += LEAST_DIFFERENCE
    weights = np.exp(-by.sharpness * (differences / differences.min((0, 1)) - 1))
    shares = np.zeros((len(ids), *weights.shape[2:]), np.float32)
    totals = np.full_like(shares, 1e-12)
    for vote, own_weights in zip(votes, weights, strict=True):
        for n, class_id in enumerate(ids):
            if class_id not in vote.ids:
                continue
            totals[n] += own_weights.sum(0)
            if not (vote.labels == class_id).any():
                continue
            mask = ndimage.gaussian_filter((vote.labels == class_id).astype(np.float32), SOFTNESS)
            for weight, move in zip(own_weights, moves, strict=True):
                shares[n] += weight * mask[_inner(own.shape, search, move)][inside]
    return np.asarray(shares / totals, np.float32)


def _evened(image: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    """With the same brightness and contrast everywhere."""
    mean = ndimage.gaussian_filter(image, scale)
    variance = ndimage.gaussian_filter(image**2, scale) - mean**2
    return np.asarray((image - mean) / (np.sqrt(np.maximum(variance, 0)) + LEAST_CONTRAST), np.float32)


def _patch_means(differences: NDArray[np.float32], patch: int) -> NDArray[np.float32]:
    return np.asarray(ndimage.uniform_filter(differences, patch), np.float32)


def _padded(array: NDArray[Any], margin: Shape) -> NDArray[Any]:
    return np.pad(array, [(n, n) for n in margin], mode="edge")


def _inner(shape: Sequence[int], search: Shape, move: Sequence[int]) -> Box:
    """What lies `search` from all sides, moved."""
    k, j, i = (slice(r + m, n - r + m) for n, r, m in zip(shape, search, move, strict=True))
    return k, j, i


def _triple(values: Iterable[int]) -> Shape:
    k, j, i = values
    return k, j, i
