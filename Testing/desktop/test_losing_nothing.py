"""What a user did is never lost without a question, and what is over is not shown: by mouse and keys."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import slicer
from PyQt5 import QtCore, QtTest

from MVGCore.volume import Geometry, Volume, write_volume
from MVGDesktop.editing.tools import Tool
from MVGDesktop.files.nodes import volume_node
from MVGLib.control.runsettings import PanelTask
from Testing.desktop.acting import CONTROL, answering, apply, fake_worker, label, press_key
from Testing.desktop.conftest import settle
from Testing.desktop.mouse import LEFT, click, place_of
from Testing.desktop.test_files import drop

pytestmark = pytest.mark.display


@pytest.fixture
def worker(open_window):
    with fake_worker(open_window) as worker:
        yield worker


def mask(window) -> np.ndarray:
    return window.document.voxels().mask(window.document.segment_ids()[0]).copy()


def drawn(window, segmentation_id: str) -> np.ndarray:
    """The first segment of any segmentation."""
    voxels = window.document.voxels_of(segmentation_id)
    return voxels.mask(voxels.segmentation.GetNthSegmentID(0)).copy()


def named(row) -> tuple[str, list[str]]:
    return row.place, [name for name, _color in row.segments]


def segmentations() -> list[str]:
    return [node.GetName() for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode")]


@pytest.fixture
def other_file(a_volume: Volume, tmp_path: Path) -> Path:
    """Another patient: fewer slices, at another place."""
    path = tmp_path / "other.nrrd"
    geometry = Geometry((12, 64, 60), (1.0, 1.0, 2.0), (100.0, 40.0, 5.0))
    write_volume(path, Volume(a_volume.array[:12], geometry, "other"))
    return path


def test_another_image_closes_the_case(open_window, other_file: Path, application) -> None:
    window = open_window
    label(window, 12)
    with answering("Cancel") as asked:
        drop(window, other_file)
        settle(application, 200)
    assert asked == ["Not saved yet: 'ball labels'."]
    assert window.document.volume.GetName() == "ball" and segmentations() == ["ball labels"]
    with answering("Discard"):
        drop(window, other_file)
        settle(application, 200)
    view = window.panel.controller.view()
    assert window.document.volume.GetName() == "other" and segmentations() == []
    assert (view.volume_id, view.partner_id, view.examples) == (window.document.volume_id, "", ())
    assert not window.document.unsaved.ids() and not window.document.history.undo_name


def test_labels_of_one_image_do_not_lie_over_another(open_window, other_file: Path, application) -> None:
    window = open_window
    label(window, 12)
    first, labels = window.document.volume_id, window.document.segmentation
    assert window.filing.open(other_file, adding=True)
    assert window.document.volume.GetName() == "other" and window.document.segmentation is None
    assert not labels.GetDisplayNode().GetVisibility()
    assert window.panel.controller.view().partner_id == ""
    assert window.segments.chooser.currentNodeID == ""
    window.document.set_volume(first)
    assert labels.GetDisplayNode().GetVisibility() and window.document.segmentation is labels
    assert window.panel.controller.view().partner_id == labels.GetID()


@pytest.mark.parametrize("into_own", [True, False])
def test_accept_is_one_action(open_window, worker, application, into_own: bool) -> None:
    window, ui = open_window, open_window.panel.ui
    label(window, 7)
    label(window, 17)
    own_id, own = window.document.segmentation_id, mask(window)
    color = window.document.segment().GetColor()
    apply(window, worker)
    result_id, result = window.document.segmentation_id, mask(window)
    assert result_id != own_id
    if into_own:
        QtTest.QTest.mouseClick(ui.intoOwnCheckBox, LEFT, pos=QtCore.QPoint(8, 8))
    QtTest.QTest.mouseClick(ui.acceptButton, LEFT)
    settle(application)
    kept_id = own_id if into_own else result_id
    assert window.document.segmentation_id == kept_id and np.array_equal(mask(window), result)
    for _round in range(2):
        press_key(window, "Z", CONTROL)
        view = window.panel.controller.view()
        assert view.review is not None and view.review.node_id == result_id
        assert window.document.segmentation_id == result_id and np.array_equal(mask(window), result)
        assert window.document.segment().GetColor() == color
        assert np.array_equal(drawn(window, own_id), own)
        assert window.menus.redo.text() == "Redo Accept" and window.menus.redo.isEnabled()
        press_key(window, "Y", CONTROL)
        assert window.panel.controller.view().review is None
        assert window.document.segmentation_id == kept_id and np.array_equal(mask(window), result)
    assert window.document.unsaved.ids()


def test_strokes_before_and_after_accept_are_taken_back_in_turn(open_window, worker, application) -> None:
    window, ui = open_window, open_window.panel.ui
    label(window, 7)
    label(window, 17)
    states = [mask(window)]
    apply(window, worker)
    QtTest.QTest.mouseClick(ui.intoOwnCheckBox, LEFT, pos=QtCore.QPoint(8, 8))
    QtTest.QTest.mouseClick(ui.acceptButton, LEFT)
    states.append(mask(window))
    label(window, 2, 12.0)
    states.append(mask(window))
    press_key(window, "Z", CONTROL)
    assert np.array_equal(mask(window), states[1])
    press_key(window, "Z", CONTROL)  # the result waits again
    press_key(window, "Z", CONTROL)  # the stroke on slice 17
    assert mask(window).any(axis=(1, 2)).nonzero()[0].tolist() == [7]
    for _step in range(3):
        press_key(window, "Y", CONTROL)
    assert np.array_equal(mask(window), states[2])


def test_a_result_that_was_discarded_can_be_brought_back(open_window, worker, application) -> None:
    window, ui = open_window, open_window.panel.ui
    label(window, 7)
    apply(window, worker)
    result = mask(window)
    QtTest.QTest.mouseClick(ui.discardButton, LEFT)
    assert segmentations() == ["ball labels"]
    label(window, 20)
    apply(window, worker)
    window.menus.results.aboutToShow.emit()
    entries = window.menus.results.actions()
    assert [each.text() for each in entries] == ["ball MVG (discarded)"]
    entries[0].trigger()
    assert window.panel.controller.view().review is not None
    assert np.array_equal(mask(window), result)
    window.menus.results.aboutToShow.emit()  # what it takes the place of is kept as well
    assert len(window.menus.results.actions()) == 1


def test_a_volume_that_mvg_made_is_not_lost_without_a_question(open_window, worker, application) -> None:
    window, ui = open_window, open_window.panel.ui
    window.panel.controller.choices.set_task(PanelTask.DENOISE)
    apply(window, worker)
    with answering("Cancel") as asked:
        assert not window.filing.close_case()
    QtTest.QTest.mouseClick(ui.acceptButton, LEFT)
    assert window.isWindowModified()
    with answering("Cancel") as again:
        assert not window.filing.close_case()
    assert asked == again == ["Not saved yet: 'ball denoised'."]


def test_scenes_with_several_nodes_come_back_as_they_were(open_window, worker, tmp_path, application) -> None:
    window, document, controller = open_window, open_window.document, open_window.panel.controller
    label(window, 7)
    label(window, 17)
    own, others = document.segmentation_id, document.volume_id
    document.add_segmentation("first of all")
    document.add_segment("stone")
    document.set_segmentation(own)
    other = Volume(np.arange(120, dtype=np.int16).reshape(4, 5, 6), Geometry((4, 5, 6)), "b")
    document.set_volume(volume_node(other).GetID())
    document.set_volume(others)
    apply(window, worker)
    QtTest.QTest.mouseClick(window.panel.ui.acceptButton, LEFT)
    document.set_segmentation(own)
    before = controller.view()
    scene = tmp_path / "case.mrb"
    assert window.keeper.save_to(scene) and not document.unsaved.ids()
    assert window.filing.open(scene)
    settle(application, 100)
    after = controller.view()
    assert document.volume.GetName() == "ball" and document.segmentation.GetName() == "ball labels"
    assert [named(each) for each in after.examples] == [named(each) for each in before.examples]
    assert segmentations() == ["ball labels", "first of all", "ball MVG"]
    assert np.array_equal(mask(window).any(axis=(1, 2)).nonzero()[0], [7, 17])


def test_a_slice_corrected_on_the_result_is_the_example_that_counts(open_window, worker) -> None:
    """The documented way: correct the result, press A, Apply."""
    window, axial = open_window, open_window.views.panels[0]
    label(window, 7)
    label(window, 17)
    apply(window, worker)
    axial.go_to(12)
    window.editor.use(Tool.ERASE)
    window.editor.set_radius(3.0)
    click(axial.view, place_of(axial, (30, 32, 12)))
    corrected = mask(window)[12]
    assert corrected.any() and not corrected[32, 30]
    press_key(window, "A")
    apply(window, worker)
    sent = {prompt.index: prompt.labels > 0 for prompt in worker.prompts.prompts}
    assert sorted(sent) == [7, 12, 17] and np.array_equal(sent[12], corrected)
    assert np.array_equal(mask(window)[12], corrected)
