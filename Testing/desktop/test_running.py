"""What is on screen while MVG computes."""

from __future__ import annotations

import time

import pytest
from PyQt5 import QtCore, QtGui, QtTest

from MVGDesktop.segmentations import seen_segmentations
from MVGLib.control.runsettings import PanelTask
from Testing.desktop.acting import apply, fake_worker, label, press_key
from Testing.desktop.conftest import settle
from Testing.desktop.mouse import LEFT, place_of

pytestmark = pytest.mark.display


@pytest.fixture
def worker(open_window):
    with fake_worker(open_window) as worker:
        yield worker


def shown(view, place) -> QtGui.QColor:
    """The colour of a place on the screen."""
    return view.screen().grabWindow(int(view.winId())).toImage().pixelColor(place)


@pytest.mark.parametrize("task", [PanelTask.SEGMENT, PanelTask.DENOISE])
def test_slices_fill_in_while_the_view_rests(open_window, worker, application, task: PanelTask) -> None:
    """The coronal view crosses all axial slices."""
    window, coronal = open_window, open_window.views.panels[1]
    if task is PanelTask.SEGMENT:
        label(window, 7)
        label(window, 17)
    window.panel.controller.choices.set_task(task)
    settle(application, 200)
    place = place_of(coronal, (30, coronal.slice_number(), 12))
    before = shown(coronal.view, place)
    QtTest.QTest.mouseClick(window.panel.ui.applyButton, LEFT)
    worker.step(30 if task is PanelTask.SEGMENT else 20)
    began, seen = time.monotonic(), before
    while seen == before and time.monotonic() - began < 10:
        settle(application, 10)
        seen = shown(coronal.view, place)
    assert seen != before

    assert window.panel.ui.progressBar.isVisible()


def test_inpainting_takes_the_only_labels_as_mask_and_uncovers_what_it_filled(
    open_window, worker, application
) -> None:
    window = open_window
    label(window, 12)
    mask = window.document.segmentation
    QtTest.QTest.mouseClick(window.panel.ui.inpaintButton, LEFT)
    assert window.panel.controller.view().mask_id == mask.GetID()
    apply(window, worker)
    assert not mask.GetDisplayNode().GetVisibility()
    QtTest.QTest.mouseClick(window.panel.ui.discardButton, LEFT)
    assert mask.GetDisplayNode().GetVisibility()


def test_the_confidence_has_a_legend_and_goes_with_the_result(open_window, worker, application) -> None:
    window, ui = open_window, open_window.panel.ui
    label(window, 12)
    apply(window, worker)
    composite = window.views.panels[0].view.composite
    assert not ui.legendLabel.isVisible()
    QtTest.QTest.mouseClick(ui.overlayCheckBox, LEFT, pos=QtCore.QPoint(8, 8))
    assert ui.legendLabel.isVisible() and composite.GetForegroundVolumeID()
    QtTest.QTest.mouseClick(ui.compareButton, LEFT)  # before
    assert not composite.GetForegroundVolumeID()
    QtTest.QTest.mouseClick(ui.compareButton, LEFT)
    assert composite.GetForegroundVolumeID()


def test_g_hides_and_shows_all_that_lies_over_the_image(open_window, worker, application) -> None:
    window, axial = open_window, open_window.views.panels[0]
    label(window, 12)
    apply(window, worker)
    QtTest.QTest.mouseClick(window.panel.ui.overlayCheckBox, LEFT, pos=QtCore.QPoint(8, 8))
    displays = [node.GetDisplayNode() for node in seen_segmentations()]
    press_key(window, "G")
    assert not any(each.GetVisibility() for each in displays)
    assert axial.view.composite.GetForegroundOpacity() == 0
    press_key(window, "G")
    assert all(each.GetVisibility() for each in displays)
    assert axial.view.composite.GetForegroundOpacity() > 0
    press_key(window, "O")
    assert all(not each.GetVisibility2DFill() and each.GetVisibility2DOutline() for each in displays)
