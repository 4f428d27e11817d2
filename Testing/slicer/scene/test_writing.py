"""Results into the user's own segments: what must change changes, every other voxel stays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import slicer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.volume import SegmentClass, SliceKey
from MVGLib.scene.segments import LABELS, SURFACE, segment_ids, terminology_of
from MVGLib.scene.undo import Undo
from MVGLib.scene.voxels import array_of
from MVGLib.scene.writing import Change, region_of, write_into
from Testing.slicer.nodes import (
    SHAPE,
    make_image,
    make_labels,
    make_segmentation,
    make_volume,
    move,
    put_segment,
    segment_array,
    turn,
    world_of,
)

CLASSES = (SegmentClass(1, "liver", (1.0, 0.0, 0.0)), SegmentClass(2, "spleen", (0.0, 1.0, 0.0)))
ALL = make_labels(tuple(range(12)))


def snapshot(node: Any) -> dict[str, Any]:
    """Everything of a segmentation that a user could miss: segments in order, looks, voxels, places."""
    content: dict[str, Any] = {}
    for segment_id in segment_ids(node):
        segment = node.GetSegmentation().GetSegment(segment_id)
        image = segment.GetRepresentation(LABELS)
        own = array_of(image) == segment.GetLabelValue()
        at = np.argwhere(own) + np.array(image.GetExtent()[4::-2])
        content[segment_id] = (segment.GetName(), segment.GetColor(), terminology_of(segment), at.tolist())
    return content


def whole(
    volume: Any, labels: NDArray[Any], keep: tuple[SliceKey, ...] = (), classes: Any = CLASSES
) -> Change:
    return Change(volume, labels, region_of(SHAPE, 0, range(12), keep), classes)


def test_prompt_segments_take_the_result_except_on_the_slices_to_keep(
    a_volume_node: Any, a_segmentation_node: Any
) -> None:
    keep = (SliceKey(0, 2), SliceKey(0, 9), SliceKey(2, 4))
    result = np.zeros(SHAPE, np.uint16)
    result[:, 5:13, 3:9] = 1  # not what was drawn
    write_into(a_segmentation_node, whole(a_volume_node, result, keep))
    drawn = make_labels()
    for value, name in enumerate(("liver", "spleen"), start=1):
        mask = segment_array(a_segmentation_node, name, a_volume_node)
        for key in keep:
            np.testing.assert_array_equal(
                mask.take(key.index, key.axis), drawn.take(key.index, key.axis) == value
            )
        expected = result == value
        for key in keep:
            at = (slice(None),) * key.axis + (key.index,)
            expected[at] = drawn[at] == value
        np.testing.assert_array_equal(mask, expected)


@pytest.mark.parametrize("layers", [1, 2])
def test_other_segments_keep_every_voxel(a_volume_node: Any, a_segmentation_node: Any, layers: int) -> None:
    """A foreign segment lies where the result wants to be, in the layer of the prompts' segments or not."""
    foreign = np.zeros(SHAPE, bool)
    foreign[:, 10:18, 1:12] = True
    if layers == 1:
        foreign &= make_labels() == 0
    a_segmentation_node.GetSegmentation().AddEmptySegment("vessel", "vessel", (0.0, 0.0, 1.0))
    put_segment(a_segmentation_node, "vessel", foreign, a_volume_node)
    if layers == 1:
        a_segmentation_node.GetSegmentation().CollapseBinaryLabelmaps(False)
    assert a_segmentation_node.GetSegmentation().GetNumberOfLayers() == layers
    before = snapshot(a_segmentation_node)["vessel"]
    write_into(a_segmentation_node, whole(a_volume_node, ALL))
    assert snapshot(a_segmentation_node)["vessel"] == before
    for value, name in enumerate(("liver", "spleen"), start=1):
        np.testing.assert_array_equal(segment_array(a_segmentation_node, name, a_volume_node), value == ALL)


def test_classes_without_a_segment_get_one(a_volume_node: Any, a_segmentation_node: Any) -> None:
    before = snapshot(a_segmentation_node)
    kidney = SegmentClass(7, "kidney", (0.25, 0.5, 0.75), "Segmentation category~SCT^1^x~~")
    write_into(a_segmentation_node, whole(a_volume_node, np.where(ALL == 2, 7, 0), classes=(kidney,)))
    after = snapshot(a_segmentation_node)
    assert {name: after[name] for name in before} == before
    name, color, terminology, _voxels = after[next(iter(set(after) - set(before)))]
    assert (name, color, terminology) == ("kidney", (0.25, 0.5, 0.75), "Segmentation category~SCT^1^x~~")
    new_id = next(iter(set(after) - set(before)))
    np.testing.assert_array_equal(segment_array(a_segmentation_node, new_id, a_volume_node), ALL == 2)


def test_an_empty_segmentation_takes_a_result(a_volume_node: Any) -> None:
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "new")
    node.GetSegmentation().AddEmptySegment("liver", "liver")  # as the Segment Editor's Add makes it
    write_into(node, whole(a_volume_node, ALL))
    assert node.GetNodeReferenceID("referenceImageGeometryRef") == a_volume_node.GetID()
    names = {node.GetSegmentation().GetSegment(each).GetName(): each for each in segment_ids(node)}
    for value, name in enumerate(("liver", "spleen"), start=1):
        np.testing.assert_array_equal(segment_array(node, names[name], a_volume_node), value == ALL)


def test_segments_of_one_name_are_told_apart_by_their_order(a_volume_node: Any) -> None:
    node = make_segmentation(a_volume_node, names=("a", "b"))
    for segment_id in ("a", "b"):
        node.GetSegmentation().GetSegment(segment_id).SetName("lesion")
    classes = (SegmentClass(4, "lesion", (1.0, 0.0, 0.0)), SegmentClass(9, "lesion", (0.0, 1.0, 0.0)))
    labels = np.array([0, 4, 9], np.uint16)[ALL]
    write_into(node, whole(a_volume_node, labels, classes=classes))
    assert segment_ids(node) == ["a", "b"]
    np.testing.assert_array_equal(segment_array(node, "a", a_volume_node), ALL == 1)
    np.testing.assert_array_equal(segment_array(node, "b", a_volume_node), ALL == 2)


def test_voxels_beyond_the_volume_stay(scene: Any) -> None:
    """The segmentation is larger than the volume: a part of a scan was segmented before."""
    volume = make_volume(make_image())
    large = make_volume(np.zeros((20, 30, 26), np.int16))
    origin = slicer.util.arrayFromVTKMatrix(_ijk_to_ras(volume)) @ np.array([-5, -4, -3, 1.0])
    large.SetOrigin(*origin[:3])
    labels = np.zeros((20, 30, 26), np.uint8)
    labels[:, 2:28, 2:24] = 1
    node = make_segmentation(large, labels, ("liver",))
    write_into(node, whole(volume, ALL, classes=CLASSES[:1]))
    expected = labels == 1
    expected[3:15, 4:24, 5:21] = ALL == 1
    np.testing.assert_array_equal(segment_array(node, "liver", large), expected)


def test_the_closed_surface_is_made_anew_only_if_it_was_shown(
    a_volume_node: Any, a_segmentation_node: Any
) -> None:
    segmentation = a_segmentation_node.GetSegmentation()
    write_into(a_segmentation_node, whole(a_volume_node, ALL))
    assert not segmentation.ContainsRepresentation(SURFACE)
    a_segmentation_node.CreateClosedSurfaceRepresentation()
    before = segmentation.GetSegment("liver").GetRepresentation(SURFACE).GetNumberOfPoints()
    write_into(a_segmentation_node, whole(a_volume_node, np.where(ALL == 1, 1, 0)))
    after = segmentation.GetSegment("liver").GetRepresentation(SURFACE)
    assert after is not None and before and after.GetNumberOfPoints()
    bounds = np.zeros(6)
    after.GetBounds(bounds)
    assert bounds[5] - bounds[4] > 20  # of all twelve slices of 3 mm
    a_segmentation_node.GetDisplayNode().SetVisibility3D(False)
    write_into(a_segmentation_node, whole(a_volume_node, ALL))
    assert not segmentation.ContainsRepresentation(SURFACE)


def test_surfaces_are_not_written_into(a_volume_node: Any, a_segmentation_node: Any) -> None:
    a_segmentation_node.CreateClosedSurfaceRepresentation()
    a_segmentation_node.GetSegmentation().SetSourceRepresentationName(SURFACE)
    with pytest.raises(InputError, match="kept as surfaces"):
        write_into(a_segmentation_node, whole(a_volume_node, ALL))


def test_undo_restores_everything(a_volume_node: Any, a_segmentation_node: Any) -> None:
    foreign = np.zeros(SHAPE, bool)
    foreign[:, 10:18, 1:12] = make_labels()[:, 10:18, 1:12] == 0
    a_segmentation_node.GetSegmentation().AddEmptySegment("vessel", "vessel", (0.0, 0.0, 1.0))
    put_segment(a_segmentation_node, "vessel", foreign, a_volume_node)
    before, undo = snapshot(a_segmentation_node), Undo()
    new = SegmentClass(3, "new", (1.0, 1.0, 1.0))
    with undo.step(a_segmentation_node):
        write_into(a_segmentation_node, whole(a_volume_node, ALL, classes=(*CLASSES, new)))
    assert snapshot(a_segmentation_node) != before
    assert undo.undo()
    assert snapshot(a_segmentation_node) == before
    assert not undo.undo()


def test_a_write_that_fails_is_taken_back(a_volume_node: Any, a_segmentation_node: Any) -> None:
    before, undo = snapshot(a_segmentation_node), Undo()
    with pytest.raises(MemoryError), undo.step(a_segmentation_node):
        write_into(a_segmentation_node, whole(a_volume_node, ALL))
        raise MemoryError
    assert snapshot(a_segmentation_node) == before
    assert not undo.undo()


def test_undo_does_not_take_later_edits_with_it(a_volume_node: Any, a_segmentation_node: Any) -> None:
    undo = Undo()
    with undo.step(a_segmentation_node):
        write_into(a_segmentation_node, whole(a_volume_node, ALL))
    put_segment(a_segmentation_node, "liver", ALL == 2, a_volume_node)
    edited = snapshot(a_segmentation_node)
    assert not undo.undo()
    assert snapshot(a_segmentation_node) == edited


def test_the_segment_editor_gets_the_state_once(
    a_segmentation_node: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = []

    class Editor:
        shown = a_segmentation_node

        def segmentationNode(self) -> Any:  # noqa: N802
            return self.shown

        def saveStateForUndo(self) -> None:  # noqa: N802
            saved.append(True)

    class Widget:
        editor = Editor()

    monkeypatch.setattr(slicer.modules, "SegmentEditorWidget", Widget(), raising=False)
    with Undo().step(a_segmentation_node):
        assert saved == [True]  # before the write
    Editor.shown = None
    with Undo().step(a_segmentation_node):
        assert saved == [True]


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    angle=st.floats(-3, 3),
    tilt=st.floats(-0.3, 0.3),
    spacing=st.tuples(*[st.floats(0.5, 3.0)] * 3),
    seed=st.integers(0, 2**32 - 1),
)
def test_segments_on_another_grid_get_the_nearest_label(
    mrml_scene: Any, angle: float, tilt: float, spacing: tuple[float, ...], seed: int
) -> None:
    """Voxel by voxel of the segmentation's own grid: in the region the label of the volume's voxel there."""
    rng = np.random.default_rng(seed)
    volume = make_volume(make_image(), turn(angle, 0.2))
    other = make_volume(make_image(), turn(angle, 0.2 + tilt) @ np.diag([*spacing, 1.0]))
    drawn = make_labels(tuple(range(12)))
    node = make_segmentation(other, drawn)
    labels, region = random_box(rng).astype(np.uint16), region_of(SHAPE, 0, range(3, 9), [SliceKey(2, 5)])
    write_into(node, Change(volume, labels, region, CLASSES))
    after = {name: segment_array(node, name, other) for name in ("liver", "spleen")}
    for point in rng.integers(0, SHAPE[::-1], (200, 3)):
        at = tuple(point[::-1])
        ijk = _place_in(volume, world_of(other, tuple(point)))
        if np.abs(np.abs(ijk - np.rint(ijk)) - 0.5).min() < 1e-6:
            continue  # half way between two voxels either of them is the nearest
        index = np.rint(ijk).astype(int)
        inside = tuple(index[::-1]) if ((index >= 0) & (index < SHAPE[::-1])).all() else None
        counts = inside is not None and region[inside]
        assert after["liver"][at] == (labels[inside] == 1 if counts else drawn[at] == 1)
        assert after["spleen"][at] == (labels[inside] == 2 if counts else drawn[at] == 2)
    slicer.mrmlScene.Clear(False)


def _place_in(volume: Any, position: NDArray[np.float64]) -> NDArray[np.float64]:
    """(i, j, k) of a position in a volume."""
    matrix = _ijk_to_ras(volume)
    matrix.Invert()
    return np.array(matrix.MultiplyPoint((*position, 1.0))[:3])


masks = st.integers(0, 2**32 - 1)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=masks,
    collapse=st.booleans(),
    angle=st.floats(-3, 3),
    parents=st.tuples(st.booleans(), st.booleans()),
    axis=st.integers(0, 2),
)
def test_any_segments_layers_and_transforms(
    mrml_scene: Any, seed: int, collapse: bool, angle: float, parents: tuple[bool, bool], axis: int
) -> None:
    """Random boxes as segments in random layers; a random result on random slices, some of them kept."""
    rng = np.random.default_rng(seed)
    volume = make_volume(make_image(), turn(angle, 0.2))
    names = ("liver", "spleen", "vessel", "bone")
    node = make_segmentation(volume, np.zeros(SHAPE, np.uint8), ())
    before = {str(name): random_box(rng) for name in rng.permutation(names)}
    for name, mask in before.items():
        node.GetSegmentation().AddEmptySegment(name, name)
        put_segment(node, name, mask, volume)
    if collapse:
        node.GetSegmentation().CollapseBinaryLabelmaps(False)
    parent = turn(0.3, angle)
    for each, under in zip((volume, node), parents, strict=True):
        if under:
            move(each, parent)
    stored = snapshot(node)
    labels = np.where(random_box(rng), 1, np.where(random_box(rng), 2, 0))
    slices = rng.choice(SHAPE[axis], rng.integers(1, SHAPE[axis]), replace=False)
    keep = [SliceKey(int(a), int(rng.integers(0, SHAPE[a]))) for a in rng.integers(0, 3, rng.integers(0, 3))]
    region = region_of(SHAPE, axis, slices, keep)
    write_into(node, Change(volume, labels, region, CLASSES))
    for name in ("vessel", "bone"):
        assert snapshot(node)[name] == stored[name]
    if parents[0] == parents[1]:  # the same grid: exact
        for each in (volume, node):  # Slicer's own reading loses voxels under turned transforms
            each.SetAndObserveTransformNodeID(None)
        for value, name in enumerate(("liver", "spleen"), start=1):
            expected = np.where(region, labels == value, before[name])
            np.testing.assert_array_equal(segment_array(node, name, volume), expected)
    slicer.mrmlScene.Clear(False)


def random_box(rng: np.random.Generator) -> NDArray[np.bool_]:
    mask = np.zeros(SHAPE, bool)
    start = [int(rng.integers(0, n - 1)) for n in SHAPE]
    stop = [int(rng.integers(a + 1, n + 1)) for a, n in zip(start, SHAPE, strict=True)]
    mask[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))] = True
    return mask


def _ijk_to_ras(node: Any) -> Any:
    matrix = slicer.util.vtkMatrixFromArray(np.eye(4))
    node.GetIJKToRASMatrix(matrix)
    return matrix
