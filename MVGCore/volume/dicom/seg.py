"""DICOM segmentations: each frame goes to the slice at its position, whatever the order of the frames."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.volume.dicom.files import damage_named, read_header
from MVGCore.volume.dicom.layers import layered
from MVGCore.volume.dicom.pixels import stored_frames
from MVGCore.volume.dicom.planes import Plane, frame_group, planes_of
from MVGCore.volume.dicom.slots import slots_of
from MVGCore.volume.dicom.terms import Terms
from MVGCore.volume.geometry import Geometry
from MVGCore.volume.labelmap import SegmentClass, distinct_color
from MVGCore.volume.segmentation import Segmentation

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

Mask = NDArray[np.bool_]

_CLASS, _LARGEST_CLASS = "MVG class", 65535


def read_seg(path: Path, grid: Geometry | None = None) -> Segmentation:
    """Read a DICOM segmentation: binary, fractional (from one half on) or a label map.

    Args:
        path: The file.
        grid: Of the image that it belongs to. If the frames lie on it, so does the result; otherwise it has a
            grid of its own from the first to the last frame.

    Raises:
        InputError: It is damaged, or its frames fit no grid.
    """
    header = read_header(path)
    planes = planes_of(path, header)
    with damage_named(path):
        ids = _class_ids(header)
        named = (_class_of(item, ids) for item in header.SegmentSequence)
        classes = {each.id: each for each in named if each is not None}
        numbers = [_number(header, frame) for frame in range(len(planes))]
        half = _half(header)
    slots = slots_of(planes, grid)
    if half > 1:
        warnings.warn(f"'{path}' holds fractions: from one half on a voxel counts as labelled.", stacklevel=3)
    masks = (
        (slots.index[place], ids.get(number, number), mask)
        for place, number, mask in _masks(planes, numbers, half)
    )
    return layered(masks, slots.geometry, classes)


def class_id_text(class_id: int) -> str:
    """How MVG writes the number of a class, for which the format has no place of its own."""
    return f"{_CLASS} {class_id}"


def _class_ids(header: Dataset) -> dict[int, int]:
    """Number of a segment -> number of its class, where MVG wrote them."""
    by_number = {
        int(item.SegmentNumber): match
        for item in header.SegmentSequence
        if (match := re.fullmatch(rf"{_CLASS} (\d{{1,5}})", str(item.get("TrackingID") or "")))
    }
    ids = {number: int(match[1]) for number, match in by_number.items()}
    others = {int(item.SegmentNumber) for item in header.SegmentSequence} - ids.keys()
    unique = len(set(ids.values()) | others) == len(ids) + len(others)
    return ids if unique and all(0 < each <= _LARGEST_CLASS for each in ids.values()) else {}


def _class_of(item: Dataset, ids: Mapping[int, int]) -> SegmentClass | None:
    number = int(item.SegmentNumber)
    if number == 0:  # label maps may describe their background
        return None
    terms = Terms.of_segment(item)
    return SegmentClass(
        id=ids.get(number, number),
        name=str(item.get("SegmentLabel") or "").strip() or f"class {number}",
        color=_color(item.get("RecommendedDisplayCIELabValue")) or distinct_color(number),
        terminology=terms.text if terms is not None else "",
    )


def _color(value: Any) -> tuple[float, float, float] | None:
    if value is None or len(value) != 3:
        return None
    from highdicom.color import CIELabColor

    red, green, blue = CIELabColor.from_dicom_value([int(each) for each in value]).to_rgb(clip=True)
    return red / 255, green / 255, blue / 255


def _number(header: Dataset, frame: int) -> int:
    """The segment of a frame; 0 for a label map, whose pixels say it."""
    if str(header.get("SegmentationType", "")) == "LABELMAP":
        return 0
    return int(frame_group(header, frame, "SegmentIdentificationSequence").ReferencedSegmentNumber)


def _half(header: Dataset) -> float:
    """From which number on a pixel counts."""
    if str(header.get("SegmentationType", "")) != "FRACTIONAL":
        return 1
    return max(int(header.MaximumFractionalValue) / 2, 1)


def _masks(planes: Sequence[Plane], numbers: Sequence[int], half: float) -> Iterable[tuple[int, int, Mask]]:
    """Place of the frame, segment and mask of every segment in every frame."""
    for place, stored in stored_frames(planes):
        if numbers[place]:
            yield place, numbers[place], stored >= half
        else:
            for value in np.unique(stored[stored > 0]).tolist():
                yield place, value, stored == value
