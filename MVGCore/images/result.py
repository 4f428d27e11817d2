"""What comes of an image task, filled slice by slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.volume import Volume


@dataclass(frozen=True, eq=False)
class ImageSlice:
    """One finished slice: its place along an array axis, and its intensities (H, W) as in the result."""

    index: int
    values: NDArray[Any]
    axis: int


@dataclass(frozen=True, eq=False)
class ImageResult:
    """An image made from an image.

    Attributes:
        task: "denoise", "inpaint" or "synthesize".
        image: on the grid of the input. Denoised and inpainted in the input's units and numeric type,
            synthesised in those of the wanted slices.
        axis: array axis of the slices.
        generated: the slices that were generated.
        kept: the slices that were given as examples and are returned exactly.
        weight: share of the network in the answer, 0 to 1; the rest is the classical draft.
        seconds: time per stage.
        device: where it was computed.
        notes: what the user should know.
        fill: what all other slices hold; None if they are those of the input.
    """

    task: str
    image: Volume
    axis: int
    generated: tuple[int, ...]
    kept: tuple[int, ...]
    weight: float
    seconds: dict[str, float]
    device: str
    notes: tuple[str, ...]
    fill: float | None = None


@dataclass
class ResultImage:
    """The volume that fills up.

    Attributes:
        image: gives the grid, the name and the axis order.
        axis: array axis of the slices.
        array: (K, J, I), changed in place.
        fill: what it holds where no slice was put; None if that is the image.
        done: slices that were put.
    """

    image: Volume
    axis: int
    array: NDArray[Any]
    fill: float | None = None
    done: list[int] = field(default_factory=list)

    def put(
        self, index: int, values: NDArray[np.floating], where: NDArray[np.bool_] | None = None
    ) -> ImageSlice:
        """Set a slice to intensities (H, W), only `where` that is given, and show what it has become."""
        plane = np.moveaxis(self.array, self.axis, 0)[index]
        plane[...] = to_type(values, self.array.dtype) if where is None else plane
        if where is not None:
            plane[where] = to_type(values[where], self.array.dtype)
        self.done.append(index)
        return ImageSlice(index, plane.copy(), self.axis)

    def volume(self, **changes: Any) -> Volume:
        """The finished image; `changes` as of `dataclasses.replace`."""
        return replace(self.image, array=self.array, **changes)

    @property
    def generated(self) -> tuple[int, ...]:
        """The slices that were put, ascending."""
        return tuple(sorted(self.done))


def to_type(values: NDArray[np.floating], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Intensities in another numeric type: whole numbers are rounded and kept within the type's range."""
    if dtype.kind not in "iu":
        return values.astype(dtype)
    limits = np.iinfo(dtype)
    return np.clip(np.rint(values.astype(np.float64)), limits.min, limits.max).astype(dtype)


def constant_like(image: Volume, value: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
    """An array on the grid of an image that holds one value."""
    return np.full(image.geometry.shape, value, dtype=dtype)


def ordered(indices: Sequence[int], size: int, near: Sequence[int] = ()) -> list[list[int]]:
    """Runs of neighbouring slices of at most `size`, those nearest to the slices `near` first."""
    runs = [list(indices[n : n + size]) for n in range(0, len(indices), size)]

    def distance(run: list[int]) -> int:
        return min((abs(index - place) for place in near for index in run), default=run[0])

    return sorted(runs, key=distance)
