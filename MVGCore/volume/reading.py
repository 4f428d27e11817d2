"""Reading images, label maps and segmentations of every format through three functions."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from MVGCore.errors import InputError, MVGError
from MVGCore.volume.dicom import Series, find_labels, read_dicom, read_dicom_labels
from MVGCore.volume.formats import Format, format_to_read, stem
from MVGCore.volume.geometry import Geometry
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


def read_labelmap(path: str | os.PathLike[str], grid: Geometry | None = None) -> LabelMap:
    """Read a label map; overlapping segments are flattened (see `Segmentation.to_labelmap`).

    Args:
        path: The file, or a folder with one DICOM segmentation or structure set.
        grid: Of the image that the labels belong to: DICOM files of labels leave out empty slices, or hold
            contours, and are put on it where they fit.

    Raises:
        InputError: As `read_volume`; also values that are not whole numbers 0..65535, more than 255 classes.
    """
    segments = _read_segments(Path(path), grid)
    if segments is not None:
        return segments.to_labelmap()
    volume = _read_grid(Path(path))
    with _named(path):
        return LabelMap.of(volume.array, volume.geometry)


def read_segmentation(path: str | os.PathLike[str], grid: Geometry | None = None) -> Segmentation:
    """Read a segmentation with names, colours, terminology and overlapping layers.

    These come from a `.seg.nrrd`, a DICOM segmentation or a structure set; a file of another kind gives one
    layer with default names.

    Args:
        path: As `read_labelmap`.
        grid: As `read_labelmap`.

    Raises:
        InputError: As `read_labelmap`.
    """
    segments = _read_segments(Path(path), grid)
    return Segmentation.from_labelmap(read_labelmap(path)) if segments is None else segments


def holds_segments(path: str | os.PathLike[str]) -> bool:
    """Whether a file is one of segments with names: a `.seg.nrrd`, a DICOM segmentation or structure set.

    Raises:
        InputError: The file is missing, damaged or of an unknown format.
    """
    kind = format_to_read(path)
    return kind is Format.SEGMENTATION or (kind is Format.DICOM and find_labels(Path(path)) is not None)


def _read_segments(path: Path, grid: Geometry | None) -> Segmentation | None:
    """The segments of a file that has such; None of a file of another kind."""
    kind = format_to_read(path)
    with _named(path), _damage_reported(path):
        if kind is Format.SEGMENTATION:
            return read_seg_nrrd(path)
        file = find_labels(path) if kind is Format.DICOM else None
        return None if file is None else read_dicom_labels(file, grid)


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
