"""How reviews end: accepted, discarded, and taken back; a worker whose every step the test decides."""

from __future__ import annotations

import numpy as np
import pytest
import slicer

from MVGCore.volume import SliceKey
from Testing.slicer.nodes import (
    LABELLED,
    put_segment,
)
from Testing.slicer.panel.steps import finish, node_names, problem, segments_of, settle


def jump(scene, volume_node, index: int) -> None:
    scene.jump(volume_node.GetID(), SliceKey(0, index))


def test_discard_leaves_the_scene_as_it_was(ready, a_volume_node, a_segmentation_node):
    drawn, before = segments_of(a_segmentation_node, a_volume_node), node_names(slicer.mrmlScene)
    ready.runs.apply()
    finish(ready)
    assert node_names(slicer.mrmlScene) != before
    ready.reviews.discard()
    assert node_names(slicer.mrmlScene) == before
    after = segments_of(a_segmentation_node, a_volume_node)
    assert all(np.array_equal(after[name], drawn[name]) for name in drawn)
    assert ready.view().review is None and "accept" in ready.view().blocked


def test_accept_keeps_a_segmentation_of_its_own(ready, a_volume_node):
    ready.runs.apply()
    finish(ready)
    node = slicer.mrmlScene.GetNodeByID(ready.view().review.node_id)
    ready.reviews.accept()
    assert ready.view().review is None
    assert slicer.mrmlScene.IsNodePresent(node)
    assert segments_of(node, a_volume_node)["liver"].any(axis=(1, 2)).all()


def test_accept_into_the_users_segments_keeps_the_drawn_slices(
    ready, scene, a_volume_node, a_segmentation_node
):
    drawn = segments_of(a_segmentation_node, a_volume_node)
    ready.choices.set(into_own=True)
    ready.runs.apply()
    finish(ready)
    result_id = ready.view().review.node_id
    ready.reviews.accept()
    assert problem(ready) == ""
    assert not scene.nodes.exists(result_id)
    now = segments_of(a_segmentation_node, a_volume_node)
    assert set(now) == {"liver", "spleen"}
    for name, mask in drawn.items():
        assert np.array_equal(now[name][list(LABELLED)], mask[list(LABELLED)])
        assert now[name].any(axis=(1, 2)).all()


def test_a_second_accept_writes_over_the_first_but_not_over_what_was_drawn(
    ready, clock, scene, a_volume_node, a_segmentation_node
):
    ready.examples.remove(ready.view().examples[-1].key)  # drawn, but no example
    ready.choices.set(into_own=True)
    ready.runs.apply()
    finish(ready)
    ready.reviews.accept()
    first = segments_of(a_segmentation_node, a_volume_node)
    assert first["liver"].any(axis=(1, 2)).all()
    touched = first["liver"].copy()
    touched[7] = False
    touched[7, 1:3, 1:3] = True
    put_segment(a_segmentation_node, "liver", touched, a_volume_node)  # by hand, in a slice that MVG made
    example = ready.view().examples[0].slice.index
    touched[example] = False
    touched[example, 0:2, 0:2] = True
    put_segment(a_segmentation_node, "liver", touched, a_volume_node)
    settle(ready, clock)
    ready.runs.apply()
    finish(ready)
    ready.reviews.accept()
    assert problem(ready) == ""
    second = segments_of(a_segmentation_node, a_volume_node)["liver"]
    by_hand = [*LABELLED, 7]
    assert np.array_equal(second[by_hand], touched[by_hand])
    for index in (0, 1):  # nearest to the example that has changed
        assert np.array_equal(second[index], touched[example])
        assert not np.array_equal(second[index], first["liver"][index])


def test_generated_slices_are_no_examples_also_when_the_scene_was_reopened(
    ready, make_controller, worker, a_segmentation_node
):
    ready.choices.set(into_own=True)
    ready.runs.apply()
    finish(ready)
    ready.reviews.accept()
    for example in ready.view().examples:
        ready.examples.remove(example.key)
    ready.examples.add_all_labelled()
    assert [row.slice.index for row in ready.view().examples] == list(LABELLED)
    again = make_controller(worker)
    again.examples.add_all_labelled()
    assert [row.slice.index for row in again.view().examples] == list(LABELLED)


def lasting_nodes() -> list[str]:
    """Without what reading a segment by Slicer's means leaves behind."""
    passing = ("LabelMapVolume", "SubjectHierarchy")
    return [each for each in node_names(slicer.mrmlScene) if not any(name in each for name in passing)]


@pytest.mark.parametrize("how", ["accept", "into own", "discard"])
def test_accept_and_discard_are_undone_in_one_step(
    ready, worker, clock, scene, a_volume_node, a_segmentation_node, how
):
    untouched = lasting_nodes()
    drawn = segments_of(a_segmentation_node, a_volume_node)
    ready.choices.set(into_own=how == "into own")
    ready.runs.apply()
    finish(ready)
    node = slicer.mrmlScene.GetNodeByID(ready.view().review.node_id)
    jump(scene, a_volume_node, 7)
    mask = segments_of(node, a_volume_node)["liver"]
    mask[7] = False
    mask[7, 1:3, 1:3] = True
    put_segment(node, node.GetSegmentation().GetNthSegmentID(0), mask, a_volume_node)
    settle(ready, clock)
    before, nodes = ready.view(), lasting_nodes()
    masks, sure = segments_of(node, a_volume_node), scene.open_result(node.GetID()).confidence(8)
    assert len(before.examples) == 4
    for _again in range(2):
        ready.reviews.discard() if how == "discard" else ready.reviews.accept()
        assert ready.view().review is None
        ready.remedy()
        assert problem(ready) == ""
        assert lasting_nodes() == nodes
        now = ready.view()
        assert now.review == before.review and now.hint == before.hint
        assert [row.key for row in now.examples] == [row.key for row in before.examples]
        after = segments_of(slicer.mrmlScene.GetNodeByID(now.review.node_id), a_volume_node)
        assert all(np.array_equal(after[name], masks[name]) for name in masks)
        assert np.array_equal(scene.open_result(now.review.node_id).confidence(8), sure)
        own = segments_of(a_segmentation_node, a_volume_node)
        assert all(np.array_equal(own[name], drawn[name]) for name in drawn)
        settle(ready, clock)
        assert len(ready.view().examples) == 4  # nothing was taken for a correction
    ready.runs.apply()
    finish(ready)
    assert problem(ready) == "" and worker.asked[-1][0] == "segment"
    ready.reviews.discard()
    assert lasting_nodes() == untouched


@pytest.mark.parametrize("how", ["accept", "discard"])
def test_undo_of_a_volume_shows_it_again(controller, red_view, a_volume_node, how):
    composite = slicer.app.applicationLogic().GetSliceLogicByLayoutName("Red").GetSliceCompositeNode()
    composite.SetBackgroundVolumeID(a_volume_node.GetID())
    controller.choices.set_task("denoise")
    controller.runs.apply()
    finish(controller)
    review, nodes = controller.view().review, node_names(slicer.mrmlScene)
    getattr(controller.reviews, how)()
    controller.remedy()
    assert problem(controller) == "" and controller.view().review == review
    assert node_names(slicer.mrmlScene) == nodes
    assert composite.GetBackgroundVolumeID() == review.node_id
    image = slicer.util.arrayFromVolume(slicer.mrmlScene.GetNodeByID(review.node_id))
    assert np.array_equal(image, slicer.util.arrayFromVolume(a_volume_node) + 1)


def test_undo_says_when_it_is_too_late(ready, a_volume_node, a_segmentation_node):
    ready.choices.set(into_own=True)
    ready.runs.apply()
    finish(ready)
    ready.reviews.accept()
    mask = segments_of(a_segmentation_node, a_volume_node)["liver"]
    mask[0, 0, 0] = True
    put_segment(a_segmentation_node, "liver", mask, a_volume_node)
    ready.remedy()
    assert "edited since" in problem(ready) and ready.view().review is None
