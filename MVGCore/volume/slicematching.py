"""Bringing labelled slices onto the slices of an image that they show."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import GeometryMismatchError, InputError
from MVGCore.volume.geometry import FloatArray, Geometry
from MVGCore.volume.labelmap import LabelMap
from MVGCore.volume.matching import match_labels, on_common_ground, same_voxels
from MVGCore.volume.slicing import SliceKey, labelled_slices

# A labelled slice that leaves a slice of the image by more than this many slices is turned against it.
_TURNED = 1.0
_EXACT = 0.01
_FEW_SLICES = 3


@dataclass(frozen=True)
class MatchedSlices:
    """Labels on the grid of an image.

    Attributes:
        labels: Filled in the slices of `places`, unless whole volumes were given.
        places: The labelled slices of the image: those of one axis by index, then those of the others.
    """

    labels: LabelMap
    places: list[SliceKey]


@dataclass(frozen=True)
class _Seen:
    """A labelled slice and the slice of the image that it shows.

    Attributes:
        drawn: Where it was drawn.
        shown: The nearest slice of the image, perhaps beyond its end.
        off: Distance of the two, in slices of the image.
        tilt: By how many slices of the image the labelled part of it rises.
        voxels: Number of labelled voxels.
        inside: Number of those within the slice of the image.
    """

    drawn: SliceKey
    shown: SliceKey
    off: float
    tilt: float
    voxels: int
    inside: int


def match_slices(labels: LabelMap, image: Geometry, axis: int | None = None) -> MatchedSlices:
    """Find the labelled slices, and the slices of the image that they show.

    On another grid than the image's each labelled slice goes to the nearest slice of the image. What is not
    used, and how much is cut off, is told in a warning.

    Args:
        labels: At least one voxel must be labelled.
        image: The grid of the image.
        axis: Consider this array axis of the image only; None finds it (see `labelled_slices`).

    Raises:
        GeometryMismatchError: Most labelled voxels lie outside, a header was lost (see `match_labels`), or
            single slices were drawn that are turned against those of the image.
        InputError: No labelled slice is a slice of the image.
    """
    if same_voxels(labels.geometry, image):
        matched = LabelMap(labels.array, image, labels.classes)
        return MatchedSlices(matched, labelled_slices(matched, axis))
    own, ground = on_common_ground(labels, image)
    to_image: FloatArray = np.linalg.inv(ground.affine_lps) @ own.affine_lps
    to_labels: FloatArray = np.linalg.inv(own.affine_lps) @ ground.affine_lps
    along = None if axis is None else 2 - int(np.argmax(np.abs(to_image[2 - axis, :3])))
    seen = [_seen(labels, to_image, key, image) for key in labelled_slices(labels, along)]
    if max(each.tilt for each in seen) > _TURNED:
        _refuse_single([each.drawn for each in seen])
        matched = match_labels(labels, image)
        return MatchedSlices(matched, labelled_slices(matched, axis))
    array = np.zeros(image.shape, labels.array.dtype)
    used = [each for each in _nearest(seen, image) if _put(array, labels, to_labels, each)]
    if not used:
        raise InputError(
            "None of the labelled slices is a slice of the image: they lie beyond it or between its voxels. "
            "Label slices of the image itself."
        )
    _tell(seen, used, image)
    return MatchedSlices(LabelMap(array, image, labels.classes), [each.shown for each in used])


def _seen(labels: LabelMap, to_image: FloatArray, key: SliceKey, image: Geometry) -> _Seen:
    column = 2 - key.axis
    across = int(np.argmax(np.abs(to_image[:3, column])))
    plane = np.argwhere(labels.array.take(key.index, axis=key.axis))
    ijk = np.insert(plane, key.axis, key.index, axis=1)[:, ::-1]
    index = ijk @ to_image[:3, :3].T + to_image[:3, 3]
    low, high = float(index[:, across].min()), float(index[:, across].max())
    middle = (low + high) / 2
    nearest = int(np.floor(middle + 0.5))
    sizes = np.array(image.shape[::-1])
    inside = (index >= -0.5) & (index < sizes - 0.5)
    inside[:, across] = 0 <= nearest < sizes[across]
    return _Seen(
        key,
        SliceKey(2 - across, nearest),
        abs(middle - nearest),
        high - low,
        len(ijk),
        int(inside.all(axis=1).sum()),
    )


def _refuse_single(drawn: Sequence[SliceKey]) -> None:
    indices = [each.index for each in drawn if each.axis == drawn[0].axis]
    if len(indices) < _FEW_SLICES or len(indices) <= max(indices) - min(indices):
        raise GeometryMismatchError(
            "The labelled slices are turned against those of the image, so that none of these is "
            "labelled wholly; label slices of the image itself, or give labels of the whole structure."
        )


def _nearest(seen: Iterable[_Seen], image: Geometry) -> list[_Seen]:
    """Of the slices that show the same slice of the image the nearest one; none beyond the image."""
    chosen: dict[SliceKey, _Seen] = {}
    for each in seen:
        if not 0 <= each.shown.index < image.shape[each.shown.axis]:
            continue
        if each.shown not in chosen or each.off < chosen[each.shown].off:
            chosen[each.shown] = each
    first = [key.axis for key in chosen][:1]
    return [chosen[key] for key in sorted(chosen, key=lambda key: ([key.axis] != first, key))]


def _put(array: NDArray[Any], labels: LabelMap, to_labels: FloatArray, seen: _Seen) -> bool:
    """Copy a labelled slice to the slice that it shows, by the nearest voxel; whether anything was hit."""
    plane = np.moveaxis(array, seen.shown.axis, 0)[seen.shown.index]
    rows, columns = np.indices(plane.shape)
    kji = np.insert(
        np.stack([rows.ravel(), columns.ravel()], axis=1), seen.shown.axis, seen.shown.index, axis=1
    )
    places = np.floor(kji[:, ::-1] @ to_labels[:3, :3].T + to_labels[:3, 3] + 0.5).astype(np.int64)[:, ::-1]
    places[:, seen.drawn.axis] = seen.drawn.index
    inside = ((places >= 0) & (places < labels.array.shape)).all(axis=1)
    values = np.zeros(len(places), array.dtype)
    values[inside] = labels.array[tuple(places[inside].T)]
    values = values.reshape(plane.shape)
    plane[...] = np.where(values > 0, values, plane)  # slices across another axis cross this one
    return bool(values.any())


def _tell(seen: Sequence[_Seen], used: Sequence[_Seen], image: Geometry) -> None:
    parts = []
    moved = [each for each in used if each.off + each.tilt / 2 > _EXACT]
    if moved:
        spacing = image.array_spacing
        most = max((each.off + each.tilt / 2) * spacing[each.shown.axis] for each in moved)
        places = ", ".join(f"{each.drawn.index} to {each.shown.index}" for each in moved)
        parts.append(
            f"slices were taken to the nearest ones of the image, at most {most:.2g} mm away ({places})"
        )
    left_out = {each.drawn: _reason(each, used, image) for each in seen if each not in used}
    if left_out:
        names = "; ".join(f"slice {key.index} along {'kji'[key.axis]} {why}" for key, why in left_out.items())
        parts.append(f"not used: {names}")
    all_voxels = sum(each.voxels for each in seen)
    cut = all_voxels - sum(each.inside for each in used)
    if cut:
        parts.append(f"{cut / all_voxels:.0%} of the labelled voxels ({cut:,}) were cut off")
    if parts:
        warnings.warn(f"The labels lie on another grid than the image: {'; '.join(parts)}.", stacklevel=3)


def _reason(seen: _Seen, used: Sequence[_Seen], image: Geometry) -> str:
    if not 0 <= seen.shown.index < image.shape[seen.shown.axis]:
        return "(beyond the image)"
    other = next((each.drawn.index for each in used if each.shown == seen.shown), None)
    if other is None:
        return "(nothing of it meets a voxel of the image)"
    return f"(slice {other} lies nearer to slice {seen.shown.index} of the image)"
