"""An existing segmentation to be corrected, and a range of intensities: from the scene to the worker."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import slicer

from MVGCore.prompts import IntensityRange
from MVGCore.session.requests import PreviewSlice, SegmentVolume
from MVGCore.volume import SliceKey
from MVGLib.control.parameters import Parameters
from MVGLib.control.runsettings import PanelTask
from Testing.slicer.nodes import make_labels, put_segment
from Testing.slicer.panel.steps import finish, problem, segments_of


@pytest.fixture
def draft(a_volume_node: Any) -> Any:
    """A segmentation of the whole volume: the liver on every slice, and a kidney that no example shows."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Total")
    node.SetReferenceImageGeometryParameterFromVolumeNode(a_volume_node)
    labels = make_labels(tuple(range(12)))
    kidney = np.zeros_like(labels)
    kidney[:, :3, :2] = 1
    for name, mask in (("kidney", kidney), ("liver", labels == 1)):
        put_segment(node, node.GetSegmentation().AddEmptySegment("", name), mask, a_volume_node)
    return node


def test_the_draft_reaches_the_worker_with_the_numbers_of_the_examples(
    ready, worker, draft, scene, a_volume_node
):
    ready.choices.set_draft(draft.GetID())
    assert ready.view().draft_id == draft.GetID()
    ready.runs.apply()
    request = worker.request
    assert isinstance(request, SegmentVolume) and request.draft is not None
    numbers = {each.name: each.id for each in request.prompts.classes}
    names = {each.id: each.name for each in request.draft.classes}
    assert names[numbers["liver"]] == "liver" and "kidney" in names.values()
    assert (request.draft.array[:, 4:7, 3:5] == numbers["liver"]).all()
    finish(ready)
    scene.jump(a_volume_node.GetID(), SliceKey(0, 3))
    ready.previews.make()
    assert isinstance(worker.request, PreviewSlice)
    np.testing.assert_array_equal(worker.request.draft.array, request.draft.array)


def test_the_result_has_segments_for_the_classes_of_the_draft(ready, draft, a_volume_node):
    ready.choices.set_draft(draft.GetID())
    ready.runs.apply()
    finish(ready)
    result = slicer.mrmlScene.GetNodeByID(ready.view().review.node_id)
    assert {"liver", "kidney"} <= set(segments_of(result, a_volume_node))


def test_no_draft_is_asked_for_without_one(ready, worker, draft):
    ready.choices.set_draft(draft.GetID())
    ready.choices.set_draft("")
    ready.runs.apply()
    assert worker.request.draft is None and worker.request.ranges == ()


def test_the_segmentation_of_the_examples_cannot_be_the_draft(ready, worker, a_segmentation_node):
    ready.choices.set_draft(a_segmentation_node.GetID())
    ready.runs.apply()
    assert "nothing tells where it is wrong" in problem(ready)
    assert not isinstance(worker.request, SegmentVolume)


def test_an_empty_draft_is_refused(ready, a_volume_node):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Empty")
    node.SetReferenceImageGeometryParameterFromVolumeNode(a_volume_node)
    ready.choices.set_draft(node.GetID())
    ready.runs.apply()
    assert "The draft is empty on this volume" in problem(ready)


def test_a_draft_that_is_removed_is_not_chosen_any_more(ready, worker, draft):
    ready.choices.set_draft(draft.GetID())
    slicer.mrmlScene.RemoveNode(draft)
    assert ready.view().draft_id == ""
    ready.runs.apply()
    assert worker.request.draft is None


def test_another_draft_or_range_makes_the_result_one_of_before(ready, draft):
    ready.runs.apply()
    finish(ready)
    fresh = ready.view().hint
    ready.choices.set_draft(draft.GetID())
    changed = ready.view().hint
    assert changed != fresh
    ready.choices.set_draft("")
    assert ready.view().hint == fresh
    ready.choices.set(intensities=True)
    assert ready.view().hint == changed


def test_a_range_of_intensities_begins_as_that_of_the_volume(ready, worker, a_volume_node):
    array = slicer.util.arrayFromVolume(a_volume_node)
    ready.choices.set(intensities=True)
    settings = ready.view().settings
    assert (settings.low, settings.high) == (array.min(), array.max())
    ready.choices.set(low=20.5)
    ready.runs.apply()
    assert worker.request.ranges == (IntensityRange(20.5, float(array.max())),)
    finish(ready)
    ready.choices.set(intensities=False)
    ready.choices.set(intensities=True)
    assert ready.view().settings.low == 20.5


def test_ends_that_are_swapped_are_refused(ready, worker):
    ready.choices.set(intensities=True, low=9.0, high=3.0)
    ready.runs.apply()
    assert "give the lower end first" in problem(ready)


def test_both_are_kept_with_the_scene(ready, make_controller, worker, draft, scene):
    ready.choices.set_draft(draft.GetID())
    ready.choices.set(intensities=True, low=1.0, high=2.0)
    other = make_controller(worker, parameters=lambda: Parameters.of_scene(scene.mrml))
    view = other.view()
    assert view.draft_id == draft.GetID()
    assert (view.settings.intensities, view.settings.low, view.settings.high) == (True, 1.0, 2.0)


def test_other_tasks_know_of_neither(ready, worker, draft):
    ready.choices.set_draft(draft.GetID())
    ready.choices.set(intensities=True)
    ready.choices.set_task(PanelTask.DENOISE)
    ready.runs.apply()
    assert not hasattr(worker.request, "draft")
