"""What a file may ask for: told by arithmetic before any memory is taken."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from MVGCore.errors import InputError

# A file of few megabytes that unpacks to more than this was made to fill the memory.
SMALL, MOST_OF_SMALL = 10 << 20, 1 << 30
MOST_DEFLATED = 1032  # bytes of one, which is what deflate (gzip, zlib, ZIP) can reach


def open_regular(path: Path) -> BinaryIO:
    """Open a file to read its bytes.

    Raises:
        InputError: It is a pipe, a device or a socket, which may give bytes for ever, or none.
        OSError: It cannot be opened.
    """
    # A pipe that nobody writes to would not even be opened.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise InputError(f"'{path}' is no file but a pipe, a device or a folder; give a file.")
    return open(descriptor, "rb")


def check_regular(path: Path) -> None:
    """Make sure that a path is that of a file.

    Raises:
        InputError: It is a pipe, a device, a socket or a folder.
        OSError: There is nothing, or it cannot be asked.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise InputError(f"'{path}' is no file but a pipe, a device or a folder; give a file.")


def check_promise(path: Path, promised: int, stored: int, ratio: int = 1) -> None:
    """Compare the size of the voxels that a header promises with that of the data that are there.

    Args:
        path: For the message.
        promised: Bytes of all voxels.
        stored: Bytes of the data in the file.
        ratio: How many bytes one byte of data may unpack to; 1 if they are not compressed.

    Raises:
        InputError: The data cannot hold the voxels, or the memory cannot.
    """
    if promised > stored * ratio:
        raise InputError(
            f"'{path}' is truncated or damaged: its header promises {size_text(promised)} of voxels, its "
            f"data are {size_text(stored)}; copy or export it again."
        )
    if ratio > 1 and stored < SMALL and promised > MOST_OF_SMALL:
        raise InputError(
            f"'{path}' is not opened: its {size_text(stored)} would unpack to {size_text(promised)}; if you "
            "trust it, save it without compression first."
        )
    check_memory(path, promised)


def check_memory(path: Path, needed: int) -> None:
    """Make sure that an array fits into the memory that is free.

    Raises:
        InputError: It does not.
    """
    free = free_memory()
    if needed > free:
        raise InputError(
            f"'{path}' needs {size_text(needed)} of memory, and {size_text(free)} are free; close other "
            "programs, or crop or resample the image."
        )


def free_memory() -> int:
    """Bytes that this process can still take."""
    import psutil

    free = int(psutil.virtual_memory().available)
    try:
        import resource
    except ImportError:  # on Windows
        return free
    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    if most == resource.RLIM_INFINITY:
        return free
    return min(free, max(0, most - int(psutil.Process().memory_info().vms)))


def size_text(size: int) -> str:
    """A number of bytes as people say it: "3.2 GB"."""
    value = float(size)
    for unit in ("bytes", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:,.3g} GB" if value < 1000 else f"{value:,.0f} GB"
