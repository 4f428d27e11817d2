"""Segmentation nodes as the core sees them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import slicer
import vtk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.prompts import PromptSet
from MVGCore.volume import SliceKey, labelled_slices
from MVGLib.scene import Scene
from MVGLib.scene.segments import LABELS, layers_of
from Testing.slicer.nodes import (
    LABELLED,
    SHAPE,
    bend,
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

shifts = st.integers(-3, 3)


def nearest_labels(node: Any, segment_id: str, volume: Any, points: NDArray[np.intp]) -> list[bool | None]:
    """Whether voxels (i, j, k) of a volume are in a segment, point by point with Slicer's own transforms.

    None half way between two voxels, where either of them is the nearest.
    """
    segment = node.GetSegmentation().GetSegment(segment_id)
    image = segment.GetRepresentation(LABELS)
    to_node = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(None, node.GetParentTransformNode(), to_node)
    to_image = vtk.vtkMatrix4x4()
    image.GetWorldToImageMatrix(to_image)
    extent = image.GetExtent()
    found = []
    for point in points:
        local = to_node.TransformPoint(world_of(volume, tuple(point)))
        place = np.array(to_image.MultiplyPoint((*local, 1.0))[:3])
        i, j, k = np.rint(place).astype(int).tolist()
        inside = extent[0] <= i <= extent[1] and extent[2] <= j <= extent[3] and extent[4] <= k <= extent[5]
        value = image.GetScalarComponentAsDouble(i, j, k, 0) if inside else 0
        half_way = np.abs(np.abs(place - np.rint(place)) - 0.5).min() < 1e-6
        found.append(None if half_way else inside and value == segment.GetLabelValue())
    return found


def test_classes_have_the_segments_names_colours_and_terminology(
    scene: Scene, a_segmentation_node: Any
) -> None:
    segment = a_segmentation_node.GetSegmentation().GetSegment("spleen")
    segment.SetName("Milz, größer")
    segment.SetTag(segment.GetTerminologyEntryTagName(), "Segmentation category~SCT^1^x~~")
    liver, spleen = scene.classes(a_segmentation_node.GetID())
    assert (liver.id, liver.name, spleen.id, spleen.name) == (1, "liver", 2, "Milz, größer")
    assert spleen.color == pytest.approx((0.1, 0.7, 0.3))
    assert spleen.terminology == "Segmentation category~SCT^1^x~~"
    a_segmentation_node.GetSegmentation().SetSegmentIndex("spleen", 0)
    assert [each.name for each in scene.classes(a_segmentation_node.GetID())] == ["Milz, größer", "liver"]


@pytest.mark.parametrize(
    "key", [SliceKey(0, 5), SliceKey(0, 6), SliceKey(1, 9), SliceKey(2, 3), SliceKey(2, 15)]
)
def test_labels_of_a_slice(scene: Scene, a_volume_node: Any, a_segmentation_node: Any, key: SliceKey) -> None:
    (labels,) = scene.slice_planes(a_segmentation_node.GetID(), a_volume_node.GetID(), key)
    assert labels.dtype == np.uint16
    np.testing.assert_array_equal(labels, make_labels().take(key.index, key.axis))


def test_the_whole_label_map(scene: Scene, a_volume_node: Any, a_segmentation_node: Any) -> None:
    labels = scene.label_map(a_segmentation_node.GetID(), a_volume_node.GetID())
    np.testing.assert_array_equal(labels.array, make_labels())
    assert labels.classes == scene.classes(a_segmentation_node.GetID())
    assert labels.geometry.is_close(scene.volume(a_volume_node.GetID()).geometry)


def test_adapters_and_core_make_the_same_prompts(
    scene: Scene, a_volume_node: Any, a_segmentation_node: Any
) -> None:
    volume = scene.volume(a_volume_node.GetID())
    labels = scene.label_map(a_segmentation_node.GetID(), a_volume_node.GetID())
    prompts = PromptSet.from_labelmap(volume, labels)
    keys = scene.labelled(a_segmentation_node.GetID(), a_volume_node.GetID())
    assert [SliceKey(each.axis, each.index) for each in prompts.prompts] == keys
    for prompt, key in zip(prompts.prompts, keys, strict=True):
        (own,) = scene.slice_planes(a_segmentation_node.GetID(), a_volume_node.GetID(), key)
        np.testing.assert_array_equal(prompt.labels, own)


def test_overlapping_segments_lie_in_layers(
    scene: Scene, a_volume_node: Any, a_segmentation_node: Any
) -> None:
    lesion = np.zeros(SHAPE, bool)
    lesion[5, 6:10, 4:11] = True
    a_segmentation_node.GetSegmentation().AddEmptySegment("lesion", "lesion", (1.0, 1.0, 0.0))
    put_segment(a_segmentation_node, "lesion", lesion, a_volume_node)
    assert a_segmentation_node.GetSegmentation().GetNumberOfLayers() == 2
    assert len(layers_of(a_segmentation_node)) == 2
    ids = a_segmentation_node.GetID(), a_volume_node.GetID()
    first, second = scene.slice_planes(*ids, SliceKey(0, 5))
    np.testing.assert_array_equal(first, make_labels()[5])
    np.testing.assert_array_equal(second, 3 * lesion[5])
    flat = make_labels()
    flat[lesion] = 3
    np.testing.assert_array_equal(scene.label_map(*ids).array, flat)  # the later one counts
    found = scene.layered(*ids)
    assert [(each.class_.name, each.layer) for each in found.segments] == [
        ("liver", 0),
        ("spleen", 0),
        ("lesion", 1),
    ]
    np.testing.assert_array_equal(found.layers[0], make_labels())
    np.testing.assert_array_equal(found.layers[1], 3 * lesion)


@pytest.mark.parametrize("oblique", [False, True])
@pytest.mark.parametrize("shared", [False, True])
def test_parent_transforms(scene: Scene, a_transform_node: Any, oblique: bool, shared: bool) -> None:
    volume = make_volume(make_image(), turn(0.4, 0.3) if oblique else None)
    node = make_segmentation(volume)
    volume.SetAndObserveTransformNodeID(a_transform_node.GetID())
    if shared:
        node.SetAndObserveTransformNodeID(a_transform_node.GetID())
    labels = scene.label_map(node.GetID(), volume.GetID()).array
    if shared:
        np.testing.assert_array_equal(labels, make_labels())
        assert scene.labelled(node.GetID(), volume.GetID()) == [SliceKey(0, k) for k in LABELLED]
    points = np.random.default_rng(1).integers(0, SHAPE[::-1], (200, 3))
    for value, segment_id in enumerate(("liver", "spleen"), start=1):
        for (i, j, k), inside in zip(points, nearest_labels(node, segment_id, volume, points), strict=True):
            assert inside in (None, labels[k, j, i] == value)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shift=st.tuples(shifts, shifts, shifts), angle=st.floats(-3, 3))
def test_whole_voxels_apart_is_exact_on_any_grid(
    scene: Scene, shift: tuple[int, int, int], angle: float
) -> None:
    direction = turn(angle, angle / 3)
    volume = make_volume(make_image(), direction)
    node = make_segmentation(volume)
    parent = np.eye(4)
    parent[:3, 3] = direction[:3, :3] @ (np.array(shift) * (0.7, 0.9, 3.0))
    move(node, parent)  # the segmentation is shifted by whole voxels (i, j, k) in the world
    expected = np.zeros_like(make_labels())
    i, j, k = shift
    moved = np.roll(make_labels(), (k, j, i), (0, 1, 2))
    inside = tuple(slice(max(0, s), n + min(0, s)) for s, n in zip((k, j, i), SHAPE, strict=True))
    expected[inside] = moved[inside]
    np.testing.assert_array_equal(scene.label_map(node.GetID(), volume.GetID()).array, expected)
    keys = [SliceKey(0, each + k) for each in LABELLED if 0 <= each + k < SHAPE[0]]
    assert scene.labelled(node.GetID(), volume.GetID(), 0) == keys
    slicer.mrmlScene.Clear(False)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    angles=st.tuples(*[st.floats(-3, 3)] * 4),
    shift=st.tuples(*[st.floats(-4, 4)] * 3),
    spacing=st.tuples(*[st.floats(0.5, 4)] * 3),
)
def test_labels_of_any_other_grid_are_the_nearest(
    scene: Scene, angles: tuple[float, ...], shift: tuple[float, ...], spacing: tuple[float, ...]
) -> None:
    volume = make_volume(make_image(), turn(angles[0], angles[1]))
    other = make_volume(make_image(), turn(angles[0], angles[1] + 0.1 * angles[2]) @ np.diag([*spacing, 1.0]))
    node = make_segmentation(other, make_labels(tuple(range(1, 11))))
    parent = turn(0.05 * angles[3], 0.0)
    parent[:3, 3] = shift
    move(node, parent)
    labels = scene.label_map(node.GetID(), volume.GetID()).array
    points = np.random.default_rng(2).integers(0, SHAPE[::-1], (60, 3))
    for value, segment_id in enumerate(("liver", "spleen"), start=1):
        for (i, j, k), inside in zip(points, nearest_labels(node, segment_id, volume, points), strict=True):
            assert inside in (None, labels[k, j, i] == value)
    for key in scene.labelled(node.GetID(), volume.GetID()):
        assert labels.take(key.index, key.axis).any()
    slicer.mrmlScene.Clear(False)


def test_a_mirrored_grid_with_other_axes_is_exact(scene: Scene, mrml_scene: Any) -> None:
    """The same voxels stored in another order, as other programs save them."""
    volume = make_volume(make_image())
    matrix = slicer.util.arrayFromVTKMatrix(_ijk_to_ras(volume))
    swapped = make_labels().transpose(2, 0, 1)[:, ::-1]  # array axes i, -k, j
    other = make_volume(np.zeros(swapped.shape, np.int16))
    columns = np.stack([matrix[:, 1], -matrix[:, 2], matrix[:, 0], matrix[:, 3] + 11 * matrix[:, 2]], axis=1)
    other.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(columns))
    node = make_segmentation(other, swapped)
    np.testing.assert_array_equal(scene.label_map(node.GetID(), volume.GetID()).array, make_labels())
    assert scene.labelled(node.GetID(), volume.GetID()) == [SliceKey(0, k) for k in LABELLED]


def test_single_slices_across_two_axes_are_found(scene: Scene, a_volume_node: Any) -> None:
    labels = np.zeros(SHAPE, np.uint8)
    labels[3, 4:12, 2:8] = 1
    labels[8, 4:12, 2:8] = 1
    labels[:, :, 12] = 1
    node = make_segmentation(a_volume_node, labels, ("liver",))
    found = scene.labelled(node.GetID(), a_volume_node.GetID())
    assert set(found) == {SliceKey(0, 3), SliceKey(0, 8), SliceKey(2, 12)}
    assert found == labelled_slices(scene.label_map(node.GetID(), a_volume_node.GetID()))
    assert scene.labelled(node.GetID(), a_volume_node.GetID(), 2)[0].axis == 2


def test_nothing_is_labelled(scene: Scene, a_volume_node: Any) -> None:
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "empty")
    ids = node.GetID(), a_volume_node.GetID()
    assert scene.labelled(*ids) == [] and scene.classes(node.GetID()) == ()
    node.GetSegmentation().AddEmptySegment("liver")
    assert scene.labelled(*ids) == []
    assert not np.stack(scene.slice_planes(*ids, SliceKey(0, 3))).any()
    assert not scene.label_map(*ids).array.any()


def test_labels_outside_the_volume(scene: Scene, a_volume_node: Any, a_segmentation_node: Any) -> None:
    far = np.eye(4)
    far[:3, 3] = 500
    move(a_segmentation_node, far)
    ids = a_segmentation_node.GetID(), a_volume_node.GetID()
    assert scene.labelled(*ids) == [] and not scene.label_map(*ids).array.any()


def test_segments_kept_as_surfaces_are_read_and_stay_surfaces(
    scene: Scene, a_volume_node: Any, a_segmentation_node: Any
) -> None:
    put_segment(a_segmentation_node, "liver", make_labels(tuple(range(2, 9))) == 1, a_volume_node)
    a_segmentation_node.RemoveSegment("spleen")
    a_segmentation_node.CreateClosedSurfaceRepresentation()
    segmentation = a_segmentation_node.GetSegmentation()
    segmentation.SetSourceRepresentationName("Closed surface")
    segmentation.RemoveRepresentation(LABELS)
    assert not segmentation.ContainsRepresentation(LABELS)
    labels = scene.label_map(a_segmentation_node.GetID(), a_volume_node.GetID()).array > 0
    drawn = make_labels(tuple(range(2, 9))) == 1
    overlap = 2 * (labels & drawn).sum() / (labels.sum() + drawn.sum())
    assert overlap > 0.85  # a smoothed surface
    assert not segmentation.ContainsRepresentation(LABELS)


def test_impossible_slices_and_transforms_are_refused(
    scene: Scene, a_volume_node: Any, a_segmentation_node: Any
) -> None:
    ids = a_segmentation_node.GetID(), a_volume_node.GetID()
    for index in (-1, 12):
        with pytest.raises(InputError, match="choose 0 to 11"):
            scene.slice_planes(*ids, SliceKey(0, index))
    bend(a_segmentation_node)
    with pytest.raises(InputError, match="harden the transform"):
        scene.labelled(*ids)
    with pytest.raises(InputError, match="choose another one"):
        scene.classes("vtkMRMLSegmentationNode7")


def test_slicer_itself_reads_the_same(scene: Scene, a_volume_node: Any, a_segmentation_node: Any) -> None:
    labels = scene.label_map(a_segmentation_node.GetID(), a_volume_node.GetID()).array
    for value, segment_id in enumerate(("liver", "spleen"), start=1):
        np.testing.assert_array_equal(
            labels == value, segment_array(a_segmentation_node, segment_id, a_volume_node)
        )


def _ijk_to_ras(node: Any) -> Any:
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return matrix
