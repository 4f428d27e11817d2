"""The first minute: nothing is open, a brain to try, three steps."""

from __future__ import annotations

import pytest
from PyQt5 import QtCore, QtTest

from Testing.desktop.conftest import settle
from Testing.desktop.mouse import LEFT

pytestmark = pytest.mark.display


def test_the_demonstration_leads_to_apply(window, application) -> None:
    pytest.importorskip("nilearn", reason="the demonstration's brain comes with nilearn")
    assert window.welcome.isVisible() and not window.views.isVisible()
    QtTest.QTest.mouseClick(window.welcome.demo, LEFT)
    settle(application, 100)
    assert window.views.isVisible() and window.guide.isVisible() and window.guide.step == 0
    assert not window.document.unsaved.ids()
    QtTest.QTest.mouseClick(window.guide.label_button, LEFT)
    settle(application, 100)
    view = window.panel.controller.view()
    assert len(view.examples) == 3 and "apply" not in view.blocked
    assert window.guide.step == 1
    axial = window.views.panels[0]
    assert len(axial.slider.marks.examples) == 3 and axial.slice_number() in axial.slider.marks.examples
    names = [window.segments.table.item(row, 2).text() for row in range(2)]
    assert names == ["grey matter", "white matter"]


def test_tools_wait_for_an_image(window, open_window) -> None:
    assert open_window.tools_dock.widget().isEnabled()
    open_window.document.set_volume("")
    assert not open_window.tools_dock.widget().isEnabled() and open_window.welcome.isVisible()


def test_segments_by_keyboard(open_window, application) -> None:
    """Add, rename, hide and remove without a mouse."""
    window, table = open_window, open_window.segments.table
    QtTest.QTest.keyClick(window, QtCore.Qt.Key_N, QtCore.Qt.ControlModifier)
    QtTest.QTest.keyClick(window, QtCore.Qt.Key_N, QtCore.Qt.ControlModifier)
    assert [table.item(row, 2).text() for row in range(table.rowCount())] == ["Segment 1", "Segment 2"]
    first, second = window.document.segment_ids()
    table.setFocus()
    table.setCurrentCell(0, 2)
    assert window.document.segment_id == first
    table.item(0, 2).setText("liver")
    segmentation = window.document.segmentation.GetSegmentation()
    assert segmentation.GetSegment(first).GetName() == "liver"
    table.item(0, 0).setCheckState(QtCore.Qt.Unchecked)
    assert not window.document.segmentation.GetDisplayNode().GetSegmentVisibility(first)
    settle(application)
    table.setFocus()
    QtTest.QTest.keyClick(table, QtCore.Qt.Key_Delete)
    assert window.document.segment_ids() == [second] and window.document.segment_id == second


def test_opacity_is_that_of_the_selected_segment(open_window) -> None:
    open_window.document.need_segment()
    open_window.segments.opacity.setValue(40)
    display = open_window.document.segmentation.GetDisplayNode()
    assert display.GetSegmentOpacity2DFill(open_window.document.segment_id) == pytest.approx(0.4)
