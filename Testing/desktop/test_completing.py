"""A slice on which a little is drawn is filled in: one key, one action, nothing that was drawn is lost."""

from __future__ import annotations

import numpy as np
import pytest
from PyQt5 import QtCore, QtTest

from MVGDesktop.editing.tools import Tool
from Testing.desktop.acting import CONTROL, fake_worker, label, press_key
from Testing.desktop.conftest import wait_until
from Testing.desktop.mouse import LEFT, click, place_of

pytestmark = pytest.mark.display


@pytest.fixture
def worker(open_window):
    with fake_worker(open_window) as worker:
        yield worker


def scribble(window, index: int, ij=(30, 32), radius: float = 3.0) -> np.ndarray:
    """A dot on a slice; gives the segment's mask."""
    axial = window.views.panels[0]
    axial.go_to(index)
    window.editor.use(Tool.PAINT)
    window.editor.set_radius(radius)
    click(axial.view, place_of(axial, (*ij, index)))
    return mask(window)


def mask(window, number: int = 0) -> np.ndarray:
    return window.document.voxels().mask(window.document.segment_ids()[number]).copy()


def complete(window, worker) -> None:
    press_key(window, "C")
    worker.finish()
    wait_until(lambda: window.panel.controller.view().progress is None)


def test_the_rest_of_a_slice_follows_a_dot(open_window, worker, application) -> None:
    window = open_window
    label(window, 7)
    dot = scribble(window, 12, (32, 34))
    complete(window, worker)
    after = mask(window)
    assert (after[12] >= dot[12]).all() and after[12].sum() > 2 * dot[12].sum()
    assert np.array_equal(after[12] & ~dot[12], after[7] & ~dot[12])  # what the worker says of the rest
    assert np.array_equal(np.delete(after, 12, 0), np.delete(dot, 12, 0))  # no other slice
    request = worker.request
    (hints,) = [each for each in request.prompts.prompts if each.partial]
    assert hints.index == 12 and np.array_equal(hints.known, dot[12])
    assert "correct it, then add it" in window.panel.ui.messageLabel.text()
    assert window.menus.undo.text() == "Undo Complete slice 12"
    press_key(window, QtCore.Qt.Key_Z, CONTROL)
    assert np.array_equal(mask(window), dot)
    press_key(window, QtCore.Qt.Key_Y, CONTROL)
    assert np.array_equal(mask(window), after)
    press_key(window, "A")
    assert [row.place for row in window.panel.controller.view().examples] == ["axial 7", "axial 12"]


def test_other_segments_keep_what_is_drawn(open_window, worker, application) -> None:
    window = open_window
    label(window, 7)
    window.document.add_segment("other")
    other = scribble(window, 12, (20, 32))
    window.document.set_segment(window.document.segment_ids()[0])
    other = mask(window, 1)
    scribble(window, 12, (36, 32))
    complete(window, worker)
    assert np.array_equal(mask(window, 1)[12] & other[12], other[12])
    assert not (mask(window, 0)[12] & other[12]).any()


def test_what_is_missing_is_told(open_window, worker, application) -> None:
    window, controller = open_window, open_window.panel.controller
    window.document.need_segment()
    press_key(window, "C")
    assert "Nothing is drawn on this slice" in controller.view().message.text
    before = scribble(window, 12)
    press_key(window, "C")
    assert "label one across this axis and add it first" in controller.view().message.text
    assert np.array_equal(mask(window), before)


def test_a_slice_is_completed_by_mouse_and_cancelled_by_esc(open_window, worker, application) -> None:
    window, ui = open_window, open_window.panel.ui
    label(window, 7)
    before = scribble(window, 12)
    QtTest.QTest.mouseClick(ui.completeButton, LEFT)
    assert window.panel.controller.runner.busy
    press_key(window, QtCore.Qt.Key_Escape)
    wait_until(lambda: window.panel.controller.view().progress is None)
    assert np.array_equal(mask(window), before)
    QtTest.QTest.mouseClick(ui.completeButton, LEFT)
    worker.finish()
    wait_until(lambda: window.panel.controller.view().progress is None)
    assert mask(window)[12].sum() > before[12].sum()
