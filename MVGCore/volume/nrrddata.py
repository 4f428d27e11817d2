"""The voxels of a NRRD file (http://teem.sourceforge.net/nrrd/format.html), which may lie in other files."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.volume.decoding import Encoding, read_voxels
from MVGCore.volume.limits import check_promise, open_regular
from MVGCore.volume.outside import data_files

_ENCODINGS = {
    "raw": Encoding.RAW,
    "gzip": Encoding.GZIP,
    "gz": Encoding.GZIP,
    "bzip2": Encoding.BZIP2,
    "bz2": Encoding.BZIP2,
}
_TEXT = ("ascii", "text", "txt")
# The names that C has for a type, without "int" behind the shorter ones.
_TYPES = {
    "char": "i1",
    "int8": "i1",
    "uchar": "u1",
    "uint8": "u1",
    "short": "i2",
    "int16": "i2",
    "ushort": "u2",
    "uint16": "u2",
    "int": "i4",
    "int32": "i4",
    "uint": "u4",
    "uint32": "u4",
    "long long": "i8",
    "longlong": "i8",
    "int64": "i8",
    "ulong long": "u8",
    "ulonglong": "u8",
    "uint64": "u8",
    "float": "f4",
    "double": "f8",
}


def read_array(
    header: Mapping[str, Any], stream: BinaryIO, path: Path, listed: Sequence[str] = ()
) -> NDArray[Any]:
    """Read the voxels that a header describes.

    Args:
        header: As pynrrd reads it.
        stream: Of the header's file, standing behind the header.
        path: Of the header.
        listed: The names below "data file: LIST".

    Returns:
        The array in C order: the axes of the header, the last one first.

    Raises:
        InputError: The header lacks something or names files elsewhere; the data are not what it says.
        OSError: A file cannot be read.
    """
    sizes = [int(each) for each in header.get("sizes", ())]
    if len(sizes) != int(header.get("dimension", 0)) or min(sizes, default=0) < 1:
        raise InputError(f"'{path}' has the sizes {sizes}; its header is damaged.")
    place = _field(header, "data file")
    if not place:
        return _read(stream, header, sizes[::-1], path)
    files = data_files(path, str(place), listed)
    if sizes[-1] % len(files):
        raise InputError(f"'{path}' names {len(files)} files for {sizes[-1]} slices; its header is damaged.")
    part = [sizes[-1] // len(files), *sizes[-2::-1]]
    arrays = []
    for file in files:
        with open_regular(file) as data:
            arrays.append(_read(data, header, part, file))
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _read(stream: BinaryIO, header: Mapping[str, Any], shape: Sequence[int], path: Path) -> NDArray[Any]:
    encoding = str(header.get("encoding", "")).lower()
    kind = _kind(header, path, plain=encoding not in _TEXT)
    for _ in range(int(_field(header, "line skip") or 0)):
        if not stream.readline():
            break
    skip = int(_field(header, "byte skip") or 0)
    if encoding in _ENCODINGS:
        return read_voxels(stream, path, shape, kind, _ENCODINGS[encoding], skip)
    if encoding not in (*_TEXT, "hex"):
        raise InputError(f"'{path}' has the unknown encoding '{encoding[:80]}'; save it again as gzip.")
    stream.seek(max(skip, 0), os.SEEK_CUR)
    return (_read_hex if encoding == "hex" else _read_text)(stream, shape, kind, path)


def _read_text(stream: BinaryIO, shape: Sequence[int], kind: np.dtype[Any], path: Path) -> NDArray[Any]:
    """Numbers with white space between them."""
    count = int(np.prod(shape, dtype=object))
    check_promise(path, count, _rest(stream))
    wide = np.dtype(np.float64 if kind.kind == "f" else np.uint64 if kind == np.uint64 else np.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # numpy warns of what is no number, and stops there
        values = np.fromfile(stream, wide, sep=" ")
    if values.size != count:
        raise InputError(f"'{path}' has {values.size} numbers instead of {count}; copy or export it again.")
    array = values.astype(kind).reshape(shape)
    if kind.kind != "f" and not np.array_equal(array.ravel(), values):
        raise InputError(f"'{path}' has numbers that do not fit its type {kind.name}; export it again.")
    return array


def _read_hex(stream: BinaryIO, shape: Sequence[int], kind: np.dtype[Any], path: Path) -> NDArray[Any]:
    """Two letters for a byte."""
    expected = int(np.prod(shape, dtype=object)) * kind.itemsize
    check_promise(path, 2 * expected, _rest(stream))
    data = bytearray.fromhex(stream.read().decode("ascii"))
    if len(data) != expected:
        raise InputError(f"'{path}' has {len(data)} bytes of voxels instead of {expected}; export it again.")
    return np.frombuffer(data, kind).reshape(shape).astype(kind.newbyteorder("="), copy=False)


def _rest(stream: BinaryIO) -> int:
    return os.fstat(stream.fileno()).st_size - stream.tell()


def _kind(header: Mapping[str, Any], path: Path, plain: bool) -> np.dtype[Any]:
    name = str(header.get("type", "")).removesuffix("_t").replace("unsigned ", "u").removeprefix("signed ")
    code = _TYPES.get(name) or _TYPES.get(name.removesuffix(" int"))
    if code is None:
        raise InputError(f"'{path}' has voxels of the type '{name[:80]}', which is not known; save it again.")
    endian = str(header.get("endian", "")).lower()
    if code.endswith("1") or not plain:
        return np.dtype(code)
    if endian not in ("little", "big"):
        raise InputError(f"'{path}' does not say its byte order (endian); its header is damaged.")
    return np.dtype((">" if endian == "big" else "<") + code)


def _field(header: Mapping[str, Any], name: str) -> Any:
    """A field whose name may be written with or without a space."""
    return header.get(name, header.get(name.replace(" ", "")))
