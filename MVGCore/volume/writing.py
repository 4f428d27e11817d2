"""Writing images, label maps and segmentations; a failure leaves any earlier file as it was."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.volume.atomic import atomic_path
from MVGCore.volume.dicom import Series, find_series, is_series
from MVGCore.volume.dicom.segwriter import write_seg
from MVGCore.volume.formats import Format, format_by_name, format_to_write
from MVGCore.volume.geometry import Geometry
from MVGCore.volume.labelmap import LabelMap
from MVGCore.volume.metaimage import write_meta
from MVGCore.volume.niftifile import write_nifti
from MVGCore.volume.nrrdfile import NrrdFile, write_nrrd
from MVGCore.volume.picturefile import write_picture
from MVGCore.volume.provenance import KEY, as_text
from MVGCore.volume.segmentation import Segmentation
from MVGCore.volume.slicerfile import write_seg_nrrd
from MVGCore.volume.volume import Volume


def write_volume(path: str | os.PathLike[str], volume: Volume) -> None:
    """Write an image as NRRD, NIfTI, MetaImage, PNG or TIFF, as the ending of `path` says.

    Raises:
        InputError: An unknown ending, a folder that does not exist, or NaN or infinite voxels.
        OutputError: The disk is full or the folder cannot be written to.
    """
    if format_to_write(path) is Format.SEGMENTATION:
        raise InputError(
            f"'{path}' is the name of a segmentation; for an image choose .nrrd or another ending."
        )
    _check_finite(path, volume.array)
    _write_grid(path, _storable(volume.array), volume.geometry)


def write_labelmap(
    path: str | os.PathLike[str], labels: LabelMap, source: str | os.PathLike[str] | Series | None = None
) -> None:
    """Write a label map; only `.seg.nrrd` and DICOM keep names, colours and terminology.

    Args:
        path: The file.
        labels: What to write.
        source: As `write_segmentation`.

    Raises:
        InputError, OutputError: As `write_segmentation`.
    """
    write_segmentation(path, labels, source)


def write_segmentation(
    path: str | os.PathLike[str],
    segmentation: Segmentation | LabelMap,
    source: str | os.PathLike[str] | Series | None = None,
    made_of: Mapping[str, str] | None = None,
) -> None:
    """Write segments as `.seg.nrrd` or DICOM, or as a plain label map if they do not overlap.

    Args:
        path: The file.
        segmentation: What to write.
        source: Of a DICOM segmentation (`.dcm`), the series that was labelled: its folder, one of its files,
            or one of `MVGCore.volume.dicom.list_series`.
        made_of: What it was made of, kept in the file where the format has room (see `provenance`).

    Raises:
        InputError: As `write_volume`; also several layers in a format that has none, and a DICOM segmentation
            without its series.
        OutputError: As `write_volume`.
    """
    if format_by_name(Path(path)) is Format.DICOM:
        _write_dicom(Path(path), segmentation, source)
        return
    kind = format_to_write(path)
    words = as_text(made_of) if made_of else ""
    if isinstance(segmentation, LabelMap):
        segmentation = Segmentation.from_labelmap(segmentation)
    if kind is Format.SEGMENTATION:
        with atomic_path(path) as scratch:
            write_seg_nrrd(scratch, segmentation, {KEY: words} if words else {})
        return
    if len(segmentation.layers) != 1:
        raise InputError(f"'{path}' cannot hold overlapping segments; choose the ending .seg.nrrd.")
    _write_grid(path, segmentation.with_ids_as_values().layers[0], segmentation.geometry, words)


def source_series(
    path: str | os.PathLike[str],
    source: str | os.PathLike[str] | Series | None,
    series: int | str | None = None,
) -> Series:
    """The series that a DICOM segmentation refers to.

    Args:
        path: The file that is to be written, for the message.
        source: As `write_segmentation`.
        series: Which series of a folder.

    Raises:
        InputError: There is none, or several.
    """
    if isinstance(source, Series):
        return source
    if source is None or not is_series(Path(source)):
        raise InputError(
            f"'{path}' cannot be written as DICOM: that refers to the DICOM series that was labelled; choose "
            "the ending .seg.nrrd, or open the series itself."
        )
    return find_series(Path(source), series)


def _write_dicom(
    path: Path, segmentation: Segmentation | LabelMap, source: str | os.PathLike[str] | Series | None
) -> None:
    series = source_series(path, source)
    if isinstance(segmentation, LabelMap):
        segmentation = Segmentation.from_labelmap(segmentation)
    with atomic_path(path) as scratch:
        write_seg(scratch, segmentation, series)


def write_file(path: Path, array: NDArray[Any], geometry: Geometry, words: str = "") -> None:
    """Write a (K, J, I) array in place, in the format that the name says, and read it back.

    Words are kept where the format has room for them.

    Raises:
        OSError: It could not be written wholly.
    """
    kind = format_to_write(path)
    if kind is Format.NIFTI:
        write_nifti(path, array, geometry, words)
    elif kind is Format.METAIMAGE:
        write_meta(path, array, geometry)
    elif kind is Format.PICTURE:
        write_picture(path, array, geometry, words)
    else:
        write_nrrd(path, NrrdFile(array, geometry, {KEY: words} if words else {}))


def _write_grid(
    path: str | os.PathLike[str], array: NDArray[Any], geometry: Geometry, words: str = ""
) -> None:
    with atomic_path(path) as scratch:
        write_file(scratch, array, geometry, words)


def _check_finite(path: str | os.PathLike[str], array: NDArray[Any]) -> None:
    # ITK's writers and other programs make of such voxels what they like, zeros among others.
    if array.dtype.kind == "f" and (bad := array.size - int(np.count_nonzero(np.isfinite(array)))):
        raise InputError(
            f"'{path}' is not written: {bad} voxels are NaN or infinite; replace them, e.g. with "
            "numpy.nan_to_num."
        )


def _storable(array: NDArray[Any]) -> NDArray[Any]:
    """The formats know neither truth values nor half precision."""
    if array.dtype == np.bool_:
        return array.astype(np.uint8)
    return array.astype(np.float32) if array.dtype == np.float16 else array
