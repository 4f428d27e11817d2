"""A list of the scene's nodes to choose from: the counterpart of `qMRMLNodeComboBox`."""

from __future__ import annotations

from typing import Any, cast

import slicer
from PyQt5 import QtCore, QtGui, QtWidgets

from MVGDesktop.qtwidgets.noderows import ACTION, NodeRows
from MVGDesktop.stubs import present, pyqtProperty


def _filtering(kind: Any, name: str) -> Any:
    """A property that decides which nodes are listed."""

    def read(self: qMRMLNodeComboBox) -> Any:
        return getattr(self._rows.filter, name)

    def write(self: qMRMLNodeComboBox, value: Any) -> None:
        setattr(self._rows.filter, name, value)
        self._rows.refilter()
        self._show_actions()

    return pyqtProperty(kind, read, write)


def _choice(kind: Any, name: str, default: Any) -> Any:
    """A property that decides what the box offers beside the nodes."""

    def read(self: qMRMLNodeComboBox) -> Any:
        return self._choices.get(name, default)

    def write(self: qMRMLNodeComboBox, value: Any) -> None:
        if value != read(self):
            self._choices[name] = value
            self._show_none()
            self._show_actions()

    return pyqtProperty(kind, read, write)


class qMRMLNodeComboBox(QtWidgets.QWidget):  # noqa: N801 - the name is Slicer's
    """Lists the nodes of some classes as they come, go and change their names.

    It has what PythonQt sees of Slicer's class: properties are read as attributes and written by
    `setProperty`, and there is no setter that is no slot. Its signals come when Slicer's come: whenever Qt's
    own box in it stands on another row, which a removal and the end of an import bring about as well.
    """

    currentNodeIDChanged = QtCore.pyqtSignal(str)
    currentNodeChanged = QtCore.pyqtSignal([object], [bool])
    currentNodeRenamed = QtCore.pyqtSignal(str)
    nodeActivated = QtCore.pyqtSignal(object)
    nodeAdded = QtCore.pyqtSignal(object)
    nodeAddedByUser = QtCore.pyqtSignal(object)
    nodeAddedByUserAction = QtCore.pyqtSignal(object)
    nodeAboutToBeRemoved = QtCore.pyqtSignal(object)
    nodeAboutToBeEdited = QtCore.pyqtSignal(object)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._choices: dict[str, Any] = {}
        self._labels: dict[str, str] = {}
        self._menu: list[QtWidgets.QAction] = []
        self._requested: str | None = None  # chosen before there was a scene
        self._quiet = False
        self._box = QtWidgets.QComboBox(self)
        self._box.setObjectName("qt_node_box")
        self._box.setSizePolicy(QtWidgets.QSizePolicy.Ignored, QtWidgets.QSizePolicy.Fixed)
        self._rows = NodeRows(self._box, self.nodeAdded.emit)
        self._box.currentTextChanged.connect(self._tell)
        self._box.activated.connect(self._on_activated)
        present(self._box.model()).rowsAboutToBeRemoved.connect(self._tell_removal)
        present(self._box.model()).rowsRemoved.connect(self._leave_gone)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._box)
        self.setFocusProxy(self._box)
        self.setEnabled(False)  # until there is a scene
        self._rows.clear_with(self)

    # Properties

    nodeTypes = _filtering("QStringList", "types")
    showHidden = _filtering(bool, "hidden")
    showChildNodeTypes = _filtering(bool, "children")
    hideChildNodeTypes = _filtering("QStringList", "hide_children")
    noneEnabled = _choice(bool, "noneEnabled", False)
    noneDisplay = _choice(str, "noneDisplay", "None")
    addEnabled = _choice(bool, "addEnabled", True)
    removeEnabled = _choice(bool, "removeEnabled", True)
    editEnabled = _choice(bool, "editEnabled", False)
    renameEnabled = _choice(bool, "renameEnabled", False)
    baseName = _choice(str, "baseName", "")
    selectNodeUponCreation = _choice(bool, "selectNodeUponCreation", True)
    interactionNodeSingletonTag = _choice(str, "interactionNodeSingletonTag", "Singleton")

    def _node_id(self) -> str:
        node = self.currentNode()
        return str(node.GetID()) if node is not None else ""

    @QtCore.pyqtSlot(str)
    def setCurrentNodeID(self, node_id: str | None) -> None:
        """Choose a node; an id of no listed node chooses none."""
        if self.mrmlScene() is None:
            self._requested = node_id or ""
        row = self._rows.row_of(node_id or "")
        self._box.setCurrentIndex(row if row >= 0 else 0 if self.noneEnabled else -1)

    currentNodeID = pyqtProperty(str, _node_id, setCurrentNodeID, notify=currentNodeIDChanged)
    currentNodeId = pyqtProperty(str, _node_id, setCurrentNodeID)
    sizeAdjustPolicy = pyqtProperty(
        QtWidgets.QComboBox.SizeAdjustPolicy,
        lambda self: self._box.sizeAdjustPolicy(),
        lambda self, policy: self._box.setSizeAdjustPolicy(policy),
    )

    # Slots

    @QtCore.pyqtSlot(object)
    def setMRMLScene(self, scene: Any) -> None:
        """List the nodes of a scene; None lists none."""
        if scene is self.mrmlScene():
            return
        chosen = self._requested if self._requested is not None else self.currentNodeID
        self._quiet = True
        self._rows.set_scene(scene)
        self._show_none()
        self._show_actions()
        self._quiet = False
        self.setCurrentNodeID(chosen)
        self._requested = None
        self.setEnabled(scene is not None)

    @QtCore.pyqtSlot(object)
    def setCurrentNode(self, node: Any) -> None:
        """Choose a node; None chooses none."""
        self.setCurrentNodeID(node.GetID() if node is not None else "")

    @QtCore.pyqtSlot(int)
    def setCurrentNodeIndex(self, index: int) -> None:
        """Choose by the place in the list, from 0."""
        first = self._rows.first
        self._box.setCurrentIndex(first + index if index < self._rows.count else first - 1)

    @QtCore.pyqtSlot()
    def addNode(self, node_type: str = "") -> Any:
        """Add a node of one of the types to the scene, of the first one by default."""
        kind = node_type or next(iter(self.nodeTypes), "")
        if kind not in self.nodeTypes or self.mrmlScene() is None:
            return None
        name = self.mrmlScene().GenerateUniqueName(self.baseName or self.nodeTypeLabel(kind))
        node = self.mrmlScene().AddNewNodeByClass(kind, name)
        for _type, attribute in self._rows.filter.attributes:
            node.SetAttribute(attribute, self._rows.filter.attributes[(_type, attribute)] or "")
        if self.selectNodeUponCreation:
            self.setCurrentNode(node)
        self.nodeAddedByUser.emit(node)
        return node

    @QtCore.pyqtSlot()
    def removeCurrentNode(self) -> None:
        """Remove the chosen node from the scene."""
        if self.currentNode() is not None:
            self.mrmlScene().RemoveNode(self.currentNode())

    @QtCore.pyqtSlot()
    def editCurrentNode(self) -> None:
        """Ask the scene's interaction node to have the chosen node edited."""
        self.nodeAboutToBeEdited.emit(self.currentNode())
        tag = self.interactionNodeSingletonTag
        editor = self.mrmlScene().GetSingletonNode(tag, "vtkMRMLInteractionNode") if tag else None
        if editor is not None:
            editor.EditNode(self.currentNode())

    @QtCore.pyqtSlot()
    def renameCurrentNode(self) -> None:
        """Ask for another name of the chosen node."""
        node = self.currentNode()
        if node is None:
            return
        old = node.GetName() or ""
        name, accepted = QtWidgets.QInputDialog.getText(self, "Rename", "New name:", text=old)
        if accepted and name.strip():
            node.SetName(name.strip())
            self.currentNodeRenamed.emit(name.strip())

    # Invokables

    def mrmlScene(self) -> Any:
        return self._rows.scene

    def currentNode(self) -> Any:
        return self._rows.node_at(self._box.currentIndex())

    def nodeCount(self) -> int:
        return self._rows.count

    def nodeFromIndex(self, index: int) -> Any:
        return self._rows.node_at(self._rows.first + index) if 0 <= index < self._rows.count else None

    def addAttribute(self, node_type: str, name: str, value: Any = None) -> None:
        self._rows.filter.attributes[(node_type, name)] = None if value is None else str(value)
        self._rows.refilter()

    def removeAttribute(self, node_type: str, name: str) -> None:
        self._rows.filter.attributes.pop((node_type, name), None)
        self._rows.refilter()

    def nodeTypeLabel(self, node_type: str) -> str:
        scene = self.mrmlScene() or slicer.mrmlScene
        return self._labels.get(node_type) or scene.GetTypeDisplayNameByClassName(node_type) or "node"

    def setNodeTypeLabel(self, label: str, node_type: str) -> None:
        self._labels[node_type] = label
        self._show_actions()

    def addMenuAction(self, action: QtWidgets.QAction) -> None:
        if action.text() not in [each.text() for each in self._menu]:
            self._menu.append(action)
            self._show_actions()

    def sortFilterProxyModel(self) -> QtGui.QStandardItemModel:
        return cast(QtGui.QStandardItemModel, self._box.model())

    # Of QWidget: what a reader of the screen says is asked of the box inside

    def setAccessibleName(self, name: str | None) -> None:
        super().setAccessibleName(name)
        self._box.setAccessibleName(name)

    # Inside

    def _show_none(self) -> None:
        self._rows.set_before([self.noneDisplay] if self.noneEnabled and self.mrmlScene() is not None else [])

    def _show_actions(self) -> None:
        labels = [(kind, self.nodeTypeLabel(kind)) for kind in self.nodeTypes] if self.mrmlScene() else []
        label = labels[0][1] if len(labels) == 1 else "node"
        actions: list[tuple[str, Any]] = []
        if self.renameEnabled:
            actions.append((f"Rename current {label}", self.renameCurrentNode))
        if self.editEnabled:
            actions.append((f"Edit current {label}", self.editCurrentNode))
        if self.addEnabled:
            actions += [(f"Create new {text}", lambda kind=kind: self._add(kind)) for kind, text in labels]
        if self.removeEnabled:
            actions.append((f"Delete current {label}", self.removeCurrentNode))
        actions += [(each.text(), each.trigger) for each in self._menu]
        self._rows.set_after(actions if labels else [])

    def _add(self, kind: str) -> None:
        node = self.addNode(kind)
        if node is not None:
            self.setCurrentNode(node)
            self.nodeAddedByUserAction.emit(node)

    def _on_activated(self, row: int) -> None:
        action = self._box.itemData(row, ACTION)
        if action is not None:
            action()
        elif self._rows.node_at(row) is not None or (self.noneEnabled and row == 0):
            self.nodeActivated.emit(self._rows.node_at(row))

    def _tell(self, *_text: Any) -> None:
        """The box stands on another row, or its row has another text."""
        if self._quiet:
            return
        row, node = self._box.currentIndex(), self.currentNode()
        if node is None and row != (0 if self.noneEnabled else -1):  # an action: nothing to stand on
            last = self.nodeFromIndex(self.nodeCount() - 1)
            if last is not None:
                self.setCurrentNode(last)
            return
        self.currentNodeChanged[object].emit(node)
        self.currentNodeChanged[bool].emit(node is not None)
        self.currentNodeIDChanged.emit(node.GetID() if node is not None else "")

    def _tell_removal(self, _parent: Any, first: int, last: int) -> None:
        for row in range(first, last + 1):
            node = self._rows.node_at(row)
            if node is not None:
                self.nodeAboutToBeRemoved.emit(node)

    def _leave_gone(self, *_rows: Any) -> None:
        if self.currentNode() is None and not self._quiet:
            self.setCurrentNode(None)
