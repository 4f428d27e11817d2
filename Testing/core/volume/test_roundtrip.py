from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from MVGCore.volume import (
    Geometry,
    LabelMap,
    Segment,
    Segmentation,
    SegmentClass,
    Volume,
    read_labelmap,
    read_segmentation,
    read_volume,
    write_labelmap,
    write_segmentation,
    write_volume,
)

ENDINGS = (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd")


@pytest.mark.parametrize("ending", [*ENDINGS, ".seg.nrrd"])
@pytest.mark.parametrize("largest", [3, 40000])
def test_label_values_come_back_exactly(tmp_path: Path, oblique: Geometry, ending: str, largest: int) -> None:
    array = np.zeros(oblique.shape, int)
    array[2, 3, 1:4] = (1, 2, largest)
    write_labelmap(tmp_path / f"x{ending}", LabelMap.of(array, oblique))
    again = read_labelmap(tmp_path / f"x{ending}")
    assert np.array_equal(again.array, array)
    assert again.array.dtype == (np.uint8 if largest < 256 else np.uint16)
    assert again.ids == (1, 2, largest)


def test_names_colours_and_terminology_come_back(tmp_path: Path, a_labelmap: LabelMap) -> None:
    write_labelmap(tmp_path / "x.seg.nrrd", a_labelmap)
    again = read_labelmap(tmp_path / "x.seg.nrrd")
    assert again.classes == a_labelmap.classes
    assert np.array_equal(again.array, a_labelmap.array)
    assert again.geometry.is_close(a_labelmap.geometry, 1e-9)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), count=st.integers(1, 4), largest=st.sampled_from([9, 700]))
def test_overlapping_layers_come_back(seed: int, count: int, largest: int) -> None:
    rng = np.random.default_rng(seed)
    geometry = Geometry((3, 4, 5), (0.5, 2, 3), (1, 2, 3), (0, 1, 0, 0, 0, 1, 1, 0, 0))
    layers = [rng.integers(0, 3, geometry.shape) for _ in range(count)]
    ids = rng.permutation(np.arange(1, largest))[: 2 * count]
    segments = [
        Segment(
            SegmentClass(int(ids[2 * layer + value - 1]), f"{layer}/{value}", (0.1, 0.2, value / 3)),
            layer,
            value,
        )
        for layer in range(count)
        for value in (1, 2)
    ]
    segmentation = Segmentation.of(layers, geometry, segments)
    with tempfile.TemporaryDirectory() as folder:
        write_segmentation(Path(folder) / "x.seg.nrrd", segmentation)
        again = read_segmentation(Path(folder) / "x.seg.nrrd")
    assert again.geometry.is_close(geometry, 1e-9)
    assert [each.class_ for each in again.segments] == [each.class_ for each in segments]
    for before, after in zip(segments, again.segments, strict=True):
        mask = again.layers[after.layer] == after.label_value
        assert np.array_equal(mask, layers[before.layer] == before.label_value)


def test_header_is_what_slicer_expects(tmp_path: Path, oblique: Geometry) -> None:
    layers = [np.ones(oblique.shape, int), np.full(oblique.shape, 2)]
    write_segmentation(tmp_path / "x.seg.nrrd", Segmentation.of(layers, oblique))
    header = (tmp_path / "x.seg.nrrd").read_bytes().partition(b"\n\n")[0].decode()
    for line in (
        "dimension: 4",
        "sizes: 2 10 8 6",
        "space: left-posterior-superior",
        "kinds: list domain domain domain",
        "Segmentation_MasterRepresentation:=Binary labelmap",
        "Segmentation_ReferenceImageExtentOffset:=0 0 0",
        "Segment0_ID:=Segment_1",
        "Segment1_Layer:=1",
        "Segment1_LabelValue:=2",
        "Segment1_Extent:=0 9 0 7 0 5",
    ):
        assert line in header.splitlines()
    assert "space directions: none (" in header


def test_files_of_slicer_are_read(tmp_path: Path) -> None:
    """Ras space, a repeated label value in two layers, tags before the terminology, an unnamed segment."""
    header = """NRRD0004
# Complete NRRD file format specification at:
# http://teem.sourceforge.net/nrrd/format.html
type: unsigned char
dimension: 4
space: right-anterior-superior
sizes: 2 2 2 2
space directions: none (1,0,0) (0,2,0) (0,0,3)
kinds: list domain domain domain
encoding: raw
space origin: (10,20,30)
Segment0_Color:=0.5 0.68 0.5
Segment0_ID:=Segment_1
Segment0_LabelValue:=1
Segment0_Layer:=0
Segment0_Name:=kidney
Segment0_Tags:=Segmentation.Status:inprogress|TerminologyEntry:a~SCT^1^b~^^|
Segment1_ID:=Segment_2
Segment1_LabelValue:=1
Segment1_Layer:=1
Segmentation_MasterRepresentation:=Binary labelmap

"""
    data = np.array([[1, 0], [1, 1], [0, 1], [0, 0]] * 2, np.uint8)  # voxels x layers
    (tmp_path / "s.seg.nrrd").write_bytes(header.encode() + data.tobytes())
    segmentation = read_segmentation(tmp_path / "s.seg.nrrd")
    kidney, other = (each.class_ for each in segmentation.segments)
    assert (kidney.name, kidney.color, kidney.terminology) == ("kidney", (0.5, 0.68, 0.5), "a~SCT^1^b~^^")
    assert other.id == 2
    assert segmentation.geometry.origin == (-10, -20, 30)
    assert segmentation.geometry.orientation == "RAS"
    assert segmentation.geometry.spacing == (1, 2, 3)
    with pytest.warns(UserWarning, match="overlap in 2 voxels"):
        labels = segmentation.to_labelmap()
    assert labels.array.ravel().tolist() == [1, 2, 2, 0] * 2


def test_a_namesake_without_gz_is_not_read_instead(tmp_path: Path, an_image: Volume) -> None:
    write_volume(tmp_path / "x.nii", an_image)
    write_volume(tmp_path / "x.nii.gz", Volume(an_image.array + 1, an_image.geometry))
    assert np.array_equal(read_volume(tmp_path / "x.nii.gz").array, an_image.array + 1)
    assert np.array_equal(read_volume(tmp_path / "x.nii").array, an_image.array)
