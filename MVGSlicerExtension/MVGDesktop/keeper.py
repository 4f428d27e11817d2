"""Saving from the window: what is asked, what is not saved yet."""

from __future__ import annotations

from pathlib import Path

from PyQt5 import QtCore

from MVGCore.errors import InputError
from MVGDesktop.asking import Answer, ask_about, ask_where_to_save
from MVGDesktop.desk import Desk
from MVGDesktop.files.nodes import PATH_ATTRIBUTE
from MVGDesktop.files.opening import is_scene
from MVGDesktop.files.recent import RecentFiles
from MVGDesktop.files.saving import (
    SCENE_FILTERS,
    SEGMENT_FILTERS,
    VOLUME_FILTERS,
    save_scene,
    save_segmentation,
    save_volume,
)


class Keeper:
    """Saves, and asks before something is lost.

    Attributes:
        scene_path: Where the case is saved as a whole, or empty.
        paths: Segmentation -> its file.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._document = desk.document
        self._recent = RecentFiles(desk.settings)
        self.scene_path = ""
        self.paths: dict[str, str] = {}

    def forget(self) -> None:
        """Nothing is open any more: the next save asks for a name."""
        self.scene_path, self.paths = "", {}

    def save(self) -> bool:
        """Save where it was saved last, else ask. Returns whether it was saved."""
        path = self.scene_path or self.paths.get(self._document.segmentation_id, "")
        return self._save(path) if path else self.save_as()

    def save_as(self) -> bool:
        """Ask where to save the segmentation or scene. Returns whether it was saved."""
        node = self._document.segmentation
        if node is None:
            return self._save_case()
        path = ask_where_to_save(
            self._desk.frame, "Save labels", Path(self.folder()) / node.GetName(), SEGMENT_FILTERS
        )
        return bool(path) and self._save(path)

    def save_to(self, path: str | Path) -> bool:
        """Save the segmentation, or for `.mrb` everything, without asking."""
        return self._save(str(path))

    def save_volume_as(self) -> None:
        """Ask where to save the volume, e.g. a denoised one."""
        volume = self._document.volume
        if volume is None:
            return
        suggested = Path(self.folder()) / volume.GetName()
        path = ask_where_to_save(self._desk.frame, "Save volume", suggested, VOLUME_FILTERS)
        if path and self._desk.attempt(lambda: save_volume(path, volume)):
            volume.SetAttribute(PATH_ATTRIBUTE, path)
            self._document.unsaved.saved(volume.GetID())
            self._desk.say(f"Saved {path}")

    def may_lose_changes(self) -> bool:
        """Whether the work may be replaced: nothing is unsaved, or the user saved or gave it up."""
        unsaved = self._document.unsaved
        running = self._desk.panel.controller.view().progress is not None
        if not unsaved.ids() and not running:
            return True
        answer = ask_about(self._desk.frame, unsaved.names(), running)
        if answer is Answer.SAVE:
            only_labels = set(unsaved.ids()) == {self._document.segmentation_id}
            return self.save() if only_labels else self._save_case()
        if answer is Answer.LOSE:
            unsaved.clear()
        return answer is Answer.LOSE

    def _save_case(self) -> bool:
        """Save all that is open, where it was saved last or where the user says."""
        volume = self._document.volume
        if volume is None:
            self._desk.say("There is nothing to save yet.")
            return False
        suggested = Path(self.folder()) / volume.GetName()
        path = self.scene_path or ask_where_to_save(
            self._desk.frame, "Save all that is open", suggested, SCENE_FILTERS
        )
        return bool(path) and self._save(path)

    def _save(self, path: str) -> bool:
        unsaved, node = self._document.unsaved, self._document.segmentation

        def write() -> None:
            if is_scene(path):
                save_scene(path)
            elif node is None:
                raise InputError("There are no labels to save yet.")
            else:
                save_segmentation(path, node, self._document.volume)

        if not self._desk.attempt(write):
            return False
        if is_scene(path):
            self.scene_path = path
            unsaved.clear()
        else:
            # A label map has neither names nor colours: the work itself is still to be saved.
            if path.lower().endswith((".seg.nrrd", ".dcm")):
                self.paths[node.GetID()] = path
            unsaved.saved(node.GetID())
        rest = f" Not saved yet: {', '.join(unsaved.names())}." if unsaved.ids() else ""
        self._desk.say(f"Saved {path}.{rest}")
        return True

    def folder(self) -> str:
        """Where dialogs begin."""
        volume = self._document.volume
        path = volume.GetAttribute(PATH_ATTRIBUTE) if volume is not None else None
        newest = self._recent.paths()
        return str(Path(path or (newest[0] if newest else QtCore.QDir.homePath())).parent)
