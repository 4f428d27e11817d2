"""Whole segments: islands, smoothing, growing, thresholds, tracing; on real nodes and by mouse and keys."""

from __future__ import annotations

import numpy as np
import pytest
from PyQt5 import QtCore, QtTest

from MVGDesktop.editing.effects import Choice, Effect, apply_effect, changed
from MVGDesktop.editing.tools import Tool
from MVGDesktop.editing.voxels import Others
from Testing.desktop.acting import CONTROL, label, press_key
from Testing.desktop.conftest import settle, wait_until
from Testing.desktop.mouse import LEFT, click, drag, move, place_of, wheel

SPACING = np.array([2.0, 1.0, 1.0])


def a_mask() -> np.ndarray:
    """A box with a hole in its middle, and a far voxel."""
    mask = np.zeros((9, 16, 16), bool)
    mask[2:7, 3:10, 3:10] = True
    mask[4, 6, 6] = False
    mask[8, 15, 15] = True
    return mask


def test_effects_do_what_they_say() -> None:
    mask = a_mask()
    box = mask.copy()
    box[8] = False
    assert np.array_equal(changed(Effect.KEEP_LARGEST, mask, SPACING, Choice()), box)
    assert np.array_equal(changed(Effect.DROP_SMALL, mask, SPACING, Choice(smallest=2)), box)
    filled = mask.copy()
    filled[4, 6, 6] = True
    assert np.array_equal(changed(Effect.FILL_HOLES, mask, SPACING, Choice()), filled)
    grown = changed(Effect.GROW, mask, SPACING, Choice(radius=2.0))
    assert grown[1, 6, 6] and not grown[0, 6, 6]  # one voxel of 2 mm
    assert grown[4, 6, 1] and not grown[4, 6, 0]  # two of 1 mm
    assert not changed(Effect.SHRINK, box, SPACING, Choice(radius=1.0))[2].any()
    closed = changed(Effect.CLOSE, mask, SPACING, Choice(radius=1.0))
    assert closed[4, 6, 6] and not changed(Effect.OPEN, mask, SPACING, Choice(radius=1.0))[8].any()
    assert not changed(Effect.MEDIAN, mask, SPACING, Choice(radius=1.0))[8].any()


@pytest.mark.display
@pytest.mark.parametrize("effect", list(Effect))
@pytest.mark.parametrize("whole", [True, False])
def test_effects_can_be_taken_back_and_spare_others(open_window, effect: Effect, whole: bool) -> None:
    document, axial = open_window.document, open_window.views.panels[0]
    first = document.need_segment()
    voxels = document.voxels()
    voxels.layer(voxels.place(first).layer)[9:15, 20:40, 20:40] = voxels.place(first).value
    document.add_segment()
    second = document.segment_id
    voxels = document.voxels()
    voxels.layer(voxels.place(second).layer)[12, 40:42, 20:40] = voxels.place(second).value
    document.set_segment(first)
    before, other = voxels.mask(first).copy(), voxels.mask(second).copy()
    axial.go_to(12)
    place = None if whole else (axial.view.origin, axial.view.normal)
    apply_effect(document, effect, Choice(radius=1.5, others=Others.STAY), place)
    after = document.voxels().mask(first)
    assert np.array_equal(document.voxels().mask(second), other)
    if not whole:
        assert np.array_equal(np.delete(after, 12, axis=0), np.delete(before, 12, axis=0))
    if not np.array_equal(after, before):
        assert document.history.undo_name == effect.value
        document.undo()
        assert np.array_equal(document.voxels().mask(first), before)


@pytest.mark.display
def test_intensities_are_seen_and_taken_with_their_ends(open_window, a_volume, application) -> None:
    window, bar = open_window, open_window.tools.range
    axial = window.views.panels[0]
    highest = int(a_volume.array.max())
    assert bar.high.value() == highest
    dark = axial.view.picture().pixelColor(place_of(axial, (30, 32, 12)))
    QtTest.QTest.mouseClick(bar.limited, LEFT, pos=QtCore.QPoint(8, bar.limited.height() // 2))
    bar.low.setValue(150)
    settle(application, 60)
    assert axial.view.picture().pixelColor(place_of(axial, (30, 32, 12))) != dark
    QtTest.QTest.mouseClick(bar.slice, LEFT)
    found = window.document.voxels().mask(window.document.segment_id)
    assert found.any(axis=(1, 2)).nonzero()[0].tolist() == [axial.slice_number()]
    QtTest.QTest.mouseClick(bar.volume, LEFT)
    found = window.document.voxels().mask(window.document.segment_id)
    assert np.array_equal(found, a_volume.array >= 150) and found[a_volume.array == highest].all()
    press_key(window, "Z", CONTROL)
    assert window.document.voxels().mask(window.document.segment_id).any(axis=(1, 2)).sum() == 1
    bar.limited.setChecked(False)
    assert not window.range_preview.visible and not axial.view.composite.GetForegroundVolumeID()


@pytest.mark.display
def test_a_line_of_one_intensity_is_traced_and_filled(open_window, a_volume) -> None:
    window, axial = open_window, open_window.views.panels[0]
    window.document.set_volume("")  # a smooth ball, whose lines are circles
    from MVGCore.volume import Volume
    from MVGDesktop.files.nodes import volume_node

    k, j, i = np.ogrid[:24, :64, :60]
    distance = np.sqrt((2.0 * (k - 12)) ** 2 + (j - 32.0) ** 2 + (i - 30.0) ** 2)
    window.document.set_volume(volume_node(Volume(200 - 5 * distance, a_volume.geometry, "smooth")).GetID())
    axial.go_to(12)
    press_key(window, "T")
    assert window.editor.choices.tool is Tool.TRACE
    move(axial.view, place_of(axial, (40, 32, 12)))
    click(axial.view, place_of(axial, (40, 32, 12)))
    found = window.document.voxels().mask(window.document.segment_id)
    expected = np.zeros_like(found)
    expected[12] = distance[12] < 10
    overlap = 2 * (found & expected).sum() / (found.sum() + expected.sum())
    assert overlap > 0.9
    assert window.document.history.undo_name == "Trace"


@pytest.mark.display
def test_a_distance_is_measured(open_window) -> None:
    window, axial = open_window, open_window.views.panels[0]
    press_key(window, "M")
    places = [place_of(axial, (i, 32, 12)) for i in (10, 20, 30)]
    drag(axial.view, places)
    told = float(window.statusBar().currentMessage().removesuffix(" mm"))
    assert told == pytest.approx(20.0, abs=0.7)
    assert not window.document.history.undo_name


@pytest.mark.display
def test_segments_are_changed_by_mouse(open_window) -> None:
    window = open_window
    label(window, 12, 10.0)
    before = window.document.voxels().mask(window.document.segment_id).sum()
    bar = window.tools.effects
    bar.effects.setCurrentIndex(list(Effect).index(Effect.GROW))
    QtTest.QTest.mouseClick(bar.volume, LEFT)
    after = window.document.voxels().mask(window.document.segment_id)
    assert after.sum() > before and after.any(axis=(1, 2)).sum() == 3
    assert window.menus.undo.text() == "Undo Grow"


@pytest.mark.display
def test_the_list_tells_how_large_segments_are(open_window) -> None:
    window = open_window
    label(window, 12, 5.0)
    voxels = int(window.document.voxels().mask(window.document.segment_id).sum())
    wait_until(lambda: window.segments.table.item(0, 3).text() != "", 10)
    assert float(window.segments.table.item(0, 3).text()) == pytest.approx(voxels * 2.0 / 1000, rel=0.01)
    assert f"{voxels:,} voxels" in window.segments.table.item(0, 3).toolTip()


@pytest.mark.display
def test_volumes_are_plain_numbers() -> None:
    from MVGDesktop.widgets.segmentlist import volume_text

    told = [volume_text(each) for each in (0.01234, 4.9, 45.67, 99.96, 195.4, 1410.2, 0.0)]
    assert told == ["0.0123", "4.9", "45.7", "100", "195", "1410", "0"]


def test_the_mouse_on_its_way_to_a_button_does_not_change_the_current_slice(open_window, application) -> None:
    window = open_window
    axial, coronal = window.views.panels[:2]
    label(window, 12, 5.0)
    coronal.view.setFocus()
    move(coronal.view, coronal.view.rect().center())
    assert window.views.active is axial
    label(window, 15, 5.0)
    coronal.view.setFocus()
    QtTest.QTest.mouseClick(window.panel.ui.addCurrentButton, LEFT)
    places = [each.place for each in window.panel.controller.view().examples]
    assert places == ["axial 12", "axial 15"]
    wheel(coronal.view, coronal.view.rect().center())
    assert window.views.active is coronal
