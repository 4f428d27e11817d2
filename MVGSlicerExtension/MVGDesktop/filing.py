"""Opening, closing and saving from the window: what is asked, recent files, recovery, the demonstration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import slicer
from PyQt5 import QtWidgets

from MVGCore.volume.outside import DataElsewhere, data_elsewhere
from MVGDesktop.asking import ask_to_trust
from MVGDesktop.desk import Desk
from MVGDesktop.files.dicom import choose_series, find_series, is_series
from MVGDesktop.files.nodes import segmentation_node, volume_node
from MVGDesktop.files.opening import (
    IMAGES,
    SCENES,
    FileContent,
    Kind,
    Opened,
    add,
    has_few_values,
    open_labels,
    read_file,
)
from MVGDesktop.files.recent import RecentFiles
from MVGDesktop.keeper import Keeper

if TYPE_CHECKING:
    from MVGDesktop.demonstration import Demonstration

_OPEN_FILTER = (
    f"Images, labels and scenes ({' '.join('*' + end for end in (*IMAGES, *SCENES))});;All files (*)"
)


class Filing:
    """What the File menu does.

    Attributes:
        recent: The files that were opened last.
        demonstration: Once the demonstration was opened, else None.
    """

    def __init__(self, desk: Desk, keeper: Keeper) -> None:
        self._desk, self._keeper = desk, keeper
        self._document = desk.document
        self.recent = RecentFiles(desk.settings)
        self.demonstration: Demonstration | None = None
        welcome = desk.welcome
        welcome.openRequested.connect(self.ask_open)
        welcome.folderRequested.connect(self.ask_folder)
        welcome.demoRequested.connect(self.open_demo)
        welcome.recentChosen.connect(self.open)  # type: ignore[arg-type]  # Qt drops what a slot returns
        desk.guide.labelRequested.connect(self.label_demo)

    # Opening and closing

    def open(self, path: str | Path, adding: bool = False, series: str | None = None) -> bool:
        """Open a file or DICOM folder; what fails is told. An image or scene closes the case that is open.

        Args:
            path: The file.
            adding: Add an image to the case instead.
            series: Which series of a folder, as `mvg` takes it; None asks where there are several.

        Returns:
            Whether something was opened.
        """
        opened = False

        def action() -> None:
            nonlocal opened
            opened = self._open(Path(path), adding, series)

        return self._desk.attempt(action) and opened

    def open_all(self, paths: Sequence[str | Path]) -> None:
        """Open several files as one case: the first image or scene closes what is open."""
        for number, path in enumerate(paths):
            self.open(path, adding=number > 0)

    def close_case(self) -> bool:
        """Close all that is open, after asking; tells whether it was closed."""
        if not self._keeper.may_lose_changes():
            return False
        slicer.mrmlScene.Clear(False)
        self._document.history.clear()
        self._document.unsaved.clear()
        self._desk.guide.hide()
        self.forget()
        return True

    def forget(self) -> None:
        """Nothing is open any more: the next save asks for a name."""
        self._keeper.forget()
        self.demonstration = None

    def open_as_labels(self, path: str | Path) -> bool:
        """Open a file as labels of the open volume."""
        return self._desk.attempt(lambda: self._take(open_labels(path, self._document.volume), Path(path)))

    def ask_open(self) -> None:
        """Ask for files and open them as one case."""
        self.open_all(self._ask_open("Open"))

    def ask_add(self) -> None:
        """Ask for images to add to the case, such as another contrast."""
        for path in self._ask_open("Add an image to this case"):
            self.open(path, adding=True)

    def ask_labels(self) -> None:
        """Ask for label files and open them."""
        for path in self._ask_open("Open labels"):
            self.open_as_labels(path)

    def ask_folder(self) -> None:
        """Ask for a DICOM folder and open a series of it."""
        path = QtWidgets.QFileDialog.getExistingDirectory(
            self._desk.frame, "Open DICOM folder", self._keeper.folder()
        )
        if path:
            self.open(path)

    def _ask_open(self, title: str) -> list[str]:
        paths, _ = QtWidgets.QFileDialog.getOpenFileNames(
            self._desk.frame, title, self._keeper.folder(), _OPEN_FILTER
        )
        return list(paths)

    def _open(self, path: Path, adding: bool, which: str | None = None) -> bool:
        content = self._read(path, which)
        if content is None:
            return False
        closes = content.kind is Kind.SCENE or (content.kind is Kind.VOLUME and not adding)
        if closes and not self.close_case():
            return False
        self._take(add(content, self._document.volume), path)
        if content.image is not None and not adding and has_few_values(content.image):
            self._desk.say(
                "This looks like labels: open the image that they belong to, then File > Open labels."
            )
        self.recent.add(path)
        return True

    def _read(self, path: Path, which: str | None) -> FileContent | None:
        """What a file holds; None if no series of a folder was chosen, or its header is not trusted."""
        if not is_series(path):
            try:
                return read_file(path, self._document.volume)
            except DataElsewhere as error:
                if not ask_to_trust(self._desk.frame, str(error).partition(";")[0] + "."):
                    return None
            with data_elsewhere():
                return read_file(path, self._document.volume)
        series = choose_series(path, self._desk.frame) if which is None else find_series(path, which)
        return None if series is None else read_file(path, series=series)

    def _take(self, opened: Opened, path: Path) -> None:
        if opened.kind is Kind.VOLUME:
            self._document.set_volume(opened.node.GetID())
        elif opened.kind is Kind.SEGMENTATION:
            self._take_labels(opened.node, path)
        else:
            self._take_scene(path)

    def _take_labels(self, node: Any, path: Path) -> None:
        document = self._document
        if path.name.lower().endswith(".seg.nrrd"):
            self._keeper.paths[node.GetID()] = str(path)
        document.set_segmentation(node.GetID())
        if document.volume is None:
            self._desk.say("These are labels; open the image that they belong to as well.")
        elif not document.fits(node):
            self._desk.say(f"'{node.GetName()}' lies on other voxels than '{document.volume.GetName()}'.")

    def _take_scene(self, path: Path) -> None:
        document, nodes = self._document, slicer.util.getNodesByClass
        images = [node for node in nodes("vtkMRMLScalarVolumeNode") if not node.GetHideFromEditors()]
        ids = [node.GetID() for node in images]
        view = self._desk.panel.controller.view()
        labels_id = view.partner_id if view.settings.task.makes_segments else ""
        document.set_volume(view.volume_id if view.volume_id in ids else next(iter(ids), ""), labels_id)
        self._keeper.scene_path = str(path) if path.suffix.lower() == ".mrb" else ""
        document.unsaved.clear()

    # The demonstration

    def open_demo(self) -> None:
        """Open the brain image of the demonstration and show the guide."""
        self._desk.attempt(self._open_demo)

    def label_demo(self) -> None:
        """Label three slices of the demonstration and hand them to the panel as examples."""
        self._desk.attempt(self._label_demo)

    def _open_demo(self) -> None:
        from MVGDesktop.demonstration import Demonstration

        demonstration = Demonstration.load()
        if not self.close_case():
            return
        self.demonstration = demonstration
        self._document.set_volume(volume_node(demonstration.image).GetID())
        self._desk.guide.show()
        self._desk.guide.show_step(0)

    def _label_demo(self) -> None:
        demonstration, document = self.demonstration, self._document
        if demonstration is None:
            return
        node = segmentation_node(demonstration.few(), "Brain labels", document.volume)
        document.set_segmentation(node.GetID())
        document.unsaved.add(node.GetID())
        self._desk.panel.controller.examples.add_all_labelled()
        slices = demonstration.slices
        self._desk.views.panels[demonstration.axis].go_to(slices[len(slices) // 2])
