"""Small DICOM series made in code, as scanners and other programs write them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage, ExplicitVRLittleEndian, generate_uid

STUDY, SERIES, FRAME = (generate_uid(entropy_srcs=[name]) for name in ("study", "series", "frame"))
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
ORIGIN = (-10.0, -20.0, 5.0)


def ramp(count: int = 6, rows: int = 5, columns: int = 7) -> NDArray[np.int16]:
    """(count, rows, columns) numbers; every slice differs from every other."""
    k, j, i = np.indices((count, rows, columns))
    return (100 * k + 10 * j + i).astype(np.int16)


def base(sop_class: str, **values: Any) -> Dataset:
    """What every object has; `values` replace or add attributes, None takes one away."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = sop_class
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = generate_uid()
    data.StudyInstanceUID, data.SeriesInstanceUID, data.FrameOfReferenceUID = STUDY, SERIES, FRAME
    data.Modality, data.SeriesNumber, data.SeriesDescription = "CT", 1, "Thorax"
    data.PatientID, data.PatientName, data.PatientSex, data.PatientBirthDate = "p", "A^B", "O", ""
    data.StudyID, data.AccessionNumber, data.ReferringPhysicianName = "1", "", ""
    data.StudyDate, data.StudyTime, data.Manufacturer, data.PositionReferenceIndicator = (
        "20200101",
        "120000",
        "m",
        "",
    )
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation = 15, 1
    for name, value in values.items():
        if value is None:
            delattr(data, name)
        else:
            setattr(data, name, value)
    return data


def ct_slice(pixels: NDArray[Any], position: Sequence[float], number: int, **values: Any) -> Dataset:
    """One slice in a file of its own."""
    defaults: dict[str, Any] = {
        "ImagePositionPatient": [float(f"{value:.6f}") for value in position],
        "ImageOrientationPatient": list(AXIAL),
        "PixelSpacing": [0.8, 0.5],
        "SliceThickness": 2.0,
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "RescaleSlope": 1,
        "RescaleIntercept": 0,
        "InstanceNumber": number,
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "PixelData": np.ascontiguousarray(pixels).tobytes(),
    }
    given = {name: value for name, value in values.items() if name in defaults and value is None}
    return base(CTImageStorage, **{**defaults, **values, **{name: defaults[name] for name in given}})


def stack(pixels: NDArray[Any], step: Sequence[float] = (0, 0, 2.0), **values: Any) -> list[Dataset]:
    """The slices of a series, each `step` mm from the one before; a callable value is called with k."""
    return [
        ct_slice(
            each,
            np.add(ORIGIN, np.multiply(k, step)),
            values.get("InstanceNumber", lambda k: k + 1)(k),
            **{
                name: value(k) if callable(value) else value
                for name, value in values.items()
                if name != "InstanceNumber"
            },
        )
        for k, each in enumerate(pixels)
    ]


def save(folder: Path, data_sets: Iterable[Dataset], ending: str = ".dcm", name: str = "IM") -> Path:
    """Writes data sets into a folder under names that say nothing of their order in space."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, each in enumerate(data_sets):
        each.save_as(folder / f"{name}{number:04}{ending}", enforce_file_format=True)
    return folder


def item(**values: Any) -> Dataset:
    """An item of a sequence."""
    data = Dataset()
    for name, value in values.items():
        setattr(data, name, value)
    return data


def enhanced(pixels: NDArray[Any], order: Sequence[int], **values: Any) -> Dataset:
    """A multi-frame object whose frames are slices of `pixels` in any order, 2 mm apart."""
    measures = item(PixelSpacing=[0.8, 0.5], SliceThickness=2.0)
    frames = [
        item(
            PlanePositionSequence=Items([item(ImagePositionPatient=[*ORIGIN[:2], ORIGIN[2] + 2 * k])]),
            FrameContentSequence=Items([item(StackID="1", InStackPositionNumber=k + 1)]),
        )
        for k in order
    ]
    shared = item(
        PixelMeasuresSequence=Items([measures]),
        PlaneOrientationSequence=Items([item(ImageOrientationPatient=list(AXIAL))]),
        PixelValueTransformationSequence=Items([item(RescaleSlope=1, RescaleIntercept=-1000)]),
    )
    return base(
        EnhancedCTImageStorage,
        InstanceNumber=1,
        ImageType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"],
        NumberOfFrames=len(order),
        Rows=pixels.shape[1],
        Columns=pixels.shape[2],
        SharedFunctionalGroupsSequence=Items([shared]),
        PerFrameFunctionalGroupsSequence=Items(frames),
        PixelData=np.ascontiguousarray(pixels[list(order)]).tobytes(),
        **values,
    )
