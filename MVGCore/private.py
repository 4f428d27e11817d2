"""Folders and files of this user's that nobody else may read, foresee or redirect: logs, temporary files.

The folder for temporary files belongs to everybody. A name in it that others can foresee may be a link of
theirs by the time it is opened.
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import sys
import tempfile
from pathlib import Path
from typing import IO

_PREFIX = "MVG-"
_OWNERS = sys.platform != "win32"  # there the temporary files are one's own


def log_folder() -> Path:
    """Where this user's logs go; it is made if need be. A new temporary folder where there is no home."""
    try:
        from platformdirs import user_log_path

        folder = Path(user_log_path("MVG", appauthor=False))
        make_private(folder)
    except (ImportError, OSError):  # inside Slicer the package is missing until MVG is set up
        return Path(tempfile.gettempdir()) / f"{temporary_prefix('logs')}{secrets.token_hex(8)}"
    return folder


def make_private(folder: Path) -> None:
    """Make a folder that only this user can enter, or make sure that the one that is there is so.

    Raises:
        OSError: It cannot be made, is a link, or somebody else's.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _OWNERS:
        return
    status = os.lstat(folder)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise OSError(f"'{folder}' is a link or belongs to somebody else; remove it")
    if stat.S_IMODE(status.st_mode) & 0o077:
        folder.chmod(0o700)


def open_to_append(path: Path) -> IO[bytes]:
    """Open a file to write at its end; a new one is readable for this user alone.

    Raises:
        OSError: It cannot be opened, is a link, or somebody else's.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags, 0o600)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1 or (_OWNERS and status.st_uid != os.getuid()):
        os.close(descriptor)
        raise OSError(f"'{path}' is no file of this user's; remove it")
    return open(descriptor, "ab")


def is_own_file(path: Path) -> bool:
    """Whether a path is a file of this user's, and no link to one."""
    try:
        status = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and (not _OWNERS or status.st_uid == os.getuid())


def temporary_prefix(kind: str) -> str:
    """How the names of temporary folders of this process begin; `sweep` knows them by it."""
    return f"{_PREFIX}{os.getpid()}-{kind}-"


def temporary_folder(kind: str) -> Path:
    """A new temporary folder that only this user can enter.

    Raises:
        OSError: It cannot be made.
    """
    return Path(tempfile.mkdtemp(prefix=temporary_prefix(kind)))


def sweep() -> None:
    """Remove the temporary folders of this user's processes that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if owner.isdecimal() and not is_alive(int(owner)) and _is_own_folder(folder):
            shutil.rmtree(folder, ignore_errors=True)


def is_alive(pid: int) -> bool:
    """Whether there is such a process; where psutil is missing it is believed to be."""
    try:
        import psutil
    except ImportError:
        return True
    return bool(psutil.pid_exists(pid))


def _is_own_folder(folder: Path) -> bool:
    try:
        status = os.lstat(folder)
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and (not _OWNERS or status.st_uid == os.getuid())
