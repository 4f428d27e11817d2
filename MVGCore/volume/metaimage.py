"""MetaImage files (`.mha`, `.mhd`; https://itk.org/Wiki/ITK/MetaIO/Documentation), strictly.

ITK's own reader takes a header at its word: some end the process, some read any file of the machine, and
damaged compressed voxels come out as whatever was in the memory.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.volume.datafiles import data_name
from MVGCore.volume.decoding import Encoding, read_voxels
from MVGCore.volume.geometry import Geometry
from MVGCore.volume.limits import open_regular
from MVGCore.volume.outside import data_files
from MVGCore.volume.seal import check_seal, is_seal, seal_of
from MVGCore.volume.stored import Stored, check_written

_MOST_LINES, _LONGEST_LINE = 1000, 1 << 16
_PLACE, _LOCAL = "ElementDataFile", "LOCAL"
_COMMENT = "Comment"
_TYPES = {
    "MET_CHAR": "i1",
    "MET_ASCII_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
_NAMES = {kind: name for name, kind in reversed(_TYPES.items()) if name != "MET_ASCII_CHAR"}
# The same field under different names; ITK takes the last one that it meets.
_ORIGIN, _DIRECTION = ("Offset", "Position", "Origin"), ("TransformMatrix", "Rotation", "Orientation")
_COMPRESSION_LEVEL = 3


def read_meta(path: Path) -> Stored:
    """Read a MetaImage file.

    Raises:
        ValueError: There is no such header.
        InputError: The header is damaged, or names a file outside its folder or several; the data do not hold
            what it says; the image has not three dimensions.
        OSError: It cannot be read.
    """
    with open_regular(path) as stream:
        header = _header(stream, path)
        if header[_PLACE].upper() == _LOCAL:
            _check_seal(header, path)
            return _stored([stream], header, path)
        listed = [line.decode("utf-8", "replace").strip() for line in stream.readlines(_LONGEST_LINE)]
    with ExitStack() as stack:
        files = data_files(path, header[_PLACE], [name for name in listed if name])
        streams = [stack.enter_context(open_regular(file)) for file in files]
        _check_seal(header, path, streams[0])
        return _stored(streams, header, path)


def write_meta(path: Path, array: NDArray[Any], geometry: Geometry) -> None:
    """Write a MetaImage file, compressed, and read it back; of a `.mhd` the voxels are beside it.

    Raises:
        OSError: The file could not be written wholly.
    """
    detached = path.suffix.lower() == ".mhd"
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    data = zlib.compress(little.reshape(-1).view(np.uint8).data, _COMPRESSION_LEVEL)
    data_file = data_name(path, data, ".zraw") if detached else _LOCAL
    first, *lines = (f"{name} = {value}" for name, value in _fields(array, geometry, len(data), data_file))
    seal = seal_of((first, *lines), data if detached else None)
    header = "\n".join((first, f"{_COMMENT} = {seal}", *lines, "")).encode()
    if detached:
        path.with_name(data_file).write_bytes(data)
    path.write_bytes(header if detached else header + data)
    check_written(path, array, geometry, read_meta(path))


def _fields(array: NDArray[Any], geometry: Geometry, size: int, data_file: str) -> Sequence[tuple[str, str]]:
    k, j, i = array.shape
    columns = np.array(geometry.direction).reshape(3, 3).T  # the file has one axis after the other
    return (
        ("ObjectType", "Image"),
        ("NDims", "3"),
        ("BinaryData", "True"),
        ("BinaryDataByteOrderMSB", "False"),
        ("CompressedData", "True"),
        ("CompressedDataSize", str(size)),
        ("TransformMatrix", _texts(columns.ravel())),
        ("Offset", _texts(geometry.origin)),
        ("CenterOfRotation", "0 0 0"),
        ("ElementSpacing", _texts(geometry.spacing)),
        ("DimSize", f"{i} {j} {k}"),
        ("ElementType", _NAMES[array.dtype.str[1:]]),
        (_PLACE, data_file),
    )


def _texts(values: Sequence[float] | NDArray[np.float64]) -> str:
    return " ".join(f"{float(value):.17g}" for value in values)


def _header(stream: BinaryIO, path: Path) -> dict[str, str]:
    """The fields up to the last one, which tells where the voxels are; the stream stands behind it."""
    header: dict[str, str] = {}
    for _ in range(_MOST_LINES):
        line = stream.readline(_LONGEST_LINE)
        name, mark, value = re.split("([=:])", line.decode("utf-8", "replace") + "=", maxsplit=1)
        if not line.endswith(b"\n") or not value:
            break
        header[name.strip()] = value[:-1].strip()
        if name.strip() == _PLACE:
            return header
    raise ValueError("it has no MetaImage header, or not all of it")


def _check_seal(header: Mapping[str, str], path: Path, data: BinaryIO | None = None) -> None:
    if is_seal(header.get(_COMMENT, "")):
        lines = (f"{name} = {value}" for name, value in header.items() if name != _COMMENT)
        check_seal(header[_COMMENT], lines, path, data)


def _stored(streams: Sequence[BinaryIO], header: Mapping[str, str], path: Path) -> Stored:
    """The voxels, from streams that stand at their beginning, or before what the header says to skip."""
    dimensions = _whole(header, "NDims", path)
    if dimensions not in (3, 4):
        raise InputError(f"'{path}' has {dimensions} dimensions; give a 3-D volume.")
    sizes = [int(each) for each in _numbers(header, ("DimSize",), dimensions, path)]
    channels = _whole(header, "ElementNumberOfChannels", path, 1)
    if min(*sizes, channels) < 1:
        raise InputError(f"'{path}' has {sizes} voxels of {channels} values; its header is damaged.")
    shape = [*reversed(sizes), channels]
    if shape[0] % len(streams):
        raise InputError(f"'{path}' names {len(streams)} files for {shape[0]} slices; its header is damaged.")
    part = [shape[0] // len(streams), *shape[1:]]
    parts = [_voxels(stream, header, part, path) for stream in streams]
    array = parts[0] if len(parts) == 1 else np.concatenate(parts)
    # What the fourth dimension has, be it time, becomes values of a voxel.
    array = array[..., 0] if channels == 1 else array
    if dimensions == 4:
        array = array[0] if sizes[3] == 1 else np.moveaxis(array, 0, -1)
    if array.ndim > 4:
        raise InputError(f"'{path}' has four dimensions with several values per voxel; give a 3-D volume.")
    return Stored(np.ascontiguousarray(array), _geometry(header, dimensions, array.shape[:3], path))


def _voxels(stream: BinaryIO, header: Mapping[str, str], shape: Sequence[int], path: Path) -> NDArray[Any]:
    kind = _TYPES.get(header.get("ElementType", "").removesuffix("_ARRAY"))
    if kind is None or not _truth(header, ("BinaryData",), path, "True"):
        raise InputError(
            f"The voxels of '{path}' are text or of a type that is not known "
            f"({header.get('ElementType', 'none')}); save it again, as binary numbers."
        )
    order = ">" if _truth(header, ("BinaryDataByteOrderMSB", "ElementByteOrderMSB"), path) else "<"
    encoding = Encoding.ZLIB if _truth(header, ("CompressedData",), path) else Encoding.RAW
    skip = _whole(header, "HeaderSize", path, 0)
    if skip > 0:
        stream.seek(skip)
    return read_voxels(stream, path, shape, np.dtype(order + kind), encoding, min(skip, 0))


def _geometry(header: Mapping[str, str], dimensions: int, shape: Sequence[int], path: Path) -> Geometry:
    spacing_of = ("ElementSpacing", "ElementSize")
    spacing = _numbers(header, spacing_of, dimensions, path, (1.0,) * dimensions)
    origin = _numbers(header, _ORIGIN, dimensions, path, (0.0,) * dimensions)
    identity = tuple(np.eye(dimensions).ravel())
    axes = np.reshape(_numbers(header, _DIRECTION, dimensions**2, path, identity), (dimensions, dimensions))
    affine = np.eye(4)
    affine[:3, :3] = axes[:3, :3].T * spacing[:3]
    affine[:3, 3] = origin[:3]
    return Geometry.from_affine_lps(shape, affine)


def _whole(header: Mapping[str, str], name: str, path: Path, default: int | None = None) -> int:
    text = header.get(name, "")
    if not text and default is not None:
        return default
    if not re.fullmatch(r"-?\d{1,9}", text):
        raise InputError(f"'{path}' says {name} = {text[:80]!r} instead of a number; its header is damaged.")
    return int(text)


def _numbers(
    header: Mapping[str, str],
    names: Sequence[str],
    count: int,
    path: Path,
    default: tuple[float, ...] | None = None,
) -> tuple[float, ...]:
    """As many finite numbers, of the first of the fields that is there."""
    given = [(name, header[name]) for name in names if name in header]
    if not given and default is not None:
        return default
    name, text = given[0] if given else (names[0], "")
    try:
        values = tuple(float(part) for part in text.split())
    except ValueError:
        values = ()
    if len(values) != count or not all(math.isfinite(value) for value in values):
        raise InputError(f"'{path}' says {name} = {text[:80]!r}, not {count} numbers; its header is damaged.")
    return values


def _truth(header: Mapping[str, str], names: Sequence[str], path: Path, default: str = "False") -> bool:
    name = next((name for name in names if name in header), names[0])
    text = header.get(name, default)
    if text.lower() not in ("true", "false", "1", "0"):
        raise InputError(f"'{path}' says {name} = {text[:80]!r}, not True or False; its header is damaged.")
    return text.lower() in ("true", "1")
