"""Cases to label next: the list that `mvg label --next` wrote, one slice after the other."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PyQt5 import QtCore, QtGui, QtWidgets

from MVGCore.errors import InputError
from MVGCore.volume import Segmentation, match_labels
from MVGDesktop.desk import Desk
from MVGDesktop.files.nodes import segmentation_node, segmentation_of, volume_node, volume_of
from MVGDesktop.filing import Filing
from MVGDesktop.keeper import Keeper

if TYPE_CHECKING:
    from MVGCore.datasets.next_cases import NextCase, NextCases


class Queue:
    """Opens the cases of a list one by one, and keeps each as it has been corrected.

    Attributes:
        cases: The list that is worked on, or None.
        case: What is open of it, or None.
    """

    def __init__(self, desk: Desk, filing: Filing, keeper: Keeper) -> None:
        self._desk, self._filing, self._keeper = desk, filing, keeper
        self.cases: NextCases | None = None
        self.case: NextCase | None = None

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

    def open(self, path: str | Path) -> bool:
        """Open the first case of a list that is not done."""

        def action() -> None:
            from MVGCore.datasets.next_cases import NextCases

            self.cases = NextCases.open(Path(path))
            self._show()

        return self._desk.attempt(action)

    def save_and_next(self) -> bool:
        """Keep the slice as it is now, and open the next case."""
        return self._desk.attempt(self._save_and_next)

    def review(self) -> bool:
        """Open the review page of the labels that are edited, in the browser."""
        return self._desk.attempt(self._review)

    def _review(self) -> None:
        from MVGCore.datasets.qa import write_review_of

        document: Any = self._desk.document
        if document.volume is None or document.segmentation is None:
            raise InputError("There are no labels to review; open an image and label it first.")
        image = volume_of(document.volume)
        labels = match_labels(segmentation_of(document.segmentation).to_labelmap(), image.geometry)
        page = Path(tempfile.mkdtemp(prefix="mvg-review-")) / "review.html"
        write_review_of(image, labels, image.geometry.coarsest_axis, page, "Review of the labels")
        QtGui.QDesktopServices.openUrl(QtCore.QUrl.fromLocalFile(str(page)))
        self._desk.say(f"The review page is '{page}'; it holds no name.")

    def _save_and_next(self) -> None:
        case, node = self.case, self._desk.document.segmentation
        if self.cases is None or case is None:
            raise InputError("No list of cases is open; open one with File > Cases to label next.")
        if node is None:
            raise InputError("There are no labels to keep: the case's segmentation is not open any more.")
        self.cases.save(case, segmentation_of(node).to_labelmap())
        self._desk.document.unsaved.clear()
        self._show()

    def _show(self) -> None:
        assert self.cases is not None
        case = self.cases.case()
        if case is None:
            self.case = None
            self._desk.say(self.cases.text)
            return
        if not self._filing.close_case():
            return
        self.case = case
        document: Any = self._desk.document
        document.set_volume(volume_node(case.image, str(Path(case.entry.image).resolve())).GetID())
        labels = Segmentation.from_labelmap(case.labels)
        node = segmentation_node(labels, f"{case.image.name} labels", document.volume)
        document.set_segmentation(node.GetID())
        document.unsaved.clear()
        self._desk.views.panels[case.place.axis].go_to(case.place.index)
        self._desk.say(
            f"{case.entry.volume}, slice {case.entry.index} along {case.entry.axis}: correct it, then "
            f"File > Save slice, next case (Ctrl+Shift+Return). {self.cases.text}"
        )
