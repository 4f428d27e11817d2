"""The slices of DICOM files: one per file, or the frames of a multi-frame file, as plain data."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.volume.dicom.files import PIXELS, DamagedFile, damage_named
from MVGCore.volume.dicom.values import float_of, floats_of, text_of, values_of, written

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

# What may tell apart two slices of a series at one position, the most telling first.
_TRAITS = (
    "TemporalPositionIdentifier",
    "TemporalPositionIndex",
    "AcquisitionNumber",
    "EchoNumbers",
    "EchoTime",
    "InversionTime",
    "FlipAngle",
    "DiffusionBValue",
    "NominalCardiacTriggerDelayTime",
    "TriggerTime",
    "ImageType",
    "ConvolutionKernel",
    "FrameReferenceTime",
    "AcquisitionTime",
    "ContentTime",
    "SeriesTime",
)
# The same for the frames of enhanced objects: functional group -> attribute.
_FRAME_TRAITS = (
    ("FrameContentSequence", "StackID"),
    ("FrameContentSequence", "TemporalPositionIndex"),
    ("FrameContentSequence", "FrameAcquisitionNumber"),
    ("TemporalPositionSequence", "TemporalPositionTimeOffset"),
    ("MREchoSequence", "EffectiveEchoTime"),
    ("MRDiffusionSequence", "DiffusionBValue"),
    ("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime"),
    ("MRImageFrameTypeSequence", "FrameType"),
    ("CTImageFrameTypeSequence", "FrameType"),
)
# Where the distance of pixels is not that in the patient but on the detector or film.
_OTHER_SPACINGS = ("ImagerPixelSpacing", "NominalScannedPixelSpacing")


@dataclass(frozen=True)
class Stored:
    """How the numbers of a slice are stored and what they mean.

    Attributes:
        allocated: Bits per number in the file.
        used: Of these, the bits that count.
        signed: Whether they are two's complement.
        floating: Whether they are floating point instead.
        slope, intercept: From the stored number to the value.
    """

    allocated: int
    used: int
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
        burned_in: Whether it says that names are burnt into the picture.
        film: Whether its frames are pictures in time and not slices.
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
    burned_in: bool
    film: bool
    shown: tuple[float, float] | None


@dataclass(frozen=True)
class Plane:
    """One slice.

    Attributes:
        source: The file.
        frame: Its place in the file, from 0.
        number: Its place in the series as the scanner counted.
        size: Rows and columns.
        position: LPS mm of the first pixel; None if the file does not say.
        orientation: Directions along a row and along a column.
        spacing: mm between rows and between columns; None if the file does not say.
        between: mm to the next slice as far as the file says, else 0.
        stored: How to read its numbers.
        traits: What may tell it apart from others at its position.
    """

    source: Source
    frame: int
    number: int
    size: tuple[int, int]
    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    spacing: tuple[float, ...] | None
    between: float
    stored: Stored
    traits: tuple[tuple[str, str], ...]

    @property
    def normal(self) -> NDArray[np.float64]:
        """Unit vector across the slice, along which slices are counted."""
        rows, columns = np.reshape(self.orientation or (1, 0, 0, 0, 1, 0), (2, 3))
        normal = np.cross(rows, columns)
        unit: NDArray[np.float64] = normal / np.linalg.norm(normal)
        return unit


def is_image(header: Dataset) -> bool:
    """Whether a data set has pixels."""
    return "Rows" in header and any(each in header for each in PIXELS)


def planes_of(file: Path, header: Dataset) -> list[Plane]:
    """The slices of a file.

    Raises:
        DamagedFile: What the header says cannot be.
    """
    with damage_named(file):
        source = _source(file, header)
        planes = list(_enhanced(source, header) if _has_groups(header) else _classic(source, header))
    for plane in planes:
        _check(plane)
    return planes


def frame_group(header: Dataset, frame: int, name: str) -> Any:
    """The item of a functional group of a frame, its own or the shared one; None if there is none."""
    own = header.PerFrameFunctionalGroupsSequence[frame].get(name)
    shared = header.get("SharedFunctionalGroupsSequence")
    found = own or (shared[0].get(name) if shared else None)
    return found[0] if found else None


def _has_groups(header: Dataset) -> bool:
    groups = header.get("PerFrameFunctionalGroupsSequence")
    if not groups:
        return False
    if len(groups) != int(header.get("NumberOfFrames") or 1):
        raise ValueError("it describes another number of frames than it has")
    return True


def _source(file: Path, header: Dataset) -> Source:
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
        burned_in=str(header.get("BurnedInAnnotation", "")).upper() == "YES",
        film=int(header.get("NumberOfFrames") or 1) > 1 and timed,
        shown=_shown(header),
    )


def _shown(header: Dataset) -> tuple[float, float] | None:
    """The first of the windows that a file proposes."""
    center, width = float_of(header, "WindowCenter"), float_of(header, "WindowWidth")
    return (
        (center - width / 2, center + width / 2) if 1 < width < math.inf and math.isfinite(center) else None
    )


def _classic(source: Source, header: Dataset) -> Iterator[Plane]:
    frames = int(header.get("NumberOfFrames") or 1)
    position, orientation = _position(header)
    spacings = (floats_of(header, name, 2) for name in ("PixelSpacing", *_OTHER_SPACINGS))
    between = float_of(header, "SpacingBetweenSlices") or float_of(header, "SliceThickness")
    first = Plane(
        source=source,
        frame=0,
        number=int(header.get("InstanceNumber") or 0),
        size=(int(header.Rows), int(header.Columns)),
        position=position,
        orientation=orientation,
        spacing=next((each for each in spacings if each), None),
        between=abs(between),
        stored=_stored(header, header),
        traits=tuple((name, written(header, name)) for name in _TRAITS if header.get(name) is not None),
    )
    for frame, offset in enumerate(_offsets(header, frames, between)):
        place = position
        if position is not None and frames > 1:
            place = tuple(np.add(position, offset * first.normal).tolist())
        yield replace(first, frame=frame, number=first.number + frame, position=place)


def _position(header: Dataset) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    # Nuclear medicine keeps both with the detector.
    detector = header.get("DetectorInformationSequence")
    for place in (header, *(detector or ())[:1]):
        position = floats_of(place, "ImagePositionPatient", 3)
        orientation = floats_of(place, "ImageOrientationPatient", 6)
        if position and orientation:
            return position, orientation
    return None, None


def _offsets(header: Dataset, frames: int, between: float) -> list[float]:
    """mm along the normal from the position of the file to each of its frames."""
    offsets = floats_of(header, "GridFrameOffsetVector", frames)
    return [each - offsets[0] for each in offsets] if offsets else [between * each for each in range(frames)]


def _enhanced(source: Source, header: Dataset) -> Iterator[Plane]:
    for frame in range(int(header.get("NumberOfFrames") or 1)):
        place, turn, measures, values = (
            frame_group(header, frame, f"{name}Sequence")
            for name in ("PlanePosition", "PlaneOrientation", "PixelMeasures", "PixelValueTransformation")
        )
        found = ((name, frame_group(header, frame, group)) for group, name in _FRAME_TRAITS)
        yield Plane(
            source=source,
            frame=frame,
            number=frame + 1,
            size=(int(header.Rows), int(header.Columns)),
            position=floats_of(place, "ImagePositionPatient", 3),
            orientation=floats_of(turn, "ImageOrientationPatient", 6),
            spacing=floats_of(measures, "PixelSpacing", 2),
            between=float_of(measures, "SpacingBetweenSlices") or float_of(measures, "SliceThickness"),
            stored=_stored(header, values),
            traits=tuple((name, written(item, name)) for name, item in found if item and item.get(name)),
        )


def _stored(header: Dataset, values: Any) -> Stored:
    floating = "PixelData" not in header
    allocated = int(header.BitsAllocated)
    slope = values.get("RescaleSlope") if values is not None else None
    if slope is None:
        slope = header.get("DoseGridScaling")
    return Stored(
        allocated=allocated,
        used=min(int(header.get("BitsStored") or allocated), allocated),
        signed=bool(header.get("PixelRepresentation", 0)),
        floating=floating,
        slope=1.0 if slope is None else float(slope),
        intercept=float_of(values, "RescaleIntercept"),
    )


def _check(plane: Plane) -> None:
    file, stored = plane.source.file, plane.stored
    if not (math.isfinite(stored.slope) and math.isfinite(stored.intercept) and stored.slope != 0):
        raise DamagedFile(file, f"its values are scaled by {stored.slope} and {stored.intercept}")
    if plane.spacing is not None and min(plane.spacing) <= 0:
        raise DamagedFile(file, f"its pixels have a spacing of {plane.spacing} mm")
    if plane.orientation is not None:
        lengths = np.linalg.norm(np.reshape(plane.orientation, (2, 3)), axis=1)
        across = np.linalg.norm(np.cross(*np.reshape(plane.orientation, (2, 3))))
        if np.abs(lengths - 1).max() > 0.01 or across < 0.9:
            raise DamagedFile(file, f"its rows and columns have the directions {plane.orientation}")
