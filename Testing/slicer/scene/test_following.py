"""Following the scene: fingerprints, observers, closing, sequences."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest
import slicer

from MVGCore.errors import InputError
from MVGCore.volume import SegmentClass, SliceKey
from MVGLib.scene import Scene
from MVGLib.scene.voxels import array_of, modified
from Testing.slicer.nodes import (
    SHAPE,
    bend,
    make_image,
    make_labels,
    make_segmentation,
    make_volume,
    put_segment,
    turn,
)


def edit_volume(volume: Any, _segmentation: Any, _transform: Any) -> None:
    slicer.util.arrayFromVolume(volume)[0, 0, 0] += 1
    slicer.util.arrayFromVolumeModified(volume)


def edit_geometry(volume: Any, _segmentation: Any, _transform: Any) -> None:
    volume.SetSpacing(1.0, 2.0, 3.0)


def replace_image(volume: Any, _segmentation: Any, _transform: Any) -> None:
    slicer.util.updateVolumeFromArray(volume, make_image())


def paint(volume: Any, segmentation: Any, _transform: Any) -> None:
    put_segment(segmentation, "liver", make_labels((3,)) == 1, volume)


def write_in_place(_volume: Any, segmentation: Any, _transform: Any) -> None:
    image = segmentation.GetSegmentation().GetSegment("liver").GetRepresentation("Binary labelmap")
    array_of(image)[0, 0, 0] = 2
    modified(image)


def rename_segment(_volume: Any, segmentation: Any, _transform: Any) -> None:
    segmentation.GetSegmentation().GetSegment("liver").SetName("hepar")


def recolour(_volume: Any, segmentation: Any, _transform: Any) -> None:
    segmentation.GetSegmentation().GetSegment("liver").SetColor(0.0, 0.0, 0.0)


def add_segment(_volume: Any, segmentation: Any, _transform: Any) -> None:
    segmentation.GetSegmentation().AddEmptySegment("new")


def remove_segment(_volume: Any, segmentation: Any, _transform: Any) -> None:
    segmentation.RemoveSegment("spleen")


def reorder(_volume: Any, segmentation: Any, _transform: Any) -> None:
    segmentation.GetSegmentation().SetSegmentIndex("spleen", 0)


def move_volume(volume: Any, _segmentation: Any, transform: Any) -> None:
    volume.SetAndObserveTransformNodeID(transform.GetID())


def move_segmentation(_volume: Any, segmentation: Any, transform: Any) -> None:
    segmentation.SetAndObserveTransformNodeID(transform.GetID())


VOLUME_EDITS = (edit_volume, replace_image, move_volume)
SEGMENT_EDITS = (
    paint,
    write_in_place,
    rename_segment,
    recolour,
    add_segment,
    remove_segment,
    reorder,
    move_segmentation,
)


@pytest.mark.parametrize("edit", (*VOLUME_EDITS, edit_geometry, *SEGMENT_EDITS))
def test_fingerprints_differ_after_an_edit(
    scene: Scene, a_volume_node: Any, a_segmentation_node: Any, a_transform_node: Any, edit: Any
) -> None:
    nodes = (a_volume_node, a_segmentation_node)
    before = [scene.nodes.fingerprint(node.GetID()) for node in nodes]
    edit(a_volume_node, a_segmentation_node, a_transform_node)
    changed = [a != scene.nodes.fingerprint(node.GetID()) for a, node in zip(before, nodes, strict=True)]
    of_volume = edit in (*VOLUME_EDITS, edit_geometry)
    assert changed == [of_volume, not of_volume]


def test_fingerprints_stay_when_only_the_display_changes(
    scene: Scene, a_volume_node: Any, a_segmentation_node: Any
) -> None:
    nodes = (a_volume_node, a_segmentation_node)
    before = [scene.nodes.fingerprint(node.GetID()) for node in nodes]
    a_volume_node.GetDisplayNode().SetWindowLevel(5.0, 6.0)
    a_segmentation_node.GetDisplayNode().SetOpacity(0.1)
    a_segmentation_node.SetDisplayVisibility(False)
    a_segmentation_node.CreateClosedSurfaceRepresentation()
    scene.label_map(a_segmentation_node.GetID(), a_volume_node.GetID())
    assert [scene.nodes.fingerprint(node.GetID()) for node in nodes] == before
    assert scene.nodes.fingerprint("") == scene.nodes.fingerprint("vtkMRMLScalarVolumeNode9") == ""


def test_fingerprints_follow_a_parents_transform(
    scene: Scene, a_volume_node: Any, a_transform_node: Any
) -> None:
    a_volume_node.SetAndObserveTransformNodeID(a_transform_node.GetID())
    before = scene.nodes.fingerprint(a_volume_node.GetID())
    a_transform_node.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(turn(0.1, 0.1)))
    assert scene.nodes.fingerprint(a_volume_node.GetID()) != before
    bend(a_volume_node)
    bent = scene.nodes.fingerprint(a_volume_node.GetID())
    assert bent and bent != before


@pytest.mark.parametrize("edit", VOLUME_EDITS)
def test_watching_a_volume(
    scene: Scene, a_volume_node: Any, a_segmentation_node: Any, a_transform_node: Any, edit: Any
) -> None:
    calls: list[str] = []
    token = scene.nodes.watch(a_volume_node.GetID(), content=lambda: calls.append("content"))
    a_volume_node.GetDisplayNode().SetWindowLevel(5.0, 6.0)
    a_volume_node.SetName("another")
    paint(a_volume_node, a_segmentation_node, None)
    assert not calls
    edit(a_volume_node, a_segmentation_node, a_transform_node)
    assert calls
    count = len(calls)
    scene.nodes.unwatch(token)
    scene.nodes.unwatch(token)
    edit_volume(a_volume_node, None, None)
    assert len(calls) == count


@pytest.mark.parametrize("edit", SEGMENT_EDITS)
def test_watching_a_segmentation(
    scene: Scene, a_volume_node: Any, a_segmentation_node: Any, a_transform_node: Any, edit: Any
) -> None:
    calls: list[str] = []
    scene.nodes.watch(a_segmentation_node.GetID(), content=lambda: calls.append("content"))
    a_segmentation_node.GetDisplayNode().SetOpacity(0.1)
    edit_volume(a_volume_node, None, None)
    assert not calls
    edit(a_volume_node, a_segmentation_node, a_transform_node)
    assert calls


def test_renamed_and_removed(scene: Scene, a_volume_node: Any) -> None:
    calls: list[str] = []
    scene.nodes.watch(
        a_volume_node.GetID(),
        renamed=lambda: calls.append("renamed"),
        removed=lambda: calls.append("removed"),
    )
    a_volume_node.SetDescription("anything")
    assert not calls
    a_volume_node.SetName("new")
    a_volume_node.SetName("new")
    scene.mrml.RemoveNode(make_volume(make_image()))
    assert calls == ["renamed"]
    scene.mrml.RemoveNode(a_volume_node)
    assert calls == ["renamed", "removed"]
    assert scene.nodes.watch(a_volume_node.GetID() or "", content=print) is None
    scene.nodes.unwatch(None)


def test_the_scene_is_closed_and_another_opened(scene: Scene, a_volume_node: Any, tmp_path: Any) -> None:
    calls: list[str] = []
    names = ("start_close", "end_close", "imported")
    scene.nodes.on_scene(**{name: lambda name=name: calls.append(name) for name in names})
    scene.nodes.watch(a_volume_node.GetID(), removed=lambda: calls.append("removed"))
    labels = np.ones((SHAPE[1], SHAPE[2]), np.uint16)
    scene.show_preview(
        a_volume_node.GetID(), SliceKey(0, 1), labels=labels, classes=[SegmentClass(1, "a", (1, 0, 0))]
    )
    path = tmp_path / "scene.mrb"
    assert slicer.mrmlScene.WriteToMRB(str(path))
    slicer.mrmlScene.Clear(False)
    assert calls[0] == "start_close" and calls[-1] == "end_close" and "removed" in calls
    calls.clear()
    assert slicer.mrmlScene.ReadFromMRB(str(path))
    assert calls[-1] == "imported"
    assert not slicer.util.getNodesByClass("vtkMRMLSegmentationNode")  # the preview was not saved


def test_nothing_is_called_after_detach(scene: Scene, a_volume_node: Any) -> None:
    calls: list[str] = []
    scene.nodes.watch(a_volume_node.GetID(), content=lambda: calls.append("content"))
    scene.nodes.on_scene(start_close=lambda: calls.append("close"))
    scene.detach()
    scene.detach()
    edit_volume(a_volume_node, None, None)
    slicer.mrmlScene.Clear(False)
    assert not calls


def test_an_error_in_a_callback_goes_to_the_log_and_others_are_called(
    scene: Scene, a_volume_node: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise RuntimeError("broken")

    calls: list[str] = []
    scene.nodes.watch(a_volume_node.GetID(), content=fail)
    scene.nodes.watch(a_volume_node.GetID(), content=lambda: calls.append("content"))
    with caplog.at_level(logging.ERROR):
        edit_volume(a_volume_node, None, None)
    assert calls and "broken" in caplog.text


def make_sequence(scene: Any, frames: int = 3) -> Any:
    """A volume that a sequence browser plays: frame n has the voxels n."""
    volume = make_volume(np.zeros(SHAPE, np.int16), name="4D")
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "4D")
    for number in range(frames):
        slicer.util.updateVolumeFromArray(volume, np.full(SHAPE, number, np.int16))
        sequence.SetDataNodeAtValue(volume, str(number * 10))
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "browser")
    browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    browser.AddProxyNode(volume, sequence, False)
    return volume


def test_frames_of_a_sequence(scene: Scene, a_volume_node: Any) -> None:
    assert (scene.frames(a_volume_node.GetID()), scene.frame(a_volume_node.GetID())) == (1, 0)
    scene.set_frame(a_volume_node.GetID(), 0)
    volume = make_sequence(scene.mrml)
    volume_id = volume.GetID()
    assert scene.frames(volume_id) == 3
    for number in (2, 0, 1):
        before = scene.nodes.fingerprint(volume_id)
        scene.set_frame(volume_id, number)
        assert scene.frame(volume_id) == number
        assert (scene.volume(volume_id).array == number).all()
        assert scene.nodes.fingerprint(volume_id) != before
    with pytest.raises(InputError, match="choose 0 to 2"):
        scene.set_frame(volume_id, 3)


def test_results_of_all_frames(scene: Scene) -> None:
    volume_id = make_sequence(scene.mrml).GetID()
    result = scene.start_segments(volume_id, 0, [SegmentClass(1, "liver", (1.0, 0.0, 0.0))], "result")
    for number in range(scene.frames(volume_id)):
        scene.set_frame(volume_id, number)
        for k in range(SHAPE[0]):
            result.put(k, np.full(SHAPE[1:], k == number, np.uint16))
        result.finish()
        scene.record_frame(volume_id, result.id)
    for number in (0, 2, 1):
        scene.set_frame(volume_id, number)
        labels = scene.label_map(result.id, volume_id).array
        assert labels[number].all() and not np.delete(labels, number, 0).any()
    make_segmentation(scene.nodes.get(volume_id))
