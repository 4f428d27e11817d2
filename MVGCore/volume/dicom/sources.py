"""What the slices of a DICOM file share: whose they are, how they are meant and how they are stored."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from MVGCore.volume.dicom.files import transfer_syntax
from MVGCore.volume.dicom.values import float_of, text_of, values_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


# Each of their files is a picture of its own: X-rays, ultrasound, endoscopy, eyes, microscopy, photographs.
_ALONE = frozenset({"CR", "DX", "MG", "IO", "PX", "RG", "US", "ES", "OP", "GM", "SM", "XC"})


@dataclass(frozen=True)
class StoredNumbers:
    """How the numbers of a slice are stored and what they mean.

    Attributes:
        allocated: Bits per number in the file.
        used: Of these, the bits that count.
        below: Bits below those that count.
        signed: Whether they are two's complement.
        floating: Whether they are floating point instead.
        slope, intercept: From the stored number to the value.
    """

    allocated: int
    used: int
    below: int
    signed: bool
    floating: bool
    slope: float
    intercept: float


@dataclass(frozen=True)
class Source:
    """What all slices of a file share.

    Attributes:
        file: Path.
        uid: SOPInstanceUID.
        study, series: StudyInstanceUID and SeriesInstanceUID.
        series_number: As the scanner numbered it; -1 if it did not.
        description, modality, date: As in the file; the date is YYYYMMDD.
        frame_of_reference: UID of the coordinates.
        localizer: Whether the file says that it is one.
        colour: Its PhotometricInterpretation if it is not shades of grey, else empty.
        inverted: Whether small values are white (MONOCHROME1).
        mosaic: Whether its slices lie side by side in one picture.
        burned_in: Whether it says that names are burnt into the picture.
        film: Whether its frames are pictures in time and not slices.
        alone: Whether it is a picture of its own (see `stands_alone`).
        compressed: Whether a decoder has to make numbers of its pixels.
        shown: The lowest and the highest value that it proposes to show; None if it does not.
    """

    file: Path
    uid: str
    study: str
    series: str
    series_number: int
    description: str
    modality: str
    date: str
    frame_of_reference: str
    localizer: bool
    colour: str
    inverted: bool
    mosaic: bool
    burned_in: bool
    film: bool
    alone: bool
    compressed: bool
    shown: tuple[float, float] | None


def stands_alone(header: Dataset) -> bool:
    """Whether a file is a picture of its own by its kind, and no slice of a volume."""
    frames = int(header.get("NumberOfFrames") or 1)
    return text_of(header, "Modality") in _ALONE and frames == 1 and "ImagePositionPatient" not in header


def source_of(file: Path, header: Dataset) -> Source:
    """What the header of a file says of all its slices."""
    from pydicom.uid import UID

    kinds = {str(each).upper() for each in values_of(header, "ImageType")}
    colour = str(header.get("PhotometricInterpretation", "MONOCHROME2"))
    number = header.get("SeriesNumber")
    timed = any(each in header for each in ("FrameTime", "FrameTimeVector", "CineRate"))
    return Source(
        file=file,
        uid=str(header.get("SOPInstanceUID", "")),
        study=str(header.get("StudyInstanceUID") or ""),
        series=str(header.get("SeriesInstanceUID") or ""),
        series_number=-1 if number is None else int(number),
        description=text_of(header, "SeriesDescription"),
        modality=text_of(header, "Modality"),
        date=text_of(header, "SeriesDate") or text_of(header, "StudyDate"),
        frame_of_reference=str(header.get("FrameOfReferenceUID") or ""),
        localizer=bool(kinds & {"LOCALIZER", "SCOUT", "TOPOGRAM"}),
        colour="" if colour.startswith("MONOCHROME") else colour,
        inverted=colour == "MONOCHROME1",
        mosaic="MOSAIC" in kinds,
        burned_in=str(header.get("BurnedInAnnotation", "")).upper() == "YES",
        film=int(header.get("NumberOfFrames") or 1) > 1 and timed,
        alone=stands_alone(header),
        compressed=UID(transfer_syntax(header)).is_encapsulated,
        shown=_shown(header),
    )


def stored_as(header: Dataset, values: Any) -> StoredNumbers:
    """How the numbers of a slice are stored; `values` is the item with its slope and intercept, or None."""
    floating = "PixelData" not in header
    allocated = int(header.BitsAllocated)
    slope = values.get("RescaleSlope") if values is not None else None
    if slope is None:
        slope = header.get("DoseGridScaling")
    used = min(int(header.get("BitsStored") or allocated), allocated)
    below = int(header.get("HighBit") or used - 1) + 1 - used  # not 0 in old files only
    return StoredNumbers(
        allocated=allocated,
        used=used,
        below=below if 0 < below <= allocated - used else 0,
        signed=bool(header.get("PixelRepresentation", 0)),
        floating=floating,
        slope=1.0 if slope is None else float(slope),
        intercept=float_of(values, "RescaleIntercept"),
    )


def _shown(header: Dataset) -> tuple[float, float] | None:
    """The first of the windows that a file proposes."""
    center, width = float_of(header, "WindowCenter"), float_of(header, "WindowWidth")
    return (
        (center - width / 2, center + width / 2) if 1 < width < math.inf and math.isfinite(center) else None
    )
