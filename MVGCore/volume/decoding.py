"""The voxels of a file from its bytes, plain or compressed: never more than was promised, to the very end.

Compressed data carry a checksum behind them. Who stops when the last voxel is there never sees it.
"""

from __future__ import annotations

import bz2
import os
import zlib
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.volume.limits import MOST_DEFLATED, check_promise

_CHUNK = 1 << 20


class Encoding(Enum):
    """How the bytes of the voxels are stored."""

    RAW = "raw"
    ZLIB = "zlib"
    GZIP = "gzip"
    BZIP2 = "bzip2"


# How many bytes one byte may become.
_RATIOS = {
    Encoding.RAW: 1,
    Encoding.ZLIB: MOST_DEFLATED,
    Encoding.GZIP: MOST_DEFLATED,
    Encoding.BZIP2: 1 << 20,
}


class _Decompressor(Protocol):
    eof: bool
    unused_data: bytes

    def decompress(self, data: bytes, max_length: int = ..., /) -> bytes: ...


_STARTS: dict[Encoding, Callable[[], Any]] = {
    Encoding.ZLIB: lambda: zlib.decompressobj(zlib.MAX_WBITS | 32),  # some writers say zlib and mean gzip
    Encoding.GZIP: lambda: zlib.decompressobj(zlib.MAX_WBITS | 16),
    Encoding.BZIP2: bz2.BZ2Decompressor,
}


def read_voxels(
    stream: BinaryIO,
    path: Path,
    shape: Sequence[int],
    kind: np.dtype[Any],
    encoding: Encoding,
    skip: int = 0,
    surplus: int = 0,
) -> NDArray[Any]:
    """Read an array that begins where a stream stands.

    Args:
        stream: An open file, not a pipe.
        path: For messages.
        shape: Of the array, in C order.
        kind: Type of its values.
        encoding: How they are stored.
        skip: Bytes to leave out first, of those that compressed data become; -1: all but the last ones.
        surplus: How many bytes compressed data may hold behind the voxels; they are left out.

    Returns:
        The array, in the byte order of this machine.

    Raises:
        InputError: The data cannot hold so many voxels, the memory cannot, or they are damaged.
    """
    start = stream.tell()
    stored = os.fstat(stream.fileno()).st_size - start
    expected = int(np.prod(shape, dtype=object)) * kind.itemsize
    if encoding is Encoding.RAW and skip < 0:
        skip = stored - expected
    check_promise(path, expected + max(skip, 0), stored, _RATIOS[encoding])
    try:
        data = np.empty(expected, np.uint8)
        if encoding is Encoding.RAW:
            stream.seek(start + skip)
            _fill(stream, data.data)
        else:
            _unpack(stream, data.data, _STARTS[encoding], max(skip, 0), surplus)
    except (zlib.error, EOFError, OSError, ValueError) as error:
        raise InputError(
            f"The voxels of '{path}' are truncated or damaged ({error}); copy or export it again."
        ) from error
    array = data.view(kind).reshape(shape)
    return array if kind.isnative else array.byteswap(inplace=True).view(kind.newbyteorder("="))


def _fill(stream: BinaryIO, room: memoryview) -> None:
    done = 0
    while done < len(room):
        count = stream.readinto(room[done : done + _CHUNK])  # type: ignore[attr-defined]
        if not count:
            raise EOFError("they end too early")
        done += count


def _unpack(stream: BinaryIO, room: memoryview, begin: Callable[[], Any], skip: int, surplus: int) -> None:
    """Fill `room` with what follows the first `skip` bytes, and go on to the end, where the checksum is."""
    decoder: _Decompressor = begin()
    done, data = -skip, b""
    while True:
        if decoder.eof:
            data = decoder.unused_data or stream.read(_CHUNK)
            if not data.strip(b"\0"):  # some writers fill the last block with zeros
                break
            decoder = begin()  # gzip files may be joined one behind the other
        data = data or stream.read(_CHUNK)
        piece = decoder.decompress(data, _CHUNK)
        if not piece and not data and not decoder.eof:
            raise EOFError("they end too early")
        data = getattr(decoder, "unconsumed_tail", b"")
        done = _put(piece, room, done, surplus)
    if done < len(room):
        raise EOFError("they end too early")


def _put(piece: bytes, room: memoryview, done: int, surplus: int) -> int:
    """Put a piece behind what is there (negative: so much is still to be left out); gives the new end."""
    end = done + len(piece)
    if end > len(room) + surplus:
        raise ValueError("there are more than the header says")
    first, last = min(max(done, 0), len(room)), min(max(end, 0), len(room))
    room[first:last] = piece[first - done : last - done]
    return end
