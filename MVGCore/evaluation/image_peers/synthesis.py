"""Classical methods that show an image in another contrast, learned from example slices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import spatial

from MVGCore.evaluation.image_damage import FloatArray
from MVGCore.evaluation.image_problems import Problem


def _examples(problem: Problem) -> tuple[FloatArray, FloatArray]:
    """Given slices in both contrasts, (N, H, W)."""
    assert problem.target is not None
    given = list(problem.given)
    image, target = problem.planes(problem.image.array), problem.planes(problem.target.array)
    return image[given].astype(np.float32), target[given].astype(np.float32)


@dataclass(frozen=True)
class HistogramMatching:
    """Intensities mapped so that the example slices' histogram becomes that of the wanted ones."""

    name: str = "histogram matching"
    tasks: tuple[str, ...] = ("synthesize",)

    def __call__(self, problem: Problem) -> NDArray[Any]:
        """See `ImagePeer`."""
        image, target = _examples(problem)
        shares = np.linspace(0, 100, 1001)
        before, after = np.percentile(image, shares), np.percentile(target, shares)
        before, first = np.unique(before, return_index=True)
        planes = problem.planes(problem.image.array)[list(problem.slices)]
        return np.interp(planes, before, after[first]).astype(np.float32)


@dataclass(frozen=True)
class Polynomial:
    """A polynomial of the intensity, fitted to the example slices by least squares."""

    degree: int = 6
    name: str = "polynomial"
    tasks: tuple[str, ...] = ("synthesize",)

    def __call__(self, problem: Problem) -> NDArray[Any]:
        """See `ImagePeer`."""
        image, target = _examples(problem)
        low, high = float(image.min()), float(image.max())
        fitted = np.polynomial.Polynomial.fit(image.ravel(), target.ravel(), self.degree, domain=[low, high])
        planes = problem.planes(problem.image.array)[list(problem.slices)].astype(np.float64)
        return fitted(np.clip(planes, low, high)).astype(np.float32)


@dataclass(frozen=True)
class NearestPatches:
    """The mean answer of the most similar patches of the example slices, weighed by their likeness."""

    size: int = 5
    neighbours: int = 10
    samples: int = 40_000
    components: int = 8
    place: float = 0.5  # weight of the place in the slice beside the intensities; 0 leaves it out
    name: str = "nearest patches"
    tasks: tuple[str, ...] = ("synthesize",)

    def __call__(self, problem: Problem) -> NDArray[Any]:
        """See `ImagePeer`."""
        image, target = _examples(problem)
        scale = float(image.std())
        rng = np.random.default_rng(problem.seed)
        features, targets = self._patches(image / scale), target.ravel()
        some = rng.choice(len(features), min(self.samples, len(features)), replace=False)
        mean = features[some].mean(0)
        _, _, axes = np.linalg.svd(features[some] - mean, full_matrices=False)
        axes = axes[: self.components].T
        tree = spatial.cKDTree((features[some] - mean) @ axes)
        mapped = []
        for k in problem.slices:
            plane = problem.planes(problem.image.array)[k][None].astype(np.float32) / scale
            distance, nearest = tree.query((self._patches(plane) - mean) @ axes, self.neighbours, eps=0.5)
            weights = 1 / (np.asarray(distance) + 1e-3)
            mixed = (targets[some][nearest] * weights).sum(1) / weights.sum(1)
            mapped.append(mixed.reshape(plane.shape[1:]))
        return np.stack(mapped).astype(np.float32)

    def _patches(self, planes: FloatArray) -> FloatArray:
        """(N, H, W) -> (N * H * W, size * size + 2): patches and places."""
        reach = self.size // 2
        padded = np.pad(planes, ((0, 0), (reach, reach), (reach, reach)), mode="edge")
        patches = np.lib.stride_tricks.sliding_window_view(padded, (self.size, self.size), axis=(1, 2))
        count, rows, columns = planes.shape
        j, i = np.meshgrid(np.linspace(-1, 1, rows), np.linspace(-1, 1, columns), indexing="ij")
        # A patch has many pixels and a place only two numbers.
        places = np.stack([j, i], -1) * self.place * self.size
        places = np.broadcast_to(places, (count, rows, columns, 2)).reshape(-1, 2)
        return np.concatenate([patches.reshape(-1, self.size**2), places], 1).astype(np.float32)
