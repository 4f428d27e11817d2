"""Writing DICOM segmentations: coded segments on the slices of the series that they were drawn on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import GeometryMismatchError, InputError, MissingExtraError
from MVGCore.version import __version__
from MVGCore.volume.dicom.files import read_header, sop_class
from MVGCore.volume.dicom.grid import grid_of
from MVGCore.volume.dicom.seg import class_id_text, read_seg
from MVGCore.volume.dicom.series import Series
from MVGCore.volume.dicom.terms import Code, terms_of
from MVGCore.volume.geometry import Geometry
from MVGCore.volume.labelmap import SegmentClass
from MVGCore.volume.segmentation import Segment, Segmentation

if TYPE_CHECKING:
    from highdicom.seg import SegmentDescription
    from pydicom.dataset import Dataset

_MAKER, _MODEL = "MVG for 3D Slicer", "MVG"
# Added to the number of the series that was segmented, so that it stands behind the scanner's own.
_SERIES_NUMBERS = 1000


def check_source(series: Series, geometry: Geometry) -> None:
    """Make sure that labels can refer to a series.

    Raises:
        GeometryMismatchError: The labels lie on other voxels than its slices.
        InputError: Its slices do not say where they lie.
    """
    source = series.planes[0].source
    if series.planes[0].position is None or not source.frame_of_reference:
        raise InputError("No DICOM segmentation is written: the series does not say where its slices lie.")
    if not (source.study and source.series):
        raise InputError(
            "No DICOM segmentation is written: the series has no StudyInstanceUID or SeriesInstanceUID, so "
            "nothing can refer to it (a program that takes out names may empty them); choose .seg.nrrd."
        )
    own = grid_of(series.planes).geometry
    if not geometry.is_close(own):
        raise GeometryMismatchError(
            f"No DICOM segmentation is written: the labels lie on {geometry.describe()}, and its series on "
            f"{own.describe()}; give the series that was labelled."
        )


def write_seg(path: Path, segmentation: Segmentation, series: Series) -> None:
    """Write a binary DICOM segmentation with references to a series, and read it back.

    The segments are numbered from 1 in the order of the segmentation, as the standard wants it.

    Raises:
        GeometryMismatchError, InputError: See `check_source`; also if nothing is labelled.
        MissingExtraError: highdicom is not installed.
        OSError: It could not be written as it is.
    """
    check_source(series, segmentation.geometry)
    written = [each for each in segmentation.segments if _mask(segmentation, each).any()]
    if not written:
        raise InputError("No DICOM segmentation is written: nothing is labelled.")
    try:
        import highdicom
    except ImportError as error:
        raise MissingExtraError(
            f"DICOM segmentations need highdicom: pip install highdicom ({error})."
        ) from error
    slices = np.flatnonzero(np.any([layer.any(axis=(1, 2)) for layer in segmentation.layers], axis=0))
    number = max(series.planes[0].source.series_number, 0)
    with _source_named():
        data = highdicom.seg.Segmentation(
            source_images=_headers(series),
            pixel_array=_pixels(segmentation, written, slices),
            segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
            segment_descriptions=[_description(n, each.class_) for n, each in enumerate(written, start=1)],
            series_instance_uid=highdicom.UID(),
            series_number=number + _SERIES_NUMBERS,
            sop_instance_uid=highdicom.UID(),
            instance_number=1,
            manufacturer=_MAKER,
            manufacturer_model_name=_MODEL,
            software_versions=__version__,
            device_serial_number=__version__,
            series_description=f"{_MODEL} segmentation",
            content_label="SEGMENTATION",
            content_description=f"{len(written)} segments",
            plane_positions=_positions(segmentation.geometry, slices),
            plane_orientation=_orientation(segmentation.geometry),
            pixel_measures=_measures(segmentation.geometry),
        )
    data.save_as(path)
    _check_written(path, segmentation, written)


@contextmanager
def _source_named() -> Iterator[None]:
    """highdicom copies patient and study from the series, and raises various errors where it cannot."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"No DICOM segmentation is written: the headers of the series cannot be referred to "
            f"({type(error).__name__}: {error}); choose the ending .seg.nrrd."
        ) from error


def _mask(segmentation: Segmentation, segment: Segment) -> NDArray[np.bool_]:
    return segmentation.layers[segment.layer] == segment.label_value


def _headers(series: Series) -> list[Dataset]:
    headers = []
    for file in dict.fromkeys(plane.source.file for plane in series.planes):
        header = read_header(file)
        # Programs that take names out of files empty these too; the file's own header still has them.
        header.SOPClassUID = sop_class(header)
        header.SOPInstanceUID = header.get("SOPInstanceUID") or header.file_meta.MediaStorageSOPInstanceUID
        headers.append(header)
    return headers


def _pixels(segmentation: Segmentation, written: Sequence[Segment], slices: NDArray[np.intp]) -> NDArray[Any]:
    """(n, rows, columns) numbers of the segments, or (n, rows, columns, segments) where layers overlap."""
    if len(segmentation.layers) > 1:
        return np.stack([_mask(segmentation, each)[slices] for each in written], axis=-1).astype(np.uint8)
    numbers = np.zeros(65536, np.uint16)
    for number, each in enumerate(written, start=1):
        numbers[each.label_value] = number
    return numbers[segmentation.layers[0][slices]]


def _description(number: int, class_: SegmentClass) -> SegmentDescription:
    import highdicom
    from highdicom import AlgorithmIdentificationSequence
    from highdicom.color import CIELabColor
    from highdicom.seg import SegmentAlgorithmTypeValues, SegmentDescription
    from highdicom.sr import CodedConcept
    from pydicom.sr.codedict import codes

    def concept(code: Code) -> CodedConcept:
        return CodedConcept(code.value, code.scheme, code.meaning[:64])

    def with_modifier(code: Code, modifier: Code | None, name: str) -> CodedConcept:
        coded = concept(code)
        if modifier is not None:
            setattr(coded, name, [concept(modifier)])
        return coded

    terms = terms_of(class_.terminology, class_.name)
    region = terms.region and with_modifier(
        terms.region, terms.region_modifier, "AnatomicRegionModifierSequence"
    )
    return SegmentDescription(
        segment_number=number,
        segment_label=class_.name[:64],
        segmented_property_category=concept(terms.category),
        segmented_property_type=with_modifier(
            terms.type, terms.modifier, "SegmentedPropertyTypeModifierCodeSequence"
        ),
        # A person labelled some of the slices, MVG the others.
        algorithm_type=SegmentAlgorithmTypeValues.SEMIAUTOMATIC,
        algorithm_identification=AlgorithmIdentificationSequence(
            name=_MODEL, family=codes.DCM.ArtificialIntelligence, version=__version__, source=_MAKER
        ),
        anatomic_regions=[region] if region else None,
        # Numbers of segments count from 1 without a gap, so that they cannot be those of the classes.
        tracking_id=class_id_text(class_.id),
        tracking_uid=highdicom.UID(),
        display_color=CIELabColor.from_rgb(*(round(255 * each) for each in class_.color)),
    )


def _positions(geometry: Geometry, slices: NDArray[np.intp]) -> list[Any]:
    from highdicom import CoordinateSystemNames, PlanePositionSequence

    places = geometry.index_to_world([(0, 0, k) for k in slices])
    return [PlanePositionSequence(CoordinateSystemNames.PATIENT, place.tolist()) for place in places]


def _orientation(geometry: Geometry) -> Any:
    from highdicom import CoordinateSystemNames, PlaneOrientationSequence

    axes = np.reshape(geometry.direction, (3, 3))
    return PlaneOrientationSequence(CoordinateSystemNames.PATIENT, [*axes[:, 0], *axes[:, 1]])


def _measures(geometry: Geometry) -> Any:
    from highdicom import PixelMeasuresSequence

    columns, rows, _ = geometry.spacing
    axes = np.reshape(geometry.direction, (3, 3))
    # Of slices that step aside, the distance is that across them.
    across = abs(float(np.linalg.det(axes))) * geometry.spacing[2]
    return PixelMeasuresSequence([rows, columns], slice_thickness=across, spacing_between_slices=across)


def _check_written(path: Path, segmentation: Segmentation, written: Sequence[Segment]) -> None:
    back = read_seg(path, segmentation.geometry)
    same = back.geometry.is_close(segmentation.geometry) and len(back.segments) == len(written)
    read_back = {each.class_.id: each for each in back.segments}
    if not same or not all(
        each.class_.id in read_back
        and np.array_equal(_mask(back, read_back[each.class_.id]), _mask(segmentation, each))
        for each in written
    ):
        raise OSError("what can be read back differs from what was to be written")
