"""The counterparts of Slicer's widgets, and its forms in PyQt5."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import numpy as np
import pytest
import slicer
from PyQt5 import QtCore, QtTest, QtWidgets

from MVGDesktop.qtwidgets import ctkCollapsibleButton, qMRMLNodeComboBox

FORM = """<?xml version="1.0" encoding="UTF-8"?>
<ui version="4.0"><class>Form</class>
<widget class="QWidget" name="Form"><layout class="QVBoxLayout">
 <item><widget class="ctkCollapsibleButton" name="section">
  <property name="text"><string>Part</string></property>
  <property name="collapsed"><bool>true</bool></property>
  <layout class="QVBoxLayout"><item><widget class="QLabel" name="inner"/></item></layout></widget></item>
 <item><widget class="{kind}" name="selector">
  <property name="nodeTypes"><stringlist notr="true">
   <string>vtkMRMLScalarVolumeNode</string></stringlist></property>
  <property name="noneEnabled"><bool>true</bool></property></widget></item>
</layout></widget>
<customwidgets>
 <customwidget><class>ctkCollapsibleButton</class><extends>QWidget</extends>
  <header>ctkCollapsibleButton.h</header><container>1</container></customwidget>
 <customwidget><class>{kind}</class><extends>QWidget</extends><header>{kind}.h</header></customwidget>
</customwidgets><resources/>
<connections><connection><sender>Form</sender><signal>mrmlSceneChanged(vtkMRMLScene*)</signal>
 <receiver>selector</receiver><slot>setMRMLScene(vtkMRMLScene*)</slot></connection></connections></ui>"""


@pytest.fixture
def scene(application):
    yield slicer.mrmlScene
    slicer.mrmlScene.Clear(False)


def a_volume(name: str):
    return slicer.util.addVolumeFromArray(np.zeros((2, 3, 4), np.int16), name=name)


@pytest.fixture
def box(scene) -> qMRMLNodeComboBox:
    box = qMRMLNodeComboBox()
    box.setProperty("nodeTypes", ["vtkMRMLScalarVolumeNode"])
    box.setProperty("noneEnabled", True)
    box.setProperty("addEnabled", False)
    box.setProperty("removeEnabled", False)
    box.setMRMLScene(scene)
    box.seen = []
    box.currentNodeIDChanged.connect(box.seen.append)
    return box


def entries(box: qMRMLNodeComboBox) -> list[str]:
    return [box._box.itemText(index) for index in range(box._box.count())]


def test_a_form_of_a_slicer_module_loads(scene, application, tmp_path: Path) -> None:
    path = tmp_path / "Form.ui"
    path.write_text(FORM.format(kind="qMRMLNodeComboBox"))
    widget = slicer.util.loadUI(str(path))
    ui = slicer.util.childWidgetVariables(widget)
    assert ui.selector.mrmlScene() is None and ui.selector.nodeTypes == ["vtkMRMLScalarVolumeNode"]
    assert ui.section.collapsed and ui.section.text() == "Part"
    widget.show()
    application.processEvents()
    assert ui.inner.isHidden() and ui.Form is widget


def test_unknown_widgets_and_files_are_named(scene, tmp_path: Path) -> None:
    path = tmp_path / "Form.ui"
    path.write_text(FORM.format(kind="qMRMLUnheardOf"))
    with pytest.raises(RuntimeError, match="no counterpart of qMRMLUnheardOf"):
        slicer.util.loadUI(str(path))
    with pytest.raises(RuntimeError, match="file not found"):
        slicer.util.loadUI(str(tmp_path / "none.ui"))


def test_one_namespace_of_qt() -> None:
    import ctk
    import qt
    from slicer.i18n import tr

    assert qt.QTimer is QtCore.QTimer and qt.QLabel is QtWidgets.QLabel and qt.Signal is QtCore.pyqtSignal
    assert ctk.ctkCollapsibleButton is ctkCollapsibleButton and tr("text") == "text"


def test_nodes_come_go_and_change_their_names(box) -> None:
    assert entries(box) == ["None"]
    first, second = a_volume("a"), a_volume("b")
    assert entries(box) == ["None", "a", "b"] and box.currentNodeID == ""
    box.setCurrentNode(second)
    second.SetName("c")
    assert entries(box) == ["None", "a", "c"]
    slicer.mrmlScene.RemoveNode(first)
    assert entries(box) == ["None", "c"] and box.currentNode() is second
    slicer.mrmlScene.RemoveNode(second)
    # Told again when it is renamed and when its row moves, as Slicer's box does.
    assert list(dict.fromkeys(box.seen)) == [second.GetID(), ""] and box.nodeCount() == 0


def test_other_classes_and_hidden_nodes_are_not_listed(box, scene) -> None:
    box.setProperty("showChildNodeTypes", False)
    scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    node = a_volume("a")
    node.SetHideFromEditors(True)
    node.Modified()
    assert entries(box) == ["None"]
    node.SetHideFromEditors(False)
    node.Modified()
    assert entries(box) == ["None", "a"]
    box.setProperty("showChildNodeTypes", True)
    assert set(entries(box)) == {"None", "a", "labels"}


def test_without_none_the_first_node_is_chosen(box) -> None:
    box.setProperty("noneEnabled", False)
    node = a_volume("a")
    assert box.currentNodeID == node.GetID()
    box.setCurrentNodeID("no such id")
    assert box.currentNodeID == ""


def test_the_user_chooses_and_makes_nodes(box) -> None:
    node = a_volume("a")
    box._box.setCurrentIndex(1)
    box._box.activated.emit(1)
    assert box.currentNode() is node
    box.setProperty("addEnabled", True)
    index = box._box.findText("Create new", QtCore.Qt.MatchStartsWith)
    box._box.activated.emit(index)
    assert box.nodeCount() == 2 and box.currentNode() is not node


def test_a_widget_that_is_gone_leaves_the_scene_alone(box, scene) -> None:
    weak = weakref.ref(box)
    box.deleteLater()
    QtWidgets.QApplication.sendPostedEvents(box, QtCore.QEvent.DeferredDelete)
    del box
    gc.collect()
    a_volume("a")
    assert weak() is None or weak()._rows._scene_tags._tags == []


def test_a_collapsible_section_hides_and_shows_what_was_shown(application) -> None:
    section = ctkCollapsibleButton()
    layout = QtWidgets.QVBoxLayout(section)
    shown, hidden = QtWidgets.QLabel("shown"), QtWidgets.QLabel("hidden")
    layout.addWidget(shown)
    layout.addWidget(hidden)
    hidden.hide()
    section.show()
    application.processEvents()
    height = section.sizeHint().height()
    QtTest.QTest.mouseClick(section, QtCore.Qt.LeftButton, pos=QtCore.QPoint(5, 5))
    assert section.collapsed and not shown.isVisible() and section.sizeHint().height() < height
    section.setProperty("collapsed", False)
    assert shown.isVisible() and not hidden.isVisible()
