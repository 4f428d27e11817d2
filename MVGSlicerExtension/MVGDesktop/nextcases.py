"""Cases to label next in the window: a case takes the place of what is open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PyQt5 import QtWidgets

from MVGCore.volume import Segmentation
from MVGDesktop.desk import Desk
from MVGDesktop.files.nodes import segmentation_node, volume_node
from MVGDesktop.filing import Filing
from MVGDesktop.keeper import Keeper


class Queue:
    """What the File menu says of the panel's list of cases."""

    def __init__(self, desk: Desk, filing: Filing, keeper: Keeper) -> None:
        self._desk, self._filing, self._keeper = desk, filing, keeper
        self._cases = desk.panel.controller.cases
        self._cases.place = self._place

    def ask(self) -> None:
        """Ask for a list and open its first case that is not done."""
        path, _ = QtWidgets.QFileDialog.getOpenFileName(
            self._desk.frame,
            "Open the list that mvg label --next wrote",
            self._keeper.folder(),
            "Lists of slices (list.json);;All files (*)",
        )
        if path:
            self.open(path)

    def open(self, path: str | Path) -> None:
        """Open the first case of a list that is not done."""
        self._cases.open(str(path))

    def save_and_next(self) -> None:
        """Keep the slice as it is now, and open the next case."""
        self._cases.save_and_next()

    def _place(self, case: Any, saved: bool) -> tuple[str, str] | None:
        """Open a case instead of what is open, which is asked about unless it was just saved.

        As `MVGLib.control.cases.Cases.place`.
        """
        document: Any = self._desk.document
        if saved:
            document.unsaved.clear()
        if not self._filing.close_case():
            return None
        document.set_volume(volume_node(case.image, str(Path(case.entry.image).resolve())).GetID())
        labels = Segmentation.from_labelmap(case.labels)
        node = segmentation_node(labels, f"{case.image.name} labels", document.volume)
        document.set_segmentation(node.GetID())
        document.unsaved.clear()
        return document.volume_id, document.segmentation_id
