"""What the panel shows and offers: the controls of each task, options, drafts and ranges."""

from __future__ import annotations

import pytest
import qt
import slicer
from PyQt5 import QtTest

from MVGCore.segmentation.quality import QUALITIES
from MVGDesktop import qtcompat
from Testing.slicer.nodes import make_labels, put_segment
from Testing.slicer.panel.mouse import click
from Testing.slicer.panel.steps import finish


def test_each_task_shows_what_it_needs(panel):
    ui = panel.ui
    shown = {
        ui.segmentButton: (True, False, False),
        ui.denoiseButton: (False, True, False),
        ui.inpaintButton: (False, False, True),
        ui.synthesizeButton: (False, True, False),
    }
    for button, expected in shown.items():
        click(button)
        assert button.isChecked()
        selectors = (ui.labelsSelector, ui.targetSelector, ui.maskSelector)
        assert tuple(each.isVisible() for each in selectors) == expected
    click(ui.segmentButton)
    assert len(panel.examples.rows) == 3


def test_options_reach_the_worker(panel):
    ui, controller = panel.ui, panel.controller
    ui.optionsSection.setProperty("collapsed", False)
    qtcompat.application().processEvents()
    ui.deviceComboBox.setFocus()
    QtTest.QTest.keyClick(ui.deviceComboBox, qt.Qt.Key_Down)
    ui.seedSpinBox.setValue(4)
    click(ui.rangeCheckBox, qt.QPoint(8, ui.rangeCheckBox.height() // 2))
    assert ui.firstSlice.isVisible() and ui.lastSlice.value() == 11
    ui.firstSlice.setValue(6)
    click(ui.applyButton)
    worker = controller.runner.worker
    assert ("model", "compact", "cpu", 4) in worker.asked
    assert worker.asked[-1] == ("segment", (6, 11))


def test_a_draft_and_a_range_of_intensities_are_chosen_by_mouse(panel, a_volume_node):
    ui, worker = panel.ui, panel.controller.runner.worker
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Total")
    node.SetReferenceImageGeometryParameterFromVolumeNode(a_volume_node)
    put_segment(node, node.GetSegmentation().AddEmptySegment("", "liver"), make_labels() == 1, a_volume_node)
    ui.draftSelector.setCurrentNodeID(node.GetID())
    ui.optionsSection.setProperty("collapsed", False)
    assert not ui.lowestIntensity.isVisible()
    click(ui.intensitiesCheckBox, qt.QPoint(8, ui.intensitiesCheckBox.height() // 2))
    assert ui.lowestIntensity.isVisible() and ui.lowestIntensity.value() < ui.highestIntensity.value()
    ui.lowestIntensity.setValue(12.25)
    click(ui.applyButton)
    assert worker.request.draft.array.any() and worker.request.ranges[0].low == 12.25
    assert not ui.draftSelector.isEnabled() and not ui.lowestIntensity.isEnabled()
    finish(panel.controller)
    click(ui.denoiseButton)
    assert not (ui.draftSelector.isVisible() or ui.intensitiesCheckBox.isVisible())


def test_the_quality_is_chosen(panel):
    ui, worker = panel.ui, panel.controller.runner.worker
    assert [ui.qualityComboBox.itemText(place).split(",")[0] for place in range(2)] == [*QUALITIES]
    click(ui.applyButton)
    assert worker.request.quality == "standard" and not ui.qualityComboBox.isEnabled()
    finish(panel.controller)
    ui.qualityComboBox.setCurrentIndex(0)
    click(ui.applyButton)
    assert worker.request.quality == "draft"
    finish(panel.controller)
    click(ui.denoiseButton)
    assert ui.qualityComboBox.isHidden() and ui.qualityLabel.isHidden()


def test_all_axes_are_looked_along_unless_switched_off(panel):
    ui, worker = panel.ui, panel.controller.runner.worker
    click(ui.applyButton)
    assert worker.request.all_axes is True and not ui.allAxesCheckBox.isEnabled()
    finish(panel.controller)
    click(ui.allAxesCheckBox, qt.QPoint(8, ui.allAxesCheckBox.height() // 2))
    click(ui.applyButton)
    assert worker.request.all_axes is False
    finish(panel.controller)
    click(ui.denoiseButton)
    assert not ui.allAxesCheckBox.isVisible()


def test_every_control_has_a_tooltip_and_a_name(reviewed):
    kinds = (qt.QAbstractButton, qt.QComboBox, qt.QAbstractSpinBox, slicer.qMRMLNodeComboBox)
    for kind in kinds:
        for widget in reviewed.widget.findChildren(kind):
            if widget.objectName().startswith("qt_") or not widget.objectName():
                continue
            assert widget.toolTip(), widget.objectName()
            assert widget.accessibleName() or getattr(widget, "text", str)(), widget.objectName()


@pytest.mark.parametrize("task", ["segmentButton", "denoiseButton", "inpaintButton", "synthesizeButton"])
def test_it_fits_into_360_pixels(task, panel):
    panel.ui.optionsSection.setProperty("collapsed", False)
    click(getattr(panel.ui, task))
    panel.ui.otherFrame.setVisible(True)
    qtcompat.application().processEvents()
    assert panel.widget.minimumSizeHint().width() <= 360
    assert panel.widget.width() == 360
