"""The module file MVG.py as Slicer loads it, on a real scene: panel, logic, scene events, its own tests."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import slicer

from Testing.slicer import slicermodules, slicershim
from Testing.slicer.slicershim import load

ROOT = Path(__file__).resolve().parents[2]
EXTENSION = ROOT / "MVGSlicerExtension"
MODULE_FILES = (EXTENSION / "MVG" / "MVG.py", EXTENSION / "SegmentEditorMVG" / "SegmentEditorMVG.py")


class Parent:
    """`qSlicerScriptedLoadableModule`: keeps what the module says of itself."""


@pytest.fixture
def module(app: Any) -> ModuleType:
    return load(MODULE_FILES[0])


@pytest.fixture
def widget(module: ModuleType) -> Iterator[Any]:
    """The module's widget after Slicer has called its setup and enter."""
    area = slicershim.ModuleArea()
    widget = module.MVGWidget(area)
    widget.setup()
    area.isEntered = True
    widget.enter()
    yield widget
    widget.cleanup()
    area.deleteLater()


@pytest.mark.parametrize("path", MODULE_FILES, ids=lambda path: path.name)
def test_the_file_runs_nothing_and_imports_nothing_heavy(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    allowed = (ast.Import, ast.ImportFrom, ast.ClassDef, ast.FunctionDef, ast.Expr)
    assert all(isinstance(node, allowed) for node in tree.body)
    assert all(isinstance(node.value, ast.Constant) for node in tree.body if isinstance(node, ast.Expr))
    imported = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").split(".")[0])
    assert imported <= {*sys.stdlib_module_names, "slicer", "vtk", "qt", "ctk", "numpy"}


@pytest.mark.parametrize("path", MODULE_FILES, ids=lambda path: path.name)
def test_file_and_classes_share_a_name(app: Any, path: Path) -> None:
    found = load(path)
    assert hasattr(found, path.stem) and hasattr(found, f"{path.stem}Test")


def test_the_module_introduces_itself_and_registers_its_data(
    module: ModuleType, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered = []
    from MVGLib.host import sampledata

    monkeypatch.setattr(sampledata, "register", lambda: registered.append(True))
    parent = Parent()
    module.MVG(parent)
    assert parent.title == "MVG" and parent.categories == ["Segmentation"]
    assert "tutorial" in parent.helpText and "not a medical device" in parent.acknowledgementText
    assert not registered
    app.startupCompleted.emit()
    assert registered == [True]


def test_in_a_checkout_the_core_is_found_two_folders_above(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = list(sys.path)
    module._find_packages()
    assert sys.path == before
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    module._find_packages()
    assert sys.path == [*before, str(ROOT)]


def test_the_widget_shows_the_panel_and_keeps_the_choices_in_the_scene(widget: Any) -> None:
    assert widget.layout.itemAt(0).widget() is widget.panel.widget
    node = widget.logic.getParameterNode()
    widget.panel.controller.choices.set_task("denoise")
    assert "denoise" in node.GetParameter("Settings")


def test_closing_the_scene_starts_anew(widget: Any, app: Any) -> None:
    widget.panel.controller.choices.set_task("denoise")
    app.mrmlScene().Clear(0)
    assert widget.panel.controller.view().settings.task.value == "segment"
    assert widget.panel.controller.view().volume_id == ""
    widget.panel.controller.choices.set_task("inpaint")
    assert "inpaint" in widget.logic.getParameterNode().GetParameter("Settings")


def test_leaving_and_coming_back(widget: Any) -> None:
    widget.exit()
    widget.enter()
    assert widget.panel.controller.view().hint


def test_cleanup_lets_go_of_the_scene(widget: Any, app: Any) -> None:
    widget.cleanup()
    app.mrmlScene().Clear(0)
    widget.cleanup()


@pytest.fixture
def area(app: Any) -> Iterator[Any]:
    """The module in its place, entered."""
    with slicermodules.python_modules_kept():
        area = slicershim.ModuleArea(str(MODULE_FILES[0]))
        area.reload()
        area.enter()
        yield area
        area.widget.cleanup()
    area.deleteLater()


def test_a_reloaded_panel_is_alive_and_new(area: Any) -> None:
    before = area.widget.panel
    area.widget.onReload()
    after = area.widget.panel
    assert after is not before and type(after) is not type(before)  # what is behind it was read again, too
    assert after._timer.isActive() and after.shortcuts.live
    assert not before._timer.isActive() and not before.shortcuts.live


def test_a_module_that_is_not_shown_stays_quiet_when_reloaded(area: Any) -> None:
    area.exit()
    area.widget.onReload()
    assert not area.widget.panel._timer.isActive() and not area.widget.panel.shortcuts.live
    area.enter()
    assert area.widget.panel._timer.isActive()


def test_an_installation_that_a_restart_interrupted_waits_for_the_user(
    module: ModuleType, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from MVGLib.host.install import TORCH, Install
    from MVGLib.host.slicerhost import RESUME_SETTING

    app.settings().setValue(RESUME_SETTING, True)
    monkeypatch.setattr(Install, "_missing_packages", lambda self: [TORCH])
    widget = module.MVGWidget(slicershim.ModuleArea())
    widget.setup()
    view = widget.panel.controller.view()
    assert view.install.startswith("Press Install to go on.") and not widget.panel.ui.installFrame.isHidden()
    assert app.settings().value(RESUME_SETTING) is True
    widget.cleanup()


@pytest.fixture
def modules(app: Any, red_view: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[slicermodules.Modules]:
    """The modules as `slicer.util` goes from one to the other."""
    with slicermodules.python_modules_kept():
        modules = slicermodules.Modules()
        monkeypatch.setattr(slicer.util, "selectModule", modules.select)
        monkeypatch.setattr(slicer.util, "getModuleWidget", modules.widget)
        yield modules
        modules.close()


def test_the_modules_own_tests_pass(
    module: ModuleType, modules: slicermodules.Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(slicershim.ScriptedLoadableModuleTest, "shown", shown)
    module.MVGTest().runTest()
    assert shown[-1] == "MVG: all tests passed." and len(shown) > 5
    assert not any("left out" in line for line in shown)


def test_the_logic_says_what_is_wrong_and_leaves_the_scene_as_it_was(module: ModuleType, app: Any) -> None:
    import slicer

    from MVGCore.errors import InputError
    from MVGLib.host import selftest

    volume, segmentation, _ = selftest.add_nodes()
    empty = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "empty")
    before = slicer.mrmlScene.GetNumberOfNodes()
    with pytest.raises(InputError, match="'empty'"):
        module.MVGLogic().segment(volume, empty)
    assert slicer.mrmlScene.GetNumberOfNodes() == before


def test_dicom_labels_come_and_go_by_the_logic(module: ModuleType, app: Any, tmp_path: Path) -> None:
    from MVGCore.volume import read_labelmap, read_volume
    from MVGLib.scene import Scene
    from Testing.core.volume.dicom.builder import ramp, save, segmentation, stack

    image = read_volume(save(tmp_path / "ct", stack(ramp())))
    volume = slicer.util.addVolumeFromArray(
        image.array, ijkToRAS=slicer.util.vtkMatrixFromArray(image.geometry.affine_ras), name="CT"
    )
    mask = np.eye(5, 7, dtype=np.uint8)
    few = save(tmp_path, [segmentation([(4, 1, mask), (1, 1, mask)])]) / "IM0000.dcm"
    logic = module.MVGLogic()
    node = logic.openLabels(few, volume)
    labels = Scene().label_map(node.GetID(), volume.GetID())
    assert np.array_equal(np.flatnonzero(labels.array.any(axis=(1, 2))), [1, 4])
    assert np.array_equal(labels.array[4] > 0, mask) and labels.classes[0].name == "part 1"
    logic.saveLabels(tmp_path / "out.dcm", node, volume, tmp_path / "ct")
    back = read_labelmap(tmp_path / "out.dcm", image.geometry)
    assert np.array_equal(back.array > 0, labels.array > 0)


def test_a_cancelled_run_leaves_the_scene_as_it_was(module: ModuleType, app: Any) -> None:
    import slicer

    from MVGCore.errors import CancelledError
    from MVGLib.host import selftest

    volume, segmentation, _ = selftest.add_nodes()
    before = slicer.mrmlScene.GetNumberOfNodes()
    with pytest.raises(CancelledError):
        module.MVGLogic().segment(volume, segmentation, cancelled=lambda: True)
    assert slicer.mrmlScene.GetNumberOfNodes() == before


def test_a_model_that_is_not_there_is_named(module: ModuleType, app: Any) -> None:
    from MVGCore.errors import MVGError
    from MVGLib.host import selftest

    volume, segmentation, _ = selftest.add_nodes()
    with pytest.raises(MVGError, match="no-such-model"):
        module.MVGLogic().segment(volume, segmentation, model="no-such-model")
