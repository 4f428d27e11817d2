"""Anatomy-like synthetic stacks: shapes of real anatomy and procedural ones, rendered with random contrast.

Three kinds of geometry: regions of dense label maps of real heads; noise fields whose arg-max makes
neighbouring blobs, with nested blobs, tubes, sheets and nodules inside; and shapes of real organs placed
into such a scene. All are deformed in 3-D, so that neighbouring slices change as real ones do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import ndimage

from MVGCore.training.real import CropRegion
from MVGCore.training.stack import MAX_STACK_CLASSES, STACK_SIDE

Regions = NDArray[np.int32]


@dataclass(frozen=True)
class ShapePool:
    """Material for synthetic scenes.

    Attributes:
        heads: dense label maps (k, j, i) of about 1 mm.
        organs: binary masks (k, j, i), cropped, of about isotropic voxels.
    """

    heads: tuple[NDArray[np.uint8], ...]
    organs: tuple[NDArray[np.bool_], ...]


def smooth_noise(
    shape: tuple[int, int, int], points: float, step: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Noise of unit spread with about `points` bumps across a slice, isotropic in space for slices `step`
    pixels apart."""
    depth = max(2, round(points * shape[0] * step / shape[2]) + 1)
    side = max(2, round(points) + 1)
    grid = torch.from_numpy(rng.standard_normal((1, 1, depth, side, side)).astype(np.float32))
    field = F.interpolate(grid, size=shape, mode="trilinear", align_corners=True)[0, 0]
    return ((field - field.mean()) / (field.std() + 1e-6)).numpy()


def _arg_max_scene(shape: tuple[int, int, int], step: float, rng: np.random.Generator) -> Regions:
    count, scale = int(rng.integers(3, 10)), float(np.exp(rng.uniform(np.log(2.5), np.log(14))))
    fields = (smooth_noise(shape, scale * float(rng.uniform(0.6, 1.6)), step, rng) for _ in range(count))
    best, regions = np.full(shape, -np.inf, np.float32), np.zeros(shape, np.int32)
    for n, field in enumerate(fields):
        wins = field > best
        regions[wins], best[wins] = n, field[wins]
    return regions


def _add_details(regions: Regions, step: float, rng: np.random.Generator) -> None:
    """Nested blobs, tubes, sheets and nodules, in place."""
    shape = regions.shape
    for _ in range(int(rng.integers(0, 5))):
        new, kind = int(regions.max()) + 1, rng.choice(["nested", "tube", "sheet", "nodules"])
        scale = float(rng.uniform(2, 8))
        field = smooth_noise(shape, scale, step, rng)
        if kind == "nested":
            host = rng.choice(np.unique(regions))
            regions[(regions == host) & (field > rng.uniform(0.3, 1.2))] = new
        elif kind == "tube":
            other = smooth_noise(shape, scale, step, rng)
            regions[np.hypot(field, other) < rng.uniform(0.12, 0.4)] = new
        elif kind == "sheet":
            regions[np.abs(field) < rng.uniform(0.06, 0.25)] = new
        else:
            for _ in range(int(rng.integers(1, 6))):
                _ellipsoid(regions, new, step, rng)


def _ellipsoid(regions: Regions, value: int, step: float, rng: np.random.Generator) -> None:
    depth, side = regions.shape[0], regions.shape[1]
    radius = np.exp(rng.uniform(np.log(3), np.log(24))) * rng.uniform(0.6, 1.4, 3) / np.array([step, 1, 1])
    center = rng.uniform(0.15, 0.85, 3) * np.array([depth, side, side])
    low = np.maximum(np.floor(center - radius).astype(int), 0)
    high = np.minimum(np.ceil(center + radius).astype(int) + 1, regions.shape)
    axes = np.ogrid[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    inside = sum(((a - c) / r) ** 2 for a, c, r in zip(axes, center, radius, strict=True)) < 1
    regions[tuple(slice(a, b) for a, b in zip(low, high, strict=True))][inside] = value


def _rotation(rng: np.random.Generator, spread: float) -> NDArray[Any]:
    """A random rotation by angles of about `spread` radians."""
    generator = rng.normal(0, spread, 3)
    skew = np.array(
        [[0, -generator[2], generator[1]], [generator[2], 0, -generator[0]], [-generator[1], generator[0], 0]]
    )
    # Cayley transform: orthogonal for every skew matrix.
    return np.linalg.solve(np.eye(3) + skew / 2, np.eye(3) - skew / 2)


def _sample(
    source: NDArray[Any],
    shape: tuple[int, int, int],
    step: float,
    center: NDArray[Any],
    pixel: float,
    bend: float,
    rng: np.random.Generator,
    turn: float = 0.25,
) -> NDArray[Any]:
    """Sample a label map on a rotated, bent grid of `shape` around `center`; zero outside."""
    grid = np.stack(np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in shape), indexing="ij")).astype(
        np.float32
    )
    grid[0] *= step
    matrix = (_rotation(rng, turn) * pixel).astype(np.float32)
    points = np.einsum("ab,bkji->akji", matrix, grid)
    for axis in range(3):
        points[axis] += center[axis] + bend * pixel * smooth_noise(shape, 4.0, step, rng)
    return ndimage.map_coordinates(source, points, order=0, mode="constant", prefilter=False)


def _head_scene(
    pool: ShapePool, shape: tuple[int, int, int], step: float, rng: np.random.Generator
) -> Regions:
    head = pool.heads[int(rng.integers(len(pool.heads)))]
    head = np.transpose(head, rng.permutation(3))[
        tuple(slice(None, None, int(rng.choice([-1, 1]))) for _ in range(3))
    ]
    label = rng.choice(np.unique(head)[1:])
    places = np.argwhere(head == label)
    center = places[int(rng.integers(len(places)))].astype(np.float64)
    pixel = float(np.exp(rng.uniform(np.log(0.3), np.log(1.5))))
    return _sample(head, shape, step, center, pixel, float(rng.uniform(0, 4)), rng).astype(np.int32)


def _place_organs(regions: Regions, pool: ShapePool, step: float, rng: np.random.Generator) -> list[int]:
    """Put organ shapes into a scene, in place; returns their region numbers."""
    shape, placed = regions.shape, []
    for _ in range(int(rng.integers(1, 7))):
        organ = pool.organs[int(rng.integers(len(pool.organs)))].astype(np.uint8)
        organ = np.transpose(organ, rng.permutation(3))
        size = float(np.exp(rng.uniform(np.log(14), np.log(90))))  # longest side in canvas pixels
        pixel = max(organ.shape) / size
        half = np.array(shape) / 2
        offset = rng.uniform(-0.6, 0.6, 3) * np.array([half[0] * step, half[1], half[2]])
        mask = _sample(
            organ,
            shape,
            step,
            np.array(organ.shape) / 2 - offset * pixel,
            pixel,
            float(rng.uniform(0, 3)),
            rng,
            0.6,
        )
        if mask.any():
            placed.append(int(regions.max()) + 1)
            regions[mask > 0] = placed[-1]
    return placed


def render(regions: Regions, step: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """An image (K, S, S) in 0..1 of a region map: mean and texture per region, partial volume, bias field,
    noise."""
    numbers, index = np.unique(regions, return_inverse=True)
    means = rng.uniform(0, 1, len(numbers))
    if rng.random() < 0.5:  # few distinct contrasts: position must decide
        levels = rng.uniform(0, 1, int(rng.integers(2, 5)))
        means = levels[rng.integers(0, len(levels), len(numbers))] + rng.normal(0, 0.04, len(numbers))
    if rng.random() < 0.5:
        means[0] = rng.uniform(0, 0.08)  # air
    index = index.reshape(regions.shape)
    image = means[index].astype(np.float32)
    texture = smooth_noise(regions.shape, float(rng.uniform(8, 60)), step, rng)
    image += texture * (rng.uniform(0, 0.08, len(numbers)) * (rng.random() < 0.7)).astype(np.float32)[index]
    image += rng.normal(0, 1, regions.shape).astype(np.float32) * rng.uniform(0, 0.05)
    sigma = float(rng.uniform(0.3, 1.6))
    image = ndimage.gaussian_filter(image, (min(0.6, sigma / step), sigma, sigma), truncate=2.5)
    image *= np.exp(smooth_noise(regions.shape, 1.5, step, rng) * float(rng.uniform(0, 0.15)))
    image += rng.normal(0, 1, regions.shape).astype(np.float32) * float(rng.uniform(0, 0.05))
    low, high = np.percentile(image[::2, ::4, ::4], [0.5, 99.5])
    return np.clip((image - low) / max(high - low, 1e-3), 0, 1).astype(np.float32)


def choose_classes(regions: Regions, preferred: Sequence[int], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Class positions: some regions become classes (now and then two merge), the rest is background."""
    numbers, counts = np.unique(regions, return_counts=True)
    large = counts > 60
    candidates = [int(n) for n, keep in zip(numbers, large, strict=True) if keep and n != numbers[0]]
    if not candidates:
        return np.zeros(regions.shape, np.uint8)
    if preferred and rng.random() < 0.8:
        candidates = [n for n in candidates if n in preferred] or candidates
    number_of_classes = int(rng.integers(1, min(len(candidates), MAX_STACK_CLASSES) + 1))
    labels = np.zeros(regions.shape, np.uint8)
    for number in rng.permutation(candidates)[: number_of_classes + int(rng.integers(0, 2))]:
        labels[regions == number] = rng.integers(1, number_of_classes + 1)
    present = np.unique(labels[labels > 0])
    lookup = np.zeros(256, np.uint8)
    lookup[present] = np.arange(1, len(present) + 1)
    return lookup[labels]


def synthetic_region(pool: ShapePool, rng: np.random.Generator) -> CropRegion:
    """One random synthetic region of 10 to 32 slices that lie 0.6 to 12 pixels apart."""
    shape = (int(rng.integers(10, 33)), STACK_SIDE, STACK_SIDE)
    step = float(np.exp(rng.uniform(np.log(0.6), np.log(12))))
    kind, preferred = rng.choice(["head", "scene", "organs"], p=[0.4, 0.25, 0.35]), []
    if kind == "head" and pool.heads:
        regions = _head_scene(pool, shape, step, rng)
    else:
        regions = _arg_max_scene(shape, step, rng)
        _add_details(regions, step, rng)
        if kind == "organs" and pool.organs:
            preferred = _place_organs(regions, pool, step, rng)
    image, labels = render(regions, step, rng), choose_classes(regions, preferred, rng)
    return CropRegion(image, labels, step, render(regions, step, rng))
