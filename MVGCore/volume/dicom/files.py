"""Which files are DICOM, and their headers, read without their pixels and checked by arithmetic."""

from __future__ import annotations

import io
import os
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from MVGCore.errors import InputError
from MVGCore.volume.formats import Format, is_dicom_file
from MVGCore.volume.limits import check_regular

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

SEGMENTATIONS = frozenset({"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"})
STRUCTURES = "1.2.840.10008.5.1.4.1.1.481.3"
PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")

DIRECTORY = "1.2.840.10008.1.3.10"
_DEFLATED = "1.2.840.10008.1.2.1.99"
_MOST_FOLDERS = 200
_DEFERRED = 4096
_CHUNK = 1 << 20
# A preamble of 128 bytes, "DICM", and the 12 bytes of the element that gives the length of the rest.
_PREAMBLE, _META_START, _META_GROUP = 132, 144, 2
# Compressed pixels may be this many times as large as their file. Lossy JPEG reaches fifty; what promises
# more is a header of a few bytes that wants the memory of the whole machine.
_LARGEST_RATIO = 100
_ALWAYS_ALLOWED = 256 << 20
_BYTES_AS_READ = 4


class DamagedFile(InputError):
    """One file is truncated or contradicts itself; `args` are the file's path and what is wrong with it."""

    def __init__(self, file: Path, why: str) -> None:
        super().__init__(file, why)
        self.file, self.why = file, why

    def __str__(self) -> str:
        return f"'{self.file}' is damaged ({self.why}); copy or export it again."


def headers(folder: Path, deep: bool = True) -> Iterator[tuple[Path, Dataset | DamagedFile]]:
    """The DICOM files of a folder, and of the folders in it if `deep`, each with its header.

    A file that begins as DICOM does and cannot be read comes with what is wrong with it.
    """
    for file in _candidates(folder, deep):
        try:
            header = read_header(file)
        except DamagedFile as error:
            yield file, error
        else:
            if sop_class(header) != DIRECTORY:
                yield file, header


def read_header(file: Path) -> Dataset:
    """Read a data set without its large values, and check that its pixels are there.

    Raises:
        DamagedFile: It is truncated, or promises more pixels than it can hold.
    """
    import pydicom

    with damage_named(file):
        check_regular(file)
        if not is_dicom_file(file):
            raise ValueError("it does not begin as DICOM does")
        # What was inflated lies nowhere in the file, so nothing of it can be read later.
        deferred = None if _is_deflated(file) else _DEFERRED
        with open_bounded(file) as stream:
            header = pydicom.dcmread(stream, force=True, defer_size=deferred)
        header.fileobj_type = open_bounded  # for what is read later
        _check_pixels(file, header)
    return header


def read_whole(file: Path) -> Dataset:
    """Read a data set with its pixels.

    Raises:
        DamagedFile: It cannot be read.
    """
    import pydicom

    with damage_named(file), open_bounded(file) as stream:
        dataset: Dataset = pydicom.dcmread(stream, force=True)
    return dataset


class _Bounded(io.BufferedReader):
    """Reads no more than there is: an element may promise 4 GB, and Python would take that memory first."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0 or size > _CHUNK:
            left = os.fstat(self.fileno()).st_size - self.tell()
            size = left if size is None or size < 0 else min(size, max(left, 0))
        return super().read(size)


def open_bounded(file: str | os.PathLike[str], mode: str = "rb") -> io.BufferedReader:
    """Open a file whose elements may promise more than it holds.

    Raises:
        OSError: It cannot be opened.
    """
    return _Bounded(io.FileIO(os.fspath(file), mode))


def sop_class(header: Dataset) -> str:
    """What kind of object a data set is, as a UID; empty if it does not say so."""
    meta = getattr(header, "file_meta", None)
    return str(header.get("SOPClassUID") or (meta.get("MediaStorageSOPClassUID") if meta else "") or "")


def is_directory(path: Path) -> bool:
    """Whether a file is the list of contents (DICOMDIR) of a disc: it stands for the folder that it is in."""
    return path.is_file() and is_dicom_file(path) and sop_class(read_header(path)) == DIRECTORY


def transfer_syntax(header: Dataset) -> str:
    """How a data set is encoded, as a UID; implicit little endian where the file does not say so."""
    from pydicom.uid import ImplicitVRLittleEndian

    return str(header.file_meta.get("TransferSyntaxUID") or ImplicitVRLittleEndian)


@contextmanager
def damage_named(file: Path) -> Iterator[None]:
    """Turn what pydicom raises on a file into `DamagedFile`; its own warnings are for programmers.

    pydicom raises nearly any exception on damaged files, hence the broad clause.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except (InputError, MemoryError):
            raise
        except FileNotFoundError as error:
            raise InputError(f"There is no file '{file}' any more; open the folder again.") from error
        except Exception as error:
            # Where several decoders failed, each has a line below the heading.
            lines = str(error).strip().splitlines()
            raise DamagedFile(
                file, lines[-1].strip().rstrip(".") if lines else type(error).__name__
            ) from error


def _candidates(folder: Path, deep: bool) -> Iterator[Path]:
    folders = [folder]
    if deep:
        folders += sorted(each for each in folder.rglob("*") if each.is_dir())[: _MOST_FOLDERS - 1]
    for each in folders:
        for file in sorted(each.iterdir()):
            # A file of no bytes or of zeros that is named as a slice is a damaged one.
            if file.is_file() and (is_dicom_file(file) or file.suffix.lower() in Format.DICOM.value):
                yield file


def _is_deflated(file: Path) -> bool:
    """Whether a data set is deflated, and then whether its size is in reason: pydicom inflates it whole."""
    from pydicom.filereader import read_dataset

    try:
        with open_bounded(file) as stream:
            stream.seek(_PREAMBLE)
            meta = read_dataset(stream, False, True, stop_when=lambda tag, _, __: tag.group != _META_GROUP)
    except Exception:  # no preamble: then it is not deflated either
        return False
    if meta.get("TransferSyntaxUID") != _DEFLATED:
        return False
    size, total = os.path.getsize(file), 0
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    with open(file, "rb") as stream:
        stream.seek(_META_START + int(meta.get("FileMetaInformationGroupLength", 0)))
        while (chunk := inflater.unconsumed_tail or stream.read(_CHUNK)) and total <= _allowed(size):
            total += len(inflater.decompress(chunk, _CHUNK))
    if total > _allowed(size):
        raise DamagedFile(file, f"its {size:,} bytes inflate to more than {_allowed(size):,}")
    return True


def _check_pixels(file: Path, header: Dataset) -> None:
    from pydicom.uid import UID

    kind = sop_class(header)
    if not kind:
        raise DamagedFile(file, "it does not say what it holds")
    if "Rows" not in header and "Image Storage" not in UID(kind).name:
        return
    keyword = next((each for each in PIXELS if each in header), None)
    if keyword is None or "Rows" not in header:
        raise DamagedFile(file, "it ends before its pixels")
    size, syntax = os.path.getsize(file), transfer_syntax(header)
    frames = int(header.get("NumberOfFrames") or 1)
    count = int(header.Rows) * int(header.Columns) * int(header.get("SamplesPerPixel", 1)) * frames
    if count < 1:
        raise DamagedFile(file, "it has no rows, no columns or no frames")
    item = header.get_item(keyword, keep_deferred=True)
    length = int(getattr(item, "length", len(item.value or b"")))
    if length == 0xFFFFFFFF:
        if count * _BYTES_AS_READ > _allowed(size):
            raise DamagedFile(file, f"its {size:,} bytes promise {count:,} pixels")
        return
    held = length if syntax == _DEFLATED else min(length, size - int(getattr(item, "value_tell", 0)))
    # YBR_FULL_422 keeps two values for three.
    share = 2 / 3 if header.get("PhotometricInterpretation") == "YBR_FULL_422" else 1
    promised = int(count * int(header.BitsAllocated) * share + 7) // 8
    if held < promised:
        raise DamagedFile(file, f"it promises {promised:,} bytes of pixels and holds {held:,}")


def _allowed(size: int) -> int:
    return max(_ALWAYS_ALLOWED, _LARGEST_RATIO * size)
