"""Writing without ever leaving a half-written file behind."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from MVGCore.errors import InputError, OutputError

_SUFFIX = ".tmp"
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path to write to, which takes the place of `path` when the block succeeds.

    The temporary path lies in a hidden folder beside `path` and has the same file name, so that a format
    that keeps its data in a second file (`.mhd`, `.nhdr`) writes the right name into its header; every file
    that the block leaves in that folder is moved, `path` itself last.

    Raises:
        InputError: `path` is a folder, or its folder does not exist.
        OutputError: The file cannot be written (full disk, no permission). An earlier file is unchanged.
    """
    target = Path(path)
    _check_target(target)
    scratch: Path | None = None
    try:
        scratch = Path(tempfile.mkdtemp(prefix=_prefix(target.name), suffix=_SUFFIX, dir=target.parent))
        yield scratch / target.name
        _move_into_place(scratch, target)
    except OSError as error:
        raise OutputError(_reason(target, error)) from error
    finally:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)


def is_scratch_of(folder: Path, name: str) -> bool:
    """Whether a folder is what `atomic_path` left behind when the process that wrote `name` was killed."""
    return folder.name.startswith(_prefix(name)) and folder.name.endswith(_SUFFIX)


def _prefix(name: str) -> str:
    return f".{name}."


def _check_target(target: Path) -> None:
    if target.is_dir():
        raise InputError(f"'{target}' is a folder; give the name of a file to write.")
    if not target.parent.is_dir():
        raise InputError(f"The folder '{target.parent}' does not exist; create it or choose another one.")


def _move_into_place(scratch: Path, target: Path) -> None:
    companions = [file for file in scratch.iterdir() if file.name != target.name]
    written = [*companions, scratch / target.name]
    for file in written:
        _flush_to_disk(file)
    for file in written:
        os.replace(file, target.parent / file.name)


def _flush_to_disk(file: Path) -> None:
    # Some file systems report a full disk only here, and after the move it would be too late.
    with open(file, "rb+") as stream:
        os.fsync(stream.fileno())


def _reason(target: Path, error: OSError) -> str:
    if error.errno in _NO_SPACE:
        return f"The disk is full: '{target}' was not written; free some space or choose another folder."
    cause = error.strerror or str(error)
    return f"'{target}' cannot be written ({cause}); choose another folder or check its permissions."
