"""Checksums of files and folders: whether what a result depends on is still the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from MVGCore.errors import InputError

_BLOCK = 1 << 20
_SIZE = 16


def checksum(path: Path) -> str:
    """Of a file's content, or of all files of a folder (a DICOM series) and their names.

    Raises:
        InputError: it is missing or cannot be read.
    """
    digest = hashlib.blake2b(digest_size=_SIZE)
    try:
        for each in _files(path):
            if each != path:
                digest.update(each.name.encode())
            with open(each, "rb") as stream:
                while block := stream.read(_BLOCK):
                    digest.update(block)
    except FileNotFoundError as error:
        raise InputError(f"There is no file '{path}'; check the name.") from error
    except OSError as error:
        raise InputError(f"'{path}' cannot be read ({error.strerror}); check its permissions.") from error
    return digest.hexdigest()


def together(parts: Iterable[str]) -> str:
    """One checksum for several texts, whose order counts."""
    digest = hashlib.blake2b(digest_size=_SIZE)
    for part in parts:
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(each for each in path.iterdir() if each.is_file())
    return [path]
