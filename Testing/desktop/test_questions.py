"""Questions about ends in the window: in sight, answered by a key or a button, taken back by Ctrl+Z."""

from __future__ import annotations

import pytest
from PyQt5 import QtCore, QtTest

from MVGCore.outcomes import Question
from Testing.desktop.acting import CONTROL, apply, fake_worker, label, press_key
from Testing.desktop.conftest import settle
from Testing.desktop.mouse import LEFT
from Testing.desktop.test_layout import is_in_sight

pytestmark = pytest.mark.display


@pytest.fixture
def reviewed(open_window, application):
    """A window with a result about which it is asked whether 'Segment 1' goes on above and below."""
    with fake_worker(open_window) as worker:
        worker.questions = (Question(1, 0, 20, 23, 0.5, 0.1), Question(1, 0, 3, 0, 0.4, 0.05))
        worker.ask_first = True
        label(open_window, 7)
        label(open_window, 17)
        apply(open_window, worker)
        settle(application)
        yield open_window


def press_in(view, key) -> None:
    view.setFocus()
    QtTest.QTest.keyClick(view, key)


def claims(window) -> list[str]:
    return [row.place for row in window.panel.controller.view().examples[2:]]


def test_a_question_costs_a_key(reviewed, application) -> None:
    axial, coronal = reviewed.views.panels[0], reviewed.views.panels[1]
    ui = reviewed.panel.ui
    assert "&#" not in ui.questionLabel.text() or ui.questionLabel.text().startswith("<")
    for widget in (ui.questionLabel, ui.showQuestionButton, ui.skipButton, ui.acceptButton):
        assert is_in_sight(reviewed, widget)
    reviewed.views.activate(coronal)
    press_in(coronal.view, "N")  # an answer helps more than a slice: the view goes there
    assert axial.slice_number() == 20 and reviewed.views.active is axial
    assert "Segment 1" in ui.questionLabel.text() and is_in_sight(reviewed, ui.yesButton)
    press_in(axial.view, "N")
    assert axial.slice_number() == 3 and claims(reviewed) == ["axial 20\u201323: no Segment 1"]
    press_in(axial.view, "Y")
    assert claims(reviewed)[1:] == ["axial 3: Segment 1 is there"]
    assert not ui.questionFrame.isVisible() and "Press Apply" in ui.messageLabel.text()


def test_the_last_slice_that_shows_it_answers(reviewed) -> None:
    axial, ui = reviewed.views.panels[0], reviewed.panel.ui
    press_in(axial.view, "N")
    axial.go_to(18)
    assert is_in_sight(reviewed, ui.endButton) and is_in_sight(reviewed, ui.skipButton)
    QtTest.QTest.mouseClick(ui.endButton, LEFT)
    assert claims(reviewed) == ["axial 19\u201323: no Segment 1", "axial 18: Segment 1 is there"]
    assert ui.showQuestionButton.isVisible()  # of the next question
    press_key(reviewed, QtCore.Qt.Key_Z, CONTROL)
    assert claims(reviewed) == []


def test_answers_are_taken_back_and_given_again(reviewed, application) -> None:
    axial = reviewed.views.panels[0]
    press_in(axial.view, "Y")
    press_in(axial.view, "Y")
    press_in(axial.view, "N")
    told = claims(reviewed)
    assert len(told) == 2 and reviewed.menus.undo.text() == "Undo Note about slices"
    press_key(reviewed, QtCore.Qt.Key_Z, CONTROL)
    assert claims(reviewed) == told[:1] and axial.slice_number() == 3
    press_key(reviewed, QtCore.Qt.Key_Z, CONTROL)
    assert claims(reviewed) == [] and axial.slice_number() == 20
    assert reviewed.panel.ui.questionFrame.isVisible()
    press_key(reviewed, QtCore.Qt.Key_Y, CONTROL)
    press_key(reviewed, QtCore.Qt.Key_Y, CONTROL)
    assert claims(reviewed) == told


def test_buttons_answer_too_and_a_question_can_be_left(reviewed, application) -> None:
    ui, axial = reviewed.panel.ui, reviewed.views.panels[0]
    assert not ui.yesButton.isVisible()  # nobody answers what was not seen
    QtTest.QTest.mouseClick(ui.showQuestionButton, LEFT)
    assert axial.slice_number() == 20
    QtTest.QTest.mouseClick(ui.skipButton, LEFT)
    assert axial.slice_number() == 3
    QtTest.QTest.mouseClick(ui.noButton, LEFT)
    assert claims(reviewed) == ["axial 0\u20133: no Segment 1"] and not ui.questionFrame.isVisible()


def test_nothing_here_can_be_taken_back(open_window, application) -> None:
    window, axial = open_window, open_window.views.panels[0]
    with fake_worker(window):
        label(window, 7)
        axial.go_to(2)
        press_key(window, "0")
        assert len(window.panel.controller.view().examples) == 2
        press_key(window, QtCore.Qt.Key_Z, CONTROL)
        assert len(window.panel.controller.view().examples) == 1
        press_key(window, QtCore.Qt.Key_Y, CONTROL)
        assert len(window.panel.controller.view().examples) == 2
