"""The methods that MVG is measured against: what a user can do today with a few labelled slices.

Every peer comes from its own library, imported when it is called, and is given its best fair chance: in a
labelled slice the unlabelled pixels are background seeds, the volume is cropped to the labels plus a margin,
voxel sizes are passed on, and slices beyond the outermost labelled ones, which an interpolation leaves empty,
repeat the nearest labelled slice.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from MVGCore.errors import InputError, MissingExtraError
from MVGCore.volume import LabelMap, Volume


class Peer(Protocol):
    """A method that fills a volume from a few labelled slices."""

    @property
    def name(self) -> str:
        """What tables call it."""
        ...

    @property
    def extra(self) -> str | None:
        """The optional extra of `mvg-slicer` that it needs; None when the plain install is enough."""
        ...

    def __call__(
        self, image: Volume, few: LabelMap, axis: int, slices: Sequence[int], seed: int = 0
    ) -> np.ndarray:
        """Labels the whole volume.

        Args:
            image: The image, (K, J, I).
            few: Labels on the same grid; only the labelled slices are filled.
            axis: Array axis of the labelled slices.
            slices: Their indices, in any order.
            seed: For methods that draw random numbers.

        Returns:
            (K, J, I) labels of the dtype of `few.array`, the labelled slices as given.

        Raises:
            MissingExtraError: The method's library is not installed.
        """
        ...


@dataclass(frozen=True)
class NearestSlice:
    """Copies the nearest labelled slice; of two equally near ones, the lower."""

    name: str = "nearest slice"
    extra: str | None = None

    def __call__(
        self, image: Volume, few: LabelMap, axis: int, slices: Sequence[int], seed: int = 0
    ) -> np.ndarray:
        """See `Peer`."""
        given = sorted_slices(slices)
        planes = np.moveaxis(few.array, axis, 0)
        distance = np.abs(np.arange(len(planes))[:, None] - given[None, :])
        return in_volume_order(planes[given[distance.argmin(axis=1)]], axis)


@dataclass(frozen=True)
class SignedDistance:
    """Shape-based interpolation: signed in-plane distances (mm), linear between neighbouring labelled slices.

    The class with the largest interpolated distance wins, background being a class as well, so that organs
    that touch stay in touch. A class that only one of the two slices shows shrinks and is gone half way.
    After Raya and Udupa (1990), "Shape-based interpolation of multidimensional objects".
    """

    name: str = "signed distance"
    extra: str | None = None

    def __call__(
        self, image: Volume, few: LabelMap, axis: int, slices: Sequence[int], seed: int = 0
    ) -> np.ndarray:
        """See `Peer`."""
        given = sorted_slices(slices)
        filled = np.moveaxis(NearestSlice()(image, few, axis, slices), axis, 0).copy()
        spacing = in_plane_spacing(image, axis)
        for below, above in zip(given[:-1], given[1:], strict=True):
            if above - below > 1:
                self._fill_gap(filled, int(below), int(above), spacing)
        return in_volume_order(filled, axis)

    @staticmethod
    def _fill_gap(planes: np.ndarray, below: int, above: int, spacing: tuple[float, float]) -> None:
        ids = np.union1d(planes[below], planes[above])
        pairs = [_distance_pair(planes[below] == i, planes[above] == i, spacing) for i in ids]
        low, high = (np.stack(maps) for maps in zip(*pairs, strict=True))
        for index in range(below + 1, above):
            weight = (index - below) / (above - below)
            planes[index] = ids[((1 - weight) * low + weight * high).argmax(axis=0)]


@dataclass(frozen=True)
class ContourInterpolation:
    """ITK's morphological contour interpolation (Zukic et al., 2016, doi:10.54294/3mtdk8)."""

    name: str = "contour interpolation"
    extra: str | None = "peers"

    def __call__(
        self, image: Volume, few: LabelMap, axis: int, slices: Sequence[int], seed: int = 0
    ) -> np.ndarray:
        """See `Peer`."""
        itk = itk_with("MorphologicalContourInterpolator", "itk-morphologicalcontourinterpolation")
        labels = itk.image_from_array(np.ascontiguousarray(few.array, dtype=np.uint16))
        interpolator = itk.MorphologicalContourInterpolator.New(labels)
        interpolator.SetAxis(2 - axis)
        interpolator.Update()
        filled = np.moveaxis(itk.array_from_image(interpolator.GetOutput()), axis, 0)
        nearest = np.moveaxis(NearestSlice()(image, few, axis, slices), axis, 0)
        given = sorted_slices(slices)
        for beyond in (slice(0, given[0]), slice(given[-1], None)):
            filled[beyond] = nearest[beyond]
        filled[given] = nearest[given]
        return in_volume_order(filled.astype(few.array.dtype), axis)


def sorted_slices(slices: Sequence[int]) -> np.ndarray:
    """The labelled slices in ascending order, once each.

    Raises:
        InputError: There are none.
    """
    if len(slices) == 0:
        raise InputError("No labelled slice was given: label at least one slice.")
    return np.unique(np.asarray(slices, dtype=np.intp))


def in_volume_order(planes: np.ndarray, axis: int) -> np.ndarray:
    """Planes stacked along axis 0 -> the volume, C-ordered, in which they lie along `axis`."""
    return np.ascontiguousarray(np.moveaxis(planes, 0, axis))


def in_plane_spacing(image: Volume, axis: int) -> tuple[float, float]:
    """Millimetres along the two array axes of a slice."""
    first, second = (edge for a, edge in enumerate(image.geometry.array_spacing) if a != axis)
    return first, second


def itk_with(filter_name: str, package: str) -> Any:
    """The `itk` module, once it has the named filter of a remote module.

    Raises:
        MissingExtraError: ITK or the package with the filter is not installed.
    """
    itk = optional_module("itk", package)
    if not hasattr(itk, filter_name):
        raise missing(package)
    return itk


def optional_module(module: str, package: str) -> Any:
    """Imports a module of the `peers` extra.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise missing(package) from error


def missing(package: str) -> MissingExtraError:
    """The error that tells how to get an optional package."""
    return MissingExtraError(f'This method needs the {package} package: pip install "mvg-slicer[peers]"')


def _distance_pair(
    low: np.ndarray, high: np.ndarray, spacing: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Signed distances in mm of a class in two slices; positive inside.

    An empty slice counts as everywhere as far outside as the other slice's deepest point is inside.
    """
    maps = [_signed_distance(mask, spacing) if mask.any() else None for mask in (low, high)]
    if maps[0] is None and maps[1] is not None:
        maps[0] = np.full(low.shape, -maps[1].max(), dtype=np.float32)
    elif maps[1] is None and maps[0] is not None:
        maps[1] = np.full(low.shape, -maps[0].max(), dtype=np.float32)
    assert maps[0] is not None and maps[1] is not None
    return maps[0], maps[1]


def _signed_distance(mask: np.ndarray, spacing: tuple[float, float]) -> np.ndarray:
    from scipy.ndimage import distance_transform_edt

    if mask.all():
        # No outside to measure from: everything is as deep inside as the slice is large.
        return np.full(mask.shape, max(n * s for n, s in zip(mask.shape, spacing, strict=True)), np.float32)
    inside = distance_transform_edt(mask, sampling=spacing)
    outside = distance_transform_edt(~mask, sampling=spacing)
    return (inside - outside).astype(np.float32)
