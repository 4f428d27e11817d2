"""Cases to label next, one after the other, and the review page of what is open."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PyQt5 import QtCore, QtGui, QtTest

from MVGCore.datasets.next_slices import NextSlice
from MVGCore.prompts import Prompt, PromptSet
from MVGCore.volume import LabelMap, Segmentation, SegmentClass, SliceKey, Volume, robust_window, write_volume
from MVGDesktop.files.nodes import segmentation_node, segmentation_of
from Testing.desktop.acting import CONTROL, press_key
from Testing.desktop.conftest import wait_until
from Testing.desktop.mouse import LEFT

pytestmark = pytest.mark.display
BALL = SegmentClass(3, "ball", (1, 0.5, 0))


@pytest.fixture
def a_list(a_volume: Volume, tmp_path: Path) -> Path:
    """Two slices of two volumes, labelled by a guess that is switched off."""
    entries = []
    for n, index in enumerate((9, 12)):
        path = tmp_path / f"case_{n}.nrrd"
        image = Volume((a_volume.array + n).astype(np.int16), a_volume.geometry)
        write_volume(path, image)
        labels = np.zeros(image.array.shape, np.uint8)
        labels[index, 20:30, 20:30] = 3
        prompt = Prompt.of(
            image,
            LabelMap.of(labels, image.geometry, [BALL]),
            SliceKey(0, index),
            robust_window(image.array),
        )
        prompt.enabled = False
        PromptSet([prompt], (BALL,)).save(tmp_path / f"{n}.mvgprompts")
        entries.append(NextSlice(f"case_{n}", str(path), "k", index, f"{n}.mvgprompts", 0.5))
    (tmp_path / "list.json").write_text(json.dumps([asdict(each) for each in entries]))
    return tmp_path / "list.json"


def test_cases_are_opened_corrected_and_kept_one_by_one(window, a_list: Path) -> None:
    window.queue.open(a_list)
    document, ui = window.document, window.panel.ui
    labels = segmentation_of(document.segmentation).to_labelmap()
    assert document.volume.GetName() == "case_0" and "0 of 2" in ui.caseLabel.text()
    assert np.flatnonzero(labels.array.any((1, 2))).tolist() == [9]
    assert labels.classes[0].name == "ball"
    labels.array[9, 30:35, 20:30] = 3
    labels.array[11, 5:9, 5:9] = 3  # another slice is not asked for
    node = segmentation_node(Segmentation.from_labelmap(labels), "corrected", document.volume)
    document.set_segmentation(node.GetID())
    press_key(window, QtCore.Qt.Key_Return, CONTROL | QtCore.Qt.ShiftModifier)
    (prompt,) = PromptSet.load(a_list.with_name("0.mvgprompts")).enabled
    assert np.array_equal(prompt.labels, labels.array[9]) and prompt.index == 9
    assert document.volume.GetName() == "case_1" and "1 of 2" in ui.caseLabel.text()
    assert window.panel.controller.view().partner_id == document.segmentation_id
    QtTest.QTest.mouseClick(ui.saveCaseButton, LEFT)
    assert not ui.caseFrame.isVisible() and "further --examples" in ui.messageLabel.text()
    window.queue.open(a_list)  # all are done, also tomorrow
    assert not ui.caseFrame.isVisible() and "further --examples" in ui.messageLabel.text()


@pytest.mark.skipif(shutil.which("xdotool") is None, reason="xdotool presses the keys of the display")
def test_the_keys_of_a_keyboard_save_and_go_on(window, a_list: Path) -> None:
    """Through the window system, as a hand presses them."""
    window.queue.open(a_list)
    window.views.panels[0].view.setFocus()
    subprocess.run(["xdotool", "key", "ctrl+shift+Return"], check=True)
    wait_until(lambda: window.document.volume.GetName() == "case_1")
    assert PromptSet.load(a_list.with_name("0.mvgprompts")).enabled
    window.panel.controller.cases.close()


def test_without_a_list_nothing_is_kept(window) -> None:
    window.queue.save_and_next()
    assert "No list of cases is open" in window.panel.ui.messageLabel.text()


def test_whoever_keeps_what_is_open_stays_in_the_case(
    window, a_list: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.queue.open(a_list)
    monkeypatch.setattr(window.keeper, "may_lose_changes", lambda: False)
    window.queue.open(a_list)
    assert window.document.volume.GetName() == "case_0"
    assert "0 of 2" in window.panel.ui.caseLabel.text()
    window.panel.controller.cases.close()
    assert not window.panel.ui.caseFrame.isVisible() and window.document.volume is not None


def test_the_labels_that_are_open_are_reviewed_in_the_browser(
    window, a_list: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(
        QtGui.QDesktopServices, "openUrl", staticmethod(lambda url: opened.append(url.toLocalFile()))
    )
    window.queue.open(a_list)
    window.panel.open_review_page()
    page = Path(opened[0]).read_text(encoding="utf-8")
    assert "Review of the labels" in page and "case_0" not in page
