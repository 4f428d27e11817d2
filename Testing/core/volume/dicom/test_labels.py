"""DICOM segmentations and structure sets as labels: each frame on the slice at its position."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.prompts import PromptSet
from MVGCore.volume import Geometry, read_labelmap, read_segmentation, read_volume
from MVGCore.volume.dicom.fill import filled
from MVGCore.volume.dicom.terms import Terms, terms_of
from Testing.core.volume.dicom.builder import ORIGIN, ramp, save, segmentation, stack, structures

SHAPE = (6, 5, 7)


def mask(seed: int) -> NDArray[np.bool_]:
    drawn = np.random.default_rng(seed).random(SHAPE[1:]) < 0.4
    drawn[0, 0] = True
    return drawn


def written(folder: Path, frames: list, kind: str = "BINARY") -> Path:
    return save(folder, [segmentation(frames, kind)], name="seg") / "seg0000.dcm"


@pytest.fixture
def grid(tmp_path: Path) -> Geometry:
    return read_volume(save(tmp_path / "ct", stack(ramp()))).geometry


@settings(max_examples=8, deadline=None)
@given(order=st.permutations([(1, 1), (1, 2), (3, 2), (4, 1), (4, 2)]), known=st.booleans())
def test_frames_in_any_order_and_empty_ones_left_out(
    tmp_path_factory: pytest.TempPathFactory, order: list[tuple[int, int]], known: bool
) -> None:
    folder = tmp_path_factory.mktemp("s")
    image = read_volume(save(folder / "ct", stack(ramp())))
    masks = {(k, number): mask(10 * k + number) for k, number in order}
    file = written(folder, [(k, number, masks[k, number]) for k, number in order])
    read = read_segmentation(file, image.geometry if known else None)
    assert read.geometry.is_close(image.geometry) == known
    start = 0 if known else 1
    assert np.allclose(read.geometry.origin, np.add(ORIGIN, (0, 0, 2 * start)))
    for (k, number), expected in masks.items():
        part = next(each for each in read.segments if each.class_.id == number)
        assert np.array_equal(read.layers[part.layer][k - start] == part.label_value, expected)
    assert len(read.layers) == 2  # they overlap
    assert not read.layers[0][2 - start].any()


def test_names_colours_and_codes(tmp_path: Path) -> None:
    (part,) = read_segmentation(written(tmp_path, [(2, 3, mask(1))])).segments
    assert (part.class_.id, part.class_.name) == (3, "part 3")
    assert part.class_.color[0] > 0.9 and part.class_.color[2] < 0.5
    terms = Terms.of_text(part.class_.terminology)
    assert terms is not None and terms.modifier is not None
    assert (terms.type.meaning, terms.modifier.meaning) == ("Kidney", "Left")
    assert "SCT^64033007^Kidney~SCT^7771000^Left" in part.class_.terminology


def test_fractions_and_label_maps(tmp_path: Path, grid: Geometry) -> None:
    fractions = np.linspace(0, 200, 35).reshape(SHAPE[1:]).astype(np.uint8)
    file = written(tmp_path / "f", [(2, 1, fractions)], "FRACTIONAL")
    with pytest.warns(UserWarning, match="from one half on"):
        labels = read_labelmap(file, grid)
    assert np.array_equal(labels.array[2] > 0, fractions >= 100)
    values = np.random.default_rng(0).integers(0, 4, SHAPE[1:])
    labels = read_labelmap(
        written(tmp_path / "l", [(4, 0, values), (1, 0, values.T.reshape(5, 7))], "LABELMAP"), grid
    )
    assert np.array_equal(labels.array[4], values) and labels.ids == (1, 2, 3)


def test_they_become_examples_of_the_slices_that_they_show(tmp_path: Path) -> None:
    image = read_volume(save(tmp_path / "ct", stack(ramp())))
    file = written(tmp_path, [(4, 1, mask(1)), (1, 1, mask(2))])
    for labels in (read_labelmap(file), read_labelmap(file, image.geometry), read_labelmap(tmp_path)):
        assert [each.index for each in PromptSet.from_labelmap(image, labels, axis=0).prompts] == [1, 4]


def test_frames_beside_the_image_keep_their_own_grid(tmp_path: Path, grid: Geometry) -> None:
    shifted = segmentation([(0, 1, mask(1))], origin=(ORIGIN[0] + 3, *ORIGIN[1:]))
    read = read_segmentation(save(tmp_path / "s", [shifted]) / "IM0000.dcm", grid)
    assert read.geometry.origin == pytest.approx((-7, -20, 5))


def test_what_cannot_be_placed(tmp_path: Path) -> None:
    uneven = segmentation([(0, 1, mask(1)), (1, 1, mask(2)), (3, 1, mask(3))])
    item = uneven.PerFrameFunctionalGroupsSequence[2].PlanePositionSequence[0]
    item.ImagePositionPatient = [*ORIGIN[:2], ORIGIN[2] + 6.7]
    nowhere = segmentation([(0, 1, mask(1))])
    del nowhere.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence
    for number, (data, words) in enumerate(((uneven, "unequal distances"), (nowhere, "does not say where"))):
        with pytest.raises(InputError, match=words):
            read_segmentation(save(tmp_path / str(number), [data]) / "IM0000.dcm")


def test_several_files_of_labels_are_named(tmp_path: Path) -> None:
    save(tmp_path, [segmentation([(0, 1, mask(n))]) for n in (1, 2)])
    with pytest.raises(InputError, match=r"2 files of labels \(IM0000.dcm, IM0001.dcm\)"):
        read_labelmap(tmp_path)


def circle(k: float, radius: float, turn: int = 1) -> NDArray[np.float64]:
    angles = turn * np.linspace(0, 2 * np.pi, 60, endpoint=False)
    x, y = 1.5 + radius * np.cos(angles), 1.6 + radius * np.sin(angles)
    return np.stack([x, y, np.full(60, 2.0 * k)], axis=1) + ORIGIN


def test_contours_are_filled_where_they_were_drawn(tmp_path: Path, grid: Geometry) -> None:
    rois = {"ring": [circle(1, 1.4), circle(1, 0.6, -1), circle(4, 1.2)], "core": [circle(1, 0.7)]}
    file = save(tmp_path / "rt", [structures(rois)]) / "IM0000.dcm"
    j, i = np.indices(SHAPE[1:])
    distance = np.hypot(0.5 * i - 1.5, 0.8 * j - 1.6)
    for known in (grid, None):  # without it the series is found beside the file
        read = read_segmentation(file, known)
        assert read.geometry.is_close(grid) and [each.class_.name for each in read.segments] == [
            "ring",
            "core",
        ]
        ring, core = (read.layers[each.layer] == each.label_value for each in read.segments)
        assert np.array_equal(ring[1], (distance < 1.4) & (distance >= 0.6))
        assert np.array_equal(ring[4], distance < 1.2) and np.array_equal(core[1], distance < 0.7)
        assert not ring[[0, 2, 3, 5]].any()
    assert read.segments[0].class_.color == pytest.approx((1, 128 / 255, 0))


def test_planes_of_contours_that_no_slice_shows_are_told(tmp_path: Path, grid: Geometry) -> None:
    rois = {"a": [circle(k, 1.2) for k in (1, 1.4, 2, 7)]}  # one between slices, one beyond the image
    file = save(tmp_path / "rt", [structures(rois)]) / "IM0000.dcm"
    with pytest.warns(UserWarning, match="2 of 4 planes of contours of 'a' lie beyond the image"):
        labels = read_labelmap(file, grid)
    counts = np.count_nonzero(labels.array, axis=(1, 2))
    assert counts[1] == counts[2] > 0 and counts.sum() == 2 * counts[1]


def test_contours_without_an_image_or_across_it(tmp_path: Path, grid: Geometry) -> None:
    alone = save(tmp_path / "far" / "rt", [structures({"a": [circle(1, 1)]}, series="1.2.3")]) / "IM0000.dcm"
    with pytest.raises(InputError, match="without their image"):
        read_segmentation(alone)
    across = save(tmp_path / "x", [structures({"a": [circle(1, 1)[:, ::-1]]})]) / "IM0000.dcm"
    with pytest.raises(InputError, match="across the slices"):
        read_segmentation(across, grid)
    empty = save(tmp_path / "e", [structures({"a": []})]) / "IM0000.dcm"
    with pytest.raises(InputError, match="no closed contours"):
        read_segmentation(empty, grid)


@settings(max_examples=25, deadline=None)
@given(points=st.lists(st.tuples(*[st.floats(-3, 12)] * 2), min_size=3, max_size=8))
def test_filling_is_even_odd(points: list[tuple[float, float]]) -> None:
    path = pytest.importorskip("matplotlib.path")
    shape = (9, 11)
    corners = np.array(points) + 0.123456789  # no centre of a pixel on a border
    j, i = np.indices(shape)
    centres = np.stack([i.ravel(), j.ravel()], axis=1)
    crossings = np.zeros(len(centres), int)
    for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        between = (centres[:, 1] >= min(a[1], b[1])) & (centres[:, 1] < max(a[1], b[1]))
        slope = (b[0] - a[0]) / (b[1] - a[1]) if a[1] != b[1] else 0
        crossings += between & (centres[:, 0] >= a[0] + (centres[:, 1] - a[1]) * slope)
    assert np.array_equal(filled([corners], shape).ravel(), crossings % 2 == 1)
    if len(points) == 3:
        assert np.array_equal(filled([corners], shape).ravel(), path.Path(corners).contains_points(centres))


def test_terms_of_names() -> None:
    assert terms_of("", "Liver").type.value == "10200004"
    assert terms_of("", "my thing").type.meaning == "Tissue"
    known = terms_of("", "spleen")
    assert Terms.of_text(known.text) == known and terms_of(known.text, "x") == known
    assert Terms.of_text("nonsense") is None


def test_contours_without_a_voxel_are_told(tmp_path: Path) -> None:
    corners = np.array([(0.6, 0.9, 0), (0.65, 0.9, 0), (0.65, 0.95, 0), (0.6, 0.95, 0)]) + ORIGIN
    image = read_volume(save(tmp_path / "ct", stack(ramp())))
    rings = [corners + (0, 0, 2.0 * k) for k in (1, 4)]
    wide = np.array([(0.1, 0.1, 2), (2.9, 0.1, 2), (2.9, 2.9, 2), (0.1, 2.9, 2)]) + ORIGIN
    file = save(tmp_path / "rt", [structures({"vessel": [rings[0], wide, rings[1]]})]) / "IM0000.dcm"
    with pytest.warns(UserWarning, match=r"'vessel' hold no voxel at slice 4 \(counted from 0\)"):
        labels = read_labelmap(file, image.geometry)
    assert np.flatnonzero(labels.array.any(axis=(1, 2))).tolist() == [1]
