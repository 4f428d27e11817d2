"""What exists in memory only."""

from __future__ import annotations

import slicer
from PyQt5 import QtCore


class Unsaved(QtCore.QObject):
    """The nodes whose contents no file has; a node that is gone has nothing to lose, until it comes back."""

    changed = QtCore.pyqtSignal(bool)  # whether there is anything

    def __init__(self, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self._ids: set[str] = set()
        self._told = False

    def add(self, node_id: str) -> None:
        """A node was changed or made."""
        if node_id:
            self._ids.add(node_id)
        self.refresh()

    def saved(self, node_id: str) -> None:
        """A node was written to a file, or may be lost."""
        self._ids.discard(node_id)
        self.refresh()

    def clear(self) -> None:
        """All was saved, or may be lost."""
        self._ids.clear()
        self.refresh()

    def ids(self) -> list[str]:
        """Those that are in the scene."""
        return sorted(each for each in self._ids if slicer.mrmlScene.GetNodeByID(each) is not None)

    def names(self) -> list[str]:
        """For the question whether they may be lost."""
        return [slicer.mrmlScene.GetNodeByID(each).GetName() for each in self.ids()]

    def refresh(self) -> None:
        """Nodes came or went."""
        something = bool(self.ids())
        if something != self._told:
            self._told = something
            self.changed.emit(something)
