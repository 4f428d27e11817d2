"""The controller follows Slicer's real scene: nodes that go, scenes that close and open, sequences."""

from __future__ import annotations

import numpy as np
import slicer

from MVGLib.control.state import Level, Phase, Remedy
from MVGLib.scene.segmentresult import SegmentResult
from Testing.slicer.nodes import (
    make_image,
    make_segmentation,
    make_volume,
)
from Testing.slicer.panel.steps import finish, node_names, problem


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


def test_closing_the_scene_stops_the_run(ready, worker):
    ready.runs.apply()
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
    ready.runs.apply()
    worker.step(4)
    ready.poll()
    slicer.mrmlScene.RemoveNode(a_volume_node)
    assert not ready.runner.busy and ready.view().volume_id == "" and ready.view().examples == ()
    assert "removed" in ready.view().message.text


def test_removing_the_result_in_mid_run_stops_the_run(ready, worker):
    ready.runs.apply()
    worker.step(4)
    for _poll in range(4):
        ready.poll()
    slicer.mrmlScene.RemoveNode(slicer.mrmlScene.GetNodeByID(ready.view().review.node_id))
    assert not ready.runner.busy and ready.view().review is None
    assert "removed" in ready.view().message.text
    ready.runs.apply()
    finish(ready)
    assert ready.view().review is not None and problem(ready) == ""


def test_what_the_scene_cannot_take_ends_the_run_with_a_sentence(ready, worker, monkeypatch):
    from MVGCore.errors import InputError

    ready.runs.apply()
    worker.step(4)
    ready.poll()

    def refuse(*_arguments):
        raise InputError("There is no room in the scene; remove something.")

    monkeypatch.setattr(SegmentResult, "put", refuse)
    worker.finish()
    for _poll in range(5):
        ready.poll()
    assert problem(ready).startswith("There is no room")
    assert ready.view().phase is Phase.IDLE and len(ready.view().review.slices) == 1


def test_adding_data_to_the_scene_changes_nothing_in_the_panel(ready, clock, tmp_path, mrml_scene):
    ready.runs.apply()
    finish(ready)
    before = ready.view()
    other = make_volume(make_image(), name="added")
    mrml_scene.RemoveNode(other)
    mrml_scene.InvokeEvent(mrml_scene.StartImportEvent)
    mrml_scene.InvokeEvent(mrml_scene.EndImportEvent)
    assert (ready.view().review, ready.view().hint) == (before.review, before.hint)


def test_removing_the_result_ends_the_review(ready):
    ready.runs.apply()
    finish(ready)
    slicer.mrmlScene.RemoveNode(slicer.mrmlScene.GetNodeByID(ready.view().review.node_id))
    assert ready.view().review is None and "accept" in ready.view().blocked


def test_a_volume_that_cannot_be_used_says_why(make_controller, worker):
    controller = make_controller(worker)
    line = make_volume(np.arange(8, dtype=np.int16).reshape(1, 1, 8), name="one row")
    controller.choices.set_volume(line.GetID())
    assert "less than a slice" in problem(controller)


def test_a_colour_volume_is_made_grey_by_the_button_beside_its_message(make_controller, worker):
    controller = make_controller(worker)
    array = np.random.default_rng(3).integers(0, 255, (6, 8, 8, 3)).astype(np.uint8)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "colours")
    slicer.util.updateVolumeFromArray(node, array)
    controller.choices.set_volume(node.GetID())
    assert controller.view().message.remedy is Remedy.MAKE_GRAY
    controller.remedy()
    assert problem(controller) == ""
    chosen = slicer.mrmlScene.GetNodeByID(controller.view().volume_id)
    assert slicer.util.arrayFromVolume(chosen).shape == (6, 8, 8)


def test_what_is_missing_can_be_installed(make_controller, worker, a_volume_node):
    class Installer:
        text = "PyTorch is not installed (1 GB)."

        def missing(self) -> str:
            return self.text

        def run(self) -> None:
            self.text = ""

    controller = make_controller(worker, installer=Installer())
    controller.choices.set_volume(a_volume_node.GetID())
    view = controller.view()
    assert view.phase is Phase.SETUP and view.install and view.blocked["apply"] == view.install
    controller.setup.install()
    view = controller.view()
    assert view.phase is Phase.IDLE and not view.install


def test_notes_of_a_volume_are_a_warning(make_controller, worker):
    array = np.random.default_rng(3).normal(size=(6, 8, 8)).astype(np.float32)
    array[2, 3, 4] = np.nan
    controller = make_controller(worker)
    controller.choices.set_volume(make_volume(array, name="with holes").GetID())
    assert controller.view().message.level is Level.WARNING
    assert "1 voxel" in controller.view().message.text


def test_everything_survives_saving_and_opening_the_scene(ready, make_controller, tmp_path, worker):
    ready.choices.set(adapt=True, seed=5, device="cpu")
    ready.examples.enable(ready.view().examples[1].key, False)
    ready.runs.apply()
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
    again.reviews.discard()
    assert problem(again) == "" and again.view().review is None


def test_all_frames_of_a_sequence(make_controller, worker):
    volume, browser = make_sequence(frames=3)
    controller = make_controller(worker)
    controller.choices.set_volume(volume.GetID())
    controller.choices.set_partner(make_segmentation(volume).GetID())
    controller.examples.add_all_labelled()
    assert controller.view().frames == 3
    browser.SetSelectedItemNumber(1)
    controller.choices.set(all_frames=True)
    controller.runs.apply()
    finish(controller)
    assert problem(controller) == ""
    assert [name for name, *_ in worker.asked].count("segment") == 3
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
    controller.choices.set_volume(volume.GetID())
    controller.choices.set_partner(make_segmentation(volume).GetID())
    controller.examples.add_all_labelled()
    controller.choices.set(all_frames=True)
    controller.runs.apply()
    while browser.GetSelectedItemNumber() == 0:
        worker.finish()
        controller.poll()
    controller.runs.cancel()
    controller.poll()
    assert controller.view().phase is Phase.IDLE
    assert browser.GetSelectedItemNumber() == 0
