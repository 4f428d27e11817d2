"""MetaImage and DICOM files through SimpleITK."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.volume.datafiles import data_stem
from MVGCore.volume.geometry import Geometry
from MVGCore.volume.stored import Stored, check_written
from MVGCore.volume.volume import Volume

_MODALITY = "0008|0060"
_SERIES = "0020|000e"
_CHUNK = 1 << 20
_UNEVEN = "ITK_non_uniform_sampling_deviation"


def read_meta(path: Path) -> Stored:
    """Read a MetaImage file.

    Raises:
        InputError: It has not three dimensions.
        RuntimeError: Whatever SimpleITK raises for a damaged file.
    """
    import SimpleITK as sitk

    # Named, since ITK chooses by the ending and knows it in lower case only.
    return _to_stored(path, sitk.ReadImage(str(path), imageIO="MetaImageIO"))


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
    stored = _to_stored(path, image)
    if stored.array.ndim > 3:
        raise InputError(f"'{path}' has several values per voxel (RGB or vectors); convert it to one.")
    volume = Volume(stored.array, stored.geometry)
    volume.modality = first.GetMetaData(_MODALITY).strip() if first.HasMetaDataKey(_MODALITY) else ""
    return volume


def write_meta(path: Path, array: NDArray[Any], geometry: Geometry) -> None:
    """Write a MetaImage file, compressed, and read it back.

    Raises:
        OSError: The file could not be written wholly.
    """
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(array)
    image.SetSpacing(geometry.spacing)
    image.SetOrigin(geometry.origin)
    image.SetDirection(geometry.direction)
    try:
        # ITK chooses by the ending, knows it in lower case only, and takes some names for patterns.
        plain = path.with_name(f"{data_stem(path)}{path.suffix.lower()}")
        sitk.WriteImage(image, str(plain), useCompression=True)
        plain.replace(path)
        # Some of ITK's writers say nothing when the disk is full: believe only what can be read back.
        check_written(path, array, geometry, read_meta(path))
    except (RuntimeError, OSError) as error:
        _ask_for_space(path.parent, array.nbytes)
        raise OSError(str(error).strip().splitlines()[-1]) from error


def _ask_for_space(folder: Path, size: int) -> None:
    """Raise the operating system's own error if it has no room for `size` bytes: ITK does not pass it on."""
    with tempfile.TemporaryFile(dir=folder) as probe:
        for start in range(0, size, _CHUNK):
            probe.write(bytes(min(_CHUNK, size - start)))


def _to_stored(path: Path, image: Any) -> Stored:
    array = _array_of(image)
    if array.ndim == 4 and image.GetNumberOfComponentsPerPixel() == 1:
        array = array[0] if array.shape[0] == 1 else np.moveaxis(array, 0, -1)
    if array.ndim not in (3, 4) or image.GetDimension() < 3:
        raise InputError(f"'{path}' has {image.GetDimension()} dimensions; give a 3-D volume.")
    size = image.GetDimension()
    direction = np.array(image.GetDirection()).reshape(size, size)[:3, :3].ravel()
    spacing, origin = image.GetSpacing()[:3], image.GetOrigin()[:3]
    geometry = Geometry(array.shape[:3], spacing, origin, tuple(direction))
    return Stored(np.ascontiguousarray(array), geometry)


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
