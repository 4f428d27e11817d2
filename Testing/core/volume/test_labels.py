from __future__ import annotations

import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from MVGCore.errors import GeometryMismatchError, InputError
from MVGCore.volume import (
    Geometry,
    LabelMap,
    Segmentation,
    Window,
    denormalise,
    labelled_slices,
    match_labels,
    neighbour_indices,
    normalise,
    read_segmentation,
    robust_window,
    write_labelmap,
)
from MVGCore.volume.labelmap import distinct_color, voxel_counts
from MVGCore.volume.slicing import SliceKey

GEOMETRY = Geometry((5, 6, 7), (1.5, 1, 2), (-3, 4, 5))


def labels_of(array: np.ndarray, spacing: tuple[float, float, float] = (1, 1, 1)) -> LabelMap:
    return LabelMap.of(array, Geometry.identity(array.shape, spacing))


@settings(max_examples=40)
@given(st.permutations([0, 1, 2]), st.lists(st.integers(0, 2), max_size=3), st.integers(0, 99))
def test_flips_and_permutations_match_exactly(axes: list[int], flips: list[int], seed: int) -> None:
    array = np.random.default_rng(seed).integers(0, 4, GEOMETRY.shape)
    moved, geometry = array.transpose(axes), GEOMETRY.permuted(axes)
    for axis in flips:
        moved, geometry = np.flip(moved, axis), geometry.flipped(axis)
    assert np.array_equal(match_labels(LabelMap.of(moved, geometry), GEOMETRY).array, array)


def test_a_cropped_label_map_is_put_back() -> None:
    array = np.zeros(GEOMETRY.shape, int)
    array[1:3, 2:5, 3:6] = np.arange(1, 19).reshape(2, 3, 3)
    corner = tuple(GEOMETRY.index_to_world([3, 2, 1]))
    cropped = LabelMap.of(array[1:3, 2:5, 3:6], Geometry((2, 3, 3), GEOMETRY.spacing, corner))
    assert np.array_equal(match_labels(cropped, GEOMETRY).array, array)


def test_finer_and_coarser_grids() -> None:
    coarse = LabelMap.of(np.arange(8).reshape(2, 2, 2), Geometry((2, 2, 2), (2, 2, 2), (0.5, 0.5, 0.5)))
    fine = match_labels(coarse, Geometry.identity((4, 4, 4)))
    assert np.array_equal(fine.array, coarse.array.repeat(2, 0).repeat(2, 1).repeat(2, 2))
    lost = np.zeros((9, 9, 9), int)
    lost[1] = 1
    image = Geometry.identity((3, 9, 9), (1, 1, 3))
    with pytest.raises(InputError, match="vanish"):
        match_labels(labels_of(lost), image)
    lost[3] = 2
    with pytest.warns(UserWarning, match="class 1"):
        assert match_labels(labels_of(lost), image).array[1].min() == 2


@pytest.mark.parametrize(
    "image",
    [
        Geometry((5, 6, 7), (1.5, 1, 2), (500, 0, 0)),
        Geometry((9, 9, 9), (1, 1, 1), (3, 0, 0)),
        Geometry((5, 6, 7), (1, 1, 1), (-3, 4, 5)),
    ],
)
def test_other_frames_are_refused_with_both_geometries(image: Geometry) -> None:
    labels = LabelMap.of(np.ones(GEOMETRY.shape), GEOMETRY)
    with pytest.raises(GeometryMismatchError) as caught:
        match_labels(labels, image)
    assert image.describe() in str(caught.value) and GEOMETRY.describe() in str(caught.value)


def blobs(shape: tuple[int, int, int], planes: list[int], axis: int) -> np.ndarray:
    array = np.zeros(shape, int)
    for plane in planes:
        np.moveaxis(array, axis, 0)[plane, 3:12, 4:11] = 1
    return array


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("planes", [[5], [0, 15], [2, 7, 11], [6, 7], [4, 5, 6]])
def test_drawn_slices_are_found_on_every_axis(axis: int, planes: list[int]) -> None:
    found = labelled_slices(labels_of(blobs((16, 16, 16), planes, axis)))
    assert found == [SliceKey(axis, plane) for plane in planes]


def test_thin_structures_do_not_mislead() -> None:
    array = np.zeros((16, 16, 16), int)
    array[1::4, 3:13, 7:9] = 1
    assert labelled_slices(labels_of(array)) == [SliceKey(0, k) for k in (1, 5, 9, 13)]
    array[:] = 0
    array[1::4, 3:13, 7] = 1  # as well one slice across i: the spacing decides
    assert {key.axis for key in labelled_slices(labels_of(array, (1, 1, 3)))} == {0}


def test_everything_labelled_goes_by_spacing_then_by_number() -> None:
    assert labelled_slices(labels_of(np.ones((6, 5, 4), int), (1, 2, 1))) == [
        SliceKey(1, j) for j in range(5)
    ]
    assert labelled_slices(labels_of(np.ones((6, 5, 4), int))) == [SliceKey(2, i) for i in range(4)]


def test_a_slice_across_another_axis_is_no_part_of_the_others() -> None:
    array = blobs((16, 16, 16), [4, 10], 0) | blobs((16, 16, 16), [8], 2)
    assert labelled_slices(labels_of(array)) == [SliceKey(0, 4), SliceKey(0, 10), SliceKey(2, 8)]


def test_segmentation_and_labelmap_agree(a_labelmap: LabelMap) -> None:
    again = Segmentation.from_labelmap(a_labelmap).to_labelmap()
    assert np.array_equal(again.array, a_labelmap.array) and again.classes == a_labelmap.classes
    assert a_labelmap.class_by_id(5).name == r"a \ b: c"
    with pytest.raises(InputError, match="no class 2"):
        a_labelmap.class_by_id(2)


def test_default_colours_differ() -> None:
    colours = np.array([distinct_color(class_id) for class_id in range(1, 41)])
    distances = np.linalg.norm(colours[:, None] - colours[None], axis=-1) + np.eye(40)
    assert distances.min() > 0.05


def test_windows() -> None:
    array = np.linspace(-50, 150, 8000).reshape(20, 20, 20)
    array[0, 0, 0] = 1e6
    window = robust_window(array)
    assert -52 < window.low < -45 and 145 < window.high < 152
    inside = np.clip(array, window.low, window.high)
    assert np.allclose(denormalise(normalise(array, window), window), inside, atol=1e-3)
    assert normalise(array, window).dtype == np.float32
    sparse = np.zeros((10, 10, 10))
    sparse[5, 5, 5] = 7
    assert robust_window(sparse) == Window(0, 7)
    with pytest.raises(InputError, match="constant"):
        robust_window(np.ones((3, 3, 3)))


@given(st.integers(1, 9), st.data())
def test_a_slice_lies_between_its_neighbours(depth: int, data) -> None:
    index = data.draw(st.integers(0, depth - 1))
    ((before, here, after),) = neighbour_indices([index], depth)
    assert here == index
    assert before == (index - 1 if index else index)
    assert after == (index + 1 if index < depth - 1 else index)
    stride = data.draw(st.integers(1, 4))
    ((before, here, after),) = neighbour_indices([index], depth, stride)
    assert (before, here, after) == (max(0, index - stride), index, min(depth - 1, index + stride))


@pytest.mark.parametrize("value", ["70000", "-1", "0", "99999999999999999999"])
def test_label_values_out_of_range_are_told(tmp_path: Path, a_labelmap: LabelMap, value: str) -> None:
    path = tmp_path / "x.seg.nrrd"
    write_labelmap(path, a_labelmap)
    lines = path.read_bytes().split(b"\n")
    kept = [line for line in lines if b"MVG checksum" not in line]
    text = b"\n".join(kept)
    path.write_bytes(re.sub(rb"Segment0_LabelValue:=\d+", b"Segment0_LabelValue:=" + value.encode(), text))
    with pytest.raises(InputError, match=f"{value}; renumber it"):
        read_segmentation(path)


def test_counting_takes_little_memory_beside_the_labels() -> None:
    labels = np.zeros((40, 256, 256), np.uint8)
    labels[3, 5, :9] = 7
    tracemalloc.start()
    counts = voxel_counts(labels)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert counts[7] == 9 and counts.sum() == labels.size and len(counts) == 65536
    assert peak < labels.nbytes  # numpy's own way takes eight times that
