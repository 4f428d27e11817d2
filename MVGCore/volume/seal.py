"""Checksums in what MVG writes. Compressed voxels have one of their own, headers have none.

One flipped bit in a header moves a volume or renames a class. The checksums stand where other programs leave
them out when they save the file again: in a comment, or behind the voxels.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from MVGCore.errors import InputError

_MARK = "MVG checksum"
_SEAL = re.compile(rf"{_MARK} ([0-9a-f]{{8}})(?: ([0-9a-f]{{8}}))?")
TAIL_LENGTH = len(_MARK) + 9
_CHUNK = 1 << 20


def seal_of(lines: Iterable[str], data: bytes | None = None) -> str:
    """The checksum of a header, and of its data if they are in another file.

    Args:
        lines: Of the header, without the line of the seal.
        data: What the data file holds.
    """
    own = f"{_MARK} {_sum(lines):08x}"
    return own if data is None else f"{own} {zlib.crc32(data):08x}"


def is_seal(text: str) -> bool:
    """Whether a comment is a checksum of MVG."""
    return text.startswith(_MARK)


def check_seal(seal: str, lines: Iterable[str], path: Path, data: BinaryIO | None = None) -> None:
    """Compare a header, and its data file, with the checksum that was written with them.

    Args:
        seal: The comment.
        lines: Of the header, without the line of the seal.
        path: Of the header.
        data: The data file if it is another one; it is read from its beginning, and stands there afterwards.

    Raises:
        InputError: They were changed since.
    """
    match = _SEAL.fullmatch(seal)
    if match is None or int(match[1], 16) != _sum(lines):
        raise InputError(
            f"The header of '{path}' was changed since MVG wrote it, by damage or by hand; write it "
            f"again, or, if you trust the change, remove the line '{seal[:80]}'."
        )
    if match[2] and data is not None and int(match[2], 16) != _sum_of_file(data):
        raise InputError(
            f"The data file of '{path}' is not the one that was written with it; copy or write both again."
        )


def tail_of(content: BinaryIO) -> bytes:
    """What to put behind all of a file that has no place for comments."""
    return f"{_MARK} {_sum_of_file(content):08x}".encode()


def check_tail(content: BinaryIO, end: int, path: Path) -> None:
    """Compare a file with the checksum behind its voxels, if there is one.

    Args:
        content: The file.
        end: Where its voxels end.
        path: For the message.

    Raises:
        InputError: It was changed since MVG wrote it.
    """
    content.seek(end)
    tail = content.read(TAIL_LENGTH + 1)
    if len(tail) != TAIL_LENGTH or not tail.startswith(_MARK.encode()):
        return
    if tail.decode("ascii", "replace") != f"{_MARK} {_sum_of_file(content, end):08x}":
        raise InputError(f"'{path}' is damaged: it is not what MVG wrote; copy or write it again.")


def _sum(lines: Iterable[str]) -> int:
    return zlib.crc32("\n".join(lines).encode("utf-8", "surrogateescape"))


def _sum_of_file(stream: BinaryIO, end: int | None = None) -> int:
    """Of a file from its beginning, up to a byte; it stands at its beginning afterwards."""
    stream.seek(0)
    total = 0
    left = end if end is not None else 1 << 62
    while left and (chunk := stream.read(min(_CHUNK, left))):
        total = zlib.crc32(chunk, total)
        left -= len(chunk)
    stream.seek(0)
    return total
