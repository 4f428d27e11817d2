"""Reading images, label maps and segmentations of every format through three functions."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from MVGCore.errors import InputError
from MVGCore.volume.dicom import Series, find_labels, read_dicom, read_dicom_labels
from MVGCore.volume.failures import failures_told
from MVGCore.volume.formats import Format, format_to_read, stem
from MVGCore.volume.geometry import Geometry
from MVGCore.volume.labelmap import LabelMap
from MVGCore.volume.masks import segmentation_of_masks
from MVGCore.volume.metaimage import read_meta
from MVGCore.volume.niftifile import read_nifti
from MVGCore.volume.nrrdfile import read_nrrd
from MVGCore.volume.omezarr import read_ome_zarr
from MVGCore.volume.picturefile import read_label_picture, read_picture
from MVGCore.volume.segmentation import Segmentation
from MVGCore.volume.slicerfile import read_seg_nrrd
from MVGCore.volume.stored import Stored
from MVGCore.volume.volume import Volume, check_image


def read_volume(
    path: str | os.PathLike[str],
    series: int | str | Series | None = None,
    level: int | None = None,
    near: Geometry | None = None,
) -> Volume:
    """Read an image: NRRD, NIfTI, MetaImage, OME-Zarr, PNG, TIFF, JPEG, a DICOM folder or any file
    of a DICOM series.

    Args:
        path: The file or folder.
        series: Which series of a DICOM folder: its number in the list that `mvg info FOLDER` prints, its
            SeriesInstanceUID, a part of its description, or one of `list_series`. Not needed where there is
            one.
        level: Which resolution of an OME-Zarr image, 0 is the finest.
        near: A box; of an OME-Zarr image that is large for the memory only what lies around it is read.

    Returns:
        The image in the file's own numeric type, its name taken from the file.

    Raises:
        InputError: The file is missing, damaged or of an unknown format, or the image cannot be used
            (see `check_image`; also RGB, 2-D and 4-D).
    """
    volume = _read_grid(Path(path), series, level, near)
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
    return read_segmentation(path, grid).to_labelmap()


def read_segmentation(path: str | os.PathLike[str], grid: Geometry | None = None) -> Segmentation:
    """Read a segmentation with names, colours, terminology and overlapping layers.

    These come from a `.seg.nrrd`, a DICOM segmentation or a structure set; a file of another kind gives one
    layer with default names, or one segment for each of its masks (see `segmentation_of_masks`).

    Args:
        path: As `read_labelmap`.
        grid: As `read_labelmap`.

    Raises:
        InputError: As `read_labelmap`.
    """
    segments = _read_segments(Path(path), grid)
    if segments is not None:
        return segments
    stored = _read_stored(Path(path), labels=True)
    with _named(path):
        if stored.array.ndim == 4:
            return segmentation_of_masks(stored.array, stored.geometry, str(path))
        labels = LabelMap.of(stored.array, stored.geometry, step=stored.step)
        return Segmentation.from_labelmap(labels)


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
    with _named(path), failures_told(path):
        if kind is Format.SEGMENTATION:
            return read_seg_nrrd(path)
        file = find_labels(path) if kind is Format.DICOM else None
        return None if file is None else read_dicom_labels(file, grid)


def _read_grid(
    path: Path,
    series: int | str | Series | None = None,
    level: int | None = None,
    near: Geometry | None = None,
) -> Volume:
    kind = format_to_read(path)
    if level is not None and kind is not Format.OME_ZARR:
        raise InputError(f"'{path}' has no levels, only OME-Zarr images have; leave --level out.")
    if kind is Format.DICOM:
        with failures_told(path):
            return read_dicom(path, series)
    stored = _read_stored(path, level, near)
    if stored.array.ndim == 4:
        count = stored.array.shape[3]
        raise InputError(
            f"'{path}' has {count} values per voxel (RGB, vectors or time) and MVG needs one; save one of "
            "them as a volume, e.g. with fslroi, mrconvert -coord, or 3D Slicer's Vector to Scalar Volume."
        )
    return Volume(stored.array, stored.geometry)


def _read_stored(
    path: Path, level: int | None = None, near: Geometry | None = None, labels: bool = False
) -> Stored:
    kind = format_to_read(path)
    with _named(path), failures_told(path):
        if kind is Format.DICOM:
            volume = read_dicom(path)
            return Stored(volume.array, volume.geometry)
        if kind is Format.OME_ZARR:
            return read_ome_zarr(path, level, near)
        if kind is Format.NIFTI:
            return read_nifti(path)
        if kind is Format.METAIMAGE:
            return read_meta(path)
        if kind is Format.PICTURE:
            return read_label_picture(path) if labels else read_picture(path)
        content = read_nrrd(path)
        return Stored(content.array, content.geometry)


@contextmanager
def _named(path: str | os.PathLike[str]) -> Iterator[None]:
    """Say which file an `InputError` is about."""
    try:
        yield
    except InputError as error:
        if str(path) in str(error):
            raise
        raise InputError(f"'{path}': {error}") from error
