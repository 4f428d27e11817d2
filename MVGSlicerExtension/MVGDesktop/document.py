"""What is being worked on: volume, segmentation and active segment, with undo and unsaved changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import slicer
from PyQt5 import QtCore

from MVGCore.errors import InputError
from MVGCore.volume.labelmap import distinct_color
from MVGDesktop.editing.history import History
from MVGDesktop.editing.segments import AddSegment, RemoveSegment
from MVGDesktop.editing.voxels import REPRESENTATION, Array, Voxels
from MVGDesktop.grids import volume_grid
from MVGDesktop.segmentations import has_reference, prepare_segmentation, seen_segmentations

_SAME_MM = 1e-3
CONTENT_EVENTS = ("SourceRepresentationModified", "SegmentAdded", "SegmentRemoved", "SegmentModified")


class Document(QtCore.QObject):
    """The choices of the window, kept apart from it.

    Attributes:
        history: What can be taken back.
    """

    volumeChanged = QtCore.pyqtSignal(str)
    segmentationChanged = QtCore.pyqtSignal(str)
    segmentChanged = QtCore.pyqtSignal(str)
    contentChanged = QtCore.pyqtSignal()  # voxels, names, colours or number of segments
    unsavedChanged = QtCore.pyqtSignal(bool)

    def __init__(self, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self.history = History(self)
        self.volume_id = ""
        self.segmentation_id = ""
        self.segment_id = ""
        self.unsaved = False
        self._voxels: Voxels | None = None
        self._tags: list[tuple[Any, int]] = []
        self._own_change = False
        self._stamp: tuple[Any, ...] = ()
        of = slicer.vtkMRMLScene
        events = (of.NodeRemovedEvent, of.EndCloseEvent)
        self._scene_tags = [slicer.mrmlScene.AddObserver(event, self._on_scene) for event in events]

    @property
    def volume(self) -> Any:
        """The volume's node, or None."""
        return slicer.mrmlScene.GetNodeByID(self.volume_id) if self.volume_id else None

    @property
    def segmentation(self) -> Any:
        """The segmentation's node, or None."""
        return slicer.mrmlScene.GetNodeByID(self.segmentation_id) if self.segmentation_id else None

    def set_volume(self, volume_id: str) -> None:
        """Work on another volume."""
        if volume_id == self.volume_id:
            return
        self.volume_id = volume_id
        self.volumeChanged.emit(volume_id)
        if self.volume is not None and self.segmentation is not None and not self.fits(self.segmentation):
            fitting = [each for each in seen_segmentations() if self.fits(each)]
            self.set_segmentation(fitting[-1].GetID() if fitting else "")

    def fits(self, segmentation: Any) -> bool:
        """Whether a segmentation lies on the voxels of the volume."""
        try:
            grid = Voxels(segmentation).grid
        except InputError:  # it is empty and has no grid yet
            return True
        own = volume_grid(self.volume)
        return own.shape == grid.shape and bool(np.allclose(own.to_world, grid.to_world, atol=_SAME_MM))

    def set_segmentation(self, segmentation_id: str) -> None:
        """Edit another segmentation, beginning with its first segment."""
        if segmentation_id == self.segmentation_id:
            return
        self._unobserve()
        self.segmentation_id = segmentation_id
        self._voxels = None
        self.history.use(segmentation_id)
        self._stamp = self._stamp_now()
        node = self.segmentation
        if node is not None:
            for name in CONTENT_EVENTS:
                event = getattr(slicer.vtkSegmentation, name)
                self._tags.append((node, node.AddObserver(event, self._on_content)))
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

    def voxels(self) -> Voxels:
        """The voxels of the segmentation.

        Raises:
            InputError: There is none, or it cannot be edited.
        """
        node = self.segmentation
        if node is None:
            raise InputError("There is no segmentation yet: add a segment first.")
        if self._voxels is None or self._voxels.node is not node:
            if self.volume is not None and not has_reference(node):
                node.SetReferenceImageGeometryParameterFromVolumeNode(self.volume)
            self._voxels = Voxels(node)
        # What Slicer or MVG cut to its contents is spread over the grid again; that is no edit.
        with self.changing_display():
            self._voxels.layers()
        return self._voxels

    def image(self) -> Array | None:
        """The intensities (K, J, I) of the volume, if they lie on the voxels of the segmentation."""
        volume = self.volume
        if volume is None or volume.GetImageData() is None:
            return None
        return slicer.util.arrayFromVolume(volume) if self.fits(self.segmentation) else None

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
        name = name or f"{volume.GetName()} labels"
        node = slicer.mrmlScene.AddNewNodeByClass(
            "vtkMRMLSegmentationNode", slicer.mrmlScene.GenerateUniqueName(name)
        )
        prepare_segmentation(node, volume)
        self.set_segmentation(node.GetID())
        return node

    def add_segment(self, name: str = "") -> str:
        """Add an empty segment with a name and colour of its own, and make it active; can be taken back."""
        if not self.segmentation:
            self.add_segmentation()
        node = self.segmentation
        number = node.GetSegmentation().GetNumberOfSegments() + 1
        taken = {node.GetSegmentation().GetSegment(each).GetName() for each in self.segment_ids()}
        while not name or name in taken:
            name = f"Segment {number}"
            number += 1
        command = AddSegment(self._find(node.GetID()), name, distinct_color(len(taken) + 1), self.set_segment)
        with self.changing():
            command.redo()
        self.history.add(command)
        return self.segment_id

    def remove_segment(self, segment_id: str) -> None:
        """Remove a segment with all it has; can be taken back."""
        command = RemoveSegment(self._find(self.segmentation_id), segment_id, self.set_segment)
        with self.changing():
            command.redo()
        self.history.add(command)
        ids = self.segment_ids()
        if self.segment_id not in ids:
            self.set_segment(ids[0] if ids else "")

    def undo(self) -> None:
        """Take the last action back."""
        with self.changing():
            self.history.undo()

    def redo(self) -> None:
        """Do the action again that was taken back last."""
        with self.changing():
            self.history.redo()

    def find_voxels(self) -> Voxels:
        """For commands: the voxels, whichever objects hold them by then."""
        return self.voxels()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Changes inside are our own and have their place in the history."""
        before, self._own_change = self._own_change, True
        try:
            yield
        finally:
            self._own_change = before
        if not before:
            self._stamp = self._stamp_now()
            self.mark_unsaved()
            self.contentChanged.emit()

    @contextmanager
    def changing_display(self) -> Iterator[None]:
        """Changes inside, such as new surfaces, change nothing that could be saved or taken back."""
        before, self._own_change = self._own_change, True
        stamp = self._stamp_now()
        try:
            yield
        finally:
            self._own_change = before
            if self._stamp == stamp:
                self._stamp = self._stamp_now()

    def close(self) -> None:
        """Follow the scene no longer."""
        for tag in self._scene_tags:
            slicer.mrmlScene.RemoveObserver(tag)
        self._scene_tags = []
        self._unobserve()

    def mark_unsaved(self, unsaved: bool = True) -> None:
        """Note whether there is something to be saved."""
        if unsaved != self.unsaved:
            self.unsaved = unsaved
            self.unsavedChanged.emit(unsaved)

    def _find(self, segmentation_id: str) -> Callable[[], Any]:
        return lambda: slicer.mrmlScene.GetNodeByID(segmentation_id)

    def _stamp_now(self) -> tuple[Any, ...]:
        """Differs whenever voxels were written or segments came and went; names and colours do not count."""
        node = self.segmentation
        if node is None:
            return ()
        segmentation = node.GetSegmentation()
        layers = range(segmentation.GetNumberOfLayers(REPRESENTATION))
        images = [segmentation.GetLayerDataObject(each, REPRESENTATION) for each in layers]
        scalars = [image.GetPointData().GetScalars() for image in images]
        return (*segmentation.GetSegmentIDs(), *(each.GetMTime() if each else 0 for each in scalars))

    def _on_content(self, *_: Any) -> None:
        if self._own_change:
            return
        if self._stamp != self._stamp_now():
            # Somebody else wrote: older strokes could only be taken back into what is gone.
            self._stamp = self._stamp_now()
            self.history.clear()
        ids = self.segment_ids()
        if self.segment_id not in ids:
            self.set_segment(ids[0] if ids else "")
        self.mark_unsaved()
        self.contentChanged.emit()

    def _on_scene(self, *_: Any) -> None:
        if slicer.mrmlScene.IsClosing():
            return  # all at once, at the end
        if self.volume_id and self.volume is None:
            self.set_volume("")
        if self.segmentation_id and self.segmentation is None:
            self._tags = []  # the node took its observers with it
            self.history.forget(self.segmentation_id)
            self.set_segmentation(self._another_segmentation())

    def _another_segmentation(self) -> str:
        """What to edit when the segmentation is gone: the last one that users see, or none."""
        seen = seen_segmentations()
        return seen[-1].GetID() if seen else ""

    def _unobserve(self) -> None:
        for node, tag in self._tags:
            node.RemoveObserver(tag)
        self._tags = []
