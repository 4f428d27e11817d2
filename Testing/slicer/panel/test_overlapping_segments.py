"""Segments that overlap in the panel: passes of one run, a result whose segments overlap, and its review."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import slicer
from numpy.typing import NDArray

from MVGCore.prompts import passes_of
from MVGCore.session.requests import SegmentVolume
from MVGCore.volume import SliceKey
from MVGLib.control.controller import Controller
from MVGLib.control.state import Phase
from MVGLib.scene import Scene
from Testing.slicer.nodes import LABELLED, SHAPE, make_labels, put_segment
from Testing.slicer.panel.fakes import FakeClock, FakeWorker
from Testing.slicer.panel.steps import finish, node_names, problem, segments_of, settle


def lesion() -> NDArray[np.bool_]:
    """Within the liver and partly beside it, on two of the labelled slices."""
    mask = np.zeros(SHAPE, bool)
    mask[list(LABELLED[:2]), 6:14, 4:8] = True
    return mask


@pytest.fixture
def layered(controller: Controller, a_volume_node: Any, a_segmentation_node: Any) -> Controller:
    """A controller whose examples have liver, spleen, and a lesion that overlaps the liver."""
    a_segmentation_node.GetSegmentation().AddEmptySegment("lesion", "lesion", (1.0, 1.0, 0.0))
    put_segment(a_segmentation_node, "lesion", lesion(), a_volume_node)
    controller.examples.add_all_labelled()
    assert len(controller.view().examples) == 3
    return controller


def result_node(controller: Controller) -> Any:
    review = controller.view().review
    assert review is not None
    return slicer.mrmlScene.GetNodeByID(review.node_id)


def test_the_worker_is_asked_what_the_command_line_asks(
    layered: Controller, worker: FakeWorker, scene: Scene, a_volume_node: Any, a_segmentation_node: Any
) -> None:
    layered.runs.apply()
    request = worker.request
    assert isinstance(request, SegmentVolume) and request.prompts is not None
    found = scene.layered(a_segmentation_node.GetID(), a_volume_node.GetID())
    expected = passes_of(scene.volume(a_volume_node.GetID()), found)
    for own, other in zip((request.prompts, *request.overlapping), expected, strict=True):
        assert own.classes == other.classes
        assert [each.fingerprint for each in own.prompts] == [each.fingerprint for each in other.prompts]
    assert "lesion" in dict(layered.view().examples[0].segments)


def test_the_result_overlaps_as_the_examples_do(
    layered: Controller, a_volume_node: Any, a_segmentation_node: Any
) -> None:
    drawn = segments_of(a_segmentation_node, a_volume_node)
    layered.runs.apply()
    fractions = []
    while layered.runner.busy:
        layered.runner.worker.step()  # type: ignore[attr-defined]
        layered.poll()
        progress = layered.view().progress
        fractions += [progress.fraction] if progress is not None else []
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    assert problem(layered) == ""
    node = result_node(layered)
    masks = segments_of(node, a_volume_node)
    assert node.GetSegmentation().GetNumberOfLayers() == 2
    for name, mask in drawn.items():
        assert np.array_equal(masks[name][list(LABELLED)], mask[list(LABELLED)])
    assert np.array_equal(masks["liver"][3], drawn["liver"][2])  # of the nearest example, whole
    assert np.array_equal(masks["lesion"][3], drawn["lesion"][2])
    assert (masks["liver"] & masks["lesion"]).any()
    review = layered.view().review
    assert review is not None and review.expected is not None
    assert review.expected.value == pytest.approx(0.86)  # the mean of both passes
    assert {each.value for each in review.slices.values()} == {0.8}  # the pass that is least sure


def test_the_confidence_is_that_of_the_pass_that_is_least_sure(layered: Controller, scene: Scene) -> None:
    layered.runs.apply()
    finish(layered)
    review = layered.view().review
    assert review is not None
    confidence = scene.open_result(review.node_id).confidence(3)
    assert confidence is not None and np.allclose(confidence, 0.8)
    layered.reviews.show_confidence(True)
    assert problem(layered) == "" and layered.view().review.overlay  # type: ignore[union-attr]


def test_accept_into_the_users_segments_and_back(
    layered: Controller, a_volume_node: Any, a_segmentation_node: Any
) -> None:
    drawn = segments_of(a_segmentation_node, a_volume_node)
    layered.choices.set(into_own=True)
    layered.runs.apply()
    finish(layered)
    made = segments_of(result_node(layered), a_volume_node)
    layered.reviews.accept()
    assert problem(layered) == ""
    now = segments_of(a_segmentation_node, a_volume_node)
    assert set(now) == {"liver", "spleen", "lesion"}
    inner = [index for index in range(SHAPE[0]) if index not in LABELLED]
    for name in ("liver", "spleen", "lesion"):
        assert np.array_equal(now[name][list(LABELLED)], drawn[name][list(LABELLED)])
    assert np.array_equal(now["lesion"][inner], made["lesion"][inner])
    assert (now["lesion"] & now["liver"])[inner].any()
    layered.remedy()
    back = segments_of(a_segmentation_node, a_volume_node)
    assert all(np.array_equal(back[name], drawn[name]) for name in drawn)
    again = segments_of(result_node(layered), a_volume_node)
    assert all(np.array_equal(again[name], made[name]) for name in made)


def test_a_correction_of_a_segment_that_another_one_covers_is_noticed_and_counts(
    layered: Controller, clock: FakeClock, worker: FakeWorker, a_volume_node: Any
) -> None:
    layered.runs.apply()
    finish(layered)
    settle(layered, clock)
    assert len(layered.view().examples) == 3  # what MVG wrote is no correction
    node = result_node(layered)
    masks = segments_of(node, a_volume_node)
    mended = masks["liver"].copy()
    mended[3, 7:9, 5:7] = False  # where the lesion lies over it
    put_segment(node, node.GetSegmentation().GetSegmentIdBySegmentName("liver"), mended, a_volume_node)
    settle(layered, clock)
    assert [each.slice.index for each in layered.view().examples][-1] == 3  # type: ignore[union-attr]
    layered.runs.apply()
    finish(layered)
    after = segments_of(result_node(layered), a_volume_node)
    assert np.array_equal(after["liver"][3], mended[3])
    assert np.array_equal(after["lesion"][3], masks["lesion"][3])
    settle(layered, clock)
    assert len(layered.view().examples) == 4


def test_a_run_that_is_stopped_between_passes_corrects_nothing_by_itself(
    layered: Controller, clock: FakeClock, worker: FakeWorker, a_volume_node: Any
) -> None:
    layered.runs.apply()
    finish(layered)
    first = segments_of(result_node(layered), a_volume_node)
    key = layered.view().examples[-1].key
    layered.examples.enable(key, False)
    layered.runs.apply()
    worker.step(7)  # some slices of the first pass
    for _round in range(10):
        layered.poll()
    layered.runs.cancel()
    finish(layered)
    settle(layered, clock)
    assert layered.view().phase is Phase.IDLE and len(layered.view().examples) == 3
    now = segments_of(result_node(layered), a_volume_node)
    assert np.array_equal(now["lesion"], first["lesion"])


def test_a_result_whose_passes_were_not_all_made_takes_nothing_from_the_users_segments(
    layered: Controller, worker: FakeWorker, a_volume_node: Any, a_segmentation_node: Any
) -> None:
    elsewhere = lesion()
    elsewhere[4] = elsewhere[2]  # drawn, but on no slice that is an example
    put_segment(a_segmentation_node, "lesion", elsewhere, a_volume_node)
    layered.choices.set(into_own=True)
    layered.runs.apply()
    worker.step(9)  # of the first pass only
    for _round in range(10):
        layered.poll()
    layered.runs.cancel()
    finish(layered)
    layered.reviews.accept()
    assert problem(layered) == ""
    now = segments_of(a_segmentation_node, a_volume_node)
    assert np.array_equal(now["lesion"], elsewhere)


def test_discard_leaves_the_scene_as_it_was(
    layered: Controller, a_volume_node: Any, a_segmentation_node: Any
) -> None:
    drawn, before = segments_of(a_segmentation_node, a_volume_node), node_names(slicer.mrmlScene)
    layered.runs.apply()
    finish(layered)
    layered.reviews.discard()
    assert node_names(slicer.mrmlScene) == before
    after = segments_of(a_segmentation_node, a_volume_node)
    assert all(np.array_equal(after[name], drawn[name]) for name in drawn)


def test_the_preview_shows_all_passes_and_goes_as_one(layered: Controller, a_volume_node: Any) -> None:
    before = node_names(slicer.mrmlScene)
    layered.scene.jump(a_volume_node.GetID(), SliceKey(0, 3))
    layered.previews.make()
    finish(layered)
    shown = [
        node.GetSegmentation().GetNthSegment(number).GetName()
        for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
        if node.GetName() == "MVG preview"
        for number in range(node.GetSegmentation().GetNumberOfSegments())
    ]
    assert sorted(shown) == ["lesion", "liver", "spleen"]
    layered.previews.hide()
    assert node_names(slicer.mrmlScene) == before


def test_a_begun_slice_is_completed_in_all_passes(
    layered: Controller, a_volume_node: Any, a_segmentation_node: Any
) -> None:
    scribble = lesion()
    scribble[3, 7, 5] = True
    put_segment(a_segmentation_node, "lesion", scribble, a_volume_node)
    layered.scene.jump(a_volume_node.GetID(), SliceKey(0, 3))
    layered.previews.complete()
    finish(layered)
    assert problem(layered) == ""
    now = segments_of(a_segmentation_node, a_volume_node)
    assert np.array_equal(now["lesion"][3], lesion()[2])
    assert np.array_equal(now["liver"][3], make_labels()[2] == 1)  # also below the lesion


def test_saved_examples_say_what_a_file_cannot_hold(layered: Controller, tmp_path: Any) -> None:
    layered.examples.save_prompts(str(tmp_path / "set.mvgprompts"))
    message = layered.view().message
    assert message is not None and "overlap" in message.text


def test_a_result_of_overlapping_segments_is_taken_up_from_a_saved_scene(
    layered: Controller, make_controller: Any, worker: FakeWorker, a_volume_node: Any, scene: Scene
) -> None:
    layered.runs.apply()
    finish(layered)
    made = segments_of(result_node(layered), a_volume_node)
    again = make_controller(worker)
    again.runs.apply()
    finish(again)
    assert problem(again) == "" and result_node(again) is not None
    now = segments_of(result_node(again), a_volume_node)
    assert all(np.array_equal(now[name], made[name]) for name in made)
    opened = scene.open_result(result_node(again).GetID())
    assert opened.put_slices(1) == list(range(SHAPE[0]))
