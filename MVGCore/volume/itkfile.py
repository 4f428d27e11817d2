"""NIfTI, MetaImage and DICOM files through SimpleITK."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.volume.formats import Format, format_to_read
from MVGCore.volume.geometry import Geometry
from MVGCore.volume.niftifile import checked_nifti
from MVGCore.volume.volume import Volume

_MODALITY = "0008|0060"
_SERIES = "0020|000e"
_CHUNK = 1 << 20
_UNEVEN = "ITK_non_uniform_sampling_deviation"


def read_itk(path: Path) -> Volume:
    """Read a NIfTI or MetaImage file.

    Raises:
        InputError: It is not one number per voxel in three dimensions.
        RuntimeError: Whatever SimpleITK raises for a damaged file.
    """
    import SimpleITK as sitk

    if format_to_read(path) is not Format.NIFTI:
        return _to_volume(path, sitk.ReadImage(str(path)))
    with checked_nifti(path) as readable:
        return _to_volume(path, sitk.ReadImage(str(readable)))


def read_dicom(path: Path) -> Volume:
    """Read a DICOM series: a folder (its largest series), or any file of the series.

    Raises:
        InputError: There is no series, or no series is the largest one.
        RuntimeError: Whatever SimpleITK raises for damaged files.
    """
    import SimpleITK as sitk

    files = _largest_series(path) if path.is_dir() else _series_of(path)
    first = sitk.ImageFileReader()
    first.SetFileName(files[0])
    first.ReadImageInformation()
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(files)
    image = sitk.ReadImage(files[0]) if len(files) == 1 else reader.Execute()
    if image.HasMetaDataKey(_UNEVEN):
        warnings.warn(
            f"The slices of '{path}' are not evenly spaced (one may be missing): distances are approximate.",
            stacklevel=2,
        )
    volume = _to_volume(path, image)
    volume.modality = first.GetMetaData(_MODALITY).strip() if first.HasMetaDataKey(_MODALITY) else ""
    return volume


def write_itk(path: Path, array: NDArray[Any], geometry: Geometry) -> None:
    """Write a NIfTI or MetaImage file, compressed if the format has a place for it.

    Raises:
        OSError: The file could not be written wholly.
    """
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(array)
    image.SetSpacing(geometry.spacing)
    image.SetOrigin(geometry.origin)
    image.SetDirection(geometry.direction)
    failure = _failure_to_write(image, array, path)
    if failure:
        _ask_for_space(path.parent, array.nbytes)
        raise OSError(failure)


def _failure_to_write(image: Any, array: NDArray[Any], path: Path) -> str:
    """Write a file and give back what ITK says went wrong; empty when all is well."""
    import SimpleITK as sitk

    try:
        sitk.WriteImage(image, str(path), useCompression=True)
        # Some of ITK's writers say nothing when the disk is full: believe only what can be read back.
        complete = np.array_equal(_array_of(sitk.ReadImage(str(path))), array)
    except RuntimeError as error:
        return str(error).strip().splitlines()[-1]
    return "" if complete else "what can be read back differs from what was to be written"


def _ask_for_space(folder: Path, size: int) -> None:
    """Raise the operating system's own error if it has no room for `size` bytes: ITK does not pass it on."""
    with tempfile.TemporaryFile(dir=folder) as probe:
        for start in range(0, size, _CHUNK):
            probe.write(bytes(min(_CHUNK, size - start)))


def _to_volume(path: Path, image: Any) -> Volume:
    array = _array_of(image)
    if image.GetNumberOfComponentsPerPixel() > 1:
        raise InputError(f"'{path}' has several values per voxel (RGB or vectors); convert it to one.")
    if array.ndim == 4 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != 3:
        raise InputError(f"'{path}' has {image.GetDimension()} dimensions; give a 3-D volume.")
    size = image.GetDimension()
    direction = np.array(image.GetDirection()).reshape(size, size)[:3, :3].ravel()
    spacing, origin = image.GetSpacing()[:3], image.GetOrigin()[:3]
    return Volume(array, Geometry(array.shape, spacing, origin, tuple(direction)))


def _array_of(image: Any) -> NDArray[Any]:
    import SimpleITK as sitk

    array: NDArray[Any] = sitk.GetArrayFromImage(image)
    return array


def _largest_series(folder: Path) -> tuple[str, ...]:
    import SimpleITK as sitk

    reader = sitk.ImageSeriesReader
    ids = reader.GetGDCMSeriesIDs(str(folder))
    series = [reader.GetGDCMSeriesFileNames(str(folder), each) for each in ids]
    if not series:
        raise InputError(f"The folder '{folder}' holds no DICOM series; give the folder of the slices.")
    most = max(len(files) for files in series)
    largest = [files for files in series if len(files) == most]
    if len(largest) > 1:
        names = "; ".join(f"{len(files)} slices, e.g. {Path(files[0]).name}" for files in series)
        raise InputError(f"'{folder}' holds several series ({names}); give one file of the one you mean.")
    return tuple(largest[0])


def _series_of(file: Path) -> tuple[str, ...]:
    """The files of the series that `file` belongs to; itself, if it holds the whole volume."""
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetFileName(str(file))
    reader.ReadImageInformation()
    whole = reader.GetDimension() > 2 and reader.GetSize()[2] > 1
    if whole or not reader.HasMetaDataKey(_SERIES):
        return (str(file),)
    series = reader.GetMetaData(_SERIES).strip()
    return tuple(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(file.parent), series)) or (str(file),)
