"""What ITK's NIfTI reader does not tell: missing voxels, NaN, and the namesake beside the file."""

from __future__ import annotations

import gzip
import math
import shutil
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from MVGCore.errors import InputError

_CHUNK = 1 << 22
_FLOATS = {16: "f4", 64: "f8"}


@dataclass(frozen=True)
class _Layout:
    """Where a version of the format (https://nifti.nimh.nih.gov) has its fields: offset, struct code."""

    dimensions: tuple[int, str]
    kind_and_bits: tuple[int, str]
    data_offset: tuple[int, str]


# By the length of the header, which is its first field.
_LAYOUTS = {
    348: _Layout(dimensions=(40, "8h"), kind_and_bits=(70, "2h"), data_offset=(108, "f")),
    540: _Layout(dimensions=(16, "8q"), kind_and_bits=(12, "2h"), data_offset=(168, "q")),
}


@dataclass(frozen=True)
class _Data:
    """Where the voxels of a file are: first byte, number of bytes, numpy type if it is a float."""

    start: int
    length: int
    float_type: np.dtype[np.floating] | None


@contextmanager
def checked_nifti(path: Path) -> Iterator[Path]:
    """Give a path from which ITK reads this file, after checking what ITK passes over in silence.

    ITK leaves the missing voxels of a truncated file undefined, makes zeros of NaN and infinite ones, and
    asked for `t1.nii.gz` it takes the voxels of `t1.nii` if there is such a file beside it.

    Raises:
        InputError: Missing, NaN or infinite voxels, or no NIfTI header.
        OSError, EOFError: A compressed file is damaged.
    """
    with _opened(path) as stream:
        _check_data(stream, _data(stream.read(540), path), path)
    if path.name.lower().endswith(".gz") and path.with_suffix("").exists():
        with tempfile.TemporaryDirectory() as folder:
            yield Path(shutil.copy(path, folder))
    else:
        yield path


def _opened(path: Path) -> BinaryIO:
    with open(path, "rb") as stream:
        compressed = stream.read(2) == b"\x1f\x8b"
    return cast(BinaryIO, gzip.open(path)) if compressed else open(path, "rb")


def _data(header: bytes, path: Path) -> _Data:
    for order in "<>":
        layout = _LAYOUTS.get(struct.unpack(f"{order}i", header[:4])[0]) if len(header) >= 348 else None
        if layout:
            break
    else:
        raise InputError(f"'{path}' has no NIfTI header; it may be truncated or of another format.")
    rank, *sizes = struct.unpack_from(order + layout.dimensions[1], header, layout.dimensions[0])
    kind, bits = struct.unpack_from(order + layout.kind_and_bits[1], header, layout.kind_and_bits[0])
    (start,) = struct.unpack_from(order + layout.data_offset[1], header, layout.data_offset[0])
    float_type = np.dtype(order + _FLOATS[kind]) if kind in _FLOATS else None
    return _Data(int(start), math.prod(sizes[: max(rank, 0)]) * bits // 8, float_type)


def _check_data(stream: BinaryIO, data: _Data, path: Path) -> None:
    stream.seek(data.start)
    length = bad = 0
    while length < data.length and (chunk := stream.read(min(_CHUNK, data.length - length))):
        length += len(chunk)
        if data.float_type is not None:
            whole = len(chunk) // data.float_type.itemsize
            bad += whole - int(np.isfinite(np.frombuffer(chunk, data.float_type, whole)).sum())
    if length < data.length:
        missing = data.length - length
        raise InputError(f"'{path}' is truncated, {missing} bytes are missing; copy or export it again.")
    if bad:
        raise InputError(f"'{path}' has {bad} voxels that are NaN or infinite; replace them first.")
