"""Results in 3-D, and other people's segments where a result is accepted over them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import slicer

from MVGCore.errors import InputError
from MVGCore.volume import SegmentClass
from MVGLib.scene import Scene
from MVGLib.scene.segments import SURFACE, filled_by_others
from Testing.slicer.nodes import (
    SHAPE,
    make_image,
    make_labels,
    make_segmentation,
    make_volume,
    segment_array,
    turn,
)

ALL = make_labels(tuple(range(SHAPE[0]))).astype(np.uint16)
LIVER = SegmentClass(1, "liver", (0.9, 0.2, 0.1))


def result_of(scene: Scene, volume_id: str, labels: np.ndarray) -> Any:
    result = scene.start_segments(volume_id, 0, (LIVER,), "result")
    for index in range(SHAPE[0]):
        result.put(index, labels[index])
    result.finish()
    return result


def has_surface(scene: Scene, node_id: str) -> bool:
    return bool(scene.nodes.get(node_id).GetSegmentation().ContainsRepresentation(SURFACE))


def test_a_result_is_shown_in_3d_and_no_longer(scene: Scene, a_volume_node: Any) -> None:
    result = result_of(scene, a_volume_node.GetID(), (ALL == 1).astype(np.uint16))
    assert not scene.shows_surface(result.id)
    scene.show_surface(result.id, True)
    assert scene.shows_surface(result.id) and has_surface(scene, result.id)
    scene.show_surface(result.id, False)
    assert not scene.shows_surface(result.id) and not has_surface(scene, result.id)


def test_the_surface_follows_the_next_run(scene: Scene, a_volume_node: Any) -> None:
    result = result_of(scene, a_volume_node.GetID(), (ALL == 1).astype(np.uint16))
    scene.show_surface(result.id, True)
    surface = scene.nodes.get(result.id).GetSegmentation().GetNthSegment(0).GetRepresentation(SURFACE)
    before = surface.GetBounds()
    for index in range(SHAPE[0]):
        result.put(index, np.flip(ALL[index] == 1, axis=1).astype(np.uint16))
    assert scene.shows_surface(result.id)  # if only when the run has ended
    result.finish()
    surface = scene.nodes.get(result.id).GetSegmentation().GetNthSegment(0).GetRepresentation(SURFACE)
    assert surface.GetNumberOfPoints() and surface.GetBounds() != before


def test_only_segmentations_have_a_surface(scene: Scene, a_volume_node: Any) -> None:
    assert not scene.shows_surface(a_volume_node.GetID()) and not scene.shows_surface("")
    with pytest.raises(InputError):
        scene.show_surface(a_volume_node.GetID(), True)


@pytest.mark.parametrize("protect", [False, True])
def test_a_protected_segment_is_not_written_over(scene: Scene, protect: bool) -> None:
    volume = make_volume(make_image(), turn(0.3, 0.2))
    own = make_segmentation(volume)
    spleen = segment_array(own, "spleen", volume)
    everywhere = np.ones(SHAPE, np.uint16)
    result_of(scene, volume.GetID(), everywhere).accept(own.GetID(), protect=protect)
    liver = segment_array(own, "liver", volume)
    np.testing.assert_array_equal(segment_array(own, "spleen", volume), spleen)
    np.testing.assert_array_equal(liver, ~spleen if protect else np.ones(SHAPE, bool))


def test_what_others_fill_is_found_on_any_grid(scene: Scene, a_transform_node: Any) -> None:
    volume = make_volume(make_image())
    own = make_segmentation(volume, ALL)
    for node in (volume, own):
        node.SetAndObserveTransformNodeID(a_transform_node.GetID())
    np.testing.assert_array_equal(filled_by_others(own, volume, ["liver"]), ALL == 2)
    assert not filled_by_others(own, volume, ["liver", "spleen"]).any()


def test_the_editor_draws_outside_of_all_segments_while_they_are_protected(scene: Scene) -> None:
    editor = scene.mrml.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
    before = editor.GetMaskMode()
    scene.protect_segments(True)
    assert editor.GetMaskMode() == slicer.vtkMRMLSegmentationNode.EditAllowedOutsideAllSegments
    scene.protect_segments(False)
    assert editor.GetMaskMode() == before == slicer.vtkMRMLSegmentationNode.EditAllowedEverywhere
