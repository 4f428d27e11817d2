"""What many tests of the window do: a worker that answers at once, labels, answers to questions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from PyQt5 import QtCore, QtTest, QtWidgets

from MVGDesktop.editing.tools import Tool
from Testing.desktop.conftest import wait_until
from Testing.desktop.mouse import LEFT, click, place_of
from Testing.slicer.panel.fakes import FakeWorker

CONTROL = QtCore.Qt.ControlModifier


@contextmanager
def fake_worker(window) -> Iterator[FakeWorker]:
    """A worker that gives every slice the labels of the nearest example."""
    runner = window.panel.controller.runner
    before, runner.worker = runner.worker, FakeWorker()
    try:
        yield runner.worker
    finally:
        window.panel.controller.following.closing()  # nothing goes on with a worker that is gone
        runner.worker = before


def label(window, index: int, radius: float = 8.0) -> None:
    """Paint a disc on an axial slice and make the slice an example, by mouse and key."""
    axial = window.views.panels[0]
    axial.go_to(index)
    window.editor.use(Tool.PAINT)
    window.editor.set_radius(radius)
    click(axial.view, place_of(axial, (30, 32, index)))
    press_key(window, "A")


def press_key(window, key, modifier=QtCore.Qt.NoModifier, panel=None) -> None:
    """A key, pressed in the axial view or in another one."""
    view = (panel or window.views.panels[0]).view
    view.setFocus()
    QtTest.QTest.keyClick(view, key, modifier)


def apply(window, worker: FakeWorker) -> None:
    """Press Apply and let the worker do everything."""
    QtTest.QTest.mouseClick(window.panel.ui.applyButton, LEFT)
    worker.finish()
    wait_until(lambda: done(window))


def done(window) -> bool:
    """Whether a result waits and nothing is computed."""
    view = window.panel.controller.view()
    return view.review is not None and view.progress is None


@contextmanager
def answering(button: str) -> Iterator[list[str]]:
    """Press a button of the question that comes; gives what was asked."""
    asked: list[str] = []
    timer = QtCore.QTimer()

    def answer() -> None:
        box = QtWidgets.QApplication.activeModalWidget()
        if isinstance(box, QtWidgets.QMessageBox):
            asked.append(box.text())
            box.button(getattr(QtWidgets.QMessageBox, button)).click()

    timer.timeout.connect(answer)
    timer.start(30)
    yield asked
    timer.stop()
