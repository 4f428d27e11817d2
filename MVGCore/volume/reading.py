"""Reading images, label maps and segmentations of every format through three functions."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from MVGCore.errors import InputError, MVGError
from MVGCore.volume.dicom import Series, read_dicom
from MVGCore.volume.formats import Format, format_to_read, stem
from MVGCore.volume.labelmap import LabelMap
from MVGCore.volume.limits import free_memory, size_text
from MVGCore.volume.metaimage import read_meta
from MVGCore.volume.niftifile import read_nifti
from MVGCore.volume.nrrdfile import read_nrrd
from MVGCore.volume.segmentation import Segmentation
from MVGCore.volume.slicerfile import read_seg_nrrd
from MVGCore.volume.stored import Stored
from MVGCore.volume.volume import Volume, check_image


def read_volume(path: str | os.PathLike[str], series: int | str | Series | None = None) -> Volume:
    """Read an image: NRRD, NIfTI, MetaImage, a DICOM folder or any file of a DICOM series.

    Args:
        path: The file or folder.
        series: Which series of a DICOM folder: its number in the list that `mvg info FOLDER` prints, its
            SeriesInstanceUID, a part of its description, or one of `list_series`. Not needed where there is
            one.

    Returns:
        The image in the file's own numeric type, its name taken from the file.

    Raises:
        InputError: The file is missing, damaged or of an unknown format, or the image cannot be used
            (see `check_image`; also RGB, 2-D and 4-D).
    """
    volume = _read_grid(Path(path), series)
    volume.name = stem(path)
    return check_image(volume)


def read_labelmap(path: str | os.PathLike[str]) -> LabelMap:
    """Read a label map; overlapping segments of a `.seg.nrrd` are flattened (see `Segmentation.to_labelmap`).

    Raises:
        InputError: As `read_volume`; also values that are not whole numbers 0..65535, more than 255 classes.
    """
    if format_to_read(path) is Format.SEGMENTATION:
        return read_segmentation(path).to_labelmap()
    volume = _read_grid(Path(path))
    with _named(path):
        return LabelMap.of(volume.array, volume.geometry)


def read_segmentation(path: str | os.PathLike[str]) -> Segmentation:
    """Read a segmentation with names, colours, terminology and overlapping layers from a `.seg.nrrd`.

    A file of another format gives one layer with default names.

    Raises:
        InputError: As `read_labelmap`.
    """
    if format_to_read(path) is not Format.SEGMENTATION:
        return Segmentation.from_labelmap(read_labelmap(path))
    with _named(path), _damage_reported(path):
        return read_seg_nrrd(Path(path))


def _read_grid(path: Path, series: int | str | Series | None = None) -> Volume:
    if format_to_read(path) is Format.DICOM:
        with _damage_reported(path):
            return read_dicom(path, series)
    stored = _read_stored(path)
    if stored.array.ndim == 4:
        raise InputError(f"'{path}' has several values per voxel (RGB, vectors or time); give one of them.")
    return Volume(stored.array, stored.geometry)


def _read_stored(path: Path) -> Stored:
    kind = format_to_read(path)
    with _damage_reported(path):
        if kind is Format.NIFTI:
            return read_nifti(path)
        if kind is Format.METAIMAGE:
            return read_meta(path)
        content = read_nrrd(path)
        return Stored(content.array, content.geometry)


@contextmanager
def _damage_reported(path: str | os.PathLike[str]) -> Iterator[None]:
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
        raise InputError(
            f"'{path}' cannot be read; it may be truncated or damaged, so export it again ({_reason(error)})."
        ) from error


@contextmanager
def _named(path: str | os.PathLike[str]) -> Iterator[None]:
    """Say which file an `InputError` is about."""
    try:
        yield
    except InputError as error:
        if str(path) in str(error):
            raise
        raise InputError(f"'{path}': {error}") from error


def _reason(error: Exception) -> str:
    # ITK says what is wrong in the last line, unless it adds the system's last, often unrelated, error.
    lines = [line for line in str(error).strip().splitlines() if not line.startswith("Reason:")]
    return lines[-1].rstrip(".") if lines else type(error).__name__
