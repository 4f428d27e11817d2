"""Small DICOM series made in code, as scanners and other programs write them."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence as Items
from pydicom.uid import (
    CTImageStorage,
    EnhancedCTImageStorage,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    generate_uid,
)

from MVGCore.volume import Volume, read_volume

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


def compressed(pixels: NDArray[np.uint16], syntax: str) -> list[Dataset]:
    """The slices of a series (K, H, W) in a compressed transfer syntax."""
    slices = stack(pixels, PixelRepresentation=0)
    for each, values in zip(slices, pixels, strict=True):
        if syntax == JPEG2000Lossless:  # pydicom reads it and does not write it
            each.PixelData = encapsulate([jpeg2000(values)])
            each["PixelData"].is_undefined_length = True
            each.file_meta.TransferSyntaxUID = syntax
        else:
            each.compress(syntax, generate_instance_uid=False)
    return slices


def jpeg2000(values: NDArray[np.uint16]) -> bytes:
    """Numbers (H, W) as a stream without loss."""
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, format="JPEG2000", irreversible=False, no_jp2=True)
    return stream.getvalue()


def xray(pixels: NDArray[Any], number: int, spacing: Sequence[float]) -> Dataset:
    """An X-ray (H, W), which has no place in space."""
    rows, columns = pixels.shape[-2:]
    return base(
        "1.2.840.10008.5.1.4.1.1.1",
        Modality="CR",
        Rows=rows,
        Columns=columns,
        InstanceNumber=number,
        PixelSpacing=list(spacing),
        PixelData=pixels.tobytes(),
    )


def ultrasound(colours: NDArray[np.uint8]) -> Dataset:
    """A frame of ultrasound in colour (H, W, 3)."""
    rows, columns, _channels = colours.shape
    values = colours.tobytes()
    return base(
        "1.2.840.10008.5.1.4.1.1.6.1",
        Modality="US",
        Rows=rows,
        Columns=columns,
        SamplesPerPixel=3,
        PlanarConfiguration=0,
        PhotometricInterpretation="RGB",
        BitsAllocated=8,
        BitsStored=8,
        HighBit=7,
        PixelRepresentation=0,
        PixelData=values + bytes(len(values) % 2),
    )


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


def code(value: str, meaning: str) -> Items:
    """A sequence of one coded concept of SNOMED CT."""
    return Items([item(CodeValue=value, CodingSchemeDesignator="SCT", CodeMeaning=meaning)])


def segment(number: int, name: str) -> Dataset:
    """The description of a segment, a left kidney in orange."""
    kind = code("64033007", "Kidney")
    kind[0].SegmentedPropertyTypeModifierCodeSequence = code("7771000", "Left")
    return item(
        SegmentNumber=number,
        SegmentLabel=name,
        SegmentAlgorithmType="MANUAL",
        SegmentedPropertyCategoryCodeSequence=code("123037004", "Anatomical Structure"),
        SegmentedPropertyTypeCodeSequence=kind,
        RecommendedDisplayCIELabValue=[46304, 44000, 51000],
    )


def segmentation(
    frames: Sequence[tuple[int, int, NDArray[Any]]], kind: str = "BINARY", origin: Sequence[float] = ORIGIN
) -> Dataset:
    """A DICOM segmentation of frames (slice, segment, pixels) in any order, 2 mm apart."""
    pixels = np.stack([each for _, _, each in frames])
    numbers = sorted({number for _, number, _ in frames if number} | set(np.unique(pixels)) - {0})
    if kind != "LABELMAP":
        numbers = sorted({number for _, number, _ in frames})
    groups = []
    for k, number, _ in frames:
        group = item(
            PlanePositionSequence=Items([item(ImagePositionPatient=[*origin[:2], origin[2] + 2 * k])])
        )
        if kind != "LABELMAP":
            group.SegmentIdentificationSequence = Items([item(ReferencedSegmentNumber=number)])
        groups.append(group)
    measures = item(PixelSpacing=[0.8, 0.5], SliceThickness=2.0, SpacingBetweenSlices=2.0)
    shared = item(
        PixelMeasuresSequence=Items([measures]),
        PlaneOrientationSequence=Items([item(ImageOrientationPatient=list(AXIAL))]),
    )
    bits = 1 if kind == "BINARY" else 8
    packed = np.packbits(pixels.ravel() > 0, bitorder="little") if bits == 1 else pixels.astype(np.uint8)
    data = packed.tobytes()
    return base(
        "1.2.840.10008.5.1.4.1.1.66.7" if kind == "LABELMAP" else "1.2.840.10008.5.1.4.1.1.66.4",
        Modality="SEG",
        SegmentationType=kind,
        MaximumFractionalValue=200,
        NumberOfFrames=len(frames),
        Rows=pixels.shape[1],
        Columns=pixels.shape[2],
        BitsAllocated=bits,
        BitsStored=bits,
        HighBit=bits - 1,
        PixelRepresentation=0,
        SegmentSequence=Items([segment(int(number), f"part {number}") for number in numbers]),
        SharedFunctionalGroupsSequence=Items([shared]),
        PerFrameFunctionalGroupsSequence=Items(groups),
        PixelData=data + b"\0" * (len(data) % 2),
    )


def structures(rois: dict[str, Sequence[NDArray[np.float64]]], series: str = SERIES) -> Dataset:
    """A structure set of closed contours (n, 3) in LPS mm, drawn on a series."""
    data = base("1.2.840.10008.5.1.4.1.1.481.3", Modality="RTSTRUCT")
    for name in ("SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated", "BitsStored", "HighBit"):
        delattr(data, name)
    drawn_on = item(RTReferencedSeriesSequence=Items([item(SeriesInstanceUID=series)]))
    data.ReferencedFrameOfReferenceSequence = Items([item(RTReferencedStudySequence=Items([drawn_on]))])
    data.StructureSetROISequence = Items(
        [item(ROINumber=number, ROIName=name) for number, name in enumerate(rois, start=1)]
    )
    data.ROIContourSequence = Items(
        [
            item(
                ReferencedROINumber=number,
                ROIDisplayColor=[255, 128, 0],
                ContourSequence=Items(
                    [
                        item(
                            ContourGeometricType="CLOSED_PLANAR",
                            NumberOfContourPoints=len(points),
                            ContourData=[float(f"{value:.4f}") for value in points.ravel()],
                        )
                        for points in contours
                    ]
                ),
            )
            for number, contours in enumerate(rois.values(), start=1)
        ]
    )
    return data


def read(path: Path, series: int | str | None = None) -> tuple[Volume, str]:
    """The volume and what was said about it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        volume = read_volume(path, series)
    return volume, " ".join(str(each.message) for each in caught)
