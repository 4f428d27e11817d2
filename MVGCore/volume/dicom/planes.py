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
from MVGCore.volume.dicom.sources import Source, StoredNumbers, source_of, stored_as
from MVGCore.volume.dicom.values import float_of, floats_of, written

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
    stored: StoredNumbers
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
        source = source_of(file, header)
        planes = list(_enhanced(source, header) if _has_groups(header) else _classic(source, header))
    for plane in planes:
        _check(plane)
    return planes


def frame_group(header: Dataset, frame: int, name: str) -> Any:
    """The item of a functional group of a frame, its own or the shared one; None if there is none."""
    own = header.PerFrameFunctionalGroupsSequence[frame].get(name)
    shared = header.get("SharedFunctionalGroupsSequence")
    groups = own or (shared[0].get(name) if shared else None)
    return groups[0] if groups else None


def _has_groups(header: Dataset) -> bool:
    groups = header.get("PerFrameFunctionalGroupsSequence")
    if not groups:
        return False
    if len(groups) != int(header.get("NumberOfFrames") or 1):
        raise ValueError("it describes another number of frames than it has")
    return True


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
        stored=stored_as(header, header),
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
        traits = ((name, frame_group(header, frame, group)) for group, name in _FRAME_TRAITS)
        yield Plane(
            source=source,
            frame=frame,
            number=frame + 1,
            size=(int(header.Rows), int(header.Columns)),
            position=floats_of(place, "ImagePositionPatient", 3),
            orientation=floats_of(turn, "ImageOrientationPatient", 6),
            spacing=floats_of(measures, "PixelSpacing", 2),
            between=float_of(measures, "SpacingBetweenSlices") or float_of(measures, "SliceThickness"),
            stored=stored_as(header, values),
            traits=tuple((name, written(item, name)) for name, item in traits if item and item.get(name)),
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
