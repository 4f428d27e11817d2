"""A list of the scene's nodes to choose from: the counterpart of `qMRMLNodeComboBox`."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import slicer
import vtk
from PyQt5 import QtCore, QtWidgets

_SCENE_EVENTS = (
    "NodeAddedEvent",
    "NodeRemovedEvent",
    "EndBatchProcessEvent",
    "EndCloseEvent",
    "EndImportEvent",
)


class qMRMLNodeComboBox(QtWidgets.QWidget):  # noqa: N801 - the name is Slicer's
    """Lists the nodes of some classes as they come, go and change their names.

    Entries at the end make, rename and delete a node where `addEnabled`, `renameEnabled` and `removeEnabled`
    say so.
    """

    currentNodeIDChanged = QtCore.pyqtSignal(str)
    currentNodeChanged = QtCore.pyqtSignal(object)
    nodeAddedByUser = QtCore.pyqtSignal(object)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._box = QtWidgets.QComboBox(self)
        self._box.setObjectName("qt_node_box")
        self._box.setSizePolicy(QtWidgets.QSizePolicy.Ignored, QtWidgets.QSizePolicy.Fixed)
        self._box.activated.connect(self._on_activated)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._box)
        self.setFocusProxy(self._box)
        self._scene: Any = None
        self._node_types: list[str] = []
        self._shows_hidden = False
        self._shows_children = True
        self._adds = self._removes = self._renames = False
        self._has_none = False
        self._none_text = "None"
        self._selects_new = True
        self._base_name = ""
        self._current = ""
        self._scene_tags: list[int] = []
        self._node_tags: dict[str, tuple[Any, int]] = {}
        _unobserve_when_gone(self)

    # Properties, as Qt Designer and Slicer name them.

    def setNodeTypes(self, types: Sequence[str]) -> None:
        self._node_types = list(types)
        self._refresh()

    def nodeTypes(self) -> list[str]:
        return list(self._node_types)

    def setShowHidden(self, shown: bool) -> None:
        self._shows_hidden = shown
        self._refresh()

    def setShowChildNodeTypes(self, shown: bool) -> None:
        self._shows_children = shown
        self._refresh()

    def setAddEnabled(self, enabled: bool) -> None:
        self._adds = enabled
        self._refresh()

    def setRemoveEnabled(self, enabled: bool) -> None:
        self._removes = enabled
        self._refresh()

    def setRenameEnabled(self, enabled: bool) -> None:
        self._renames = enabled
        self._refresh()

    def setNoneEnabled(self, enabled: bool) -> None:
        self._has_none = enabled
        self._refresh()

    def setNoneDisplay(self, text: str) -> None:
        self._none_text = text
        self._refresh()

    def setSelectNodeUponCreation(self, selected: bool) -> None:
        self._selects_new = selected

    def setBaseName(self, name: str) -> None:
        self._base_name = name

    def setToolTip(self, text: str) -> None:
        super().setToolTip(text)
        self._box.setToolTip(text)

    def setAccessibleName(self, name: str) -> None:
        super().setAccessibleName(name)
        self._box.setAccessibleName(name)

    # The scene and the choice.

    def setMRMLScene(self, scene: Any) -> None:
        if scene is self._scene:
            return
        self._forget_scene()
        self._scene = scene
        if scene is not None:
            callback = _weak_callback(self._on_scene)
            events = [getattr(slicer.vtkMRMLScene, name) for name in _SCENE_EVENTS]
            self._scene_tags = [scene.AddObserver(event, callback) for event in events]
        self._refresh()

    def mrmlScene(self) -> Any:
        return self._scene

    def currentNodeID(self) -> str:
        return self._current

    def currentNode(self) -> Any:
        return self._scene.GetNodeByID(self._current) if self._scene and self._current else None

    def setCurrentNodeID(self, node_id: str | None) -> None:
        """Choose a node by its id; an unknown id or an empty one chooses none."""
        known = [node.GetID() for node in self._nodes()]
        self._choose(node_id if node_id in known else "")

    def setCurrentNode(self, node: Any) -> None:
        self.setCurrentNodeID(node.GetID() if node is not None else "")

    def nodeCount(self) -> int:
        return len(self._nodes())

    # Inside.

    def _nodes(self, hidden_too: bool = False) -> list[Any]:
        found: dict[str, Any] = {}
        for kind in self._node_types if self._scene is not None else ():
            nodes = self._scene.GetNodesByClass(kind)
            nodes.UnRegister(self._scene)
            for node in (nodes.GetItemAsObject(i) for i in range(nodes.GetNumberOfItems())):
                hidden = node.GetHideFromEditors() and not (self._shows_hidden or hidden_too)
                if not hidden and (self._shows_children or node.GetClassName() == kind):
                    found[node.GetID()] = node
        return list(found.values())

    def _on_scene(self, _caller: Any, _event: str) -> None:
        if self._scene is not None and not self._scene.IsBatchProcessing():
            self._refresh()

    def _refresh(self, *_: Any) -> None:
        nodes = self._nodes()
        self._observe(self._nodes(hidden_too=True))
        with QtCore.QSignalBlocker(self._box):
            self._box.clear()
            if self._has_none or not nodes:
                self._box.addItem(self._none_text if self._has_none else "", "")
            for node in nodes:
                self._box.addItem(node.GetName() or node.GetID(), node.GetID())
            self._add_actions(bool(nodes))
        ids = [node.GetID() for node in nodes]
        if self._current in ids:
            self._show_current()
        else:
            self._choose(ids[0] if ids and not self._has_none else "")

    def _add_actions(self, has_nodes: bool) -> None:
        actions = []
        if self._adds and self._node_types:
            actions.append((f"Create new {self._type_name()}", self._add))
        if has_nodes and self._renames:
            actions.append(("Rename current…", self._rename))
        if has_nodes and self._removes:
            actions.append(("Delete current", self._remove))
        if actions:
            self._box.insertSeparator(self._box.count())
        for text, action in actions:
            self._box.addItem(text, action)

    def _type_name(self) -> str:
        return self._base_name or str(slicer.mrmlScene.GetTagByClassName(self._node_types[0]) or "node")

    def _on_activated(self, index: int) -> None:
        data = self._box.itemData(index)
        if callable(data):
            self._show_current()
            data()
        elif isinstance(data, str):
            self._choose(data)

    def _choose(self, node_id: str | None) -> None:
        new = node_id or ""
        changed = new != self._current
        self._current = new
        self._show_current()
        if changed:
            self.currentNodeIDChanged.emit(new)
            self.currentNodeChanged.emit(self.currentNode())

    def _show_current(self) -> None:
        # An empty choice without an entry of its own shows an empty line.
        with QtCore.QSignalBlocker(self._box):
            self._box.setCurrentIndex(self._box.findData(self._current))

    def _add(self) -> None:
        name = self._scene.GenerateUniqueName(self._type_name())
        node = self._scene.AddNewNodeByClass(self._node_types[0], name)
        if hasattr(node, "CreateDefaultDisplayNodes"):
            node.CreateDefaultDisplayNodes()
        if self._selects_new:
            self.setCurrentNode(node)
        self.nodeAddedByUser.emit(node)

    def _rename(self) -> None:
        node = self.currentNode()
        if node is None:
            return
        name, accepted = QtWidgets.QInputDialog.getText(
            self, "Rename", "New name:", text=node.GetName() or ""
        )
        if accepted and name.strip():
            node.SetName(name.strip())

    def _remove(self) -> None:
        node = self.currentNode()
        if node is not None:
            self._scene.RemoveNode(node)

    def _observe(self, nodes: list[Any]) -> None:
        """Watch the names of exactly these nodes, and whether they are hidden."""
        wanted = {node.GetID(): node for node in nodes}
        for node_id in [each for each in self._node_tags if each not in wanted]:
            node, tag = self._node_tags.pop(node_id)
            node.RemoveObserver(tag)
        for node_id, node in wanted.items():
            if node_id not in self._node_tags:
                callback = _weak_callback(self._on_node)
                self._node_tags[node_id] = (node, node.AddObserver(vtk.vtkCommand.ModifiedEvent, callback))

    def _on_node(self, node: Any, _event: str) -> None:
        index = self._box.findData(node.GetID())
        listed = self._shows_hidden or not node.GetHideFromEditors()
        if listed != (index >= 0):
            self._refresh()
        elif listed and self._box.itemText(index) != node.GetName():
            self._box.setItemText(index, node.GetName())

    def _forget_scene(self) -> None:
        for tag in self._scene_tags:
            self._scene.RemoveObserver(tag)
        self._scene_tags = []
        self._observe([])


def _weak_callback(method: Any) -> Any:
    """An observer that does not keep its widget alive, and does nothing once it is gone."""
    weak = weakref.WeakMethod(method)

    def callback(caller: Any, event: str) -> None:
        living = weak()
        if living is not None:
            living(caller, event)

    return callback


def _unobserve_when_gone(widget: qMRMLNodeComboBox) -> None:
    """Remove the observers when Qt deletes the widget, which may be before Python does."""
    weak = weakref.ref(widget)

    def forget() -> None:
        living = weak()
        if living is not None:
            living._forget_scene()

    widget.destroyed.connect(forget)
