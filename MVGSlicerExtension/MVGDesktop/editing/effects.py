"""Changes of a segment on a slice or in the volume: islands, smoothing, growing, holes; by SimpleITK."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGDesktop.document import Document
from MVGDesktop.editing import shapes
from MVGDesktop.editing.shapes import Box, FloatArray, Region
from MVGDesktop.editing.strokes import finish, recorder_for
from MVGDesktop.editing.voxels import Mode, Others

BoolArray = NDArray[np.bool_]


class Effect(Enum):
    """What can be done; the value is what the menu says."""

    KEEP_LARGEST = "Keep the largest piece"
    DROP_SMALL = "Remove small pieces"
    FILL_HOLES = "Fill holes"
    GROW = "Grow"
    SHRINK = "Shrink"
    MEDIAN = "Smooth (median)"
    OPEN = "Remove thin parts (opening)"
    CLOSE = "Close gaps (closing)"


@dataclass(frozen=True)
class Choice:
    """How far an effect reaches.

    Attributes:
        radius: Of growing, shrinking and smoothing, in mm.
        smallest: Pieces with fewer voxels are small.
        others: What becomes of other segments.
    """

    radius: float = 2.0
    smallest: int = 50
    others: Others = Others.GIVE_WAY


def changed(effect: Effect, mask: BoolArray, spacing: FloatArray, choice: Choice) -> BoolArray:
    """A mask after an effect.

    Args:
        effect: What to do.
        mask: (K, J, I), or (H, W) of a slice.
        spacing: Of its axes, in mm.
        choice: How far.
    """
    image = sitk.GetImageFromArray(mask.astype(np.uint8))
    # SimpleITK has the axes the other way round; at least the nearest neighbours are reached.
    reach = [max(1, round(choice.radius / step)) for step in spacing[::-1]]
    done = sitk.GetArrayFromImage(_FILTERS[effect](image, reach, choice)) > 0
    return np.asarray(done, bool)


def _pieces(image: sitk.Image, smallest: int) -> sitk.Image:
    """The pieces by size, 1 the largest."""
    return sitk.RelabelComponent(sitk.ConnectedComponent(image), minimumObjectSize=smallest)


_FILTERS: dict[Effect, Callable[[sitk.Image, list[int], Choice], sitk.Image]] = {
    Effect.KEEP_LARGEST: lambda image, _reach, _choice: _pieces(image, 1) == 1,
    Effect.DROP_SMALL: lambda image, _reach, choice: _pieces(image, choice.smallest) > 0,
    Effect.FILL_HOLES: lambda image, _reach, _choice: sitk.BinaryFillhole(image),
    Effect.GROW: lambda image, reach, _choice: sitk.BinaryDilate(image, reach),
    Effect.SHRINK: lambda image, reach, _choice: sitk.BinaryErode(image, reach),
    Effect.MEDIAN: lambda image, reach, _choice: sitk.BinaryMedian(image, reach),
    Effect.OPEN: lambda image, reach, _choice: sitk.BinaryMorphologicalOpening(image, reach),
    Effect.CLOSE: lambda image, reach, _choice: sitk.BinaryMorphologicalClosing(image, reach),
}


def apply_effect(
    document: Document, effect: Effect, choice: Choice, slice_at: tuple[FloatArray, FloatArray] | None
) -> None:
    """Change the active segment; one action that can be taken back.

    Args:
        document: Whose segment.
        effect: What to do.
        choice: How far.
        slice_at: World position and normal of the only slice to change, or None for the volume.

    Raises:
        InputError: There is no segment, or nothing is in it.
    """
    if not document.segment_id:
        raise InputError("There is no segment to change; label something first.")
    voxels = document.voxels()
    mask = voxels.mask(document.segment_id)
    spacing = np.linalg.norm(voxels.grid.to_world[:3, :3], axis=0)[::-1]
    axis, box = None, _whole(mask)
    if slice_at is not None:
        axis, index = shapes.slice_region(voxels.grid, *slice_at)
        box = shapes.slice_box(voxels.grid, axis, index)
    if not mask[box].any():
        raise InputError("The segment is empty there; label something first.")
    margin = np.ceil(choice.radius / spacing).astype(int) + 2
    box = _around(mask, box, margin, axis)
    part = mask[box]
    if axis is None:
        after = changed(effect, part, spacing, choice)
    else:
        flat = changed(effect, part.squeeze(axis), np.delete(spacing, axis), choice)
        after = np.expand_dims(flat, axis)
    mode = Mode(others=choice.others)
    recorder = recorder_for(document, document.segment_id, mode)
    recorder.before(box)
    voxels.write(document.segment_id, Region(box, part & ~after), Mode(erase=True), None)
    voxels.write(document.segment_id, Region(box, after & ~part), mode, None)
    finish(document, recorder, effect.value)


def _whole(mask: BoolArray) -> Box:
    return tuple(slice(0, size) for size in mask.shape)  # type: ignore[return-value]


def _around(mask: BoolArray, box: Box, margin: NDArray[Any], flat: int | None) -> Box:
    """What is set within a box and a margin around it, cut to the box: filters need not look at the rest."""
    ranges = []
    for axis, whole in enumerate(box):
        if axis == flat:
            ranges.append(whole)
            continue
        others = tuple(each for each in range(3) if each != axis)
        filled = np.flatnonzero(mask[box].any(axis=others)) + whole.start
        first, last = int(filled[0]) - int(margin[axis]), int(filled[-1]) + int(margin[axis])
        ranges.append(slice(max(first, whole.start), min(last + 1, whole.stop)))
    return tuple(ranges)  # type: ignore[return-value]
