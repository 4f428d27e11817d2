"""What is being worked on: volume, segmentation and active segment, with undo and unsaved changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import slicer
from PyQt5 import QtCore

from MVGCore.errors import InputError
from MVGCore.volume.labelmap import distinct_color
from MVGDesktop.contentwatch import ContentWatch
from MVGDesktop.editing.history import Command, History
from MVGDesktop.editing.segments import (
    AddSegment,
    ChangeLook,
    CopySegment,
    Look,
    RemoveSegment,
    RemoveSegmentation,
    fresh_name,
)
from MVGDesktop.editing.voxels import Array, Voxels
from MVGDesktop.editing.voxelstore import VoxelStore
from MVGDesktop.segmentations import (
    lies_on,
    new_segmentation,
    segmentations_of,
    show_only_fitting,
)
from MVGDesktop.unsaved import Unsaved


class Document(QtCore.QObject):
    """The choices of the window, kept apart from it.

    Attributes:
        history: What can be taken back.
        unsaved: What exists in memory only.
    """

    volumeChanged = QtCore.pyqtSignal(str)
    segmentationChanged = QtCore.pyqtSignal(str)
    segmentChanged = QtCore.pyqtSignal(str)
    contentChanged = QtCore.pyqtSignal()  # voxels, names, colours or number of segments

    def __init__(self, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self.history = History(self)
        self.unsaved = Unsaved(self)
        self.volume_id = ""
        self.segmentation_id = ""
        self.segment_id = ""
        self._store = VoxelStore()
        self._watch = ContentWatch(self._on_content)
        of = slicer.vtkMRMLScene
        events = (of.NodeAddedEvent, of.NodeRemovedEvent, of.EndCloseEvent)
        self._scene_tags = [slicer.mrmlScene.AddObserver(event, self._on_scene) for event in events]

    @property
    def volume(self) -> Any:
        """The volume's node, or None."""
        return slicer.mrmlScene.GetNodeByID(self.volume_id) if self.volume_id else None

    @property
    def segmentation(self) -> Any:
        """The segmentation's node, or None."""
        return slicer.mrmlScene.GetNodeByID(self.segmentation_id) if self.segmentation_id else None

    def set_volume(self, volume_id: str, labels_id: str = "") -> None:
        """Work on another volume; labels that do not lie on its voxels are not shown over it.

        Args:
            volume_id: The volume.
            labels_id: The segmentation to edit, if it lies on the volume; by default the one that is edited
                now, else the last one.
        """
        if volume_id == self.volume_id:
            return
        self.volume_id = volume_id
        if self.volume is not None:
            show_only_fitting(self.volume)
            fitting = [each.GetID() for each in segmentations_of(self.volume)]
            preferred = [each for each in (labels_id, self.segmentation_id) if each in fitting]
            self.set_segmentation(next(iter(preferred or fitting[::-1]), ""))
        self.volumeChanged.emit(volume_id)

    def fits(self, segmentation: Any) -> bool:
        """Whether a segmentation lies on the voxels of the volume."""
        return lies_on(segmentation, self.volume)

    def set_segmentation(self, segmentation_id: str) -> None:
        """Edit another segmentation, beginning with its first segment."""
        if segmentation_id == self.segmentation_id:
            return
        self.segmentation_id = segmentation_id
        self._watch.follow(self.segmentation)
        ids = self.segment_ids()
        self.segment_id = ids[0] if ids else ""
        self.segmentationChanged.emit(segmentation_id)
        self.segmentChanged.emit(self.segment_id)

    def set_segment(self, segment_id: str) -> None:
        """Paint into another segment."""
        if segment_id != self.segment_id:
            self.segment_id = segment_id
            self.segmentChanged.emit(segment_id)

    def segment_ids(self) -> list[str]:
        """The segments of the segmentation, in its order."""
        node = self.segmentation
        return list(node.GetSegmentation().GetSegmentIDs()) if node is not None else []

    def segment(self, segment_id: str = "") -> Any:
        """A `vtkSegment` of the segmentation, by default the active one, or None."""
        preferred, node = segment_id or self.segment_id, self.segmentation
        return node.GetSegmentation().GetSegment(preferred) if node is not None and preferred else None

    def voxels(self) -> Voxels:
        """The voxels of the segmentation.

        Raises:
            InputError: There is none, or it cannot be edited.
        """
        if self.segmentation is None:
            raise InputError("There is no segmentation yet: add a segment first.")
        return self.voxels_of(self.segmentation_id)

    def voxels_of(self, segmentation_id: str) -> Voxels:
        """The voxels of a segmentation, whichever objects hold them by now.

        Raises:
            InputError: It is gone, or cannot be edited.
        """
        known = self._store.of(segmentation_id, self.volume)
        # What Slicer or MVG cut to its contents is spread over the grid again; that is no edit.
        with self.changing_display():
            known.layers()
        return known

    def intensities(self) -> Array | None:
        """The intensities (K, J, I) of the volume."""
        volume = self.volume
        if volume is None or volume.GetImageData() is None:
            return None
        return slicer.util.arrayFromVolume(volume)

    def image(self) -> Array | None:
        """The intensities (K, J, I) of the volume, if they lie on the voxels of the segmentation."""
        return self.intensities() if self.volume is not None and self.fits(self.segmentation) else None

    def need_segment(self) -> str:
        """The active segment; the first one, in a new segmentation, is made where there is none.

        Raises:
            InputError: No volume is open.
        """
        if not self.segmentation:
            self.add_segmentation()
        if not self.segment_id:
            self.add_segment()
        return self.segment_id

    def add_segmentation(self, name: str = "") -> Any:
        """Make an empty segmentation of the volume and edit it.

        Raises:
            InputError: No volume is open.
        """
        volume = self.volume
        if volume is None:
            raise InputError("There is no volume to label: open one first (Ctrl+O).")
        node = new_segmentation(volume, name or f"{volume.GetName()} labels")
        self.set_segmentation(node.GetID())
        return node

    def add_segment(self, name: str = "") -> str:
        """Add an empty segment with a name and colour of its own, and make it active; can be taken back."""
        if not self.segmentation:
            self.add_segmentation()
        taken = [self.segment(each).GetName() for each in self.segment_ids()]
        look = (name if name and name not in taken else fresh_name(taken), distinct_color(len(taken) + 1))
        self.run(AddSegment(self.segmentation_id, *look, self.set_segment))
        return self.segment_id

    def remove_segment(self, segment_id: str) -> None:
        """Remove a segment with all it has; can be taken back."""
        self.run(RemoveSegment(self.segmentation_id, segment_id, self.set_segment))

    def copy_segment(self, target_id: str) -> None:
        """Copy the active segment to another segmentation of the volume; can be taken back.

        Raises:
            InputError: There is no segment.
        """
        if not self.segment_id:
            raise InputError("There is no segment to copy; select one in the list.")
        self.run(CopySegment(self.segmentation_id, self.segment_id, target_id))

    def copy_targets(self) -> list[Any]:
        """The other segmentations of the volume."""
        return [each for each in segmentations_of(self.volume) if each is not self.segmentation]

    def change_look(self, segment_id: str, look: Look) -> None:
        """Give a segment another name or colour; can be taken back."""
        self.run(ChangeLook(self.segmentation_id, segment_id, look))

    def remove_segmentation(self) -> None:
        """Remove the segmentation that is edited; can be taken back."""
        if self.segmentation is not None:
            self.run(RemoveSegmentation(self.segmentation_id, self.set_segmentation))

    def run(self, command: Command) -> None:
        """Do an action, unless it is done already, and keep it for undo.

        Raises:
            InputError: It cannot be done.
        """
        with self.changing(command.node_id):
            self.history.add(command)

    def undo(self) -> None:
        """Take the last action back, in the segmentation that it changed.

        Raises:
            InputError: It cannot be taken back any more; it is forgotten.
        """
        self._step(self.history.next_undo, self.history.undo)

    def redo(self) -> None:
        """Do the action again that was taken back last.

        Raises:
            InputError: It cannot be done again; it is forgotten.
        """
        self._step(self.history.next_redo, self.history.redo)

    @contextmanager
    def changing(self, node_id: str = "") -> Iterator[None]:
        """Changes inside, here or in another segmentation, are our own and have a place in the history."""
        outermost = not self._watch.ours
        try:
            with self._watch.changing():
                yield
        finally:
            if outermost:
                self.unsaved.add(node_id or self.segmentation_id)
                self.contentChanged.emit()

    def changing_display(self) -> AbstractContextManager[None]:
        """Changes inside, such as new surfaces, change nothing that could be saved or taken back."""
        return self._watch.changing_display()

    def close(self) -> None:
        """Follow the scene no longer."""
        for tag in self._scene_tags:
            slicer.mrmlScene.RemoveObserver(tag)
        self._scene_tags = []
        self._watch.follow(None)

    def _step(self, command: Command | None, action: Any) -> None:
        if command is None:
            return
        if command.node_id != self.segmentation_id and slicer.mrmlScene.GetNodeByID(command.node_id):
            self.set_segmentation(command.node_id)
        with self.changing(command.node_id):
            action()

    def _on_content(self, written: bool) -> None:
        if written:  # older strokes could only be taken back into what is gone
            self.history.outdate(self.segmentation_id)
        ids = self.segment_ids()
        if self.segment_id not in ids:
            self.set_segment(ids[0] if ids else "")
        self.unsaved.add(self.segmentation_id)
        self.contentChanged.emit()

    def _on_scene(self, *_: Any) -> None:
        if slicer.mrmlScene.IsClosing():
            return  # all at once, at the end
        if self.volume_id and self.volume is None:
            self.set_volume("")
        if self.segmentation_id and self.segmentation is None:
            self._watch.forget()  # the node took its observers with it
            others = segmentations_of(self.volume)
            self.set_segmentation(others[-1].GetID() if others else "")
        self.unsaved.refresh()
