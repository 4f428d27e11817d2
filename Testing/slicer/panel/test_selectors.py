"""The boxes of nodes follow the controller through all that happens to the scene; only the user chooses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import slicer

from MVGDesktop import qtcompat
from MVGLib.control.parameters import MODULE, Parameters
from MVGLib.panel.panel import Panel
from Testing.slicer.nodes import make_image, make_volume


@pytest.fixture
def a_scene(tmp_path: Path) -> str:
    """The file of a scene of somebody else, with a volume in it."""
    other = slicer.vtkMRMLScene()
    other.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "of somebody else")
    return saved(other, tmp_path / "andere Szene.mrml")


@pytest.fixture
def panel(ready: Any) -> Any:
    panel = Panel(None, ready, owns=False)
    panel.enter()
    ready.choices.set(limited=True, first=2, last=7)
    yield panel
    panel.cleanup()


def saved(mrml: Any, path: Path) -> str:
    """The scene in a file; the URL is put back."""
    before = mrml.GetURL()
    mrml.SetURL(str(path))
    assert mrml.Commit(str(path))
    mrml.SetURL(before or "")
    return str(path)


def read_scene(mrml: Any, path: str) -> None:
    """Add a scene to the one that is open; Slicer's File > Open closes that first."""
    mrml.SetURL(path)
    assert mrml.Import()


def choices(panel: Panel) -> tuple[Any, ...]:
    view = panel.controller.view()
    return (view.volume_id, view.partner_id, view.settings.limited, view.settings.first, len(view.examples))


def shown(panel: Panel) -> tuple[str, str]:
    return panel.ui.volumeSelector.currentNodeID, panel.ui.labelsSelector.currentNodeID


def test_adding_a_scene_leaves_every_choice_as_it_was(panel: Panel, mrml_scene: Any, a_scene: str) -> None:
    before = choices(panel)
    read_scene(mrml_scene, a_scene)
    assert choices(panel) == before and shown(panel) == before[:2]
    node = mrml_scene.GetSingletonNode(MODULE, "vtkMRMLScriptedModuleNode")
    kept = Parameters(node)
    assert kept.node_id("Volume") == before[0] and kept.settings().first == 2


def test_opening_a_scene_shows_the_volume_it_was_saved_with(
    panel: Panel, mrml_scene: Any, tmp_path: Path
) -> None:
    names = [mrml_scene.GetNodeByID(node_id).GetName() for node_id in choices(panel)[:2]]
    path = saved(mrml_scene, tmp_path / "scene.mrml")
    mrml_scene.Clear(False)
    assert shown(panel) == ("", "")
    read_scene(mrml_scene, path)
    view = panel.controller.view()
    assert view.volume_id and shown(panel) == (view.volume_id, view.partner_id)
    assert [mrml_scene.GetNodeByID(node_id).GetName() for node_id in shown(panel)] == names
    assert "Choose a volume" not in panel.ui.hintLabel.text()


def test_a_removed_volume_is_not_replaced_by_its_neighbour(panel: Panel, mrml_scene: Any) -> None:
    mine = panel.controller.view().volume_id
    other = make_volume(make_image(), name="other")
    mrml_scene.RemoveNode(mrml_scene.GetNodeByID(mine))
    qtcompat.application().processEvents()
    assert panel.controller.view().volume_id == "" and shown(panel)[0] == ""
    assert mrml_scene.GetNodeByID(other.GetID()) is not None


def test_a_hidden_volume_is_not_replaced_either_and_the_user_can_choose_another(
    panel: Panel, mrml_scene: Any
) -> None:
    other = make_volume(make_image(), name="a neighbour")
    mine = panel.controller.view().volume_id
    node = mrml_scene.GetNodeByID(mine)
    node.SetHideFromEditors(True)
    node.Modified()
    assert panel.controller.view().volume_id == mine
    box = panel.ui.volumeSelector
    box._box.setCurrentIndex(box._rows.row_of(other.GetID()))
    box._box.activated.emit(box._box.currentIndex())
    assert panel.controller.view().volume_id == other.GetID()


def test_a_script_chooses_by_the_property(panel: Panel) -> None:
    other = make_volume(make_image(), name="other")
    panel.ui.volumeSelector.setProperty("currentNodeID", other.GetID())
    assert panel.controller.view().volume_id == other.GetID()


def test_renaming_is_no_choice(panel: Panel, mrml_scene: Any) -> None:
    before = choices(panel)
    mrml_scene.GetNodeByID(before[0]).SetName("another name")
    assert choices(panel) == before
