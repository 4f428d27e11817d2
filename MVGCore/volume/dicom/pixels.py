"""The numbers of slices, decoded and scaled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.volume.dicom.apart import decoded_apart
from MVGCore.volume.dicom.decoders import frame_of
from MVGCore.volume.dicom.files import DamagedFile, damage_named, read_whole
from MVGCore.volume.dicom.planes import Plane
from MVGCore.volume.dicom.sources import StoredNumbers


def read_stack(planes: Sequence[Plane]) -> NDArray[Any]:
    """The values of slices of one size, (n, rows, columns).

    Whole numbers stay whole numbers if slopes and intercepts are; else the values are float32.

    Raises:
        DamagedFile: A slice cannot be decoded.
    """
    kind = value_type([plane.stored for plane in planes])
    values = np.empty((len(planes), *planes[0].size), kind)
    for index, stored, plane in _decoded(planes):
        scale = plane.stored
        if scale.slope == 1 and scale.intercept == 0:
            values[index] = stored
        elif kind.kind == "f":
            values[index] = stored * np.float64(scale.slope) + scale.intercept
        else:
            values[index] = stored.astype(np.int64) * int(scale.slope) + int(scale.intercept)
    return values


def same_pixels(one: Plane, other: Plane) -> bool:
    """Whether two slices have the same values."""
    if one.stored != other.stored or one.size != other.size:
        return False
    try:
        (_, first, _), (_, second, _) = _decoded([one, other])
        return bool(np.array_equal(first, second))
    except DamagedFile:  # told when it is read
        return False


def stored_frames(planes: Sequence[Plane]) -> Iterator[tuple[int, NDArray[Any]]]:
    """Place among `planes` and numbers as they are stored, file by file."""
    return ((index, stored) for index, stored, _ in _decoded(planes))


def value_type(stored: Sequence[StoredNumbers]) -> np.dtype[Any]:
    """The smallest type that holds whatever the slices may have."""
    if any(each.floating for each in stored):
        return np.dtype(np.float64 if any(each.allocated > 32 for each in stored) else np.float32)
    if any(each.slope != int(each.slope) or each.intercept != int(each.intercept) for each in stored):
        return np.dtype(np.float32)
    ends = []
    for each in stored:
        low = -(1 << (each.used - 1)) if each.signed else 0
        high = low + (1 << each.used) - 1
        ends += [low * each.slope + each.intercept, high * each.slope + each.intercept]
    kinds = (np.uint8, np.int16, np.uint16, np.int32)
    fitting = (kind for kind in kinds if np.iinfo(kind).min <= min(ends) and max(ends) <= np.iinfo(kind).max)
    return np.dtype(next(fitting, np.float64))


def _decoded(planes: Sequence[Plane]) -> Iterator[tuple[int, NDArray[Any], Plane]]:
    """Each file is read once: place among `planes`, stored numbers, slice."""
    # Decoders are written in C; the rest is copying.
    compressed = [place for place, plane in enumerate(planes) if plane.source.compressed]
    if compressed:
        frames = decoded_apart([planes[place] for place in compressed])
        yield from ((place, frame, planes[place]) for place, frame in zip(compressed, frames, strict=True))
    plain = [(place, plane) for place, plane in enumerate(planes) if not plane.source.compressed]
    by_file = sorted(plain, key=lambda each: str(each[1].source.file))
    for file, items in groupby(by_file, key=lambda each: each[1].source.file):
        dataset = read_whole(file)
        for index, plane in items:
            with damage_named(file):
                stored = frame_of(dataset, plane)
            yield index, stored, plane
