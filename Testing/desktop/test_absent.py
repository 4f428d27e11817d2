"""Telling that a segment is not on a slice, or ends there: by key and by button, kept with the scene."""

from __future__ import annotations

import pytest
from PyQt5 import QtTest

from Testing.desktop.acting import apply, fake_worker, label, press_key
from Testing.desktop.conftest import settle
from Testing.desktop.mouse import LEFT

pytestmark = pytest.mark.display


@pytest.fixture
def worker(open_window):
    with fake_worker(open_window) as worker:
        yield worker


def claims(worker) -> list[tuple[int, int, int | None]]:
    return [(each.first, each.last, each.class_id) for each in worker.prompts.absences]


def test_what_is_absent_is_told_by_key_and_goes_with_every_run(
    open_window, worker, tmp_path, application
) -> None:
    window, axial = open_window, open_window.views.panels[0]
    controller = window.panel.controller
    label(window, 7)
    label(window, 17)
    axial.go_to(20)
    press_key(window, "X")
    axial.go_to(2)
    press_key(window, "0")
    axial.go_to(12)
    press_key(window, "X")  # between labelled slices nothing can end
    assert "on both sides" in controller.view().message.text
    axial.go_to(7)
    press_key(window, "0")
    assert "erase it there first" in controller.view().message.text
    listed = [each.place for each in controller.view().examples]
    there, beyond = "axial 20: Segment 1 is there", "axial 21\u201323: no Segment 1"
    assert listed == ["axial 7", "axial 17", beyond, there, "axial 2: no Segment 1"]
    apply(window, worker)
    assert claims(worker) == [(21, 23, 1), (2, 2, 1)]

    scene = tmp_path / "case.mrb"
    assert window.keeper.save_to(scene) and window.filing.open(scene)
    settle(application, 100)
    assert [each.place for each in controller.view().examples] == listed


def test_the_button_offers_every_segment_and_all(open_window, worker, application) -> None:
    window, axial = open_window, open_window.views.panels[0]
    label(window, 7)
    axial.go_to(22)
    menu = window.panel.ui.notHereButton.menu()
    menu.aboutToShow.emit()
    texts = [each.text() for each in menu.actions()]
    assert texts[0] == "Nothing is on this slice" and texts[2] == "'Segment 1' is not on this slice"
    menu.actions()[0].trigger()
    (_, row) = window.panel.controller.view().examples
    assert row.place == "axial 22: nothing"
    apply(window, worker)
    assert claims(worker) == [(22, 22, None)]
    rows = window.panel.examples.rows
    from PyQt5 import QtWidgets

    button = rows[row.key].widget.findChild(QtWidgets.QToolButton, "removeButton")
    QtTest.QTest.mouseClick(button, LEFT)
    assert len(window.panel.controller.view().examples) == 1
