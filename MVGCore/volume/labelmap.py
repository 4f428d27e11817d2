"""Label maps: one class per voxel."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.volume.geometry import Geometry
from MVGCore.volume.volume import check_grid

MAX_CLASSES = 255
MAX_ID = 65535
# What arithmetic in floating point may do to a whole number, and the coarsest scaling that leaves no doubt.
_ROUNDING = 1e-3
_COARSEST = 0.5
_GOLDEN_RATIO = 0.618033988749895


@dataclass(frozen=True)
class SegmentClass:
    """What a label value stands for.

    Attributes:
        id: The label value, 1..65535.
        name: Shown to the user.
        color: Red, green, blue in 0..1.
        terminology: 3D Slicer's terminology entry, kept as it is.
    """

    id: int
    name: str
    color: tuple[float, float, float]
    terminology: str = ""

    def __post_init__(self) -> None:
        if not 1 <= self.id <= MAX_ID:
            raise InputError(f"A class has the number {self.id}; renumber it to one of 1 to {MAX_ID}.")

    @classmethod
    def default(cls, class_id: int) -> SegmentClass:
        """A class without a given name: "class 3", with a colour that depends on its number alone."""
        return cls(class_id, f"class {class_id}", distinct_color(class_id))


@dataclass
class LabelMap:
    """One class id per voxel, 0 for the background.

    Attributes:
        array: (K, J, I), uint8 or uint16.
        geometry: Where the voxels lie.
        classes: In the order of their ids; a class may have no voxel.
    """

    array: NDArray[Any]
    geometry: Geometry
    classes: tuple[SegmentClass, ...] = ()

    def __post_init__(self) -> None:
        check_grid(self.array, self.geometry, "label map")
        if self.array.dtype not in (np.uint8, np.uint16):
            raise InputError(
                f"The label map has values of type {self.array.dtype}; make it uint8 or uint16 (LabelMap.of)."
            )
        check_classes(self.classes)

    @classmethod
    def of(
        cls,
        array: NDArray[Any],
        geometry: Geometry,
        classes: Iterable[SegmentClass] | None = None,
        step: float = 0.0,
    ) -> LabelMap:
        """Make a label map of any array of whole numbers; values without a class get a default one.

        Args:
            array: (K, J, I) of any numeric type.
            geometry: Where the voxels lie.
            classes: Those with a name; they may have no voxel.
            step: See `whole_numbers`.

        Raises:
            InputError: Negative, fractional, NaN or too large values; more than 255 classes.
        """
        check_grid(array, geometry, "label map")
        labels = whole_numbers(array, step)
        known = {each.id: each for each in classes or ()}
        for value in present_ids(labels):
            known.setdefault(value, SegmentClass.default(value))
        largest = max(known, default=0)
        labels = np.ascontiguousarray(labels, dtype=np.uint8 if largest <= 255 else np.uint16)
        return cls(labels, geometry, tuple(known[value] for value in sorted(known)))

    @property
    def ids(self) -> tuple[int, ...]:
        """The ids of all classes."""
        return tuple(each.id for each in self.classes)

    def class_by_id(self, class_id: int) -> SegmentClass:
        """The class of that id.

        Raises:
            InputError: There is none.
        """
        for each in self.classes:
            if each.id == class_id:
                return each
        raise InputError(f"There is no class {class_id} in the label map; it has {list(self.ids)}.")


def distinct_color(class_id: int) -> tuple[float, float, float]:
    """A colour for a class id; neighbouring ids differ clearly.

    Hues advance by the golden ratio, which never clusters; brightness and saturation tell apart the hues that
    come close after many classes.
    """
    hue = (class_id * _GOLDEN_RATIO) % 1.0
    return colorsys.hsv_to_rgb(hue, (0.85, 0.55)[class_id % 2], (1.0, 0.8, 0.6)[class_id % 3])


def present_ids(labels: NDArray[Any]) -> tuple[int, ...]:
    """The values other than 0 in an array of uint8 or uint16, ascending."""
    return tuple(int(value) for value in np.flatnonzero(voxel_counts(labels)) if value)


def voxel_counts(labels: NDArray[Any]) -> NDArray[np.int64]:
    """How many voxels have each value 0..65535 in an array of uint8 or uint16.

    Slice by slice: numpy makes 64-bit numbers of all that it counts at once.
    """
    total = np.zeros(MAX_ID + 1, np.int64)
    for part in labels if labels.ndim > 1 else (labels,):
        total += np.bincount(part.ravel(), minlength=MAX_ID + 1)
    return total


def whole_numbers(array: NDArray[Any], step: float = 0.0) -> NDArray[np.uint16]:
    """`array` as uint16; what arithmetic made of whole numbers, such as .99998, is rounded.

    Args:
        array: Of any numeric type.
        step: Distance of neighbouring values, where a file kept them as scaled whole numbers: the error of
            such a file is half of it.

    Raises:
        InputError: A value is negative, fractional, NaN or above 65535.
    """
    values = np.asarray(array)
    if values.dtype.kind not in "buif":
        raise InputError(f"The label map has values of type {values.dtype}; whole numbers are needed.")
    if values.dtype.kind == "f" and (bad := int(np.count_nonzero(~np.isfinite(values)))):
        raise InputError(
            f"The label map has {bad} voxels that are NaN or infinite; make them 0, e.g. with "
            "numpy.nan_to_num."
        )
    error = max(_ROUNDING, 0.51 * step) if step <= _COARSEST else _ROUNDING
    if values.size and not (values.min() >= -error and values.max() <= MAX_ID + error):
        raise InputError(
            f"The label map has values outside 0 to {MAX_ID}: {values.min():g} to {values.max():g}; "
            "is it an image? Else renumber its labels, e.g. with numpy.unique(labels, return_inverse=True)."
        )
    if values.dtype.kind != "f":
        return values.astype(np.uint16)
    labels = np.rint(values)
    if np.abs(labels - values).max(initial=0) > error:
        raise InputError(_fractional(values))
    return labels.astype(np.uint16)


def _fractional(values: NDArray[Any]) -> str:
    if values.max() <= 1:
        return (
            "The label map has fractional values between 0 and 1: probabilities? Make labels of them first, "
            "e.g. with the effect Threshold of 3D Slicer's Segment Editor."
        )
    return "The label map has fractional values; is it an image? Give label numbers."


def check_classes(classes: Sequence[SegmentClass]) -> None:
    """Raise `InputError` for more than 255 classes, or two with the same id."""
    if len(classes) > MAX_CLASSES:
        raise InputError(
            f"There are {len(classes)} classes and at most {MAX_CLASSES} are possible; is it an image? "
            "Otherwise merge or split the label map."
        )
    if len({each.id for each in classes}) < len(classes):
        raise InputError("Two classes have the same number; give each its own.")
