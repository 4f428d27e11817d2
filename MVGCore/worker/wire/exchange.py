"""Arrays from process to process: written into a folder that lies in memory, read there once and removed.

A folder in memory (Linux: /dev/shm) is what `multiprocessing.shared_memory` uses, here without its helper
process: a program that embeds Python could start a second copy of itself for it, and before Python 3.13 the
helper of one process removes what another still uses. Where there is no such folder, or it is full, that
for temporary files serves. Whoever outlives the other removes the folders, so nothing is left behind.
"""

from __future__ import annotations

import math
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError, OutputError
from MVGCore.private import is_alive
from MVGCore.worker.wire.handshake import ProtocolError

PREFIX = "mvg-worker-"
KEPT_WEIGHTS = "adapted.safetensors"  # in the folder for what has to outlive a worker
CHUNK = 8 << 20  # bytes at a time: other threads get their turn between two chunks
_KINDS = "buif"


@dataclass(frozen=True)
class ArrayLayout:
    """Type (as `numpy.dtype.str`) and shape of one array."""

    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Parcel:
    """A file with arrays, one after the other: number of the folder, name, and what is in it."""

    folder: int
    name: str
    items: tuple[ArrayLayout, ...]


def make_folders(in_memory: bool = True) -> tuple[Path, ...]:
    """New private folders to exchange arrays in, in the order of preference.

    Raises:
        OSError: none can be made.
    """
    prefix = f"{PREFIX}{os.getpid()}-"
    folders = []
    memory = memory_folder()
    if in_memory and memory is not None:
        folders.append(Path(tempfile.mkdtemp(prefix=prefix, dir=memory)))
    folders.append(Path(tempfile.mkdtemp(prefix=prefix)))
    return tuple(folders)


def private_name() -> Path:
    """The name of a folder among the temporary files that nobody else has; it is not made."""
    return Path(tempfile.gettempdir()) / f"{PREFIX}{os.getpid()}-{secrets.token_hex(8)}"


def memory_folder() -> Path | None:
    """A folder of this system that lies in memory, if there is one to write to."""
    folder = Path("/dev/shm")
    return folder if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK) else None


def remove_folders(folders: Sequence[Path]) -> None:
    """Remove the folders with all that was not fetched."""
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def sweep() -> None:
    """Remove the folders of hosts that are gone, if both they and their workers were killed at once."""
    for parent in {memory_folder() or Path(tempfile.gettempdir()), Path(tempfile.gettempdir())}:
        for folder in parent.glob(f"{PREFIX}*"):
            owner = folder.name.removeprefix(PREFIX).partition("-")[0]
            if owner.isdecimal() and not is_alive(int(owner)):
                shutil.rmtree(folder, ignore_errors=True)


class Exchange:
    """One side's access to the folders.

    Args:
        folders: as `make_folders` gave them, the same for both sides.
        side: distinguishes the names that the two sides give.
    """

    def __init__(self, folders: Sequence[Path], side: str) -> None:
        self._folders = tuple(folders)
        self._names = (f"{side}{number}" for number in count())

    def put(self, arrays: Sequence[NDArray[Any]]) -> Parcel:
        """Write arrays, in slabs, so that other threads are never held up.

        Raises:
            InputError: an array of something else than numbers.
            OutputError: there is no room, or no folder any more.
        """
        for array in arrays:
            if array.dtype.kind not in _KINDS:
                raise InputError(f"Values of type {array.dtype} cannot be used; convert them to numbers.")
        items = tuple(ArrayLayout(array.dtype.str, tuple(array.shape)) for array in arrays)
        name, reason = next(self._names), "no folder"
        for number, folder in enumerate(self._folders):
            try:
                with open(folder / name, "xb", buffering=0) as stream:
                    for array in arrays:
                        _write(stream, array)
                return Parcel(number, name, items)
            except OSError as error:
                reason = error.strerror or str(error)
                (folder / name).unlink(missing_ok=True)
        size = sum(array.nbytes for array in arrays) / 1e6
        raise OutputError(f"There is no room for {size:.0f} MB ({reason}); free memory or disk space.")

    def take(self, parcel: Parcel) -> list[NDArray[Any]]:
        """Read the arrays and remove their file.

        Raises:
            ProtocolError: there is no such file, or it has another size.
        """
        path = self._path(parcel)
        arrays = [_room(item) for item in parcel.items]
        try:
            with open(path, "rb", buffering=0) as stream:
                if os.fstat(stream.fileno()).st_size != sum(array.nbytes for array in arrays):
                    raise ProtocolError(f"The file of the parcel {parcel.name} has a wrong size.")
                for array in arrays:
                    _read(stream, array)
            path.unlink()
        except OSError as error:
            raise ProtocolError(f"The parcel {parcel.name} cannot be read ({error.strerror}).") from error
        return arrays

    def _path(self, parcel: Parcel) -> Path:
        if not (0 <= parcel.folder < len(self._folders) and parcel.name.isalnum()):
            raise ProtocolError(f"There is no parcel {parcel.name!r} in a folder {parcel.folder}.")
        return self._folders[parcel.folder] / parcel.name


def _room(item: ArrayLayout) -> NDArray[Any]:
    try:
        dtype = np.dtype(item.dtype)
        if dtype.kind not in _KINDS or min(item.shape, default=0) < 0 or math.prod(item.shape) > 1 << 40:
            raise ValueError(item)
        return np.empty(item.shape, dtype)
    except (TypeError, ValueError, SyntaxError, MemoryError) as error:
        raise ProtocolError(f"There is no array like {item}.") from error


def _write(stream: BinaryIO, array: NDArray[Any]) -> None:
    for slab in _slabs(array):
        view = _bytes(np.ascontiguousarray(slab))
        while len(view):
            view = view[stream.write(view) :]


def _slabs(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Parts of at most about CHUNK bytes that make up the array in C order."""
    if array.nbytes <= CHUNK or array.ndim == 0 or len(array) == 0:
        yield array
        return
    step = max(1, int(CHUNK * len(array) / array.nbytes))
    for first in range(0, len(array), step):
        part = array[first : first + step]
        if len(part) == 1 and part.nbytes > CHUNK and part.ndim > 1:
            yield from _slabs(part[0])
        else:
            yield part


def _read(stream: BinaryIO, array: NDArray[Any]) -> None:
    view = _bytes(array)
    while len(view):
        done = stream.readinto(view[:CHUNK])  # type: ignore[attr-defined]
        if not done:
            raise ProtocolError("The file of a parcel ends too early.")
        view = view[done:]


def _bytes(array: NDArray[Any]) -> memoryview:
    flat: NDArray[Any] = array.reshape(-1).view(np.uint8)
    return flat.data
