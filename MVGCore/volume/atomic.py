"""Writing without ever leaving a half-written file behind."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from MVGCore.errors import InputError, OutputError
from MVGCore.private import is_alive
from MVGCore.volume.datafiles import files_of, remove_unused

_PREFIX, _SUFFIX = ".mvg-", ".tmp"
NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path to write to, which takes the place of `path` when the block succeeds.

    The temporary path lies in a hidden folder beside `path` and has the same file name, so that a format
    that keeps its data in a second file (`.mhd`, `.nhdr`) writes the right name into its header; every file
    that the block leaves in that folder is moved, `path` itself last. Of a symbolic link the target is
    replaced, and the new file has the mode and the owner of the one that it replaces.

    Raises:
        InputError: `path` is a folder, a pipe or a device, or its folder does not exist.
        OutputError: The file cannot be written (full disk, no permission, write-protected). An earlier file
            is unchanged.
    """
    destination = Path(path)
    scratch: Path | None = None
    try:
        target = _followed(destination)
        _check_target(target)
        scratch = scratch_beside(target)
        yield scratch / destination.name
        _move_into_place(scratch, destination, target)
    except OSError as error:
        raise OutputError(why_not_written(destination, error)) from error
    finally:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)


def scratch_beside(target: Path) -> Path:
    """A new hidden folder beside a file; those of processes that were killed are removed.

    Raises:
        OSError: It cannot be made.
    """
    sweep_scratch(target.parent)
    return Path(tempfile.mkdtemp(prefix=_own_prefix(), suffix=_SUFFIX, dir=target.parent))


def sweep_scratch(folder: Path) -> None:
    """Remove what processes of this machine that were killed had begun to write into a folder."""
    for scratch in folder.glob(f"{_PREFIX}{_machine()}-*{_SUFFIX}"):
        owner = scratch.name.split("-")[2] if scratch.name.count("-") >= 3 else ""
        if owner.isdecimal() and not is_alive(int(owner)):
            # A header that never came to its place names data that may have come to theirs.
            moved = {folder / data.name for header in scratch.iterdir() for data in files_of(header)[1:]}
            shutil.rmtree(scratch, ignore_errors=True)
            remove_unused(moved)


def _own_prefix() -> str:
    return f"{_PREFIX}{_machine()}-{os.getpid()}-"


def _machine() -> str:
    """A short name of this machine: in a shared folder the processes of others are not known here."""
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def _followed(path: Path) -> Path:
    """Where a symbolic link leads to; any other path as it is."""
    if not path.is_symlink():
        return path
    try:
        return path.resolve()
    except RuntimeError as error:  # before Python 3.13 for links in a circle
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from error


def _check_target(target: Path) -> None:
    if target.is_dir():
        raise InputError(f"'{target}' is a folder; give the name of a file to write.")
    if not target.parent.is_dir():
        raise InputError(f"The folder '{target.parent}' does not exist; create it or choose another one.")
    if not target.exists():
        return
    if not target.is_file():
        raise InputError(f"'{target}' is a pipe or a device; give the name of a file to write.")
    # The folder's permissions would allow it, and so would those of an administrator.
    if not target.stat().st_mode & 0o222 or not os.access(target, os.W_OK):
        raise OutputError(f"'{target}' is write-protected; choose another name, or allow writing to it.")


def _move_into_place(scratch: Path, destination: Path, target: Path) -> None:
    companions = [file for file in scratch.iterdir() if file.name != destination.name]
    if companions and destination != target:
        raise OSError(errno.ELOOP, "it is a link, and its data would lie beside its target; name the target")
    for file in (*companions, scratch / destination.name):
        if target.exists():
            _take_after(target, file)
        _flush_to_disk(file)
    with _alone_in(target.parent) if companions else contextlib.nullcontext():
        former = set(files_of(target)[1:])
        # Data have a name of their own each time: the earlier header has its own until the new one is there.
        for file in companions:
            os.replace(file, target.parent / file.name)
        os.replace(scratch / destination.name, target)
        remove_unused(former)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep other writers out while a header and its data are moved, and earlier data are removed."""
    try:
        import fcntl
    except ImportError:  # Windows does not let a folder be opened
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network folders have no locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _take_after(earlier: Path, file: Path) -> None:
    """Give a new file the mode and, where that is allowed, the owner of an earlier one."""
    status = earlier.stat()
    if hasattr(os, "chown"):
        with contextlib.suppress(OSError):
            os.chown(file, status.st_uid, status.st_gid)
    file.chmod(stat.S_IMODE(status.st_mode))


def _flush_to_disk(file: Path) -> None:
    # Some file systems report a full disk only here, and after the move it would be too late.
    with open(file, "rb+") as stream:
        os.fsync(stream.fileno())


def why_not_written(target: Path, error: OSError) -> str:
    """A sentence for the system's error, with what to do."""
    if error.errno in NO_SPACE:
        return f"The disk is full: '{target}' was not written; free some space or choose another folder."
    cause = error.strerror or str(error)
    return f"'{target}' cannot be written ({cause}); choose another folder or check its permissions."
