"""What is on screen while MVG computes."""

from __future__ import annotations

import time

import pytest
from PyQt5 import QtGui, QtTest

from MVGLib.control.state import Task
from Testing.desktop.acting import fake_worker, label
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


@pytest.mark.parametrize("task", [Task.SEGMENT, Task.DENOISE])
def test_slices_fill_in_while_the_view_rests(open_window, worker, application, task: Task) -> None:
    """The coronal view crosses all axial slices."""
    window, coronal = open_window, open_window.views.panels[1]
    if task is Task.SEGMENT:
        label(window, 7)
        label(window, 17)
    window.panel.controller.set_task(task)
    settle(application, 200)
    place = place_of(coronal, (30, coronal.slice_number(), 12))
    before = shown(coronal.view, place)
    QtTest.QTest.mouseClick(window.panel.ui.applyButton, LEFT)
    worker.step(30 if task is Task.SEGMENT else 20)
    began, seen = time.monotonic(), before
    while seen == before and time.monotonic() - began < 10:
        settle(application, 10)
        seen = shown(coronal.view, place)
    assert seen != before

    assert window.panel.ui.progressBar.isVisible()
