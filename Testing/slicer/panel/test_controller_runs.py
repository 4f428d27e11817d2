"""The controller's runs and reviews on the real scene, with a worker whose every step the test decides."""

from __future__ import annotations

import numpy as np
import pytest
import slicer

from MVGCore.volume import SliceKey
from MVGLib.control.runsettings import PanelTask
from MVGLib.control.state import Phase
from Testing.slicer.nodes import (
    LABELLED,
    make_labels,
    put_segment,
)
from Testing.slicer.panel.steps import finish, node_names, problem, segments_of, settle


def jump(scene, volume_node, index: int) -> None:
    scene.jump(volume_node.GetID(), SliceKey(0, index))


def test_the_result_fills_slice_by_slice_and_keeps_the_drawn_ones(
    ready, worker, a_volume_node, a_segmentation_node
):
    drawn = segments_of(a_segmentation_node, a_volume_node)
    ready.runs.apply()
    worker.step(5)  # what was given, a slice, and how far that is
    ready.poll()
    ready.poll()
    view = ready.view()
    assert view.phase is Phase.RUNNING and view.review is not None and 0 < view.progress.fraction < 1
    result = slicer.mrmlScene.GetNodeByID(view.review.node_id)
    filled = segments_of(result, a_volume_node)["liver"].any(axis=(1, 2))
    assert 0 < filled.sum() < len(filled)
    finish(ready)
    masks = segments_of(result, a_volume_node)
    assert masks["liver"].any(axis=(1, 2)).all()
    for name, mask in drawn.items():
        assert np.array_equal(masks[name][list(LABELLED)], mask[list(LABELLED)])
        assert np.array_equal(segments_of(a_segmentation_node, a_volume_node)[name], mask)


def test_the_review_has_dice_confidence_and_the_next_slice(ready, scene, a_volume_node):
    ready.runs.apply()
    finish(ready)
    review = ready.view().review
    assert review.expected.text == "0.91 ± 0.03"
    assert set(review.slices) == set(range(12)) - set(LABELLED)
    assert review.known == LABELLED and review.plane == "axial"
    ready.reviews.go_next()
    assert scene.slice_in_view(a_volume_node.GetID()) == SliceKey(0, review.next_slice)
    ready.reviews.go_to(3)
    assert scene.slice_in_view(a_volume_node.GetID()) == SliceKey(0, 3)


def test_a_run_that_is_cancelled_at_once_changes_nothing(ready, worker):
    before = node_names(slicer.mrmlScene)
    ready.runs.apply()
    ready.poll()
    ready.runs.cancel()
    assert ready.view().phase is Phase.CANCELLING
    ready.poll()
    assert node_names(slicer.mrmlScene) == before
    assert ready.view().phase is Phase.IDLE and ready.view().review is None
    assert "Stopped" in ready.view().message.text


@pytest.mark.parametrize("end", ["accept", "discard", "apply"])
def test_finished_slices_are_kept_when_a_run_is_cancelled(ready, worker, a_volume_node, end):
    ready.runs.apply()
    worker.step(3 + 2 * 2)  # those that were drawn, and two slices with how far it is
    ready.poll()
    ready.runs.cancel()
    ready.poll()
    view = ready.view()
    assert view.phase is Phase.IDLE and len(view.review.slices) == 2
    assert view.message.text.startswith("Stopped. Computed slices are kept (2)")
    assert "computed: 2" in view.review.notes[0]
    node = slicer.mrmlScene.GetNodeByID(view.review.node_id)
    filled = [int(index) for index in np.flatnonzero(segments_of(node, a_volume_node)["liver"].any((1, 2)))]
    assert set(filled) >= {*LABELLED, *view.review.slices}
    {"accept": ready.reviews.accept, "discard": ready.reviews.discard, "apply": ready.runs.apply}[end]()
    finish(ready)
    assert problem(ready) == ""
    if end == "discard":
        assert slicer.mrmlScene.GetNodeByID(view.review.node_id) is None
    elif end == "apply":
        assert ready.view().review.node_id == view.review.node_id and len(ready.view().review.slices) == 9


def test_a_crash_says_so_and_the_next_run_works(ready, worker):
    before = node_names(slicer.mrmlScene)
    ready.runs.apply()
    worker.step(4)
    ready.poll()
    worker.fail("The worker ended unexpectedly; press Apply again.")
    ready.poll()
    assert problem(ready).startswith("The worker ended unexpectedly")
    assert "Computed slices are kept (1)" in problem(ready)
    ready.runs.apply()
    finish(ready)
    assert ready.view().review is not None
    ready.reviews.discard()
    assert node_names(slicer.mrmlScene) == before


def test_a_corrected_slice_is_an_example_of_the_next_run_of_all_slices(
    ready, worker, clock, scene, a_volume_node, a_segmentation_node
):
    ready.runs.apply()
    finish(ready)
    result = slicer.mrmlScene.GetNodeByID(ready.view().review.node_id)
    jump(scene, a_volume_node, 7)
    mask = segments_of(result, a_volume_node)["liver"]
    mask[7, 4:6] = False
    put_segment(result, result.GetSegmentation().GetSegmentIdBySegmentName("liver"), mask, a_volume_node)
    settle(ready, clock)
    assert [row.place for row in ready.view().examples][-1] == "axial 7"
    assert "Axial 7 was corrected" in ready.view().message.text
    assert "have changed" in ready.view().hint
    ready.runs.apply()
    finish(ready)
    assert worker.asked[-1] == ("segment", None)  # what can be kept the core knows
    assert slicer.mrmlScene.GetNodeByID(ready.view().review.node_id) is result
    assert np.array_equal(segments_of(result, a_volume_node)["liver"][7], mask[7])
    assert ready.view().review.known == (2, 5, 7, 9)


def test_a_slice_across_another_axis_is_an_example_of_the_same_run(
    ready, worker, red_view, scene, a_volume_node, a_segmentation_node
):
    ready.runs.apply()
    finish(ready)
    liver = make_labels() == 1
    liver[1:11, 5, 2:8] = True  # the whole coronal slice, not the lines alone where axial ones cross it
    put_segment(a_segmentation_node, "liver", liver, a_volume_node)
    red_view.SetOrientation("Coronal")
    scene.jump(a_volume_node.GetID(), SliceKey(1, 5))  # index 5 is also that of an axial example
    ready.examples.add_current_slice()
    assert problem(ready) == ""
    assert "have changed" in ready.view().hint
    ready.runs.apply()
    finish(ready)
    assert sorted((each.axis, each.index) for each in worker.prompts.prompts) == [
        (0, 2),
        (0, 5),
        (0, 9),
        (1, 5),
    ]
    assert worker.asked[-1] == ("segment", None)
    assert ready.view().review.known == (2, 5, 9)


def correct(node, index: int, volume) -> np.ndarray:
    """Draw a slice of a segmentation anew, as a user does; gives the slice."""
    mask = segments_of(node, volume)["liver"]
    mask[index] = False
    mask[index, 1:3, 1:3] = True
    put_segment(node, node.GetSegmentation().GetSegmentIdBySegmentName("liver"), mask, volume)
    return mask[index]


@pytest.mark.parametrize("index", [7, 5])  # empty in the segmentation of the user, and drawn there
def test_a_slice_corrected_on_the_result_and_added_counts_as_corrected(
    ready, worker, clock, scene, a_volume_node, a_segmentation_node, index
):
    """Correct on the result, press A, Apply: of one slice, what was drawn last is the example."""
    ready.runs.apply()
    finish(ready)
    result = slicer.mrmlScene.GetNodeByID(ready.view().review.node_id)
    jump(scene, a_volume_node, index)
    drawn = correct(result, index, a_volume_node)
    settle(ready, clock)
    ready.examples.add_current_slice()
    assert problem(ready) == ""
    ready.runs.apply()
    finish(ready)
    (sent,) = [each for each in worker.prompts.prompts if (each.axis, each.index) == (0, index)]
    assert np.array_equal(sent.labels == 1, drawn)
    assert np.array_equal(segments_of(result, a_volume_node)["liver"][index], drawn)
    # What the user draws after that in the other segmentation counts again, and again what was there before.
    correct(a_segmentation_node, index, a_volume_node)
    mask = segments_of(a_segmentation_node, a_volume_node)["liver"]
    mask[index, 9:11, 2:4] = True
    put_segment(a_segmentation_node, "liver", mask, a_volume_node)
    settle(ready, clock)
    ready.examples.add_current_slice()
    ready.runs.apply()
    finish(ready)
    (sent,) = [each for each in worker.prompts.prompts if (each.axis, each.index) == (0, index)]
    assert np.array_equal(sent.labels == 1, mask[index])


def test_an_empty_slice_is_no_example_by_itself(ready, scene, a_volume_node):
    jump(scene, a_volume_node, 3)
    ready.examples.add_current_slice()
    assert "Nothing is drawn" in problem(ready) and len(ready.view().examples) == 3


def test_what_mvg_writes_is_no_correction(ready, clock):
    ready.runs.apply()
    finish(ready)
    for before in (True, False):
        ready.reviews.compare(before)
    ready.reviews.show_confidence(True)
    ready.reviews.show_confidence(False)
    settle(ready, clock)
    assert len(ready.view().examples) == 3


def test_before_and_after(ready, scene):
    ready.runs.apply()
    finish(ready)
    node = slicer.mrmlScene.GetNodeByID(ready.view().review.node_id)
    assert node.GetDisplayVisibility()
    ready.reviews.toggle_compare()
    assert not node.GetDisplayVisibility() and not ready.view().review.visible
    ready.reviews.toggle_compare()
    assert node.GetDisplayVisibility() and ready.view().review.visible


def test_a_preview_leaves_no_trace(ready, worker, scene, a_volume_node):
    before = node_names(slicer.mrmlScene)
    jump(scene, a_volume_node, 3)
    ready.previews.make()
    assert ready.view().phase is Phase.PREVIEWING
    finish(ready)
    assert worker.asked[-1] == ("preview", 3)
    assert ready.view().preview == SliceKey(0, 3)
    assert node_names(slicer.mrmlScene) != before
    ready.escape()
    assert ready.view().preview is None
    assert node_names(slicer.mrmlScene) == before


def test_a_preview_in_a_view_of_another_orientation_says_where_to_point(
    ready, red_view, scene, a_volume_node
):
    red_view.SetOrientation("Coronal")
    scene.jump(a_volume_node.GetID(), SliceKey(1, 10))
    ready.previews.make()
    assert "axial" in problem(ready) and "coronal" in problem(ready)
    assert ready.view().phase is Phase.IDLE


def test_actions_that_cannot_be_done_say_why(make_controller, worker):
    controller = make_controller(worker)
    for action in (
        controller.runs.apply,
        controller.previews.make,
        controller.examples.add_current_slice,
        controller.reviews.accept,
        controller.reviews.discard,
        controller.reviews.go_next,
        controller.reviews.toggle_compare,
        controller.runs.cancel,
    ):
        action()
        assert problem(controller).endswith("."), action.__name__
        assert controller.view().phase is Phase.IDLE


def test_a_second_run_while_one_goes_on_is_refused(ready, worker):
    ready.runs.apply()
    ready.runs.apply()
    assert "going on" in problem(ready)
    assert [name for name, *_ in worker.asked].count("segment") == 1


def test_adaptation_is_part_of_the_run_and_of_its_notes(ready, worker):
    ready.choices.set(adapt=True, adapt_seconds=7)
    ready.runs.apply()
    finish(ready)
    assert ("adapt", 7.0) in worker.asked
    assert any("Adapted" in note for note in ready.view().review.notes)


def test_a_range_of_slices(ready, worker):
    ready.choices.set(limited=True)
    assert (ready.view().settings.first, ready.view().settings.last) == (0, 11)
    ready.choices.set(first=3, last=7)
    ready.runs.apply()
    finish(ready)
    assert worker.asked[-1] == ("segment", (3, 7))
    assert set(ready.view().review.slices) == {3, 4, 6, 7}


def test_after_a_range_the_next_run_makes_all_slices(
    ready, worker, clock, a_volume_node, a_segmentation_node
):
    ready.choices.set(limited=True, first=4, last=6)
    ready.runs.apply()
    finish(ready)
    ready.choices.set(limited=False)
    labels = make_labels()
    labels[5, 4:6] = 0
    put_segment(a_segmentation_node, "liver", labels == 1, a_volume_node)
    settle(ready, clock)
    ready.runs.apply()
    finish(ready)
    assert worker.asked[-1] == ("segment", None)


def test_image_tasks_make_a_volume_that_can_be_discarded(controller, worker, scene, a_volume_node):
    before = node_names(slicer.mrmlScene)
    controller.choices.set_task("denoise")
    assert "No examples needed" in controller.view().examples_note
    controller.runs.apply()
    finish(controller)
    review = controller.view().review
    assert review.task is PanelTask.DENOISE and review.notes == ("A note.",)
    node = slicer.mrmlScene.GetNodeByID(review.node_id)
    image = slicer.util.arrayFromVolume(a_volume_node)
    assert np.array_equal(slicer.util.arrayFromVolume(node), image + 1)
    controller.reviews.discard()
    assert node_names(slicer.mrmlScene) == before


def test_inpainting_needs_something_to_fill(controller, worker, a_volume_node, a_segmentation_node):
    controller.choices.set_task("inpaint")
    controller.choices.set_mask("")
    assert "apply" in controller.view().blocked
    controller.choices.set_mask(a_segmentation_node.GetID())
    controller.runs.apply()
    finish(controller)
    assert problem(controller) == ""
    assert worker.asked[-1][0] == "inpaint"


def test_a_task_with_another_result_waits_for_the_review(ready):
    ready.runs.apply()
    finish(ready)
    ready.choices.set_task("denoise")
    assert "accept or discard" in ready.view().blocked["apply"]
    ready.reviews.discard()
    assert "apply" not in ready.view().blocked


def test_a_slice_that_is_begun_is_completed_into_the_users_segments(
    ready, worker, scene, a_volume_node, a_segmentation_node
):
    before = segments_of(a_segmentation_node, a_volume_node)
    dot = np.zeros((1, *before["liver"].shape[1:]), np.uint16)
    dot[0, 10:12, 10:12] = 1
    classes = scene.classes(a_segmentation_node.GetID())
    place = SliceKey(0, 3)
    scene.fill_slice(a_segmentation_node.GetID(), a_volume_node.GetID(), place, [(dot[0], classes)])
    drawn = segments_of(a_segmentation_node, a_volume_node)
    assert drawn["liver"][3].sum() == 4
    scene.jump(a_volume_node.GetID(), place)
    ready.previews.complete()
    finish(ready)
    assert problem(ready) == ""
    after = segments_of(a_segmentation_node, a_volume_node)
    assert (after["liver"][3] >= drawn["liver"][3]).all()
    assert np.array_equal(after["spleen"][3], before["spleen"][2] & ~drawn["liver"][3])
    for name in after:
        others = np.delete(np.arange(12), 3)
        assert np.array_equal(after[name][others], before[name][others])
