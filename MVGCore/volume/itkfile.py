"""MetaImage files through SimpleITK."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.volume.datafiles import data_stem
from MVGCore.volume.geometry import Geometry
from MVGCore.volume.stored import Stored, check_written

_CHUNK = 1 << 20


def read_meta(path: Path) -> Stored:
    """Read a MetaImage file.

    Raises:
        InputError: It has not three dimensions.
        RuntimeError: Whatever SimpleITK raises for a damaged file.
    """
    import SimpleITK as sitk

    # Named, since ITK chooses by the ending and knows it in lower case only.
    return _to_stored(path, sitk.ReadImage(str(path), imageIO="MetaImageIO"))


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
