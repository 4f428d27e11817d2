"""The rows of a box of nodes, and how they follow the scene: as `qMRMLSceneModel` and its filter do."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import slicer
import vtk
from PyQt5 import QtCore, QtWidgets

from MVGDesktop.qtwidgets.observing import ObserverTags
from MVGDesktop.stubs import present

_ID = QtCore.Qt.ItemDataRole.UserRole
ACTION = QtCore.Qt.ItemDataRole.UserRole + 1
# Rows go before the other observers hear of a removal, and come after those hear of an addition.
_BEFORE_REMOVAL, _AFTER_ADDITION = -10.0, 10.0


@dataclass
class Filter:
    """Which nodes of a scene are listed.

    Attributes:
        types: Classes of nodes.
        hidden: Whether nodes that are hidden from editors are listed as well.
        children: Whether nodes of derived classes are.
        hide_children: Derived classes that are not.
        attributes: (Class, attribute) -> value that a node of the class needs; None for any value.
    """

    types: list[str] = field(default_factory=list)
    hidden: bool = False
    children: bool = True
    hide_children: list[str] = field(default_factory=list)
    attributes: dict[tuple[str, str], str | None] = field(default_factory=dict)

    def takes(self, node: Any) -> bool:
        """Whether a node is listed."""
        if node.GetHideFromEditors() and not self.hidden:
            return False
        return any(self._takes_as(node, kind) for kind in self.types)

    def _takes_as(self, node: Any, kind: str) -> bool:
        if node.GetClassName() != kind and not (self.children and node.IsA(kind)):
            return False
        if node.GetClassName() != kind and any(node.IsA(each) for each in self.hide_children):
            return False
        required = {name: value for (of, name), value in self.attributes.items() if of == kind}
        return all(
            node.GetAttribute(name) is not None and value in (None, node.GetAttribute(name))
            for name, value in required.items()
        )


class NodeRows:
    """Keeps one row for each listed node in a combo box, between what comes before and after them.

    At the end of an import and of a close all rows of nodes go and come back, and the box, being Qt's own,
    chooses another row meanwhile and says so: that is what Slicer's box does.
    """

    def __init__(self, box: QtWidgets.QComboBox, added: Callable[[Any], object]) -> None:
        """
        Args:
            box: The combo box.
            added: Is told each node whose row has come.
        """
        self.scene: Any = None
        self.filter = Filter()
        self._box = box
        self._added = added
        self._before = 0
        self._count = 0
        self._scene_tags, self._node_tags = ObserverTags(), ObserverTags()

    @property
    def count(self) -> int:
        """How many nodes have a row."""
        return self._count

    @property
    def first(self) -> int:
        """The row of the first node."""
        return self._before

    def set_scene(self, scene: Any) -> None:
        """Follow another scene, or none."""
        self._scene_tags.clear()
        self.scene = scene
        self.refill()
        if scene is None:
            return
        of = slicer.vtkMRMLScene
        tags = self._scene_tags
        tags.add_with_node(scene, of.NodeAboutToBeRemovedEvent, self._on_removal, _BEFORE_REMOVAL)
        tags.add_with_node(scene, of.NodeAddedEvent, self._on_added, _AFTER_ADDITION)
        for event in (of.EndCloseEvent, of.EndImportEvent):
            tags.add(scene, event, self._on_whole_scene)

    def set_before(self, texts: list[str]) -> None:
        """Put rows without a node before the nodes."""
        for _row in range(self._before):
            self._box.removeItem(0)
        for row, text in enumerate(texts):
            self._box.insertItem(row, text, "")
        self._before = len(texts)

    def set_after(self, actions: list[tuple[str, Callable[[], object]]]) -> None:
        """Put rows that do something after the nodes; the choice stays what it is."""
        chosen, end = self._box.currentIndex(), self._before + self._count
        while self._box.count() > end:
            self._box.removeItem(end)
        if actions:
            self._box.insertSeparator(end)
        for text, action in actions:
            self._box.addItem(text)
            self._box.setItemData(self._box.count() - 1, action, ACTION)
        self._box.setCurrentIndex(chosen if chosen < end else -1)

    def node_at(self, row: int) -> Any:
        """The node of a row, None if the row has none or it has left the scene."""
        node_id = self._box.itemData(row, _ID) if row >= 0 else None
        return self.scene.GetNodeByID(node_id) if self.scene is not None and node_id else None

    def row_of(self, node_id: str) -> int:
        """The row of a node, -1 if it has none."""
        return self._box.findData(node_id, _ID) if node_id else -1

    def refill(self) -> None:
        """Take all nodes out and put them in again."""
        self._node_tags.clear()
        present(self._box.model()).removeRows(self._before, self._count)
        self._count = 0
        for node in self._all():
            self._observe(node)
            if self.filter.takes(node):
                self._insert(node, self._count)

    def refilter(self) -> None:
        """Take out what the filter does not take any more, and put in what it takes now."""
        for node in self._all():
            self._observe(node)
            self._place(node)

    def clear(self) -> None:
        """Let go of the scene."""
        self._scene_tags.clear()
        self._node_tags.clear()

    def clear_with(self, widget: QtWidgets.QWidget) -> None:
        """Let go of the scene when Qt deletes a widget, which may be before Python does."""
        weak = weakref.ref(self)

        def forget() -> None:
            living = weak()
            if living is not None:
                living.clear()

        widget.destroyed.connect(forget)

    def _all(self) -> list[Any]:
        if self.scene is None:
            return []
        return [self.scene.GetNthNode(number) for number in range(self.scene.GetNumberOfNodes())]

    def _observe(self, node: Any) -> None:
        if any(node.IsA(kind) for kind in self.filter.types) and not self._node_tags.has(node):
            self._node_tags.add(node, vtk.vtkCommand.ModifiedEvent, self._on_modified)

    def _insert(self, node: Any, place: int) -> None:
        self._box.insertItem(self._before + place, node.GetName() or node.GetID(), node.GetID())
        self._count += 1
        self._added(node)

    def _place(self, node: Any) -> None:
        """Give a node its row, or take it away, and let it show the node's name."""
        row, listed = self.row_of(node.GetID()), self.filter.takes(node)
        if listed and row < 0:
            before = (each for each in self._all() if self.row_of(each.GetID()) >= 0 or each is node)
            self._insert(node, next(place for place, each in enumerate(before) if each is node))
        elif row >= 0 and not listed:
            self._drop(row)
        elif listed and self._box.itemText(row) != node.GetName():
            self._box.setItemText(row, node.GetName())

    def _drop(self, row: int) -> None:
        self._count -= 1
        self._box.removeItem(row)

    def _on_added(self, node: Any) -> None:
        # The ids of an import are not valid before its end.
        if not self.scene.IsImporting():
            self._observe(node)
            self._place(node)

    def _on_removal(self, node: Any) -> None:
        if self.scene.IsClosing():
            return
        self._node_tags.forget(node)
        row = self.row_of(node.GetID())
        if row >= 0:
            self._drop(row)

    def _on_whole_scene(self, _scene: Any) -> None:
        self.refill()

    def _on_modified(self, node: Any) -> None:
        if not (self.scene.IsClosing() or self.scene.IsImporting() or node.GetScene() is None):
            self._place(node)
