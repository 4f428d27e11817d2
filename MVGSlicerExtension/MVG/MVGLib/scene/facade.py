"""All that the controller asks of the MRML scene: volumes, segmentations, views, results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import slicer
from numpy.typing import NDArray

from MVGCore.volume import LabelMap, Segmentation, SegmentClass, SliceKey, Volume
from MVGLib.scene import casenodes, segments, sequences, surface, volumes
from MVGLib.scene.nodes import SceneNodes
from MVGLib.scene.preview import PreviewDisplay
from MVGLib.scene.resultbase import remove_node
from MVGLib.scene.results import SegmentResult, VolumeResult, earlier_result, open_result
from MVGLib.scene.slicefilling import SlicePart, slice_changes
from MVGLib.scene.snapshot import NodeSnapshot
from MVGLib.scene.undo import Undo
from MVGLib.scene.views import Views, plane_name
from MVGLib.scene.writing import write_into
from MVGLib.texts import _


class Scene:
    """Reads and writes the scene for the controller; `MVGCore.errors.InputError` says what cannot be done.

    Attributes:
        nodes: Its nodes by their ids, and who hears of their changes.
        mrml: The `vtkMRMLScene`.
    """

    def __init__(self, mrml_scene: Any = None) -> None:
        """
        Args:
            mrml_scene: `vtkMRMLScene`; `slicer.mrmlScene` by default.
        """
        self.nodes = SceneNodes(mrml_scene)
        self.mrml = self.nodes.mrml
        self._readings = volumes.Readings()
        self._undo = Undo()
        self._fills = Undo()  # apart, for what was accepted is taken back by itself
        self._views = Views(self.mrml, self.nodes.observers)
        self._preview = PreviewDisplay(self.mrml)
        self.nodes.on_scene(start_close=self._closing)

    # Volumes

    def volume(self, volume_id: str) -> Volume:
        """A volume in world coordinates; the array may be a view of the node's voxels: do not write.

        Raises:
            InputError: The node is gone, or cannot be used as an image (see `volumes.check_volume_node`).
        """
        return self._readings.of(self.nodes.volume(volume_id)).volume

    def volume_notes(self, volume_id: str) -> tuple[str, ...]:
        """What the user should know about a volume, e.g. that NaN was replaced; errors as `volume`."""
        return self._readings.of(self.nodes.volume(volume_id)).notes

    def make_luminance(self, volume_id: str) -> str:
        """Add a scalar volume with the luminance of a colour image, and give its id."""
        return str(volumes.luminance_volume(self.nodes.volume(volume_id)).GetID())

    def plane_name(self, volume_id: str, axis: int) -> str:
        """ "axial", "coronal" or "sagittal", whichever is nearest to slices along an array axis."""
        return plane_name(self.nodes.volume(volume_id), axis)

    # Segmentations

    def classes(self, segmentation_id: str) -> tuple[SegmentClass, ...]:
        """The segments as classes 1, 2, ... in their order."""
        return segments.classes_of(self.nodes.segmentation(segmentation_id))

    def slice_planes(
        self, segmentation_id: str, volume_id: str, key: SliceKey
    ) -> tuple[NDArray[np.uint16], ...]:
        """(H, W) ids of `classes` on a slice of a volume; segments of different planes may overlap."""
        return segments.slice_planes(
            self.nodes.segmentation(segmentation_id), self.nodes.volume(volume_id), key
        )

    def label_map(self, segmentation_id: str, volume_id: str) -> LabelMap:
        """All labels on the grid of a volume, with the ids of `classes`; later segments lie on top."""
        return segments.label_map(self.nodes.segmentation(segmentation_id), self.nodes.volume(volume_id))

    def layered(self, segmentation_id: str, volume_id: str) -> Segmentation:
        """All segments on the grid of a volume, overlapping as they do, with the ids of `classes`."""
        return segments.layered(self.nodes.segmentation(segmentation_id), self.nodes.volume(volume_id))

    def labelled(self, segmentation_id: str, volume_id: str, axis: int | None = None) -> list[SliceKey]:
        """The slices of a volume that were labelled, along the axis that fits best; [] if none was."""
        return segments.labelled(self.nodes.segmentation(segmentation_id), self.nodes.volume(volume_id), axis)

    # Views

    def slice_in_view(self, volume_id: str) -> SliceKey:
        """The slice of a volume in the view under the mouse, else where the mouse was last, else in Red.

        Raises:
            InputError: The view is oblique to the volume, or shows no slice of it.
        """
        return self._views.shown_slice(self.nodes.volume(volume_id))

    def jump(self, volume_id: str, key: SliceKey) -> None:
        """Show a slice in all views along its axis."""
        self._views.jump(self.nodes.volume(volume_id), key)

    def shows(self, volume_id: str, key: SliceKey) -> bool:
        """Whether a view shows a slice."""
        return self._views.shows(self.nodes.volume(volume_id), key)

    def rotate_to_volume(self, volume_id: str) -> None:
        """Turn all slice views to the nearest planes of a volume."""
        self._views.rotate_to_volume(self.nodes.volume(volume_id))

    def show_preview(
        self,
        volume_id: str,
        key: SliceKey,
        labels: NDArray[np.uint16] | None = None,
        classes: Iterable[SegmentClass] | None = None,
        values: NDArray[Any] | None = None,
        adding: bool = False,
    ) -> None:
        """Draw the outlines of labels, or lay intensities, over a slice; nothing of it is saved.

        Labels that are added leave those that are shown.
        """
        volume_node = self.nodes.volume(volume_id)
        if labels is not None:
            self._preview.show_labels(volume_node, key, labels, classes or (), adding)
        elif values is not None:
            self._preview.show_values(volume_node, key, values)

    def hide_preview(self) -> None:
        """Remove the preview."""
        self._preview.hide()

    # Cases of a data set

    def add_case(self, image: Volume, labels: LabelMap) -> tuple[str, str]:
        """Add an image and labels on its grid, show them, and give the ids of volume and segmentation."""
        volume = casenodes.add_image(self.mrml, image)
        name = _("{name} labels").format(name=volume.GetName())
        return str(volume.GetID()), str(casenodes.add_labels(self.mrml, labels, volume, name).GetID())

    def remove(self, node_ids: Iterable[str]) -> None:
        """Remove nodes with what was made for them alone."""
        for node in filter(None, map(self.nodes.get, node_ids)):
            remove_node(self.mrml, node)

    # Results

    def fill_slice(
        self, segmentation_id: str, volume_id: str, key: SliceKey, parts: Sequence[SlicePart]
    ) -> None:
        """Give segments the labels of a slice where nothing is drawn on it; one step of undo.

        Args:
            segmentation_id: Whose segments; those of a part may overlap those of another one.
            volume_id: The volume.
            key: The slice.
            parts: (H, W) labels and their classes.

        Raises:
            InputError: The segmentation cannot be written into.
        """
        node, volume_node = self.nodes.segmentation(segmentation_id), self.nodes.volume(volume_id)
        changes = slice_changes(node, volume_node, key, parts)
        with self._fills.step(node):
            for each in changes:
                write_into(node, each)

    def start_segments(
        self,
        volume_id: str,
        axis: int,
        classes: Iterable[SegmentClass],
        name: str,
        onto: str = "",
        overlapping: Sequence[Iterable[SegmentClass]] = (),
    ) -> SegmentResult:
        """Add a segmentation to be filled slice by slice, or fill one that waits for review again.

        Args:
            volume_id: What is segmented.
            axis: Array axis of the slices.
            classes: What the labels of `put` stand for.
            name: Name of the node.
            onto: Node of an earlier result that is filled again, if it is still there.
            overlapping: Classes of further passes, which may overlap these and each other's.
        """
        again = earlier_result(self.mrml, onto, SegmentResult, axis, self._undo)
        passes = (classes, *overlapping)
        if again is not None:
            again.use_classes(passes)
            return again
        return SegmentResult.start(self.nodes.volume(volume_id), axis, passes, name, self._undo)

    def start_volume(
        self, volume_id: str, axis: int, name: str, onto: str = "", like: str = ""
    ) -> VolumeResult:
        """Add a volume to be filled slice by slice, or fill one that waits for review again.

        Args:
            volume_id: The input; the result lies where it lies and begins with its voxels.
            axis: Array axis of the slices.
            name: Name of the node.
            onto: Node of an earlier result that is filled again, if it is still there.
            like: Volume whose kind of voxels, window and colours the result gets (synthesis: the wanted
                contrast); the result begins with its lowest intensity then.
        """
        again = earlier_result(self.mrml, onto, VolumeResult, axis, self._undo)
        if again is not None:
            return again
        return VolumeResult.start(self.nodes.volume(volume_id), axis, name, self.nodes.get(like))

    def open_result(self, node_id: str) -> SegmentResult | VolumeResult:
        """The result that a node holds, also after the scene was saved and opened again.

        Raises:
            InputError: The node is gone or holds no result that waits for review.
        """
        return open_result(self.mrml, node_id, self._undo)

    def snapshot(self, result_id: str) -> NodeSnapshot:
        """What makes a result that waits for review, to be kept before it is accepted or discarded."""
        return NodeSnapshot(self.mrml, self.nodes.get(result_id))

    def bring_back(self, kept: NodeSnapshot) -> None:
        """Make a result wait for its review again after it was accepted or discarded.

        Raises:
            InputError: Its volume is gone.
        """
        kept.bring_back()

    def undo_accept(self) -> bool:
        """Take back the last `accept` into a segmentation; False if it was edited since."""
        return self._undo.undo()

    # 3-D, and what other tools may write

    def shows_surface(self, segmentation_id: str) -> bool:
        """Whether the segments of a segmentation are shown in 3-D."""
        return surface.shows(self.nodes.get(segmentation_id))

    def show_surface(self, segmentation_id: str, on: bool) -> None:
        """Show the segments of a segmentation in 3-D, or no longer.

        Raises:
            InputError: The node is gone.
        """
        surface.show(self.nodes.segmentation(segmentation_id), on)

    def protect_segments(self, on: bool) -> None:
        """Let the Segment Editor draw outside of all segments only, or everywhere."""
        of = slicer.vtkMRMLSegmentationNode
        mode = of.EditAllowedOutsideAllSegments if on else of.EditAllowedEverywhere
        for node in slicer.util.getNodesByClass("vtkMRMLSegmentEditorNode", self.mrml):
            node.SetMaskMode(mode)

    # Sequences

    def frames(self, volume_id: str) -> int:
        """Number of frames of a volume, 1 if it is no sequence."""
        return sequences.frame_count(self.nodes.volume(volume_id))

    def frame(self, volume_id: str) -> int:
        """The frame that is shown, from 0."""
        return sequences.frame(self.nodes.volume(volume_id))

    def set_frame(self, volume_id: str, number: int) -> None:
        """Show a frame: the volume node has its voxels then."""
        sequences.set_frame(self.nodes.volume(volume_id), number)

    def record_frame(self, volume_id: str, result_id: str) -> None:
        """Keep what a result holds now as its frame beside the frame of the volume that is shown."""
        sequences.record_frame(self.nodes.volume(volume_id), self.nodes.get(result_id))

    def detach(self) -> None:
        """Remove every observer and the preview."""
        self._preview.hide()
        self.nodes.detach()

    def _closing(self) -> None:
        self._preview.hide()
        self._readings.clear()
        self._undo.forget()
        self._fills.forget()
