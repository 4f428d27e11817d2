"""Opening and saving from the window: questions, recent files, recovery, the demonstration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import slicer
from PyQt5 import QtCore, QtWidgets

from MVGCore.errors import InputError, MVGError
from MVGCore.volume.formats import stem
from MVGDesktop.files.dicom import choose_series
from MVGDesktop.files.nodes import PATH_ATTRIBUTE, segmentation_node, volume_node
from MVGDesktop.files.opening import IMAGES, SCENES, Kind, is_scene, open_file, open_labels
from MVGDesktop.files.recent import RecentFiles
from MVGDesktop.files.recovery import Leftover
from MVGDesktop.files.saving import (
    SEGMENT_FILTERS,
    VOLUME_FILTERS,
    save_scene,
    save_segmentation,
    save_volume,
)

if TYPE_CHECKING:
    from MVGDesktop.window import MainWindow

_OPEN_FILTER = (
    f"Images, labels and scenes ({' '.join('*' + end for end in (*IMAGES, *SCENES))});;All files (*)"
)
_DEMO_SLICES = 3


class Filing:
    """What the File menu does.

    Attributes:
        recent: The files that were opened last.
        demonstration: `MVGCore.cli.demo.DemoTask` once the demonstration was opened, else None.
    """

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._document = window.document
        self.recent = RecentFiles(window.settings)
        self._saved_as = ""
        self.demonstration: Any = None
        welcome = window.welcome
        welcome.openRequested.connect(self.ask_open)
        welcome.folderRequested.connect(self.ask_folder)
        welcome.demoRequested.connect(self.open_demo)
        welcome.recentChosen.connect(self.open)
        window.guide.labelRequested.connect(self.label_demo)

    def forget(self) -> None:
        """Nothing is open any more: the next save asks for a name."""
        self._saved_as, self.demonstration = "", None

    def open(self, path: str | Path) -> bool:
        """Open a file or DICOM folder; what fails is told.

        Returns:
            Whether something was opened.
        """
        path = Path(path)
        if is_scene(path) and not self.may_lose_changes():
            return False
        return self._window.attempt(lambda: self._open(path))

    def open_as_labels(self, path: str | Path) -> bool:
        """Open a file as labels of the open volume."""
        return self._window.attempt(lambda: self._take(open_labels(path, self._document.volume), Path(path)))

    def ask_open(self) -> None:
        """Ask for files and open them."""
        paths, _ = QtWidgets.QFileDialog.getOpenFileNames(self._window, "Open", self._folder(), _OPEN_FILTER)
        for path in paths:
            self.open(path)

    def ask_labels(self) -> None:
        """Ask for a label file and open it."""
        path, _ = QtWidgets.QFileDialog.getOpenFileName(
            self._window, "Open labels", self._folder(), _OPEN_FILTER
        )
        if path:
            self.open_as_labels(path)

    def ask_folder(self) -> None:
        """Ask for a DICOM folder and open a series of it."""
        path = QtWidgets.QFileDialog.getExistingDirectory(self._window, "Open DICOM folder", self._folder())
        if path:
            self.open(path)

    def open_demo(self) -> None:
        """Open the brain image of the demonstration and show the guide."""
        self._window.attempt(self._open_demo)

    def label_demo(self) -> None:
        """Label three slices of the demonstration and hand them to the panel as examples."""
        self._window.attempt(self._label_demo)

    def save(self) -> bool:
        """Save where it was saved last, else ask. Returns whether it was saved."""
        return self._save(self._saved_as) if self._saved_as else self.save_as()

    def save_as(self) -> bool:
        """Ask where to save the segmentation or scene. Returns whether it was saved."""
        if self._document.segmentation is None:
            self._window.say("There are no labels to save yet.")
            return False
        path = self._ask_save("Save labels", self._document.segmentation.GetName(), SEGMENT_FILTERS)
        return bool(path) and self._save(path)

    def save_to(self, path: str | Path) -> bool:
        """Save the segmentation, or for `.mrb` everything, without asking."""
        return self._save(str(path))

    def save_volume_as(self) -> None:
        """Ask where to save the volume, e.g. a denoised one."""
        volume = self._document.volume
        if volume is None:
            return
        path = self._ask_save("Save volume", volume.GetName(), VOLUME_FILTERS)
        if path and self._window.attempt(lambda: save_volume(path, volume)):
            volume.SetAttribute(PATH_ATTRIBUTE, path)
            self._window.say(f"Saved {path}")

    def may_lose_changes(self) -> bool:
        """Whether the work may be replaced: nothing is unsaved, or the user saved or gave it up."""
        if not self._document.unsaved:
            return True
        box = QtWidgets.QMessageBox(self._window)
        box.setIcon(QtWidgets.QMessageBox.Question)
        box.setWindowTitle("MVG")
        box.setText("The labels have changes that are not saved.")
        box.setStandardButtons(
            QtWidgets.QMessageBox.Save | QtWidgets.QMessageBox.Discard | QtWidgets.QMessageBox.Cancel
        )
        answer = box.exec_()
        if answer == QtWidgets.QMessageBox.Save:
            return self.save()
        if answer == QtWidgets.QMessageBox.Discard:
            self._document.mark_unsaved(False)
            return True
        return False

    def offer_recovery(self, found: list[Leftover]) -> None:
        """Ask about the newest work that a crash left; what is not wanted is deleted."""
        for leftover in found[:1]:
            box = QtWidgets.QMessageBox(self._window)
            box.setWindowTitle("MVG")
            box.setText(f"MVG did not end well last time. Take up this work again?\n\n{leftover.text}")
            box.setStandardButtons(QtWidgets.QMessageBox.Yes | QtWidgets.QMessageBox.No)
            if box.exec_() == QtWidgets.QMessageBox.Yes:
                self._window.attempt(lambda leftover=leftover: self.recover(leftover))
            else:
                leftover.discard()

    def recover(self, leftover: Leftover) -> None:
        """Open what a crash left; it stays unsaved.

        Raises:
            InputError: The image is gone.
        """
        if not leftover.volume.exists():
            raise InputError(
                f"The image '{leftover.volume}' is gone; put it back and start again. "
                f"The labels are kept in {leftover.folder}."
            )
        self._open(leftover.volume)
        self._document.volume.SetName(leftover.volume_name)
        if leftover.volume.parent == leftover.folder:  # it has no file that stays
            self._document.volume.RemoveAttribute(PATH_ATTRIBUTE)
        for file, name in leftover.segmentations.items():
            opened = open_labels(file, self._document.volume)
            opened.node.SetName(name)
            self._document.set_segmentation(opened.node.GetID())
        self._document.mark_unsaved()
        self._document.contentChanged.emit()
        self._window.autosave.save()
        leftover.discard()

    def _open(self, path: Path) -> None:
        if path.is_dir():
            series = choose_series(path, self._window)
            if series is None:
                return
            self._take(open_file(series.file), path)
        else:
            self._take(open_file(path, self._document.volume), path)
        self.recent.add(path)

    def _take(self, opened: Any, path: Path) -> None:
        document = self._document
        if opened.kind is Kind.VOLUME:
            document.set_volume(opened.node.GetID())
            self._saved_as = ""
        elif opened.kind is Kind.SEGMENTATION:
            document.set_segmentation(opened.node.GetID())
            if document.volume is None:
                self._window.say("These are labels; open the image that they belong to as well.")
            elif path.name.lower().endswith(".seg.nrrd"):
                self._saved_as = str(path)
        else:
            self._take_scene(path)
        if opened.kind is Kind.SCENE or document.segmentation is None:
            document.mark_unsaved(False)

    def _take_scene(self, path: Path) -> None:
        document, nodes = self._document, slicer.util.getNodesByClass
        volumes = [node for node in nodes("vtkMRMLScalarVolumeNode") if not node.GetHideFromEditors()]
        segmentations = [node for node in nodes("vtkMRMLSegmentationNode") if not node.GetHideFromEditors()]
        chosen = self._window.panel.controller.view()
        ids = [node.GetID() for node in volumes]
        volume_id = chosen.volume_id if chosen.volume_id in ids else ids[0] if ids else ""
        document.set_volume("")
        document.set_volume(volume_id)
        document.set_segmentation(segmentations[0].GetID() if segmentations else "")
        self._saved_as = str(path) if path.suffix.lower() == ".mrb" else ""

    def _save(self, path: str) -> bool:
        node = self._document.segmentation

        def write() -> None:
            if is_scene(path):
                save_scene(path)
            elif node is None:
                raise MVGError("There are no labels to save yet.")
            else:
                save_segmentation(path, node)

        if not self._window.attempt(write):
            return False
        # A label map has neither names nor colours: the work itself is still to be saved.
        self._saved_as = path if is_scene(path) or path.lower().endswith(".seg.nrrd") else self._saved_as
        self._document.mark_unsaved(False)
        self._window.say(f"Saved {path}")
        return True

    def _ask_save(self, title: str, name: str, filters: tuple[tuple[str, str], ...]) -> str:
        folder = self._folder()
        suggested = str(Path(folder) / f"{name}{filters[0][1]}")
        path, chosen = QtWidgets.QFileDialog.getSaveFileName(
            self._window, title, suggested, ";;".join(text for text, _ in filters)
        )
        ending = next((end for text, end in filters if text == chosen), filters[0][1])
        known = tuple(end for _, end in (*SEGMENT_FILTERS, *VOLUME_FILTERS))
        return path if not path or path.lower().endswith(known) else path + ending

    def _folder(self) -> str:
        volume = self._document.volume
        path = volume.GetAttribute(PATH_ATTRIBUTE) if volume is not None else None
        newest = self.recent.paths()
        return str(Path(path or (newest[0] if newest else QtCore.QDir.homePath())).parent)

    def _open_demo(self) -> None:
        from MVGCore.cli.demo import DemoTask

        self.demonstration = DemoTask.prepare()
        image = self.demonstration.example.image
        image.name = stem(image.name) or "Brain"
        self._document.set_volume(volume_node(image).GetID())
        self._window.guide.show()
        self._window.guide.show_step(0)

    def _label_demo(self) -> None:
        from MVGCore.evaluation.cases import keep_slices, labelled_slices
        from MVGCore.volume import Segmentation

        example = self.demonstration.example
        slices = labelled_slices(example.truth, example.axis, _DEMO_SLICES)
        few = Segmentation.from_labelmap(keep_slices(example.truth, example.axis, slices))
        node = segmentation_node(few, "Brain labels", self._document.volume)
        self._document.set_segmentation(node.GetID())
        self._document.mark_unsaved()
        self._window.panel.controller.add_all_labelled()
        self._window.views.panels[example.axis].go_to(slices[len(slices) // 2])
