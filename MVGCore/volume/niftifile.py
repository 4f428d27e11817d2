"""NIfTI files through nibabel."""

from __future__ import annotations

import gzip
import logging
import os
import warnings
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.volume.decoding import Encoding, read_voxels
from MVGCore.volume.geometry import Geometry
from MVGCore.volume.limits import open_regular
from MVGCore.volume.niftiplace import geometry_of, put_geometry
from MVGCore.volume.seal import check_tail, tail_of
from MVGCore.volume.stored import Stored, check_written

_LARGEST_AXIS = 32767  # of NIfTI-1, whose sizes are 16-bit numbers
_HEADERS = {348: "Nifti1Header", 540: "Nifti2Header"}
_COMPRESSION_LEVEL = 3
# Some programs leave old voxels behind those that the header counts.
_MOST_BEHIND = 64 << 20
_NAMELESS = logging.getLogger("MVGCore.nibabel")
_NAMELESS.addHandler(logging.NullHandler())
_NAMELESS.propagate = False


def read_nifti(path: Path) -> Stored:
    """Read a `.nii` or `.nii.gz` file, whether it is compressed or not.

    Its place is where 3D Slicer and ITK-SNAP show it, and a sheared grid stays sheared (see `niftiplace`).

    Raises:
        InputError: No NIfTI header, missing voxels, values that are no numbers, or not three dimensions.
        Exception: Whatever nibabel or gzip raises for a damaged file.
    """
    with open_regular(path) as file:
        compressed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        header = _header(cast(BinaryIO, gzip.GzipFile(fileobj=file)) if compressed else file, path)
        raw = _voxels(file, compressed, header, path)
    array, step = _scaled(_spatial_first(raw, path), header)
    return Stored(array, geometry_of(header, array.shape[:3], path), step)


def write_nifti(path: Path, array: NDArray[Any], geometry: Geometry, words: str = "") -> None:
    """Write a (K, J, I) array, compressed if the name ends so, and read it back.

    On the grid of a NIfTI file the header says what that file's says; a sheared grid has an sform only, since
    a qform cannot be sheared. Words are kept as a comment, an extension of code 6.

    Raises:
        OSError: The file could not be written wholly.
    """
    import nibabel as nib

    small = max(array.shape) <= _LARGEST_AXIS
    header = nib.Nifti1Header() if small else nib.Nifti2Header()
    header.set_data_dtype(array.dtype)
    put_geometry(header, geometry)
    if words:
        header.extensions.append(nib.nifti1.Nifti1Extension("comment", words.encode()))
    image = (nib.Nifti1Image if small else nib.Nifti2Image)(array.T, None, header, dtype=array.dtype)
    with open(path, "wb") as file:
        if path.name.lower().endswith(".gz"):
            with gzip.GzipFile("", "wb", _COMPRESSION_LEVEL, file, mtime=0) as stream:
                image.to_stream(stream)
        else:
            image.to_stream(file)
    if not path.name.lower().endswith(".gz"):  # gzip has a checksum
        with open(path, "r+b") as file:
            tail = tail_of(file)
            file.seek(0, os.SEEK_END)
            file.write(tail)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what there is to say of the position was said when it was read
        check_written(path, array, geometry, read_nifti(path))


def _header(stream: BinaryIO, path: Path) -> Any:
    """The header, either version and byte order, small mistakes mended."""
    import nibabel as nib

    first = stream.read(4)
    orders: tuple[Literal["little", "big"], ...] = ("little", "big")
    kind = next((each for order in orders if (each := _HEADERS.get(int.from_bytes(first, order)))), None)
    if kind is None:
        raise ValueError("it has no NIfTI header")
    stream.seek(0)
    if len(block := stream.read(getattr(nib, kind).sizeof_hdr)) < getattr(nib, kind).sizeof_hdr:
        raise EOFError("its header is not complete")
    header = getattr(nib, kind)(block, check=False)
    # Some writers leave out where the voxels begin in a file that has them behind its header: programs of the
    # format's authors then take the first byte that is possible.
    header["vox_offset"] = max(int(header["vox_offset"]), header.single_vox_offset)
    if int(header["datatype"]) not in (nib.nifti1.data_type_codes.value_set() - {0, 1, 255}):
        raise InputError(
            f"'{path}' has voxels of a type that is not supported (code {int(header['datatype'])}); "
            "save it again as 16-bit or float numbers, e.g. with 3D Slicer."
        )
    header.check_fix(logger=_NAMELESS)
    return header


def _voxels(file: BinaryIO, compressed: bool, header: Any, path: Path) -> NDArray[Any]:
    """The numbers as they are stored, (I, J, K, ...)."""
    shape, kind = header.get_data_shape(), header.get_data_dtype()
    shape = (*shape[:3], *(each or 1 for each in shape[3:]))  # axes that are not used may have no size
    if kind.kind not in "iuf" or kind.itemsize > 8:
        raise InputError(f"'{path}' has {_kind_of_values(kind)}; MVG needs one plain number per voxel.")
    start = int(header.get_data_offset())
    if start < 0 or min(shape, default=0) < 1:
        raise InputError(f"'{path}' has the sizes {shape} from byte {start} on; its header is damaged.")
    file.seek(0 if compressed else start)
    encoding, skip = (Encoding.GZIP, start) if compressed else (Encoding.RAW, 0)
    array = read_voxels(file, path, shape[::-1], kind, encoding, skip, _MOST_BEHIND)
    if not compressed:
        check_tail(file, start + array.nbytes, path)
    return array.T


def _kind_of_values(kind: np.dtype[Any]) -> str:
    if kind.kind == "c":
        return "complex numbers (take their magnitude)"
    return "colours (RGB)" if kind.kind == "V" else f"numbers of type {kind}"


def _spatial_first(raw: NDArray[Any], path: Path) -> NDArray[Any]:
    """(K, J, I) or (K, J, I, C) of the axes of a file, (I, J, K, time, components)."""
    shape = list(raw.shape)
    while len(shape) > 3 and shape[-1] == 1:
        shape.pop()
    if len(shape) == 5 and shape[3] == 1:
        del shape[3]
    if len(shape) not in (3, 4):
        raise InputError(f"'{path}' has {len(shape)} dimensions; give a 3-D volume.")
    array = raw.reshape(shape, order="F")
    return np.ascontiguousarray(np.swapaxes(array, 0, 2))


def _scaled(array: NDArray[Any], header: Any) -> tuple[NDArray[Any], float]:
    """Values as they are meant, and their distance where whole numbers are stored scaled."""
    slope, intercept = header.get_slope_inter()
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    if slope is None or (slope, intercept) == (1.0, 0.0):
        return native, 0.0
    kind = np.float32 if native.dtype.itemsize <= 2 or native.dtype == np.float32 else np.float64
    values = native.astype(kind)
    values *= slope
    values += intercept
    return values, abs(slope) if native.dtype.kind in "iu" else 0.0
