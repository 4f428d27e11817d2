"""Results that fill slice by slice, their review, and the scene saved and opened again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer

from MVGCore.errors import InputError
from MVGCore.volume import SegmentClass, SliceKey
from MVGDesktop.headless import add_slice_view
from MVGLib.scene import Scene
from MVGLib.scene.segments import LABELS
from MVGLib.scene.voxels import array_of
from Testing.slicer.nodes import (
    SHAPE,
    make_image,
    make_labels,
    make_segmentation,
    make_volume,
    put_segment,
    segment_array,
    turn,
    world_of,
)

ALL = make_labels(tuple(range(12))).astype(np.uint16)
CLASSES = (
    SegmentClass(3, r"liver: größer \ | 1", (0.75, 0.25, 0.125), "Segmentation category~SCT^1^x~~"),
    SegmentClass(8, "spleen", (0.25, 0.5, 0.75)),
)
LABELS_3_8 = np.array([0, 3, 8], np.uint16)[ALL]


def node_ids(scene: Scene) -> set[str]:
    nodes = slicer.util.getNodesByClass("vtkMRMLNode")
    return {node.GetID() for node in nodes}


def filled(scene: Scene, volume_id: str, confidence: bool = True) -> Any:
    result = scene.start_segments(volume_id, 0, CLASSES, "result")
    for k in range(SHAPE[0]):
        result.put(k, LABELS_3_8[k], np.full(SHAPE[1:], k / 20, np.float32) if confidence else None)
    result.finish()
    return result


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("moved", [False, True])
def test_slices_become_segments(scene: Scene, a_transform_node: Any, axis: int, moved: bool) -> None:
    volume = make_volume(make_image(), turn(0.4, 0.3))
    if moved:
        volume.SetAndObserveTransformNodeID(a_transform_node.GetID())
    result = scene.start_segments(volume.GetID(), axis, CLASSES, "result")
    for index in range(SHAPE[axis]):
        result.put(index, LABELS_3_8.take(index, axis))
    result.finish()
    np.testing.assert_array_equal(scene.label_map(result.id, volume.GetID()).array, ALL)
    node = scene.nodes.get(result.id)
    assert node.GetTransformNodeID() == volume.GetTransformNodeID()
    reference = slicer.vtkSegmentationConverter.GetReferenceImageGeometryParameterName()
    assert node.GetSegmentation().GetConversionParameter(reference)
    assert node.GetNodeReferenceID("referenceImageGeometryRef") == volume.GetID()
    liver, spleen = scene.classes(result.id)
    assert (liver.name, liver.color, liver.terminology) == (
        CLASSES[0].name,
        CLASSES[0].color,
        CLASSES[0].terminology,
    )
    assert (spleen.name, spleen.color) == ("spleen", CLASSES[1].color)
    assert node.GetSegmentation().GetNumberOfLayers() == 1
    if not moved:
        np.testing.assert_array_equal(segment_array(node, _id_of(node, CLASSES[0].name), volume), ALL == 1)


def test_slices_can_be_put_again_and_after_an_editor_had_its_hands_in(
    scene: Scene, a_volume_node: Any
) -> None:
    result = filled(scene, a_volume_node.GetID())
    node = scene.nodes.get(result.id)
    put_segment(
        node, _id_of(node, CLASSES[0].name), ALL == 2, a_volume_node
    )  # over the spleen: a layer of its own
    assert node.GetSegmentation().GetNumberOfLayers() == 2
    result.put(4, np.where(ALL[4] == 2, 8, 0).astype(np.uint16))
    expected = np.where(ALL == 2, 2, 0)
    expected[4] = np.where(ALL[4] == 2, 2, 0)
    np.testing.assert_array_equal(scene.label_map(result.id, a_volume_node.GetID()).array, expected)
    assert node.GetSegmentation().GetNumberOfLayers() == 1


def test_a_second_run_fills_the_same_result(scene: Scene, a_volume_node: Any) -> None:
    first = filled(scene, a_volume_node.GetID())
    kidney = SegmentClass(5, "kidney", (0.0, 0.0, 1.0))
    again = scene.start_segments(a_volume_node.GetID(), 0, (*CLASSES, kidney), "result", onto=first.id)
    assert again.id == first.id and again.put_slices() == list(range(12))
    again.put(6, np.full(SHAPE[1:], 5, np.uint16))
    expected = ALL.copy()
    expected[6] = 3
    np.testing.assert_array_equal(scene.label_map(first.id, a_volume_node.GetID()).array, expected)
    other_axis = scene.start_segments(a_volume_node.GetID(), 2, CLASSES, "result", onto=first.id)
    assert other_axis.id != first.id
    gone = scene.start_segments(a_volume_node.GetID(), 0, CLASSES, "result", onto="vtkMRMLSegmentationNode77")
    assert gone.id not in (first.id, other_axis.id)


def test_what_does_not_fit_is_refused(scene: Scene, a_volume_node: Any) -> None:
    result = scene.start_segments(a_volume_node.GetID(), 0, CLASSES, "result")
    for index, pixels in ((12, ALL[0]), (-1, ALL[0]), (0, ALL[:, 0]), (0, np.full(SHAPE[1:], 4, np.uint16))):
        with pytest.raises(InputError, match="press Apply again"):
            result.put(index, pixels)
    with pytest.raises(InputError, match="press Apply again"):
        result.put(0, np.full(SHAPE[1:], 9, np.uint16))
    scene.mrml.RemoveNode(a_volume_node)
    with pytest.raises(InputError, match="load it again"):
        result.put(0, ALL[0])
    scene.mrml.RemoveNode(scene.nodes.get(result.id))
    with pytest.raises(InputError, match="removed from the scene"):
        result.put(0, ALL[0])
    result.discard()  # harmless


def test_discard_leaves_the_scene_as_it_was(scene: Scene, a_volume_node: Any, red_view: Any) -> None:
    composite = slicer.app.applicationLogic().GetSliceLogicByLayoutName("Red").GetSliceCompositeNode()
    other = make_volume(make_image(), name="other")
    composite.SetForegroundVolumeID(other.GetID())
    composite.SetForegroundOpacity(0.3)
    before = node_ids(scene)
    result = filled(scene, a_volume_node.GetID())
    result.show_confidence(True)
    assert composite.GetForegroundVolumeID() != other.GetID() and composite.GetForegroundOpacity() > 0.5
    result.discard()
    assert node_ids(scene) == before
    assert composite.GetForegroundVolumeID() == other.GetID()
    assert composite.GetForegroundOpacity() == pytest.approx(0.3)


def test_an_accepted_result_is_a_node_like_any_other(scene: Scene, a_volume_node: Any) -> None:
    before = node_ids(scene)
    result = filled(scene, a_volume_node.GetID())
    result.show(False)
    assert not scene.nodes.get(result.id).GetDisplayVisibility()
    result.accept()
    node = scene.nodes.get(result.id)
    assert node.GetDisplayVisibility()
    assert node_ids(scene) - before == {node.GetID(), node.GetDisplayNode().GetID()}
    assert not [name for name in node.GetAttributeNames() if name.startswith("MVG")]
    with pytest.raises(InputError, match="press Apply"):
        scene.open_result(result.id)
    np.testing.assert_array_equal(scene.label_map(result.id, a_volume_node.GetID()).array, ALL)


def test_accept_into_the_users_segments(scene: Scene, a_volume_node: Any, a_segmentation_node: Any) -> None:
    a_segmentation_node.GetSegmentation().GetSegment("liver").SetName(CLASSES[0].name)
    before = node_ids(scene)
    drawn = make_labels()
    own = a_segmentation_node.GetID()
    result = filled(scene, a_volume_node.GetID())
    result.accept(own, [SliceKey(0, 2), SliceKey(0, 5)])
    assert node_ids(scene) == before
    np.testing.assert_array_equal(scene.label_map(own, a_volume_node.GetID()).array, ALL)
    assert scene.undo_accept()
    np.testing.assert_array_equal(scene.label_map(own, a_volume_node.GetID()).array, drawn)
    assert not scene.undo_accept()


def test_only_slices_that_were_put_are_written(
    scene: Scene, a_volume_node: Any, a_segmentation_node: Any
) -> None:
    a_segmentation_node.GetSegmentation().GetSegment("liver").SetName(CLASSES[0].name)
    result = scene.start_segments(a_volume_node.GetID(), 0, CLASSES, "result")
    for k in (6, 7):
        result.put(k, LABELS_3_8[k])
    result.accept(a_segmentation_node.GetID())
    expected = make_labels()
    expected[[6, 7]] = ALL[[6, 7]]
    found = scene.label_map(a_segmentation_node.GetID(), a_volume_node.GetID()).array
    np.testing.assert_array_equal(found, expected)


def test_an_accept_that_fails_changes_nothing(
    scene: Scene, a_volume_node: Any, a_segmentation_node: Any
) -> None:
    result = filled(scene, a_volume_node.GetID())
    with pytest.raises(InputError, match="choose another one"):
        result.accept("vtkMRMLSegmentationNode55")
    a_segmentation_node.CreateClosedSurfaceRepresentation()
    a_segmentation_node.GetSegmentation().SetSourceRepresentationName("Closed surface")
    with pytest.raises(InputError, match="kept as surfaces"):
        result.accept(a_segmentation_node.GetID())
    assert scene.nodes.exists(result.id)
    np.testing.assert_array_equal(scene.label_map(result.id, a_volume_node.GetID()).array, ALL)


def test_confidence(scene: Scene, a_volume_node: Any, red_view: Any) -> None:
    result = filled(scene, a_volume_node.GetID())
    np.testing.assert_allclose(result.confidence(7), 0.35)
    node = scene.nodes.get(scene.nodes.get(result.id).GetNodeReferenceID("MVGConfidence"))
    assert node.GetHideFromEditors()
    np.testing.assert_allclose(world_of(node, (3, 4, 5)), world_of(a_volume_node, (3, 4, 5)))
    composite = slicer.app.applicationLogic().GetSliceLogicByLayoutName("Red").GetSliceCompositeNode()
    result.show_confidence(True)
    assert composite.GetForegroundVolumeID() == node.GetID()
    result.show_confidence(False)
    assert composite.GetForegroundVolumeID() is None
    plain = filled(scene, a_volume_node.GetID(), confidence=False)
    plain.show_confidence(True)
    assert plain.confidence(7) is None and composite.GetForegroundVolumeID() is None


def test_the_overlay_colours_what_is_unsure_and_nothing_else(scene: Scene, a_volume_node: Any) -> None:
    """Magenta where confidence is low, paler to clear where it is high: the pixels of the view."""
    logic = add_slice_view("Red")
    logic.GetSliceCompositeNode().SetBackgroundVolumeID(a_volume_node.GetID())
    view = logic.GetSliceNode()
    view.SetDimensions(SHAPE[2], SHAPE[1], 1)
    view.SetFieldOfView(SHAPE[2] * 0.7, SHAPE[1] * 0.9, 1.0)
    view.JumpSliceByCentering(*world_of(a_volume_node, (7.5, 9.5, 5)))
    before = pixels(logic)
    confidence = np.full(SHAPE[1:], 0.99, np.float32)
    confidence[:10, :8], confidence[:10, 8:] = 0.3, 0.8
    result = scene.start_segments(a_volume_node.GetID(), 0, CLASSES, "result")
    result.put(5, np.zeros(SHAPE[1:], np.uint16), confidence)
    result.show_confidence(True)
    after = pixels(logic)
    changed = (before != after).any(axis=-1)
    assert 0.4 < changed.mean() <= 0.5  # the view loses a row and a column at its border
    red, green, _blue, _alpha = np.moveaxis(after.astype(int), -1, 0)
    coloured = red - green  # grey pixels have none, magenta ones much
    strong = changed & (coloured > coloured[changed].max() / 2)
    weak = changed & (coloured > 10) & ~strong
    assert strong.mean() > 0.2 and weak.mean() > 0.15 and (coloured[changed] > 0).all()
    result.show_confidence(False)
    np.testing.assert_array_equal(pixels(logic), before)


def pixels(logic: Any) -> Any:
    """What a slice view shows of its volumes, (rows, columns, 4) uint8."""
    logic.UpdatePipeline()
    producer = logic.GetImageDataConnection().GetProducer()
    producer.Update()
    return array_of(producer.GetOutputDataObject(0))[0].copy()


def test_volume_results(scene: Scene, a_volume_node: Any, red_view: Any) -> None:
    composite = slicer.app.applicationLogic().GetSliceLogicByLayoutName("Red").GetSliceCompositeNode()
    composite.SetBackgroundVolumeID(a_volume_node.GetID())
    before = node_ids(scene)
    result = scene.start_volume(a_volume_node.GetID(), 0, "denoised")
    assert composite.GetBackgroundVolumeID() == result.id
    result.put(3, np.full(SHAPE[1:], 41.7, np.float32))
    result.finish()
    expected = make_image()
    expected[3] = 42
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(scene.nodes.get(result.id)), expected)
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(a_volume_node), make_image())
    result.show(False)
    assert composite.GetBackgroundVolumeID() == a_volume_node.GetID()
    result.show(True)
    result.discard()
    assert composite.GetBackgroundVolumeID() == a_volume_node.GetID() and node_ids(scene) == before
    kept = scene.start_volume(a_volume_node.GetID(), 0, "denoised")
    kept.accept()
    assert composite.GetBackgroundVolumeID() == kept.id
    scene.start_volume(a_volume_node.GetID(), 0, "denoised", onto=kept.id).discard()
    assert scene.nodes.exists(kept.id)  # accepted: a new run does not fill it again


def test_a_synthesised_volume_is_like_the_wanted_contrast(scene: Scene, a_volume_node: Any) -> None:
    target = make_volume(np.linspace(-1, 1, 60, dtype=np.float32).reshape(3, 4, 5), name="T2")
    target.GetDisplayNode().AutoWindowLevelOff()
    target.GetDisplayNode().SetWindowLevel(1.5, 0.25)
    result = scene.start_volume(a_volume_node.GetID(), 0, "T2 of CT", like=target.GetID())
    node = scene.nodes.get(result.id)
    array = slicer.util.arrayFromVolume(node)
    assert array.shape == SHAPE and array.dtype == np.float32 and (array == -1).all()
    assert node.GetDisplayNode().GetWindow() == 1.5
    np.testing.assert_allclose(world_of(node, (1, 2, 3)), world_of(a_volume_node, (1, 2, 3)))


@pytest.mark.parametrize("folder", ["plain", "mit Leerzeichen und größer"])
def test_a_saved_scene_brings_the_review_back(
    scene: Scene, a_volume_node: Any, tmp_path: Path, folder: str
) -> None:
    result = scene.start_segments(a_volume_node.GetID(), 0, CLASSES, "result")
    for k in (4, 5, 6, 9):
        result.put(k, LABELS_3_8[k], np.full(SHAPE[1:], 0.62, np.float32))
    image_result = scene.start_volume(a_volume_node.GetID(), 1, "denoised")  # both runs still go on
    image_result.put(2, np.full((12, 16), 77, np.int16))
    (tmp_path / folder).mkdir()
    path = tmp_path / folder / "scene größer.mrb"
    assert slicer.mrmlScene.WriteToMRB(str(path))
    ids = result.id, image_result.id, a_volume_node.GetID()
    slicer.mrmlScene.Clear(False)
    assert not any(map(scene.nodes.exists, ids))
    with pytest.raises(InputError):
        result.put(4, LABELS_3_8[4])
    assert slicer.mrmlScene.ReadFromMRB(str(path))
    opened = scene.open_result(ids[0])
    assert opened.put_slices() == [4, 5, 6, 9] and opened.axis == 0
    np.testing.assert_allclose(opened.confidence(5), 0.62, atol=0.01)
    assert opened.confidence(3) is None
    opened.put(2, LABELS_3_8[2])  # the file has the cropped image
    expected = np.zeros_like(ALL)
    expected[[2, 4, 5, 6, 9]] = ALL[[2, 4, 5, 6, 9]]
    np.testing.assert_array_equal(scene.label_map(ids[0], ids[2]).array, expected)
    opened_class = scene.classes(ids[0])[0]
    assert (opened_class.name, opened_class.terminology) == (CLASSES[0].name, CLASSES[0].terminology)
    opened_image = scene.open_result(ids[1])
    assert opened_image.put_slices() == [2]
    assert (slicer.util.arrayFromVolume(scene.nodes.get(ids[1]))[:, 2] == 77).all()
    add_slice_view("Red")
    opened.show_confidence(True)
    display = scene.nodes.get(scene.nodes.get(ids[0]).GetNodeReferenceID("MVGConfidence")).GetDisplayNode()
    color = [0.0] * 4
    assert display.GetColorNode().GetNumberOfColors() == 101 and display.GetColorNode().GetColor(30, color)
    assert color[0] > 2 * color[1] and display.GetApplyThreshold()
    before = node_ids(scene)
    opened.discard()
    opened_image.discard()
    assert node_ids(scene) < before and not scene.nodes.exists(ids[0]) and not scene.nodes.exists(ids[1])
    assert scene.nodes.exists(ids[2])


def test_imported_scenes_have_new_ids_and_keep_their_references(
    scene: Scene, a_volume_node: Any, tmp_path: Path
) -> None:
    """A scene is added to one that has nodes of the same ids: MRML renames them."""
    result = filled(scene, a_volume_node.GetID())
    path = tmp_path / "scene.mrb"
    assert slicer.mrmlScene.WriteToMRB(str(path))
    assert slicer.mrmlScene.ReadFromMRB(str(path), False)
    nodes = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    other = next(node for node in nodes if node.GetID() != result.id)
    opened = scene.open_result(other.GetID())
    result.discard()
    scene.mrml.RemoveNode(a_volume_node)
    opened.put(0, LABELS_3_8[0])
    np.testing.assert_allclose(opened.confidence(7), 0.35, atol=0.01)


def test_the_result_of_a_large_volume_is_written_slice_by_slice_in_place(
    scene: Scene, a_volume_node: Any
) -> None:
    """The image is neither copied nor looked through for a slice: what was got before is still the image."""
    result = filled(scene, a_volume_node.GetID())
    node = scene.nodes.get(result.id)
    image = node.GetSegmentation().GetSegment(_id_of(node, CLASSES[0].name)).GetRepresentation(LABELS)
    voxels = array_of(image)
    result.put(3, np.zeros(SHAPE[1:], np.uint16))
    same = node.GetSegmentation().GetSegment(_id_of(node, CLASSES[0].name)).GetRepresentation(LABELS)
    assert same is image and np.shares_memory(array_of(same), voxels) and not voxels[3].any()


def test_results_of_another_volume(scene: Scene, a_volume_node: Any) -> None:
    """Names are made unique, so that two results can wait side by side."""
    first = scene.start_segments(a_volume_node.GetID(), 0, CLASSES, "result")
    second = scene.start_segments(make_volume(make_image()).GetID(), 0, CLASSES, "result")
    assert scene.nodes.name(first.id) != scene.nodes.name(second.id)
    make_segmentation(a_volume_node)


def _id_of(node: Any, name: str) -> str:
    return node.GetSegmentation().GetSegmentIdBySegmentName(name)
