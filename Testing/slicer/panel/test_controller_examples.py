"""The controller's examples, on Slicer's real scene."""

from __future__ import annotations

import numpy as np
import slicer

from MVGCore.volume import SliceKey
from MVGLib.control.runsettings import PanelTask
from MVGLib.control.state import Remedy
from Testing.slicer.nodes import (
    LABELLED,
    make_labels,
    make_segmentation,
    make_volume,
    put_segment,
)
from Testing.slicer.panel.steps import finish, problem, settle


def jump(scene, volume_node, index: int) -> None:
    scene.jump(volume_node.GetID(), SliceKey(0, index))


def test_the_hint_leads_from_the_volume_to_apply(make_controller, worker, a_segmentation_node, a_volume_node):
    controller = make_controller(worker)
    assert "volume" in controller.view().hint
    controller.choices.set_volume(a_volume_node.GetID())
    assert "Label" in controller.view().hint
    controller.choices.set_partner(a_segmentation_node.GetID())
    assert "Label" in controller.view().hint
    controller.examples.add_all_labelled()
    assert controller.view().hint.startswith("Press Apply")
    controller.runs.apply()
    assert "scroll" in controller.view().hint
    finish(controller)
    assert "Look through" in controller.view().hint


def test_the_slice_in_view_becomes_an_example_with_its_segments(controller, scene, a_volume_node):
    jump(scene, a_volume_node, 5)
    controller.examples.add_current_slice()
    (row,) = controller.view().examples
    assert row.place == "axial 5"
    assert [name for name, _color in row.segments] == ["liver", "spleen"]
    assert row.thumbnail.any()
    controller.examples.add_current_slice()
    assert len(controller.view().examples) == 1


def test_all_labelled_slices_are_added_at_once(ready):
    assert [row.place for row in ready.view().examples] == [f"axial {index}" for index in LABELLED]
    assert "3 slices" in ready.view().message.text


def test_a_segment_that_no_example_shows_is_named(ready, clock, a_volume_node, a_segmentation_node):
    assert "yet" not in ready.view().examples_note
    a_segmentation_node.GetSegmentation().AddEmptySegment("bladder", "bladder")
    settle(ready, clock)
    assert ready.view().examples_note == "3 slices; none shows 'bladder' yet"
    labels = make_labels()
    drawn = np.zeros(labels.shape, bool)
    drawn[LABELLED[1], 12:14, 10:12] = True
    put_segment(a_segmentation_node, "bladder", drawn, a_volume_node)
    settle(ready, clock)
    assert ready.view().examples_note == "3 slices"
    for row in ready.view().examples:
        ready.examples.enable(row.key, row.place == f"axial {LABELLED[0]}")
    assert ready.view().examples_note == "1 of 3 slices are used; none shows 'bladder' yet"
    ready.choices.set_partner("")
    assert "yet" not in ready.view().examples_note


def test_an_example_can_be_switched_off_shown_and_removed(ready, scene, a_volume_node):
    first, second, third = (row.key for row in ready.view().examples)
    ready.examples.enable(first, False)
    assert [row.enabled for row in ready.view().examples] == [False, True, True]
    ready.examples.jump(third)
    assert scene.slice_in_view(a_volume_node.GetID()) == SliceKey(0, 9)
    ready.examples.remove(second)
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


def test_examples_of_another_patient_have_their_source_and_no_jump(ready, worker):
    other = make_volume(np.random.default_rng(5).normal(0, 5, (12, 20, 16)).astype(np.int16), name="other")
    labels = make_segmentation(other, names=("spleen", "liver"))
    ready.examples.add_from(other.GetID(), labels.GetID())
    rows = ready.view().examples
    assert len(rows) == 6
    assert [row.source for row in rows] == ["", "", "", "other", "other", "other"]
    assert [row.can_jump for row in rows] == 3 * [True] + 3 * [False]
    ready.runs.apply()
    finish(ready)
    names = {each.id: each.name for each in worker.prompts.classes}
    foreign = worker.prompts.prompts[-1]
    assert names[int(foreign.labels[5, 3])] == "spleen"  # segment 1 of the other patient
    assert ready.view().review.known == LABELLED


def test_prompt_files_go_there_and_back(ready, tmp_path):
    path = tmp_path / "Beispiele größer.mvgprompts"
    ready.examples.save_prompts(str(path))
    assert path.exists()
    for row in ready.view().examples:
        ready.examples.remove(row.key)
    ready.examples.load_prompts(str(path))
    rows = ready.view().examples
    assert [row.place for row in rows] == [f"axial {index}" for index in LABELLED]
    assert [name for name, _color in rows[0].segments] == ["liver", "spleen"]
    ready.examples.load_prompts(str(tmp_path / "missing.mvgprompts"))
    assert problem(ready)


def test_synthesis_takes_slices_of_the_wanted_contrast(controller, worker, a_volume_node):
    image = slicer.util.arrayFromVolume(a_volume_node)
    array = np.zeros_like(image)
    array[[2, 6]] = 300 - image[[2, 6]]
    target = make_volume(array, name="T2")
    controller.choices.set_task("synthesize")
    controller.choices.set_partner(target.GetID())
    controller.examples.add_all_labelled()
    rows = controller.view().examples
    assert [row.place for row in rows] == ["axial 2", "axial 6"]
    assert rows[0].thumbnail.shape[1] == 2 * rows[0].thumbnail.shape[0]
    controller.runs.apply()
    finish(controller)
    assert problem(controller) == ""
    assert controller.view().review.task is PanelTask.SYNTHESIZE


def test_an_oblique_view_is_turned_by_the_button_beside_its_message(
    make_controller, worker, scene, red_view, an_oblique_volume_node
):
    controller = make_controller(worker)
    labels = make_segmentation(an_oblique_volume_node)
    controller.choices.set_volume(an_oblique_volume_node.GetID())
    controller.choices.set_partner(labels.GetID())
    controller.examples.add_current_slice()
    assert controller.view().message.remedy is Remedy.ROTATE_VIEWS
    controller.remedy()
    scene.jump(an_oblique_volume_node.GetID(), SliceKey(0, 5))
    controller.examples.add_current_slice()
    assert problem(controller) == "" and len(controller.view().examples) == 1


def test_lines_of_slices_in_other_views_make_no_drawing(
    controller, clock, scene, a_volume_node, a_segmentation_node
):
    """A slice whose drawing was taken back is not labelled because slices across it are drawn later."""
    shape = make_labels().shape
    sagittal, axial = np.zeros(shape, bool), np.zeros(shape, bool)
    sagittal[2:9, 5:11, 6] = True
    axial[[2, 9], 4:12, 2:9] = True
    put_segment(a_segmentation_node, "spleen", np.zeros(shape, bool), a_volume_node)
    put_segment(a_segmentation_node, "liver", sagittal, a_volume_node)
    controller.examples._add(SliceKey(2, 6), a_segmentation_node.GetID())
    put_segment(a_segmentation_node, "liver", axial, a_volume_node)
    for index in (2, 9):
        controller.examples._add(SliceKey(0, index), a_segmentation_node.GetID())
    settle(controller, clock)
    crossing, *drawn = controller.view().examples
    assert "cross" in crossing.problem and not any(each.problem for each in drawn)
    assert controller.view().examples_note.startswith("2 of 3 slices")
    both = axial | sagittal
    put_segment(a_segmentation_node, "liver", both, a_volume_node)  # redo: it is a drawing again
    settle(controller, clock)
    assert not any(each.problem for each in controller.view().examples)
