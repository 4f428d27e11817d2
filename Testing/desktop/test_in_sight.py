"""What users look for on the screen: each test is one complaint of an hour with mouse and keyboard."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import slicer
from PyQt5 import QtCore, QtGui, QtTest, QtWidgets

from MVGCore.volume import Geometry, SliceKey, Volume, write_volume
from MVGDesktop.files.nodes import volume_node
from MVGDesktop.theme import Theme
from Testing.core.volume.dicom.builder import ramp, save, stack
from Testing.desktop.acting import CONTROL, answering, fake_worker, label, press_key
from Testing.desktop.conftest import activate, settle, wait_until
from Testing.desktop.mouse import LEFT, click, place_of

pytestmark = pytest.mark.display


@pytest.fixture
def worker(open_window):
    with fake_worker(open_window) as worker:
        yield worker


def told(window) -> str:
    return window.statusBar().currentMessage()


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_current_view_of_a_new_volume_is_that_of_its_thick_slices(window, axis: int) -> None:
    """Who labels a heart or a spine labels those, and A means the view that is marked."""
    shape, spacing = [40, 42, 44], [1.0, 1.0, 1.0]
    shape[axis], spacing[2 - axis] = 9, 6.0
    image = np.random.default_rng(0).normal(100, 20, shape).astype(np.int16)
    volume = Volume(image, Geometry(tuple(shape), tuple(spacing), (0, 0, 0)))
    window.document.set_volume(volume_node(volume).GetID())
    panel = window.views.active
    assert panel is window.views.panels[axis] and panel.axis == axis
    place = window.panel.controller.scene.slice_in_view(window.document.volume_id)
    assert place.axis == axis
    before = panel.slice_number()
    press_key(window, "P", panel=panel)
    click(panel.view, panel.view.rect().center())
    press_key(window, "A", panel=panel)
    (example,) = window.panel.controller.view().examples
    assert example.slice == SliceKey(axis, before)


def test_slices_have_a_scale_and_a_number_that_can_be_typed(open_window) -> None:
    axial = open_window.views.panels[0]
    assert axial.view.node.GetRulerType() != slicer.vtkMRMLSliceNode.RulerTypeNone
    axial.number.setFocus()
    axial.number.selectAll()
    QtTest.QTest.keyClicks(axial.number, "17")
    QtTest.QTest.keyClick(axial.number, QtCore.Qt.Key_Return)
    assert axial.slice_number() == 17
    label(open_window, 17)
    (example,) = open_window.panel.controller.view().examples
    assert example.slice.index == 17  # the panel counts as the view does


def test_one_bar_tells_time_and_slice_and_nobody_is_told_to_accept_yet(open_window, worker) -> None:
    window = open_window
    window.guide.show()
    label(window, 7)
    label(window, 17)
    QtTest.QTest.mouseClick(window.panel.ui.applyButton, LEFT)
    worker.step(9)
    ui = window.panel.ui
    wait_until(lambda: "%" in ui.progressLabel.text())
    assert window.guide.step == 1  # Apply
    assert ui.progressBar.isVisible() and "slice" in ui.progressLabel.text()
    assert "0:0" in ui.progressLabel.text()
    assert not ui.acceptButton.isEnabled()
    worker.finish()
    wait_until(lambda: window.panel.controller.view().progress is None)
    assert window.guide.step == 2 and not ui.progressBar.isVisible()
    window.guide.hide()


def test_a_series_has_its_description_and_window_and_no_name(window, tmp_path: Path) -> None:
    about = {
        "SeriesDescription": "T1 axial",
        "PatientName": "Doe^Jane",
        "WindowCenter": 40,
        "WindowWidth": 400,
    }
    save(tmp_path, stack(ramp(6), **about))
    assert window.filing.open(tmp_path)
    volume = window.document.volume
    assert volume.GetName() == "T1 axial" and "Doe" not in window.windowTitle()
    display = volume.GetDisplayNode()
    assert (display.GetWindow(), display.GetLevel()) == (400, 40)


def test_the_selected_row_keeps_the_colour_of_its_segment(open_window) -> None:
    label(open_window, 12)
    table = open_window.segments.table
    table.setFocus()
    swatch = table.item(0, 1)
    plain = swatch.icon().pixmap(16, 16, QtGui.QIcon.Normal).toImage().pixelColor(8, 8)
    selected = swatch.icon().pixmap(16, 16, QtGui.QIcon.Selected).toImage().pixelColor(8, 8)
    assert selected == plain


def test_what_was_told_is_over_with_the_next_action(open_window) -> None:
    axial = open_window.views.panels[0]
    axial.go_to(12)
    open_window.say("Nothing was found.")
    assert told(open_window)
    label(open_window, 12)
    assert "Nothing was found" not in told(open_window)


def test_without_labels_the_headline_asks_to_label(open_window) -> None:
    text = open_window.panel.ui.hintLabel.text()
    assert "Label" in text and "choose" not in text.lower()


def test_a_label_map_that_is_opened_first_is_told(window, tmp_path: Path) -> None:
    labels = np.zeros((8, 20, 20), np.uint8)
    labels[3:5, 5:9, 5:9] = 2
    write_volume(tmp_path / "labels.nii.gz", Volume(labels, Geometry(labels.shape, (1, 1, 1), (0, 0, 0))))
    assert window.filing.open(tmp_path / "labels.nii.gz")
    assert "looks like labels" in told(window)


def test_segments_are_outlines_or_areas_by_one_key(open_window) -> None:
    label(open_window, 12)
    display = open_window.document.segmentation.GetDisplayNode()
    looks = []
    for _ in range(3):
        press_key(open_window, "O")
        looks.append((bool(display.GetVisibility2DOutline()), bool(display.GetVisibility2DFill())))
    assert looks == [(True, False), (False, True), (True, True)]


def test_closing_asks_and_leaves_nothing(open_window) -> None:
    label(open_window, 12)
    with answering("Cancel") as asked:
        press_key(open_window, QtCore.Qt.Key_W, CONTROL)
    assert asked and open_window.document.volume is not None
    activate(open_window)  # the question has had the keyboard
    with answering("Discard"):
        press_key(open_window, QtCore.Qt.Key_W, CONTROL)
    assert open_window.document.volume is None and not open_window.panel.controller.view().examples


def test_the_brush_has_a_radius(open_window) -> None:
    """It is called what it is: a disc of so many mm around the mouse."""
    label_of = [each for each in open_window.tools.findChildren(QtWidgets.QLabel) if each.buddy()]
    assert [each.text() for each in label_of if each.buddy() is open_window.tools.radius] == ["Radius"]
    axial = open_window.views.panels[0]
    axial.go_to(12)
    press_key(open_window, "P")
    open_window.editor.set_radius(6.0)
    click(axial.view, place_of(axial, (30, 32, 12)))
    painted = np.argwhere(open_window.document.voxels().layer(0)[12])
    assert (painted.max(0) - painted.min(0) + 1).tolist() == pytest.approx([12, 12], abs=1)


@pytest.mark.parametrize("theme", [Theme.LIGHT, Theme.DARK])
def test_the_chosen_task_is_seen(open_window, application, theme: Theme) -> None:
    open_window.set_theme(theme)
    settle(application, 50)
    ui = open_window.panel.ui
    grounds = [each.grab().toImage().pixelColor(4, 6) for each in (ui.segmentButton, ui.denoiseButton)]
    chosen, other = ((each.red(), each.green(), each.blue()) for each in grounds)
    assert max(abs(a - b) for a, b in zip(chosen, other, strict=True)) > 30
    open_window.set_theme(Theme.SYSTEM)
