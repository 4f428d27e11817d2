"""Taking up the work that a window left that did not end well."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from MVGCore.errors import InputError
from MVGDesktop.asking import ask_to_recover
from MVGDesktop.desk import Desk
from MVGDesktop.files.nodes import PATH_ATTRIBUTE
from MVGDesktop.files.opening import open_labels
from MVGDesktop.files.panelstate import put_back
from MVGDesktop.files.recovery import Leftover
from MVGDesktop.filing import Filing


class Recoverer:
    """Opens images, labels, examples and a result that waited for its review; all of it stays unsaved."""

    def __init__(self, desk: Desk, filing: Filing) -> None:
        self._desk, self._filing = desk, filing

    def offer(self, leftovers: Sequence[Leftover]) -> None:
        """Ask about the newest work that a crash left; what is not wanted is deleted."""
        for leftover in leftovers[:1]:
            if ask_to_recover(self._desk.frame, leftover.text):
                self._desk.attempt(partial(self.recover, leftover))
            else:
                leftover.discard()

    def recover(self, leftover: Leftover) -> None:
        """Open what a crash left.

        Raises:
            InputError: The image is gone, or cannot be read; nothing is deleted then.
        """
        if not leftover.volume.exists():
            raise InputError(
                f"The image '{leftover.volume}' is gone; put it back and start again. "
                f"The labels are kept in {leftover.folder}."
            )
        ids = self._open_images(leftover)
        document = self._desk.document
        volume_id = document.volume_id
        for file, name in leftover.segmentations.items():
            node = open_labels(file, document.volume).node
            node.SetName(name)
            ids[leftover.record.ids.get(file.name, "")] = node.GetID()
            document.set_segmentation(node.GetID())
            document.unsaved.add(node.GetID())
        ids.pop("", None)
        put_back(leftover.record.panel, ids)
        self._desk.panel.set_parameter_node(None)
        document.set_volume(volume_id)
        document.contentChanged.emit()
        self._desk.autosave.save()
        leftover.discard()

    def _open_images(self, leftover: Leftover) -> dict[str, str]:
        """Open the images, the one that was shown as the last, and give old id -> new id."""
        document, ids = self._desk.document, {}
        first, *others = leftover.record.images
        for number, image in enumerate([*others, first]):
            path = Path(image.path)
            if not path.exists() or not self._filing.open(path, adding=number > 0):
                continue
            node = document.volume
            node.SetName(image.name)
            ids[image.id] = node.GetID()
            if path.parent == leftover.folder:  # it has no file that stays
                node.RemoveAttribute(PATH_ATTRIBUTE)
                document.unsaved.add(node.GetID())
        if document.volume is None:
            raise InputError(f"The images cannot be opened; the labels are kept in {leftover.folder}.")
        return ids
