"""The first case of docs/desktop.md, word by word: its steps are done by mouse and keys, in order."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PyQt5 import QtCore, QtTest, QtWidgets

from MVGCore.volume import Volume, read_segmentation, write_volume
from MVGDesktop.editing.tools import Tool
from Testing.desktop.acting import CONTROL, done, fake_worker, press_key
from Testing.desktop.conftest import settle, wait_until
from Testing.desktop.mouse import LEFT, drag, place_of, wheel
from Testing.desktop.test_files import drop
from Testing.tutorials import Tutorial

pytestmark = pytest.mark.display
TUTORIAL = Tutorial("desktop.md", ("A first case",))


class Case:
    """What the steps share."""

    def __init__(self, window, worker, application, image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.window, self.worker, self.application = window, worker, application
        self.image, self.monkeypatch = image, monkeypatch
        self.ui, self.axial = window.panel.ui, window.views.panels[0]

    def view(self):
        return self.window.panel.controller.view()

    def mask(self) -> np.ndarray:
        return self.window.document.voxels().mask(self.window.document.segment_id).copy()

    def drag_at(self, i: int) -> None:
        index = self.axial.slice_number()
        drag(self.axial.view, [place_of(self.axial, (i + step, 32, index)) for step in (0, 2, 4)])

    def run(self) -> None:
        """Let the worker do everything."""
        self.worker.finish()
        wait_until(lambda: done(self.window))
        settle(self.application)


@TUTORIAL.step(
    "Drop an image on the window, or open it with Ctrl+O: three planes and an empty 3-D view show it."
)
def _(case: Case) -> None:
    drop(case.window, case.image)
    wait_until(lambda: case.window.document.volume is not None)
    settle(case.application, 100)
    assert all(panel.grid is not None for panel in case.window.views.panels)
    assert case.window.document.segment_ids() == []


@TUTORIAL.step(
    "Press P and drag in a slice: what is painted is the first segment, listed at the right with its volume."
)
def _(case: Case) -> None:
    case.axial.go_to(7)
    press_key(case.window, "P")
    assert case.window.editor.choices.tool is Tool.PAINT
    case.window.editor.set_radius(8.0)
    case.drag_at(28)
    wait_until(lambda: case.window.segments.table.item(0, 3).text() not in ("", "0"))
    assert case.window.segments.table.rowCount() == 1


@TUTORIAL.step("Press A: the slice is an example, listed at the left.")
def _(case: Case) -> None:
    press_key(case.window, "A")
    assert [row.place for row in case.view().examples] == ["axial 7"]
    assert len(case.window.panel.examples.rows) == 1


@TUTORIAL.step(
    "Turn the wheel to another slice, paint a little of the structure, and press C: MVG fills in the rest of "
    "the slice."
)
def _(case: Case) -> None:
    before = case.axial.slice_number()
    wheel(case.axial.view, case.axial.view.rect().center(), 8)
    assert abs(case.axial.slice_number() - before) == 8
    case.window.editor.set_radius(2.0)
    case.drag_at(28)
    little = case.mask()
    press_key(case.window, "C")
    case.worker.finish()
    wait_until(lambda: case.view().progress is None)
    assert case.mask().sum() > little.sum() and (case.mask() >= little).all()


@TUTORIAL.step("Press E and drag over what is too much, then A: the slice is the second example.")
def _(case: Case) -> None:
    before = case.mask()
    press_key(case.window, "E")
    case.drag_at(24)
    assert case.mask().sum() < before.sum()
    press_key(case.window, "A")
    assert len(case.view().examples) == 2


@TUTORIAL.step(
    "Press Ctrl+Enter: the other slices fill in, and one bar tells what is done, how long it took and how "
    "long it will take."
)
def _(case: Case) -> None:
    press_key(case.window, QtCore.Qt.Key_Return, CONTROL)
    case.worker.step(12)
    wait_until(lambda: case.view().progress is not None and case.view().progress.fraction > 0)
    assert case.ui.progressBar.isVisible() and re.search(r"\d %|\d%", case.ui.progressLabel.text())
    assert re.search(r"0:0\d", case.ui.progressLabel.text())
    case.run()
    filled = case.mask().any(axis=(1, 2))
    assert filled.all()


@TUTORIAL.step(
    "Press N: the view goes to the slice where you help most. Paint what is missing there: it is an example "
    "from then on."
)
def _(case: Case) -> None:
    press_key(case.window, "N")
    assert case.axial.slice_number() == case.view().review.next_slice
    press_key(case.window, "P")
    case.window.editor.set_radius(4.0)
    case.drag_at(12)
    wait_until(lambda: len(case.view().examples) == 3)
    assert case.view().examples[-1].slice.index == case.view().review.next_slice


@TUTORIAL.step("Press Ctrl+Enter again, then Accept, and save with Ctrl+S. Ctrl+Z would take Accept back.")
def _(case: Case) -> None:
    press_key(case.window, QtCore.Qt.Key_Return, CONTROL)
    case.run()
    QtTest.QTest.mouseClick(case.ui.acceptButton, LEFT)
    assert case.view().review is None and case.window.menus.undo.text() == "Undo Accept"
    path = case.image.with_name("result.seg.nrrd")
    case.monkeypatch.setattr(
        QtWidgets.QFileDialog, "getSaveFileName", lambda *_arguments, **_choices: (str(path), "")
    )
    press_key(case.window, QtCore.Qt.Key_S, CONTROL)
    saved = read_segmentation(path).to_labelmap()
    assert np.array_equal(saved.array > 0, case.mask())
    press_key(case.window, QtCore.Qt.Key_Z, CONTROL)
    assert case.view().review is not None


def test_every_word_of_the_first_case_is_done(
    window, a_volume: Volume, application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = tmp_path / "ball.nrrd"
    write_volume(image, a_volume)
    with fake_worker(window) as worker:
        case = Case(window, worker, application, image, monkeypatch)
        TUTORIAL.follow(case)


def test_the_keys_of_the_document_are_those_of_the_help() -> None:
    from MVGDesktop.helping import SECTIONS

    text = TUTORIAL.text
    table = text.partition("## Keys")[2].partition("\n## ")[0]
    told = {key for row in re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE) for key in keys_in(row)}
    helped = {key for _title, rows in SECTIONS[1:] for keys, _what in rows for key in keys_in(keys)}
    assert told <= helped and {"C", "Y", "N", "Space", "Ctrl+Enter"} <= told


def keys_in(text: str) -> set[str]:
    return {each.strip(" `") for each in re.split(r",| and | to ", text) if each.strip(" `-")}


def test_no_key_does_two_things(window) -> None:
    """Qt lets none of two shortcuts with one key act."""
    keys = [each.key().toString() for each in window.findChildren(QtWidgets.QShortcut)]
    for action in window.findChildren(QtWidgets.QAction):
        keys += [each.toString() for each in action.shortcuts()]
    own = [key for key in keys if key]
    assert len(own) > 40 and sorted(set(own)) == sorted(own)
