"""What MVG is measured against in the image tasks: classical methods from their own libraries.

Each is given its best fair chance: the true strength of the noise, settings chosen on the `train` cases, all
neighbouring slices where it can use them, all example slices.
"""

from __future__ import annotations

import importlib
import warnings
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import interpolate, spatial

from MVGCore.errors import MissingExtraError
from MVGCore.evaluation.image_problems import Problem

FloatArray = NDArray[np.float32]


class ImagePeer(Protocol):
    """A method for one of the image tasks."""

    @property
    def name(self) -> str:
        """What tables call it."""
        ...

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that it can do."""
        ...

    def __call__(self, problem: Problem) -> NDArray[Any]:
        """The counted slices (T, H, W) in the units of the truth.

        Raises:
            MissingExtraError: its library is not installed.
        """
        ...


def image_peers() -> tuple[ImagePeer, ...]:
    """All of them, task by task."""
    return (
        NonLocalMeans(),
        TotalVariation(),
        Wavelets(),
        BlockMatching(),
        LinearSlices(),
        Biharmonic(),
        Telea(),
        HistogramMatching(),
        Polynomial(),
        NearestPatches(),
    )


def _library(name: str, extra: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingExtraError(
            f'This needs {name.partition(".")[0]}: pip install "mvg-slicer[{extra}]"'
        ) from error


def _slab(problem: Problem, reach: int) -> tuple[FloatArray, slice]:
    """The counted slices with neighbours, in shares of the window, and where they lie among them.

    The counted slices of a denoising follow each other.
    """
    first, last = problem.slices[0], problem.slices[-1] + 1
    start = max(0, first - reach)
    planes = problem.planes(problem.image.array)[start : last + reach].astype(np.float32)
    size = problem.window.high - problem.window.low
    return (planes - problem.window.low) / size, slice(first - start, last - start)


def _in_units(problem: Problem, planes: NDArray[Any]) -> FloatArray:
    size = problem.window.high - problem.window.low
    return (planes * size + problem.window.low).astype(np.float32)


def _sigma(problem: Problem) -> float:
    return problem.sigma / (problem.window.high - problem.window.low)


@dataclass(frozen=True)
class NonLocalMeans:
    """Non-local means of scikit-image in three dimensions (Buades et al. 2005)."""

    strength: float = 0.5
    name: str = "non-local means"
    tasks: tuple[str, ...] = ("denoise",)

    def __call__(self, problem: Problem) -> NDArray[Any]:
        """See `ImagePeer`."""
        restoration = _library("skimage.restoration", "peers")
        (slab, inner), sigma = _slab(problem, 2), _sigma(problem)
        found = restoration.denoise_nl_means(
            slab, patch_size=3, patch_distance=4, h=self.strength * sigma, sigma=sigma, fast_mode=True
        )
        return _in_units(problem, found[inner])


@dataclass(frozen=True)
class TotalVariation:
    """Chambolle's total variation of scikit-image in three dimensions."""

    strength: float = 0.7
    name: str = "total variation"
    tasks: tuple[str, ...] = ("denoise",)

    def __call__(self, problem: Problem) -> NDArray[Any]:
        """See `ImagePeer`."""
        restoration = _library("skimage.restoration", "peers")
        slab, inner = _slab(problem, 4)
        found = restoration.denoise_tv_chambolle(slab, weight=self.strength * _sigma(problem))
        return _in_units(problem, found[inner])


@dataclass(frozen=True)
class Wavelets:
    """Wavelet shrinkage of scikit-image (BayesShrink), averaged over shifts."""

    name: str = "wavelet"
    tasks: tuple[str, ...] = ("denoise",)

    def __call__(self, problem: Problem) -> NDArray[Any]:
        """See `ImagePeer`."""
        restoration = _library("skimage.restoration", "peers")
        _library("pywt", "peers")
        slab, inner = _slab(problem, 4)
        settings = {"wavelet": "sym4", "sigma": _sigma(problem), "rescale_sigma": False}
        with warnings.catch_warnings():  # on few slices the coarsest levels reach over their ends
            warnings.simplefilter("ignore")
            found = restoration.cycle_spin(
                slab, max_shifts=2, func=restoration.denoise_wavelet, func_kw=settings
            )
        return _in_units(problem, found[inner])


@dataclass(frozen=True)
class BlockMatching:
    """BM3D (Dabov et al. 2007; Maekinen et al. 2020) slice by slice, by its authors' package.

    The package is licensed for non-commercial use only and never installed with ours.
    """

    name: str = "BM3D"
    tasks: tuple[str, ...] = ("denoise",)

    def __call__(self, problem: Problem) -> NDArray[Any]:
        """See `ImagePeer`."""
        bm3d = _library("bm3d", "bm3d")
        slab, inner = _slab(problem, 0)
        found = [bm3d.bm3d(plane.astype(np.float64), _sigma(problem)) for plane in slab[inner]]
        return _in_units(problem, np.stack(found))


def _holes(problem: Problem) -> NDArray[np.bool_]:
    assert problem.holes is not None
    holes: NDArray[np.bool_] = problem.planes(problem.holes.array) > 0
    return holes


def _lines(problem: Problem, kind: str) -> NDArray[Any]:
    """Every line across the slices interpolated from what is known of it; slices (K, H, W)."""
    planes, holes = problem.planes(problem.image.array).astype(np.float32), _holes(problem)
    filled, places = planes.copy(), np.arange(len(planes))
    patterns, which = np.unique(holes.reshape(len(holes), -1), axis=1, return_inverse=True)
    flat = filled.reshape(len(holes), -1)
    for n, missing in enumerate(patterns.T):
        known = ~missing
        if not missing.any() or not known.any():
            continue
        columns = which == n
        values = flat[known][:, columns]
        inside = np.clip(places[missing], places[known][0], places[known][-1])
        if kind == "cubic" and known.sum() > 3:
            found = interpolate.CubicSpline(places[known], values, axis=0)(inside)
        elif known.sum() > 1:
            found = interpolate.interp1d(places[known], values, axis=0)(inside)
        else:
            found = np.repeat(values, missing.sum(), axis=0)
        flat[np.ix_(missing, columns)] = found
    return filled


@dataclass(frozen=True)
class LinearSlices:
    """Linear interpolation between the nearest slices that are intact there."""

    name: str = "linear between slices"
    tasks: tuple[str, ...] = ("inpaint",)

    def __call__(self, problem: Problem) -> NDArray[Any]:
        """See `ImagePeer`."""
        return _lines(problem, "linear")[list(problem.slices)]


@dataclass(frozen=True)
class Biharmonic:
    """Biharmonic inpainting of scikit-image, slice by slice.

    Where a whole slice is missing it works across the slices, where biharmonic means a cubic spline.
    """

    name: str = "biharmonic"
    tasks: tuple[str, ...] = ("inpaint",)

    def __call__(self, problem: Problem) -> NDArray[Any]:
        """See `ImagePeer`."""
        restoration = _library("skimage.restoration", "peers")
        planes, holes = problem.planes(problem.image.array), _holes(problem)
        whole: NDArray[np.bool_] = np.all(holes, axis=(1, 2))
        across = _lines(problem, "cubic") if whole.any() else planes
        found = []
        for k in problem.slices:
            if whole[k]:
                found.append(across[k])
            else:
                found.append(restoration.inpaint_biharmonic(planes[k].astype(np.float64), holes[k]))
        return np.stack(found).astype(np.float32)


@dataclass(frozen=True)
class Telea:
    """The fast marching method of OpenCV (Telea 2004), slice by slice.

    Where whole slices are missing it works in the planes across them.
    """

    radius: float = 5.0
    name: str = "Telea"
    tasks: tuple[str, ...] = ("inpaint",)

    def __call__(self, problem: Problem) -> NDArray[Any]:
        """See `ImagePeer`."""
        cv2 = _library("cv2", "peers")
        planes, holes = problem.planes(problem.image.array).astype(np.float32), _holes(problem)
        across = bool(holes.all((1, 2)).any())
        if across:
            planes, holes = planes.transpose(1, 0, 2), holes.transpose(1, 0, 2)
        filled = np.stack(
            [
                cv2.inpaint(
                    np.ascontiguousarray(plane), hole.astype(np.uint8), self.radius, cv2.INPAINT_TELEA
                )
                for plane, hole in zip(planes, holes, strict=True)
            ]
        )
        return (filled.transpose(1, 0, 2) if across else filled)[list(problem.slices)]


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
        found = []
        for k in problem.slices:
            plane = problem.planes(problem.image.array)[k][None].astype(np.float32) / scale
            distance, nearest = tree.query((self._patches(plane) - mean) @ axes, self.neighbours, eps=0.5)
            weights = 1 / (np.asarray(distance) + 1e-3)
            mixed = (targets[some][nearest] * weights).sum(1) / weights.sum(1)
            found.append(mixed.reshape(plane.shape[1:]))
        return np.stack(found).astype(np.float32)

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
