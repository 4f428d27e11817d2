"""The controller on Slicer's real scene, with a worker whose every step the test decides."""

from __future__ import annotations

import numpy as np
import slicer

from MVGCore.volume import SliceKey
from MVGLib.state import Level, Phase, Remedy, Task
from Testing.slicer.nodes import (
    LABELLED,
    make_image,
    make_labels,
    make_segmentation,
    make_volume,
    put_segment,
)
from Testing.slicer.panel.steps import finish, node_names, problem, segments_of, settle


def make_sequence(frames: int):
    """A volume that a sequence browser plays, and the browser; frames differ."""
    volume = make_volume(make_image(), name="4D")
    sequence = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "4D")
    for number in range(frames):
        slicer.util.updateVolumeFromArray(volume, make_image() + np.int16(number))
        sequence.SetDataNodeAtValue(volume, str(number))
    browser = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "browser")
    browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    browser.AddProxyNode(volume, sequence, False)
    return volume, browser


def jump(scene, volume_node, index: int) -> None:
    scene.jump(volume_node.GetID(), SliceKey(0, index))


def test_the_hint_leads_from_the_volume_to_apply(make_controller, worker, a_segmentation_node, a_volume_node):
    controller = make_controller(worker)
    assert "volume" in controller.view().hint
    controller.set_volume(a_volume_node.GetID())
    assert "segmentation" in controller.view().hint
    controller.set_partner(a_segmentation_node.GetID())
    assert "Label" in controller.view().hint
    controller.add_all_labelled()
    assert controller.view().hint.startswith("Press Apply")
    controller.apply()
    assert "scroll" in controller.view().hint
    finish(controller)
    assert "Look through" in controller.view().hint


def test_the_slice_in_view_becomes_an_example_with_its_segments(controller, scene, a_volume_node):
    jump(scene, a_volume_node, 5)
    controller.add_current_slice()
    (row,) = controller.view().examples
    assert row.place == "axial 5"
    assert [name for name, _color in row.segments] == ["liver", "spleen"]
    assert row.thumbnail.any()
    controller.add_current_slice()
    assert len(controller.view().examples) == 1


def test_all_labelled_slices_are_added_at_once(ready):
    assert [row.place for row in ready.view().examples] == [f"axial {index}" for index in LABELLED]
    assert "3 slices" in ready.view().message.text


def test_an_example_can_be_switched_off_shown_and_removed(ready, scene, a_volume_node):
    first, second, third = (row.key for row in ready.view().examples)
    ready.enable(first, False)
    assert [row.enabled for row in ready.view().examples] == [False, True, True]
    ready.jump(third)
    assert scene.slice_in_view(a_volume_node.GetID()) == SliceKey(0, 9)
    ready.remove(second)
    assert [row.key for row in ready.view().examples] == [first, third]


def test_an_example_follows_the_edit_of_its_slice(ready, clock, a_volume_node, a_segmentation_node):
    before = {row.key: row for row in ready.view().examples}
    labels = make_labels()
    labels[5, 4:12, 2:8] = 0
    put_segment(a_segmentation_node, "liver", labels == 1, a_volume_node)
    settle(ready, clock)
    after = {row.key: row for row in ready.view().examples}
    edited = [key for key in before if before[key].version != after[key].version]
    assert [after[key].place for key in edited] == ["axial 5"]
    assert [name for name, _color in after[edited[0]].segments] == ["spleen"]


def test_a_renamed_segment_has_its_new_name_in_the_list(ready, clock, a_segmentation_node):
    a_segmentation_node.GetSegmentation().GetSegment("liver").SetName("hepar")
    settle(ready, clock)
    assert "hepar" in [name for name, _color in ready.view().examples[0].segments]


def test_the_result_fills_slice_by_slice_and_keeps_the_drawn_ones(
    ready, worker, a_volume_node, a_segmentation_node
):
    drawn = segments_of(a_segmentation_node, a_volume_node)
    ready.apply()
    worker.step(2)
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
    ready.apply()
    finish(ready)
    review = ready.view().review
    assert review.expected.text == "0.91 ± 0.03"
    assert set(review.slices) == set(range(12)) - set(LABELLED)
    assert review.known == LABELLED and review.plane == "axial"
    ready.go_next()
    assert scene.slice_in_view(a_volume_node.GetID()) == SliceKey(0, review.next_slice)
    ready.go_to(3)
    assert scene.slice_in_view(a_volume_node.GetID()) == SliceKey(0, 3)


def test_discard_leaves_the_scene_as_it_was(ready, a_volume_node, a_segmentation_node):
    drawn, before = segments_of(a_segmentation_node, a_volume_node), node_names(slicer.mrmlScene)
    ready.apply()
    finish(ready)
    assert node_names(slicer.mrmlScene) != before
    ready.discard()
    assert node_names(slicer.mrmlScene) == before
    after = segments_of(a_segmentation_node, a_volume_node)
    assert all(np.array_equal(after[name], drawn[name]) for name in drawn)
    assert ready.view().review is None and "accept" in ready.view().blocked


def test_accept_keeps_a_segmentation_of_its_own(ready, a_volume_node):
    ready.apply()
    finish(ready)
    node = slicer.mrmlScene.GetNodeByID(ready.view().review.node_id)
    ready.accept()
    assert ready.view().review is None
    assert slicer.mrmlScene.IsNodePresent(node)
    assert segments_of(node, a_volume_node)["liver"].any(axis=(1, 2)).all()


def test_accept_into_the_users_segments_keeps_the_drawn_slices(
    ready, scene, a_volume_node, a_segmentation_node
):
    drawn = segments_of(a_segmentation_node, a_volume_node)
    ready.set(into_own=True)
    ready.apply()
    finish(ready)
    result_id = ready.view().review.node_id
    ready.accept()
    assert problem(ready) == ""
    assert not scene.exists(result_id)
    now = segments_of(a_segmentation_node, a_volume_node)
    assert set(now) == {"liver", "spleen"}
    for name, mask in drawn.items():
        assert np.array_equal(now[name][list(LABELLED)], mask[list(LABELLED)])
        assert now[name].any(axis=(1, 2)).all()


def test_a_cancelled_run_changes_nothing(ready, worker):
    before = node_names(slicer.mrmlScene)
    ready.apply()
    worker.step(4)
    ready.poll()
    ready.cancel()
    assert ready.view().phase is Phase.CANCELLING
    ready.poll()
    assert node_names(slicer.mrmlScene) == before
    assert ready.view().phase is Phase.IDLE and ready.view().review is None
    assert "Stopped" in ready.view().message.text


def test_a_crash_says_so_and_the_next_run_works(ready, worker):
    before = node_names(slicer.mrmlScene)
    ready.apply()
    worker.step(4)
    ready.poll()
    worker.fail("The worker ended unexpectedly; press Apply again.")
    ready.poll()
    assert problem(ready).startswith("The worker ended unexpectedly")
    assert node_names(slicer.mrmlScene) == before
    ready.apply()
    finish(ready)
    assert ready.view().review is not None


def test_a_corrected_slice_is_an_example_and_only_its_neighbours_are_made_anew(
    ready, worker, clock, scene, a_volume_node, a_segmentation_node
):
    ready.apply()
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
    ready.apply()
    finish(ready)
    assert worker.asked[-1] == ("propagate", (5, 9))
    assert slicer.mrmlScene.GetNodeByID(ready.view().review.node_id) is result
    assert np.array_equal(segments_of(result, a_volume_node)["liver"][7], mask[7])
    assert ready.view().review.known == (2, 5, 7, 9)


def test_what_mvg_writes_is_no_correction(ready, clock):
    ready.apply()
    finish(ready)
    for before in (True, False):
        ready.compare(before)
    ready.show_confidence(True)
    ready.show_confidence(False)
    settle(ready, clock)
    assert len(ready.view().examples) == 3


def test_before_and_after(ready, scene):
    ready.apply()
    finish(ready)
    node = slicer.mrmlScene.GetNodeByID(ready.view().review.node_id)
    assert node.GetDisplayVisibility()
    ready.toggle_compare()
    assert not node.GetDisplayVisibility() and not ready.view().review.shown
    ready.toggle_compare()
    assert node.GetDisplayVisibility() and ready.view().review.shown


def test_a_preview_leaves_no_trace(ready, worker, scene, a_volume_node):
    before = node_names(slicer.mrmlScene)
    jump(scene, a_volume_node, 3)
    ready.preview()
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
    ready.preview()
    assert "axial" in problem(ready) and "coronal" in problem(ready)
    assert ready.view().phase is Phase.IDLE


def test_actions_that_cannot_be_done_say_why(make_controller, worker):
    controller = make_controller(worker)
    for action in (
        "apply",
        "preview",
        "add_current_slice",
        "accept",
        "discard",
        "go_next",
        "toggle_compare",
        "cancel",
    ):
        getattr(controller, action)()
        assert problem(controller).endswith("."), action
        assert controller.view().phase is Phase.IDLE


def test_a_second_run_while_one_goes_on_is_refused(ready, worker):
    ready.apply()
    ready.apply()
    assert "going on" in problem(ready)
    assert [name for name, *_ in worker.asked].count("propagate") == 1


def test_adaptation_is_part_of_the_run_and_of_its_notes(ready, worker):
    ready.set(adapt=True, adapt_seconds=7)
    ready.apply()
    finish(ready)
    assert ("adapt", 7.0) in worker.asked
    assert any("Adapted" in note for note in ready.view().review.notes)


def test_a_range_of_slices(ready, worker):
    ready.set(limited=True)
    assert (ready.view().settings.first, ready.view().settings.last) == (0, 11)
    ready.set(first=3, last=7)
    ready.apply()
    finish(ready)
    assert worker.asked[-1] == ("propagate", (3, 7))
    assert set(ready.view().review.slices) == {3, 4, 6, 7}


def test_closing_the_scene_stops_the_run(ready, worker):
    ready.apply()
    worker.step(4)
    ready.poll()
    slicer.mrmlScene.Clear(False)
    assert not ready.runner.busy
    worker.finish()
    ready.poll()
    view = ready.view()
    assert view.phase is Phase.IDLE and view.volume_id == "" and view.examples == () and view.review is None
    assert node_names(slicer.mrmlScene).count("vtkMRMLSegmentationNode1") == 0


def test_removing_the_volume_stops_the_run(ready, worker, a_volume_node):
    ready.apply()
    worker.step(4)
    ready.poll()
    slicer.mrmlScene.RemoveNode(a_volume_node)
    assert not ready.runner.busy and ready.view().volume_id == "" and ready.view().examples == ()
    assert "removed" in ready.view().message.text


def test_removing_the_result_in_mid_run_stops_the_run(ready, worker):
    ready.apply()
    worker.step(4)
    for _poll in range(4):
        ready.poll()
    slicer.mrmlScene.RemoveNode(slicer.mrmlScene.GetNodeByID(ready.view().review.node_id))
    assert not ready.runner.busy and ready.view().review is None
    assert "removed" in ready.view().message.text
    ready.apply()
    finish(ready)
    assert ready.view().review is not None and problem(ready) == ""


def test_after_a_range_the_next_run_makes_all_slices(
    ready, worker, clock, a_volume_node, a_segmentation_node
):
    ready.set(limited=True, first=4, last=6)
    ready.apply()
    finish(ready)
    ready.set(limited=False)
    labels = make_labels()
    labels[5, 4:6] = 0
    put_segment(a_segmentation_node, "liver", labels == 1, a_volume_node)
    settle(ready, clock)
    ready.apply()
    finish(ready)
    assert worker.asked[-1] == ("propagate", None)


def test_what_the_scene_cannot_take_ends_the_run_with_a_sentence(ready, worker, monkeypatch):
    from MVGCore.errors import InputError

    ready.apply()
    worker.step(4)
    ready.poll()

    def refuse(*_arguments):
        raise InputError("There is no room in the scene; remove something.")

    monkeypatch.setattr(ready.reviewer, "put", refuse)
    worker.finish()
    for _poll in range(5):
        ready.poll()
    assert problem(ready).startswith("There is no room")
    assert ready.view().phase is Phase.IDLE and ready.view().review is None


def test_adding_data_to_the_scene_changes_nothing_in_the_panel(ready, clock, tmp_path, mrml_scene):
    ready.apply()
    finish(ready)
    before, trace = ready.view(), ready.trace
    other = make_volume(make_image(), name="added")
    mrml_scene.RemoveNode(other)
    mrml_scene.InvokeEvent(mrml_scene.StartImportEvent)
    mrml_scene.InvokeEvent(mrml_scene.EndImportEvent)
    assert ready.trace is trace and ready.view().review == before.review


def test_removing_the_result_ends_the_review(ready):
    ready.apply()
    finish(ready)
    slicer.mrmlScene.RemoveNode(slicer.mrmlScene.GetNodeByID(ready.view().review.node_id))
    assert ready.view().review is None and "accept" in ready.view().blocked


def test_examples_of_another_patient_have_their_source_and_no_jump(ready, worker):
    other = make_volume(np.random.default_rng(5).normal(0, 5, (12, 20, 16)).astype(np.int16), name="other")
    labels = make_segmentation(other, names=("spleen", "liver"))
    ready.add_from(other.GetID(), labels.GetID())
    rows = ready.view().examples
    assert len(rows) == 6
    assert [row.source for row in rows] == ["", "", "", "other", "other", "other"]
    assert [row.can_jump for row in rows] == 3 * [True] + 3 * [False]
    ready.apply()
    finish(ready)
    names = {each.id: each.name for each in worker.prompts.classes}
    foreign = worker.prompts.prompts[-1]
    assert names[int(foreign.labels[5, 3])] == "spleen"  # segment 1 of the other patient
    assert ready.view().review.known == LABELLED


def test_prompt_files_go_there_and_back(ready, tmp_path):
    path = tmp_path / "Beispiele größer.mvgprompts"
    ready.save_prompts(str(path))
    assert path.exists()
    for row in ready.view().examples:
        ready.remove(row.key)
    ready.load_prompts(str(path))
    rows = ready.view().examples
    assert [row.place for row in rows] == [f"axial {index}" for index in LABELLED]
    assert [name for name, _color in rows[0].segments] == ["liver", "spleen"]
    ready.load_prompts(str(tmp_path / "missing.mvgprompts"))
    assert problem(ready)


def test_image_tasks_make_a_volume_that_can_be_discarded(controller, worker, scene, a_volume_node):
    before = node_names(slicer.mrmlScene)
    controller.set_task("denoise")
    assert "No examples needed" in controller.view().examples_note
    controller.apply()
    finish(controller)
    review = controller.view().review
    assert review.task is Task.DENOISE and review.notes == ("A note.",)
    node = slicer.mrmlScene.GetNodeByID(review.node_id)
    image = slicer.util.arrayFromVolume(a_volume_node)
    assert np.array_equal(slicer.util.arrayFromVolume(node), image + 1)
    controller.discard()
    assert node_names(slicer.mrmlScene) == before


def test_inpainting_needs_something_to_fill(controller, worker, a_volume_node, a_segmentation_node):
    controller.set_task("inpaint")
    assert "apply" in controller.view().blocked
    controller.set_mask(a_segmentation_node.GetID())
    controller.apply()
    finish(controller)
    assert problem(controller) == ""
    assert worker.asked[-1][0] == "inpaint"


def test_synthesis_takes_slices_of_the_wanted_contrast(controller, worker, a_volume_node):
    image = slicer.util.arrayFromVolume(a_volume_node)
    array = np.zeros_like(image)
    array[[2, 6]] = 300 - image[[2, 6]]
    wanted = make_volume(array, name="T2")
    controller.set_task("synthesize")
    controller.set_partner(wanted.GetID())
    controller.add_all_labelled()
    rows = controller.view().examples
    assert [row.place for row in rows] == ["axial 2", "axial 6"]
    assert rows[0].thumbnail.shape[1] == 2 * rows[0].thumbnail.shape[0]
    controller.apply()
    finish(controller)
    assert problem(controller) == ""
    assert controller.view().review.task is Task.SYNTHESIZE


def test_a_task_with_another_result_waits_for_the_review(ready):
    ready.apply()
    finish(ready)
    ready.set_task("denoise")
    assert "accept or discard" in ready.view().blocked["apply"]
    ready.discard()
    assert "apply" not in ready.view().blocked


def test_a_volume_that_cannot_be_used_says_why(make_controller, worker):
    controller = make_controller(worker)
    flat = make_volume(np.zeros((1, 8, 8), np.int16), name="one slice")
    controller.set_volume(flat.GetID())
    assert problem(controller)


def test_a_colour_volume_is_made_grey_by_the_button_beside_its_message(make_controller, worker):
    controller = make_controller(worker)
    array = np.random.default_rng(3).integers(0, 255, (6, 8, 8, 3)).astype(np.uint8)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "colours")
    slicer.util.updateVolumeFromArray(node, array)
    controller.set_volume(node.GetID())
    assert controller.view().message.remedy is Remedy.MAKE_GRAY
    controller.remedy()
    assert problem(controller) == ""
    chosen = slicer.mrmlScene.GetNodeByID(controller.view().volume_id)
    assert slicer.util.arrayFromVolume(chosen).shape == (6, 8, 8)


def test_an_oblique_view_is_turned_by_the_button_beside_its_message(
    make_controller, worker, scene, red_view, an_oblique_volume_node
):
    controller = make_controller(worker)
    labels = make_segmentation(an_oblique_volume_node)
    controller.set_volume(an_oblique_volume_node.GetID())
    controller.set_partner(labels.GetID())
    controller.add_current_slice()
    assert controller.view().message.remedy is Remedy.ROTATE_VIEWS
    controller.remedy()
    scene.jump(an_oblique_volume_node.GetID(), SliceKey(0, 5))
    controller.add_current_slice()
    assert problem(controller) == "" and len(controller.view().examples) == 1


def test_what_is_missing_can_be_installed(make_controller, worker, a_volume_node):
    class Installer:
        text = "PyTorch is not installed (1 GB)."

        def missing(self) -> str:
            return self.text

        def run(self) -> None:
            self.text = ""

    controller = make_controller(worker, installer=Installer())
    controller.set_volume(a_volume_node.GetID())
    view = controller.view()
    assert view.phase is Phase.SETUP and view.install and view.blocked["apply"] == view.install
    controller.install()
    view = controller.view()
    assert view.phase is Phase.IDLE and not view.install


def test_notes_of_a_volume_are_a_warning(make_controller, worker):
    array = np.random.default_rng(3).normal(size=(6, 8, 8)).astype(np.float32)
    array[2, 3, 4] = np.nan
    controller = make_controller(worker)
    controller.set_volume(make_volume(array, name="with holes").GetID())
    assert controller.view().message.level is Level.WARNING
    assert "1 voxel" in controller.view().message.text


def test_everything_survives_saving_and_opening_the_scene(ready, make_controller, tmp_path, worker):
    ready.set(adapt=True, seed=5, device="cpu")
    ready.enable(ready.view().examples[1].key, False)
    ready.apply()
    finish(ready)
    before = ready.view()
    path = str(tmp_path / "Szene größer.mrb")
    assert slicer.mrmlScene.WriteToMRB(path)
    ready.close()
    slicer.mrmlScene.Clear(False)
    assert slicer.mrmlScene.ReadFromMRB(path)
    again = make_controller(type(worker)())
    after = again.view()
    assert after.settings == before.settings
    assert [(row.place, row.enabled, row.segments) for row in after.examples] == [
        (row.place, row.enabled, row.segments) for row in before.examples
    ]
    assert after.review.slices == before.review.slices
    assert after.review.expected == before.review.expected
    again.discard()
    assert problem(again) == "" and again.view().review is None


def test_all_frames_of_a_sequence(make_controller, worker):
    volume, browser = make_sequence(frames=3)
    controller = make_controller(worker)
    controller.set_volume(volume.GetID())
    controller.set_partner(make_segmentation(volume).GetID())
    controller.add_all_labelled()
    assert controller.view().frames == 3
    browser.SetSelectedItemNumber(1)
    controller.set(all_frames=True)
    controller.apply()
    finish(controller)
    assert problem(controller) == ""
    assert [name for name, *_ in worker.asked].count("propagate") == 3
    assert browser.GetSelectedItemNumber() == 1
    result = slicer.mrmlScene.GetNodeByID(controller.view().review.node_id)
    made = browser.GetSequenceNode(result)
    assert made.GetNumberOfDataNodes() == 3
    for number in range(3):
        frame = made.GetNthDataNode(number)
        assert frame.GetSegmentation().GetNumberOfSegments() == 2


def test_a_cancelled_run_of_all_frames_goes_back_to_the_first(make_controller, worker):
    volume, browser = make_sequence(frames=3)
    controller = make_controller(worker)
    controller.set_volume(volume.GetID())
    controller.set_partner(make_segmentation(volume).GetID())
    controller.add_all_labelled()
    controller.set(all_frames=True)
    controller.apply()
    while browser.GetSelectedItemNumber() == 0:
        worker.finish()
        controller.poll()
    controller.cancel()
    controller.poll()
    assert controller.view().phase is Phase.IDLE
    assert browser.GetSelectedItemNumber() == 0
