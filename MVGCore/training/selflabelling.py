"""Structures found in real images without labels: what to learn from where nobody has drawn enough.

Labelled training volumes show few structures each. The images hold many more: bones, vessels, cavities,
ventricles, muscles. Bands of intensity fall into connected parts, some of which are cut again where no edge
is seen, as anatomists do. Such self-made labels teach a network to follow *any* structure through real
images (the idea of superpixel pseudo-labels, Ouyang et al., ECCV 2020, in three dimensions).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

LEAST_VOXELS = 60
MOST_OF_TISSUE = 0.15  # a larger part is no structure but what surrounds them
MOST_STRUCTURES = 40


def image_structures(
    image: NDArray[np.float32], spacing: tuple[float, float, float], rng: np.random.Generator
) -> NDArray[np.int32]:
    """Random plausible structures of an image.

    Args:
        image: (K, J, I) intensities in 0..1.
        spacing: millimetres along (k, j, i).
        rng: draws the bands of intensity, what is cut, what is merged.

    Returns:
        (K, J, I) structure numbers from 1 in random order, 0 elsewhere; all 0 if nothing was found.
    """
    tissue = image > image.min() + 0.02  # the rest is air, or outside the field of view
    if not tissue.any():
        return np.zeros(image.shape, np.int32)
    parts = np.where(tissue, _connected(_bands(image, tissue, spacing, rng)), 0)
    if rng.random() < 0.5:
        parts = _cut(parts, spacing, rng)
    numbers, counts = np.unique(parts, return_counts=True)
    fits = (numbers > 0) & (counts >= LEAST_VOXELS) & (counts <= MOST_OF_TISSUE * np.count_nonzero(tissue))
    # Small parts are many; without a say for size hardly anything else would be drawn.
    weights = counts[fits] ** float(rng.uniform(0.2, 0.8))
    kept = numbers[fits]
    if len(kept) == 0:
        return np.zeros(image.shape, np.int32)
    chosen = rng.choice(kept, min(len(kept), MOST_STRUCTURES), replace=False, p=weights / weights.sum())
    classes = np.arange(1, len(chosen) + 1)
    if rng.random() < 0.4:  # one name for several parts, such as "ribs"
        classes = rng.integers(1, max(2, len(chosen) // 3) + 1, len(chosen))
    lookup = np.zeros(int(numbers.max()) + 1, np.int32)
    lookup[chosen] = classes
    return lookup[parts]


def _bands(
    image: NDArray[np.float32],
    tissue: NDArray[np.bool_],
    spacing: tuple[float, float, float],
    rng: np.random.Generator,
) -> NDArray[np.int32]:
    """(K, J, I) number of the band of intensity of every voxel, from 0, after some smoothing."""
    sigma = float(rng.uniform(0.5, 1.8)) * min(spacing) / np.array(spacing)
    smooth = ndimage.gaussian_filter(image, sigma)
    count = int(rng.integers(2, 9))
    # Half of the thresholds by share of voxels, half by intensity: bone is rare and bright.
    by_share = np.quantile(smooth[tissue], rng.uniform(0.02, 0.98, count))
    thresholds = np.where(rng.random(count) < 0.5, by_share, rng.uniform(0.1, 0.95, count))
    return np.digitize(smooth, np.sort(thresholds)).astype(np.int32)


def _connected(bands: NDArray[np.int32]) -> NDArray[np.int32]:
    """Connected parts of all bands, numbered from 1, thin bridges between them cut."""
    parts, count = np.zeros(bands.shape, np.int32), 0
    for band in np.unique(bands):
        inside = bands == band
        cores, core_count = ndimage.label(ndimage.binary_opening(inside))
        for _ in range(2):  # what the opening rounded off goes back to its part
            cores = np.where(inside & (cores == 0), ndimage.maximum_filter(cores, 3), cores)
        whole, _ = ndimage.label(inside & (cores == 0))
        parts[cores > 0] = cores[cores > 0] + count
        count += core_count
        # Thin structures have no core: what the opening removed counts on its own.
        thin = whole > 0
        parts[thin] = whole[thin] + count
        count += int(whole.max())
    return parts


def _cut(
    parts: NDArray[np.int32], spacing: tuple[float, float, float], rng: np.random.Generator
) -> NDArray[np.int32]:
    """Every part cut by a few random planes' worth of territory: nearest of some random points."""
    extent = np.array(parts.shape) * spacing
    points = rng.uniform(0, 1, (int(rng.integers(2, 9)), 3)) * extent
    axes = np.ogrid[tuple(slice(0, n) for n in parts.shape)]
    distances = [
        sum((axis * gap - at) ** 2 for axis, gap, at in zip(axes, spacing, point, strict=True))
        for point in points
    ]
    territory = np.argmin(np.stack(distances), axis=0).astype(np.int64)
    both = np.where(parts > 0, parts.astype(np.int64) * len(points) + territory + 1, 0)
    return np.unique(both, return_inverse=True)[1].reshape(parts.shape).astype(np.int32)
