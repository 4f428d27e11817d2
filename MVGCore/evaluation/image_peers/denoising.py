"""Classical methods against noise."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.evaluation.image_damage import FloatArray
from MVGCore.evaluation.image_peers.peer import library
from MVGCore.evaluation.image_problems import Problem


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
        restoration = library("skimage.restoration", "peers")
        (slab, inner), sigma = _slab(problem, 2), _sigma(problem)
        denoised = restoration.denoise_nl_means(
            slab, patch_size=3, patch_distance=4, h=self.strength * sigma, sigma=sigma, fast_mode=True
        )
        return _in_units(problem, denoised[inner])


@dataclass(frozen=True)
class TotalVariation:
    """Chambolle's total variation of scikit-image in three dimensions."""

    strength: float = 0.7
    name: str = "total variation"
    tasks: tuple[str, ...] = ("denoise",)

    def __call__(self, problem: Problem) -> NDArray[Any]:
        """See `ImagePeer`."""
        restoration = library("skimage.restoration", "peers")
        slab, inner = _slab(problem, 4)
        denoised = restoration.denoise_tv_chambolle(slab, weight=self.strength * _sigma(problem))
        return _in_units(problem, denoised[inner])


@dataclass(frozen=True)
class Wavelets:
    """Wavelet shrinkage of scikit-image (BayesShrink), averaged over shifts."""

    name: str = "wavelet"
    tasks: tuple[str, ...] = ("denoise",)

    def __call__(self, problem: Problem) -> NDArray[Any]:
        """See `ImagePeer`."""
        restoration = library("skimage.restoration", "peers")
        library("pywt", "peers")
        slab, inner = _slab(problem, 4)
        settings = {"wavelet": "sym4", "sigma": _sigma(problem), "rescale_sigma": False}
        with warnings.catch_warnings():  # on few slices the coarsest levels reach over their ends
            warnings.simplefilter("ignore")
            denoised = restoration.cycle_spin(
                slab, max_shifts=2, func=restoration.denoise_wavelet, func_kw=settings
            )
        return _in_units(problem, denoised[inner])


@dataclass(frozen=True)
class BlockMatching:
    """BM3D (Dabov et al. 2007; Maekinen et al. 2020) slice by slice, by its authors' package.

    The package is licensed for non-commercial use only and never installed with ours.
    """

    name: str = "BM3D"
    tasks: tuple[str, ...] = ("denoise",)

    def __call__(self, problem: Problem) -> NDArray[Any]:
        """See `ImagePeer`."""
        bm3d = library("bm3d", "bm3d")
        slab, inner = _slab(problem, 0)
        denoised = [bm3d.bm3d(plane.astype(np.float64), _sigma(problem)) for plane in slab[inner]]
        return _in_units(problem, np.stack(denoised))
