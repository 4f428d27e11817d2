"""DICOM segmentations that MVG writes: valid, on the slices of their series, the same in highdicom."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from MVGCore.errors import GeometryMismatchError, InputError
from MVGCore.version import __version__
from MVGCore.volume import (
    Geometry,
    LabelMap,
    Segment,
    Segmentation,
    SegmentClass,
    read_segmentation,
    read_volume,
    write_labelmap,
    write_segmentation,
)
from MVGCore.volume.dicom.terms import Terms
from Testing.core.volume.dicom.builder import enhanced, ramp, save, stack

SHAPE = (6, 16, 16)
KIDNEY = (
    "Segmentation category and type - 3D Slicer General Anatomy list~SCT^123037004^Anatomical Structure~"
    "SCT^64033007^Kidney~SCT^7771000^Left~Anatomic codes - DICOM master list~SCT^818983003^Abdomen~^^"
)
CLASSES = (
    SegmentClass(3, "left kidney", (1.0, 0.5, 0.0), KIDNEY),
    SegmentClass(7, "Liver", (0.0, 0.5, 1.0)),
    SegmentClass(300, "my thing", (0.2, 0.8, 0.2)),
)
TILTED = {"step": (0, 0, 2.0), "ImageOrientationPatient": [1, 0, 0, 0, 0.93969262, 0.34202014]}


@pytest.fixture(params=["plain", "tilted", "enhanced"])
def series(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    pixels = ramp(*SHAPE)
    if request.param == "enhanced":
        return save(tmp_path / "ct", [enhanced(pixels, [3, 0, 5, 1, 4, 2])])
    return save(tmp_path / "ct", stack(pixels, **(TILTED if request.param == "tilted" else {})))


def labels_on(geometry: Geometry) -> LabelMap:
    array = np.random.default_rng(0).choice([0, 0, 0, 3, 7, 300], geometry.shape).astype(np.uint16)
    array[[0, 3]] = 0  # empty slices are not written
    return LabelMap.of(array, geometry, CLASSES)


def test_it_reads_back_equal(series: Path, tmp_path: Path) -> None:
    image = read_volume(series)
    labels = labels_on(image.geometry)
    write_labelmap(tmp_path / "out.dcm", labels, series)
    back = read_segmentation(tmp_path / "out.dcm", image.geometry)
    assert back.geometry.is_close(image.geometry)
    for segment, class_ in zip(back.segments, CLASSES, strict=True):
        assert np.array_equal(back.layers[segment.layer] == segment.label_value, labels.array == class_.id)
        assert segment.class_.name == class_.name and segment.class_.id == class_.id
        assert segment.class_.color == pytest.approx(class_.color, abs=0.01)
    assert Terms.of_text(back.segments[0].class_.terminology) == Terms.of_text(KIDNEY)
    assert "SCT^10200004^Liver" in back.segments[1].class_.terminology
    assert np.array_equal(back.to_labelmap().array, labels.array)


def test_numbers_of_classes_count_only_if_each_is_another(tmp_path: Path) -> None:
    series = save(tmp_path / "ct", stack(ramp(*SHAPE)))
    write_labelmap(tmp_path / "out.dcm", labels_on(read_volume(series).geometry), series)
    data = dcmread(tmp_path / "out.dcm")
    data.SegmentSequence[1].TrackingID = data.SegmentSequence[0].TrackingID
    data.save_as(tmp_path / "changed.dcm")
    assert [each.class_.id for each in read_segmentation(tmp_path / "changed.dcm").segments] == [1, 2, 3]


def test_highdicom_reads_the_same(tmp_path: Path) -> None:
    import highdicom

    series = save(tmp_path / "ct", stack(ramp(*SHAPE)))
    image = read_volume(series)
    labels = labels_on(image.geometry)
    write_labelmap(tmp_path / "out.dcm", labels, series)
    data = highdicom.seg.segread(tmp_path / "out.dcm")
    volume = data.get_volume(combine_segments=True)
    ids = np.array([0, 3, 7, 300])[volume.array]
    for k, slice_of_ids in enumerate(
        ids
    ):  # in an order of its own, from the first to the last that is filled
        place = (volume.affine @ [k, 0, 0, 1])[:3]
        index = image.geometry.world_to_index(place)
        assert np.allclose(index, np.round(index), atol=1e-6)
        assert np.array_equal(slice_of_ids, labels.array[round(index[2])])
    description = data.get_segment_description(1)
    assert description.algorithm_type.value == "SEMIAUTOMATIC"
    assert description.algorithm_identification.version == __version__


def test_frames_refer_to_the_slices_that_they_show(tmp_path: Path) -> None:
    series = save(tmp_path / "ct", stack(ramp(*SHAPE)))
    write_labelmap(tmp_path / "out.dcm", labels_on(read_volume(series).geometry), series)
    data = dcmread(tmp_path / "out.dcm")
    files = {each.SOPInstanceUID: each for each in map(dcmread, series.iterdir())}
    assert data.StudyInstanceUID == next(iter(files.values())).StudyInstanceUID
    for group in data.PerFrameFunctionalGroupsSequence:
        (source,) = group.DerivationImageSequence[0].SourceImageSequence
        place = group.PlanePositionSequence[0].ImagePositionPatient
        assert files[source.ReferencedSOPInstanceUID].ImagePositionPatient == place


def test_overlapping_segments(tmp_path: Path) -> None:
    series = save(tmp_path / "ct", stack(ramp(*SHAPE)))
    geometry = read_volume(series).geometry
    layers = np.zeros((2, *SHAPE), np.uint8)
    layers[0, 1:4, 2:9, 2:9], layers[1, 2:5, 5:12, 5:12] = 1, 1
    segments = [Segment(CLASSES[n], n, 1) for n in (0, 1)]
    write_segmentation(tmp_path / "out.dcm", Segmentation.of(layers, geometry, segments), series)
    back = read_segmentation(tmp_path / "out.dcm", geometry)
    assert all(
        np.array_equal(back.layers[each.layer] == each.label_value, layer > 0)
        for each, layer in zip(back.segments, layers, strict=True)
    )


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (dicom3tools) is not installed")
def test_a_validator_finds_no_error(series: Path, tmp_path: Path) -> None:
    write_labelmap(tmp_path / "out.dcm", labels_on(read_volume(series).geometry), series)
    done = subprocess.run(["dciodvfy", "-new", str(tmp_path / "out.dcm")], capture_output=True, text=True)
    found = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")]
    assert not found


def test_what_cannot_be_written_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    series = save(tmp_path / "ct", stack(ramp(*SHAPE)))
    nameless = save(tmp_path / "nameless", stack(ramp(*SHAPE), StudyInstanceUID=""))
    geometry = read_volume(series).geometry
    labels, empty = labels_on(geometry), LabelMap.of(np.zeros(SHAPE, np.uint8), geometry)
    elsewhere = labels_on(Geometry(SHAPE, (1, 1, 2)))
    for what, source, kind, words in (
        (labels, None, InputError, "refers to the DICOM series"),
        (labels, tmp_path / "out.dcm", InputError, "refers to the DICOM series"),
        (labels, nameless, InputError, "no StudyInstanceUID"),
        (empty, series, InputError, "nothing is labelled"),
        (elsewhere, series, GeometryMismatchError, "give the series that was labelled"),
    ):
        with pytest.raises(kind, match=words):
            write_labelmap(tmp_path / "out.dcm", what, source)
    assert not (tmp_path / "out.dcm").exists()
