"""Examples of an image task: slices of one volume with the same slices as they are wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import GeometryMismatchError, InputError
from MVGCore.prompts import AXIS_NAMES
from MVGCore.volume import Geometry, Volume, Window, check_axis, check_image, neighbour_indices, robust_window

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ImageExample:
    """One slice and what is wanted of it.

    Attributes:
        index: its place in its own volume.
        image: (3, H, W) float32, raw intensities of the previous, this and the next slice; at the border of
            the volume the slice itself stands for the missing neighbour.
        target: (H, W) raw intensities, in the numeric type of the volume that they come from.
    """

    index: int
    image: FloatArray
    target: NDArray[Any]


@dataclass(frozen=True, eq=False)
class ImageExamples:
    """Examples from one volume.

    Attributes:
        axis: array axis that the slices lie across (0 = k, 1 = j, 2 = i).
        slices: at least one, by index.
        geometry: of the volume that they come from.
        image_window: of the intensities of that volume.
        target_window: of the wanted slices' intensities.
        source: where they come from, e.g. the name of the image.
    """

    axis: int
    slices: tuple[ImageExample, ...]
    geometry: Geometry
    image_window: Window
    target_window: Window
    source: str = ""

    @property
    def indices(self) -> tuple[int, ...]:
        """Where the slices lie."""
        return tuple(example.index for example in self.slices)

    @classmethod
    def from_volumes(
        cls,
        image: Volume,
        target: Volume,
        axis: int | None = None,
        slices: Sequence[int] | None = None,
    ) -> ImageExamples:
        """Pair the slices of two volumes.

        Args:
            image: what is given, complete.
            target: what is wanted of it, on the same grid; only some of its slices need be filled.
            axis: array axis of the slices; by default the one along which single slices are filled, or that
                of the largest spacing where most of the volume is.
            slices: which to take; by default those that are filled: not one and the same value throughout.

        Raises:
            GeometryMismatchError: the volumes have different grids.
            InputError: no slice is filled, there is no such axis or slice, or an image cannot be used.
        """
        image, target = check_image(image), check_image(target)
        if not target.geometry.is_close(image.geometry):
            raise GeometryMismatchError(
                f"The wanted slices do not lie on the image: they have {target.geometry.describe()}; the "
                f"image has {image.geometry.describe()}. Resample one to the grid of the other."
            )
        if axis is None:
            axis = _drawn_axis(target)
        check_axis(axis)
        planes = np.moveaxis(target.array, axis, 0)
        chosen = filled_planes(planes) if slices is None else _existing(slices, axis, len(planes))
        if not chosen:
            raise InputError("No wanted slice is filled; fill at least one.")
        around = neighbours(np.moveaxis(image.array, axis, 0), chosen)
        return cls(
            axis,
            tuple(ImageExample(k, around[n], planes[k].copy()) for n, k in enumerate(chosen)),
            image.geometry,
            robust_window(image.array),
            _window(planes[chosen]),
            image.name,
        )

    def thinned(self, count: int) -> ImageExamples:
        """At most `count` of the examples, evenly spread."""
        if len(self.slices) <= count:
            return self
        places = np.linspace(0, len(self.slices) - 1, count).round().astype(int)
        return replace(self, slices=tuple(self.slices[int(n)] for n in places))

    def belong_to(self, image: Volume) -> bool:
        """Whether these are slices of this very image: the same grid and the same intensities."""
        if not self.geometry.is_close(image.geometry):
            return False
        planes = np.moveaxis(image.array, self.axis, 0)
        return all(
            np.array_equal(planes[each.index].astype(np.float32), each.image[1]) for each in self.slices
        )


def neighbours(planes: NDArray[Any], indices: Sequence[int]) -> FloatArray:
    """(K, H, W) -> (T, 3, H, W) float32: previous, this and next slice; ends repeat themselves."""
    return planes[neighbour_indices(indices, len(planes))].astype(np.float32)


def filled_planes(planes: NDArray[Any]) -> list[int]:
    """The planes of (K, H, W) that are not one value throughout."""
    flat = planes.reshape(len(planes), -1)
    return [int(k) for k in np.flatnonzero((flat != flat[:, :1]).any(1))]


def _drawn_axis(target: Volume) -> int:
    """The axis along which most planes are empty, if most are; else the one of the largest spacing."""
    filled = [
        len(filled_planes(np.moveaxis(target.array, axis, 0))) / target.array.shape[axis] for axis in range(3)
    ]
    axis = int(np.argmin(filled))
    return axis if filled[axis] <= 0.5 else target.geometry.coarsest_axis


def _existing(slices: Sequence[int], axis: int, depth: int) -> list[int]:
    chosen = sorted(set(int(k) for k in slices))
    if wrong := [k for k in chosen if not 0 <= k < depth]:
        raise InputError(f"There is no slice {wrong[0]} along {AXIS_NAMES[axis]}; choose 0 to {depth - 1}.")
    return chosen


def _window(target: NDArray[Any]) -> Window:
    if target.min() == target.max():
        raise InputError("The wanted slices are all of one intensity; choose slices that show something.")
    return robust_window(target)
