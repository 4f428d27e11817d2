"""The numbers of one slice: decoded by pydicom, or by ITK where pydicom has no decoder."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.volume.dicom.files import DamagedFile, transfer_syntax
from MVGCore.volume.dicom.planes import Plane
from MVGCore.volume.dicom.sources import StoredNumbers
from MVGCore.volume.picturefile import LUMINANCE

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pydicom.uid import UID

# What describes the pixels of a file to a decoder.
_DESCRIPTION = (
    "SOPClassUID",
    "SOPInstanceUID",
    "Modality",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
)
# JPEG of 8 and 12 bits, lossless JPEG (the usual compression of CT), JPEG-LS, JPEG 2000, run lengths.
_DECODED_BY_ITK = frozenset(
    f"1.2.840.10008.1.2.{each}"
    for each in ("4.50", "4.51", "4.57", "4.70", "4.80", "4.81", "4.90", "4.91", "5")
)


def frame_of(dataset: Dataset, plane: Plane) -> NDArray[Any]:
    """(rows, columns) numbers of one slice as they are stored.

    Raises:
        InputError: Nothing that is installed decodes them.
        DamagedFile: They have another size.
        Exception: Whatever the decoder raises on damaged data.
    """
    from pydicom.uid import UID

    stored, syntax = plane.stored, UID(transfer_syntax(dataset))
    if stored.allocated == 1 and not syntax.is_encapsulated:
        return _bits(dataset.PixelData, plane)
    decode = _decoder(syntax, plane)
    array = decode(dataset, plane)
    if array.shape == (*plane.size, 3):
        array = np.rint(array @ np.array(LUMINANCE)).astype(array.dtype)
    if array.shape != plane.size:
        raise DamagedFile(plane.source.file, f"a slice has {array.shape} pixels and not {plane.size}")
    return array if stored.floating else _without_unused_bits(array, stored)


def _decoder(syntax: UID, plane: Plane) -> Callable[[Dataset, Plane], NDArray[Any]]:
    """What decodes pixels that are encoded in that way.

    Raises:
        InputError: Nothing that is installed does.
    """
    from pydicom.pixels import get_decoder
    from pydicom.uid import JPEGExtended12Bit

    try:
        available = get_decoder(syntax).is_available
    except NotImplementedError:  # films, and what the standard does not know
        available = False
    # What pydicom decodes with knows eight bits of this kind only.
    if available and not (syntax == JPEGExtended12Bit and plane.stored.used > 8):
        return _by_pydicom
    if syntax in _DECODED_BY_ITK:
        return _by_itk
    raise InputError(
        f"'{plane.source.file}' is compressed as {syntax.name}, which MVG cannot decode; export it "
        "uncompressed, or install the packages pylibjpeg and pylibjpeg-openjpeg."
    )


def _by_pydicom(dataset: Dataset, plane: Plane) -> NDArray[Any]:
    from pydicom.pixels import get_decoder

    colour = bool(plane.source.colour) and dataset.get("SamplesPerPixel", 1) == 3
    decoder = get_decoder(transfer_syntax(dataset))
    array, _ = decoder.as_array(
        dataset,
        index=plane.frame,
        raw=not colour,
        correct_unused_bits=not plane.stored.below,  # type: ignore[arg-type]
    )
    return array


def _bits(packed: bytes, plane: Plane) -> NDArray[np.uint8]:
    """One frame of bits. Frames follow each other without a gap, so that one may begin within a byte."""
    rows, columns = plane.size
    start = plane.frame * rows * columns
    end = start + rows * columns
    some = np.frombuffer(packed, np.uint8)[start // 8 : (end + 7) // 8]
    frame = np.unpackbits(some, bitorder="little")[start % 8 :][: rows * columns]
    return frame.reshape(rows, columns)


def _without_unused_bits(array: NDArray[Any], stored: StoredNumbers) -> NDArray[Any]:
    """Older files keep overlays in the bits above those that count, or below."""
    spare = array.dtype.itemsize * 8 - stored.used
    if spare <= 0 or array.dtype.kind not in "iu":
        return array
    kept: NDArray[Any] = (array << (spare - stored.below)) >> spare  # of signed numbers this extends the sign
    return kept


def _by_itk(dataset: Dataset, plane: Plane) -> NDArray[Any]:
    """One frame through a small file of its own, without a scale, so that ITK gives the stored numbers."""
    import SimpleITK as sitk
    from pydicom.dataset import Dataset as NewDataset
    from pydicom.dataset import FileMetaDataset
    from pydicom.encaps import encapsulate, get_frame
    from pydicom.uid import UID

    frames = int(dataset.get("NumberOfFrames") or 1)
    alone = NewDataset()
    for name in _DESCRIPTION:
        if name in dataset:
            setattr(alone, name, dataset[name].value)
    alone.PixelData = encapsulate([get_frame(dataset.PixelData, plane.frame, number_of_frames=frames)])
    alone.file_meta = FileMetaDataset()
    alone.file_meta.TransferSyntaxUID = UID(transfer_syntax(dataset))
    alone.file_meta.MediaStorageSOPClassUID = alone.SOPClassUID
    alone.file_meta.MediaStorageSOPInstanceUID = alone.SOPInstanceUID
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "frame.dcm"
        alone.save_as(file, enforce_file_format=True)
        array: NDArray[Any] = sitk.GetArrayFromImage(sitk.ReadImage(str(file)))
    return array.reshape(array.shape[-2:])
