"""Classical methods that fill holes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import interpolate

from MVGCore.evaluation.image_peers.peer import library
from MVGCore.evaluation.image_problems import Problem


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
            interpolated = interpolate.CubicSpline(places[known], values, axis=0)(inside)
        elif known.sum() > 1:
            interpolated = interpolate.interp1d(places[known], values, axis=0)(inside)
        else:
            interpolated = np.repeat(values, missing.sum(), axis=0)
        flat[np.ix_(missing, columns)] = interpolated
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
        restoration = library("skimage.restoration", "peers")
        planes, holes = problem.planes(problem.image.array), _holes(problem)
        whole: NDArray[np.bool_] = np.all(holes, axis=(1, 2))
        across = _lines(problem, "cubic") if whole.any() else planes
        inpainted = []
        for k in problem.slices:
            if whole[k]:
                inpainted.append(across[k])
            else:
                inpainted.append(restoration.inpaint_biharmonic(planes[k].astype(np.float64), holes[k]))
        return np.stack(inpainted).astype(np.float32)


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
        cv2 = library("cv2", "peers")
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
