"""The tools, by real mouse events; what they paint is compared with what they should."""

from __future__ import annotations

import numpy as np
import pytest
from PyQt5 import QtCore, QtTest

from MVGDesktop.editing.tools import Tool
from MVGDesktop.editing.voxels import Others
from Testing.desktop.conftest import settle
from Testing.desktop.mouse import click, drag, place_of, press, release, wheel

pytestmark = pytest.mark.display


@pytest.fixture
def axial(open_window):
    """The axial panel on slice 12 with a brush of 4 mm."""
    panel = open_window.views.panels[0]
    panel.go_to(12)
    open_window.editor.set_radius(4.0)
    open_window.editor.use(Tool.PAINT)
    return panel


def labels(window) -> np.ndarray:
    """The first layer, (K, J, I)."""
    return window.document.voxels().layer(0).copy()


def test_a_click_paints_a_disc_on_one_slice(open_window, axial) -> None:
    click(axial.view, place_of(axial, (30, 32, 12)))
    mask = labels(open_window) == 1
    assert mask.any(axis=(1, 2)).nonzero()[0].tolist() == [12]
    rows, columns = mask[12].nonzero()
    assert abs(mask.sum() - np.pi * 16) < 10
    assert abs(rows.mean() - 32) < 1 and abs(columns.mean() - 30) < 1


def test_a_drag_paints_without_gaps(open_window, axial) -> None:
    drag(axial.view, [place_of(axial, (10, 32, 12)), place_of(axial, (50, 32, 12))])
    mask = labels(open_window)[12] == 1
    assert mask[32, 10:51].all() and not mask[32 - 6].any() and not mask[32 + 6].any()


@pytest.mark.parametrize("number, axis", [(0, 0), (1, 1), (2, 2)])
def test_every_view_paints_on_its_own_plane(open_window, number: int, axis: int) -> None:
    panel = open_window.views.panels[number]
    open_window.editor.use(Tool.PAINT)
    panel.go_to(10)
    middle = [30, 32, 12]
    middle[2 - axis] = 10
    click(panel.view, place_of(panel, middle))
    others = tuple(each for each in range(3) if each != axis)
    assert (labels(open_window) > 0).any(axis=others).nonzero()[0].tolist() == [10]


def test_the_ball_reaches_other_slices(open_window, axial) -> None:
    open_window.tools.sphere.setChecked(True)
    open_window.editor.set_radius(4.7)
    click(axial.view, place_of(axial, (30, 32, 12)))
    mask = labels(open_window) == 1
    assert mask.any(axis=(1, 2)).nonzero()[0].tolist() == [10, 11, 12, 13, 14]  # 2 mm each


def test_eraser_takes_away_from_the_selected_segment_only(open_window, axial) -> None:
    here = place_of(axial, (30, 32, 12))
    click(axial.view, here)
    first = labels(open_window)
    open_window.segments.add()
    open_window.editor.use(Tool.ERASE)
    click(axial.view, here)
    assert np.array_equal(labels(open_window), first)
    open_window.segments.select(0)
    click(axial.view, here)
    assert not labels(open_window).any()


def test_painting_over_another_segment_takes_its_voxels_unless_spared(open_window, axial) -> None:
    here = place_of(axial, (30, 32, 12))
    click(axial.view, here)
    open_window.segments.add()
    open_window.tools.others.setCurrentText(Others.STAY.value)
    click(axial.view, here)
    assert np.unique(labels(open_window)).tolist() == [0, 1]
    open_window.tools.others.setCurrentText(Others.GIVE_WAY.value)
    click(axial.view, here)
    assert np.unique(labels(open_window)).tolist() == [0, 2]


def test_the_brush_paints_over_others_where_they_may_overlap(open_window, axial) -> None:
    """It is taken back, and the strokes before it too, which were made when all lay in one layer."""
    here, beside = place_of(axial, (30, 32, 12)), place_of(axial, (34, 32, 12))
    click(axial.view, here)
    open_window.segments.add()
    click(axial.view, place_of(axial, (12, 12, 12)))
    document = open_window.document
    before = {each: document.voxels().mask(each) for each in document.segment_ids()}
    QtTest.QTest.keyClick(open_window.tools.others, QtCore.Qt.Key_End)
    assert open_window.editor.choices.others is Others.OVERLAP
    drag(axial.view, [beside, place_of(axial, (36, 32, 12))])
    first, second = (document.voxels().mask(each) for each in document.segment_ids())
    assert np.array_equal(first, before[document.segment_ids()[0]]) and (first & second).any()
    assert len(document.voxels().layers()) == 2
    document.undo()
    now = {each: document.voxels().mask(each) for each in document.segment_ids()}
    assert all(np.array_equal(now[each], before[each]) for each in before)
    document.undo()
    assert not document.voxels().mask(document.segment_ids()[1]).any()
    document.redo()
    document.redo()
    assert np.array_equal(document.voxels().mask(document.segment_ids()[1]), second)


def test_only_intensities_limits_the_brush(open_window, axial, a_volume) -> None:
    open_window.tools.range.limited.setChecked(True)
    open_window.tools.range.low.setValue(150)
    open_window.tools.range.high.setValue(300)
    drag(axial.view, [place_of(axial, (4, 32, 12)), place_of(axial, (56, 32, 12))])
    painted = labels(open_window)[12] == 1
    assert painted.any() and (a_volume.array[12][painted] >= 150).all()
    assert painted[32].sum() == (a_volume.array[12, 32] >= 150).sum()


def test_undo_and_redo_by_keys_are_exact(open_window, axial, application) -> None:
    states = []
    for x in (20, 30, 40):
        states.append(labels(open_window) if open_window.document.segmentation else None)
        drag(axial.view, [place_of(axial, (x, 20, 12)), place_of(axial, (x, 45, 12))])
    last = labels(open_window)
    axial.view.setFocus()
    settle(application)
    for expected in reversed(states[1:]):
        QtTest.QTest.keyClick(axial.view, QtCore.Qt.Key_Z, QtCore.Qt.ControlModifier)
        assert np.array_equal(labels(open_window), expected)
    for _ in range(2):
        QtTest.QTest.keyClick(axial.view, QtCore.Qt.Key_Y, QtCore.Qt.ControlModifier)
    assert np.array_equal(labels(open_window), last)


def test_undo_brings_a_removed_segment_back(open_window, axial) -> None:
    click(axial.view, place_of(axial, (30, 32, 12)))
    name = open_window.document.segmentation.GetSegmentation().GetNthSegment(0).GetName()
    before = labels(open_window)
    open_window.segments.remove_button.click()
    assert open_window.document.segment_ids() == []
    open_window.menus.undo.trigger()
    assert open_window.document.segmentation.GetSegmentation().GetNthSegment(0).GetName() == name
    assert np.array_equal(labels(open_window), before)


def test_polygon_fills_what_it_encloses(open_window, axial) -> None:
    open_window.editor.use(Tool.POLYGON)
    for corner in ((20, 20), (40, 20), (40, 40), (20, 40)):
        click(axial.view, place_of(axial, (*corner, 12)))
    assert open_window.document.segmentation is None or not labels(open_window).any()
    QtTest.QTest.keyClick(axial.view, QtCore.Qt.Key_Return)
    mask = labels(open_window)[12] == 1
    assert mask[22:39, 22:39].all()
    assert abs(int(mask.sum()) - 400) <= 45


def test_escape_drops_a_polygon(open_window, axial) -> None:
    open_window.editor.use(Tool.POLYGON)
    for corner in ((20, 20), (40, 20), (40, 40)):
        click(axial.view, place_of(axial, (*corner, 12)))
    QtTest.QTest.keyClick(axial.view, QtCore.Qt.Key_Escape)
    QtTest.QTest.keyClick(axial.view, QtCore.Qt.Key_Return)
    assert not labels(open_window).any()


def test_fill_stops_at_a_closed_outline(open_window, axial) -> None:
    open_window.editor.set_radius(1.5)
    corners = [(20, 20), (40, 20), (40, 40), (20, 40), (20, 20)]
    drag(axial.view, [place_of(axial, (*corner, 12)) for corner in corners])
    open_window.editor.use(Tool.FILL)
    click(axial.view, place_of(axial, (30, 30, 12)))
    mask = labels(open_window)[12] == 1
    assert mask[20:41, 20:41].all() and not mask[:17].any() and not mask[44:].any()


def test_copying_a_neighbour(open_window, axial) -> None:
    click(axial.view, place_of(axial, (30, 32, 12)))
    axial.go_to(15)
    open_window.tools.copy_before.click()
    mask = labels(open_window) > 0
    assert mask.any(axis=(1, 2)).nonzero()[0].tolist() == [12, 15]
    assert np.array_equal(mask[12], mask[15])
    open_window.menus.undo.trigger()
    assert (labels(open_window) > 0).any(axis=(1, 2)).nonzero()[0].tolist() == [12]


def test_nothing_to_copy_is_told(open_window, axial) -> None:
    click(axial.view, place_of(axial, (30, 32, 12)))
    open_window.tools.copy_after.click()
    assert "No slice after this one is labelled" in open_window.statusBar().currentMessage()


def test_shift_and_wheel_change_the_brush_and_not_the_slice(open_window, axial) -> None:
    before = axial.slice_number()
    wheel(axial.view, axial.view.rect().center(), 1, QtCore.Qt.ShiftModifier)
    assert open_window.editor.choices.radius > 4.0
    assert open_window.tools.radius.value() == pytest.approx(open_window.editor.choices.radius, abs=0.06)
    assert axial.slice_number() == before


def test_the_brush_is_seen_and_what_it_paints_is_drawn_at_once(open_window, axial) -> None:
    here = place_of(axial, (30, 32, 12))
    before = axial.view.picture().pixelColor(here + QtCore.QPoint(3, 3))
    press(axial.view, here)
    after = axial.view.picture().pixelColor(here + QtCore.QPoint(3, 3))
    release(axial.view, here)
    assert after.hsvSaturation() > before.hsvSaturation() + 40


def test_letters_choose_tools(open_window, application) -> None:
    open_window.activateWindow()
    settle(application)
    for letter, tool in (("E", Tool.ERASE), ("D", Tool.POLYGON), ("F", Tool.FILL), ("P", Tool.PAINT)):
        QtTest.QTest.keyClick(open_window.views.panels[0].view, letter)
        assert open_window.editor.choices.tool is tool
        assert open_window.tools.buttons[tool].isChecked()


def test_nothing_happens_outside_of_the_volume(open_window, axial) -> None:
    click(axial.view, place_of(axial, (-15, 32, 12)))
    assert not labels(open_window).any()


def test_painting_without_a_volume_is_told(window) -> None:
    window.document.set_volume("")
    with pytest.raises(Exception, match="open one first"):
        window.document.need_segment()
