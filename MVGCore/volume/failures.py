"""Why a file cannot be read, in one sentence that helps."""

from __future__ import annotations

import errno
import os
import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from MVGCore.errors import InputError, MVGError
from MVGCore.volume.datafiles import files_of
from MVGCore.volume.limits import free_memory, size_text

_OF_THE_DISK = (errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN, errno.ENODEV, errno.ENXIO)
_CUT_OFF = (EOFError, zlib.error, struct.error)
# How files of other kinds begin, and what to do with them.
_BEGINNINGS = (
    (b"\x1f\x8b", "a compressed file", "add .gz to its name, or unpack it"),
    (b"NRRD", "a NRRD file", "name it .nrrd"),
    (b"ObjectType", "a MetaImage file", "name it .mha, or .mhd if its voxels are in another file"),
    (b"PK\x03\x04", "a ZIP archive", "unpack it, and open what is in it"),
    (b"version https://git-lfs", "a placeholder of Git LFS", "fetch the file itself with 'git lfs pull'"),
    (b"\x89PNG", "a PNG picture", "name it .png"),
    (b"\xff\xd8\xff", "a JPEG picture", "name it .jpg"),
    (b"<", "a web page or XML", "download the file itself again"),
)
_DICOM = ("a DICOM file", "name it .dcm, or give the folder of the series")


@contextmanager
def failures_told(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn whatever a library raises on a file that it cannot read into one sentence.

    The libraries raise nearly any exception on damaged files, hence the broad clause.
    """
    try:
        yield
    except MVGError:
        raise
    except MemoryError as error:
        raise InputError(
            f"'{path}' does not fit into the memory, of which {size_text(free_memory())} are free ({error}); "
            "close other programs, or crop or resample the image."
        ) from error
    except Exception as error:
        raise InputError(_sentence(Path(path), error)) from error


def _sentence(path: Path, error: Exception) -> str:
    if missing := next((file for file in files_of(path) if not os.path.exists(file)), None):
        return f"'{path}' keeps its voxels in '{missing}', which is missing; put that file back."
    if isinstance(error, PermissionError):
        return f"'{error.filename or path}' may not be read; change its permissions or copy it elsewhere."
    if isinstance(error, OSError) and error.errno in _OF_THE_DISK:
        return f"'{path}' cannot be read ({error.strerror}); check the disk or the network folder."
    if not path.is_dir() and path.stat().st_size == 0:
        return f"'{path}' is empty; copy or export it again."
    if (other := _other_kind(path)) is not None:
        return f"'{path}' cannot be read as what its name says: it is {other[0]}; {other[1]}."
    if isinstance(error, _CUT_OFF):
        return f"'{path}' is truncated or damaged ({_reason(error)}); copy or export it again."
    return (
        f"'{path}' cannot be read ({_reason(error)}). If 3D Slicer opens it, save it from there as .nrrd; "
        "else it may be damaged: copy or export it again."
    )


def _other_kind(path: Path) -> tuple[str, str] | None:
    """What a file is by its first bytes, and what to do, if that is not what its name says."""
    if path.is_dir():
        return None
    with open(path, "rb") as stream:
        start = stream.read(132)
    if start[128:] == b"DICM":
        return None if path.suffix.lower() in (".dcm", ".ima", "") else _DICOM
    own = {".gz": b"\x1f\x8b", ".nii": b"\x1f\x8b", ".nrrd": b"NRRD", ".nhdr": b"NRRD"}.get(
        path.suffix.lower()
    )
    own = b"ObjectType" if path.suffix.lower() in (".mha", ".mhd") else own
    own = {".png": b"\x89PNG", ".jpg": b"\xff\xd8\xff", ".jpeg": b"\xff\xd8\xff"}.get(
        path.suffix.lower(), own
    )
    for beginning, what, remedy in _BEGINNINGS:
        if start.startswith(beginning) and beginning != own:
            return what, remedy
    return None


def _reason(error: Exception) -> str:
    # ITK says what is wrong in the last line, unless it adds the system's last, often unrelated, error.
    lines = [line for line in str(error).strip().splitlines() if not line.startswith("Reason:")]
    last = re.sub(r"^ITK ERROR: (\w+\(0x\w+\): )?", "", lines[-1]) if lines else ""
    return last.rstrip(".") or type(error).__name__
