"""Cases to label next and the review page in the panel, on the real scene."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import qt
import slicer

from MVGCore.datasets.next_slices import NextSlice
from MVGCore.prompts import Prompt, PromptSet
from MVGCore.volume import Geometry, LabelMap, SegmentClass, SliceKey, Volume, robust_window, write_volume
from MVGLib.control.controller import Controller
from MVGLib.host.building import build_panel
from MVGLib.scene import Scene
from Testing.slicer.nodes import put_segment
from Testing.slicer.panel.fakes import FakeWorker
from Testing.slicer.panel.steps import finish, problem

SHAPE = (6, 20, 18)
TUBE = SegmentClass(3, "tube", (1, 0.5, 0))
PLACES = (2, 4)


def case_image(number: int) -> Volume:
    """Noise with a bright box, the same for a number, in an oblique place."""
    array = np.random.default_rng(number).normal(0, 3, SHAPE).astype(np.float32)
    array[:, 5:12, 4:10] += 60
    return Volume(array, Geometry(SHAPE, (0.8, 0.9, 2.5), (-12.0, 7.0, 30.0)), f"case_{number}")


@pytest.fixture
def a_list(tmp_path: Path) -> Path:
    """Two slices of two volumes, labelled by a guess that is switched off."""
    entries = []
    for number, index in enumerate(PLACES):
        path, image = tmp_path / f"case_{number}.nrrd", case_image(number)
        write_volume(path, image)
        labels = np.zeros(SHAPE, np.uint16)
        labels[index, 6:9, 5:8] = 3
        made = LabelMap.of(labels, image.geometry, [TUBE])
        prompt = Prompt.of(image, made, SliceKey(0, index), robust_window(image.array))
        prompt.enabled = False
        PromptSet([prompt], (TUBE,)).save(tmp_path / f"{number}.mvgprompts")
        entries.append(NextSlice(f"case_{number}", str(path), "k", index, f"{number}.mvgprompts", 0.5))
    (tmp_path / "list.json").write_text(json.dumps([asdict(each) for each in entries]))
    return tmp_path / "list.json"


@pytest.fixture
def alone(make_controller: Any, worker: FakeWorker) -> Controller:
    """A controller on a scene without volumes."""
    controller: Controller = make_controller(worker)
    return controller


def node_of(node_id: str) -> Any:
    return slicer.mrmlScene.GetNodeByID(node_id)


def volumes() -> list[str]:
    return [each.GetName() for each in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")]


def test_a_case_is_opened_corrected_saved_and_the_next_one_follows(
    alone: Controller, scene: Scene, a_list: Path
) -> None:
    alone.cases.open(str(a_list))
    view = alone.view()
    assert problem(alone) == "" and "case_0, axial 2" in view.case and "0 of 2" in view.case
    assert "Save slice" in view.hint
    assert node_of(view.volume_id).GetName() == "case_0"
    np.testing.assert_array_equal(scene.volume(view.volume_id).array, case_image(0).array)
    assert scene.volume(view.volume_id).geometry.is_close(case_image(0).geometry)
    assert scene.labelled(view.partner_id, view.volume_id, 0) == [SliceKey(0, 2)]
    assert scene.slice_in_view(view.volume_id) == SliceKey(0, 2)
    (tube,) = scene.classes(view.partner_id)
    assert tube.name == "tube"
    drawn = np.zeros(SHAPE, bool)
    drawn[2, 5:12, 4:10] = True
    labels, volume = node_of(view.partner_id), node_of(view.volume_id)
    put_segment(labels, labels.GetSegmentation().GetNthSegmentID(0), drawn, volume)
    alone.cases.save_and_next()
    (prompt,) = PromptSet.load(a_list.with_name("0.mvgprompts")).enabled
    assert prompt.index == 2 and np.array_equal(prompt.labels, 3 * drawn[2])  # the number of the data set
    assert "case_1, axial 4" in alone.view().case and "1 of 2" in alone.view().case
    assert volumes() == ["case_1"]  # the one before is in its file
    alone.cases.save_and_next()
    view = alone.view()
    assert view.case == "" and view.message is not None and "further --examples" in view.message.text
    alone.cases.open(str(a_list))
    assert alone.view().case == ""  # all are done, also tomorrow


def test_what_is_in_the_scene_stays_and_so_does_more_than_the_slice(
    controller: Controller, a_list: Path, a_volume_node: Any, a_segmentation_node: Any
) -> None:
    controller.cases.open(str(a_list))
    view = controller.view()
    labels, volume = node_of(view.partner_id), node_of(view.volume_id)
    drawn = np.zeros(SHAPE, bool)
    drawn[[2, 3], 5:12, 4:10] = True  # one slice more than is kept in the file
    put_segment(labels, labels.GetSegmentation().GetNthSegmentID(0), drawn, volume)
    controller.cases.save_and_next()
    assert problem(controller) == ""
    assert {a_volume_node.GetName(), "case_0", "case_1"} <= set(volumes())
    assert slicer.mrmlScene.IsNodePresent(a_segmentation_node)


def test_without_a_list_or_its_nodes_nothing_is_kept(alone: Controller, a_list: Path) -> None:
    alone.cases.save_and_next()
    assert "No list of cases is open" in problem(alone)
    alone.cases.open(str(a_list))
    slicer.mrmlScene.RemoveNode(node_of(alone.view().volume_id))
    alone.cases.save_and_next()
    assert "not chosen" in problem(alone)
    assert not PromptSet.load(a_list.with_name("0.mvgprompts")).enabled
    alone.cases.close()
    assert alone.view().case == ""
    alone.cases.open(str(a_list.with_name("none") / "list.json"))
    assert problem(alone) != ""


def test_the_page_of_the_result_that_waits_else_of_the_labels(ready: Controller, a_volume_node: Any) -> None:
    page = Path(ready.page.write()).read_text(encoding="utf-8")
    assert "Review of the labels" in page and a_volume_node.GetName() not in page
    ready.runs.apply()
    finish(ready)
    other = Path(ready.page.write()).read_text(encoding="utf-8")
    assert other != page and problem(ready) == ""


def test_without_labels_there_is_no_page(alone: Controller) -> None:
    assert not alone.page.write()
    assert "no labels to review" in problem(alone)


def test_buttons_and_menu_of_the_panel(
    scene: Scene, red_view: Any, a_list: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = build_panel()
    try:
        assert not panel.ui.caseFrame.isVisibleTo(panel.widget)
        monkeypatch.setattr(qt.QFileDialog, "getOpenFileName", lambda *_given: (str(a_list), ""))
        panel.menu.cases.trigger()
        assert panel.ui.caseFrame.isVisibleTo(panel.widget) and "0 of 2" in panel.ui.caseLabel.text()
        panel.ui.saveCaseButton.click()
        assert "1 of 2" in panel.ui.caseLabel.text()
        opened: list[str] = []
        monkeypatch.setattr(qt.QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
        panel.menu.page.trigger()
        assert Path(opened[0]).is_file()
        panel.ui.closeCasesButton.click()
        assert not panel.ui.caseFrame.isVisibleTo(panel.widget)
    finally:
        panel.cleanup()
