"""The counterparts of Slicer's widgets have what PythonQt sees of the real ones, and nothing more."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import slicer
from PyQt5 import QtCore, QtWidgets

from MVGDesktop.qtwidgets import ctkCollapsibleButton, qMRMLNodeComboBox
from Testing.packaging.slicerapi.tables import SlicerClass, classes

STANDINS = (ctkCollapsibleButton, qMRMLNodeComboBox)


def of_qt(kind: type[QtWidgets.QWidget]) -> type[QtWidgets.QWidget]:
    """The class of Qt that a stand-in extends."""
    return next(each for each in kind.__mro__ if each.__module__.startswith("PyQt5"))


@pytest.fixture(params=STANDINS, ids=lambda kind: kind.__name__)
def standin(request: Any, application: Any) -> tuple[QtWidgets.QWidget, SlicerClass]:
    return request.param(), classes()[request.param.__name__]


@pytest.fixture
def scene(application: Any) -> Any:
    slicer.mrmlScene.Clear(False)
    yield slicer.mrmlScene
    slicer.mrmlScene.Clear(False)


def a_volume(name: str) -> Any:
    return slicer.util.addVolumeFromArray(np.zeros((2, 3, 4), np.int16), name=name)


def a_box(scene: Any, **choices: Any) -> qMRMLNodeComboBox:
    box = qMRMLNodeComboBox()
    plain = {"nodeTypes": ["vtkMRMLScalarVolumeNode"], "noneEnabled": True, "addEnabled": False}
    for name, value in {**plain, "removeEnabled": False, **choices}.items():
        assert box.setProperty(name, value), name
    box.setMRMLScene(scene)
    return box


def test_it_extends_what_the_real_class_extends(standin: Any) -> None:
    widget, table = standin
    assert of_qt(type(widget)).__name__ == table.extends


def test_it_has_the_members_of_the_table_and_no_others(standin: Any) -> None:
    widget, table = standin
    own = set(dir(type(widget))) - set(dir(of_qt(type(widget))))
    assert {name for name in own if not name.startswith("_")} == set(table.members)


def test_properties_are_properties_of_qt_and_nothing_that_can_be_called(standin: Any) -> None:
    widget, table = standin
    meta = widget.metaObject()
    for name, access in table.properties.items():
        prop = meta.property(meta.indexOfProperty(name))
        assert prop.isValid() and prop.isWritable() == ("write" in access), name
        assert not callable(getattr(widget, name)), name


def test_signals_are_signals_and_methods_are_methods(standin: Any) -> None:
    widget, table = standin
    assert all(isinstance(getattr(widget, name), QtCore.pyqtBoundSignal) for name in table.signals)
    assert all(callable(getattr(widget, name)) for name in table.methods)


@pytest.mark.parametrize("member", ["setCollapsed", "setNodeTypes", "setNoneEnabled", "setContentsLineWidth"])
def test_a_plain_setter_of_c_plus_plus_is_unknown(standin: Any, member: str) -> None:
    with pytest.raises(AttributeError):
        getattr(standin[0], member)


def test_an_import_empties_the_box_and_fills_it_again(scene: Any, tmp_path: Any) -> None:
    a_volume("of the file")
    path = str(tmp_path / "scene.mrml")
    scene.SetURL(path)
    assert scene.Commit(path)
    scene.Clear(False)
    kept = a_volume("kept")
    box = a_box(scene)
    box.setCurrentNode(kept)
    seen: list[str] = []
    box.currentNodeIDChanged.connect(seen.append)
    counts: list[int] = []
    tag = scene.AddObserver(scene.EndImportEvent, lambda *_: counts.append(box.nodeCount()), 1.0)
    scene.SetURL(path)
    scene.Import()
    scene.RemoveObserver(tag)
    # Who hears of the end first sees the old rows; then the box is emptied, says so, and chooses none again.
    assert counts == [1] and box.nodeCount() == 2
    assert seen and set(seen) == {""} and box.currentNodeID == ""


def test_when_its_node_goes_the_box_stands_on_a_neighbour(scene: Any) -> None:
    first, second = a_volume("a"), a_volume("b")
    box = a_box(scene)
    box.setCurrentNode(second)
    seen: list[str] = []
    box.currentNodeIDChanged.connect(seen.append)
    scene.RemoveNode(second)
    assert seen[-1] == first.GetID() and box.currentNode() is first


def test_closing_a_scene_is_told_once_it_is_empty(scene: Any) -> None:
    box = a_box(scene)
    box.setCurrentNode(a_volume("a"))
    seen: list[tuple[str, int]] = []
    box.currentNodeIDChanged.connect(lambda each: seen.append((each, scene.IsClosing())))
    scene.Clear(False)
    assert seen and {each for each, _closing in seen} == {""} and box.nodeCount() == 0


def test_a_choice_before_there_is_a_scene_is_made_with_it(scene: Any) -> None:
    node = a_volume("a")
    box = qMRMLNodeComboBox()
    assert not box.isEnabled()
    box.setProperty("nodeTypes", ["vtkMRMLScalarVolumeNode"])
    box.setProperty("currentNodeID", node.GetID())
    box.setMRMLScene(scene)
    assert box.isEnabled() and box.currentNode() is node


def test_only_the_user_activates(scene: Any) -> None:
    node = a_volume("a")
    box = a_box(scene)
    activated: list[Any] = []
    box.nodeActivated.connect(activated.append)
    box.setCurrentNode(node)
    assert not activated
    box._box.activated.emit(1)
    box._box.activated.emit(0)
    assert activated == [node, None]


def test_nodes_with_an_attribute_alone_are_listed(scene: Any) -> None:
    marked = a_volume("marked")
    a_volume("other")
    marked.SetAttribute("kind", "x")
    box = a_box(scene)
    box.addAttribute("vtkMRMLScalarVolumeNode", "kind", "x")
    assert box.nodeCount() == 1 and box.nodeFromIndex(0) is marked
    box.removeAttribute("vtkMRMLScalarVolumeNode", "kind")
    assert box.nodeCount() == 2


def test_what_is_shown_in_a_folded_section_appears_when_it_is_unfolded(application: Any) -> None:
    section = ctkCollapsibleButton("part")
    layout = QtWidgets.QVBoxLayout(section)
    label, other = QtWidgets.QLabel("a"), QtWidgets.QLabel("b")
    layout.addWidget(label)
    layout.addWidget(other)
    section.show()
    application.processEvents()
    section.setProperty("collapsed", True)
    label.hide()
    other.hide()
    other.show()
    assert not other.isVisible()
    section.setProperty("collapsed", False)
    assert other.isVisible() and not label.isVisible()
    section.setProperty("collapsed", True)
    label.show()
    section.setProperty("collapsed", False)
    assert label.isVisible()
