"""A segmentation that fills slice by slice while it is computed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import slicer
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.volume import SegmentClass, SliceKey
from MVGLib.scene import confidence as confidence_node
from MVGLib.scene.backdrop import Overlay
from MVGLib.scene.resultbase import SEGMENTS, ResultNode, mark, remove_node
from MVGLib.scene.segments import LABELS, classes_of, filled_by_others, label_map, segment_ids
from MVGLib.scene.sharedimage import CLASS, PASS, SharedImage, passes_of_segments
from MVGLib.scene.surface import renew
from MVGLib.scene.undo import Undo
from MVGLib.scene.writing import Change, add_segment, check_writable, region_of, write_into
from MVGLib.texts import _

_UNREVIEWED_FILL, _REVIEWED_FILL = 0.25, 0.5  # opacity


class SegmentResult(ResultNode):
    """A segmentation of its own whose segments share label images: one, or one for each pass."""

    def __init__(self, scene: Any, node: Any, undo: Undo) -> None:
        super().__init__(scene, node)
        self._undo = undo
        self._overlay = Overlay(scene)
        self._images: list[SharedImage] = []
        self._former: dict[tuple[int, int], NDArray[np.float32] | None] = {}

    @classmethod
    def start(
        cls,
        volume_node: Any,
        axis: int,
        passes: Sequence[Iterable[SegmentClass]],
        name: str,
        undo: Undo,
    ) -> SegmentResult:
        """Add an empty segmentation on the grid and under the transform of a volume."""
        scene = volume_node.GetScene()
        node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", scene.GenerateUniqueName(name))
        node.CreateDefaultDisplayNodes()
        node.GetDisplayNode().SetOpacity2DFill(_UNREVIEWED_FILL)
        node.SetReferenceImageGeometryParameterFromVolumeNode(volume_node)
        node.SetAndObserveTransformNodeID(volume_node.GetTransformNodeID())
        node.GetSegmentation().SetSourceRepresentationName(LABELS)
        mark(node, SEGMENTS, axis, volume_node)
        result = cls(scene, node, undo)
        result.use_classes(passes)
        return result

    def use_classes(self, passes: Sequence[Iterable[SegmentClass]]) -> None:
        """Have a segment for each class; a segment of its name that is there already is used.

        Args:
            passes: The classes of each pass; those of different passes may overlap.
        """
        node = self._node()
        segmentation = node.GetSegmentation()
        free = segment_ids(node)
        for number, each in ((number, each) for number, one in enumerate(passes) for each in one):
            segment_id = next(
                (own for own in free if segmentation.GetSegment(own).GetName() == each.name), ""
            )
            if segment_id:
                free.remove(segment_id)
            else:
                segment_id = add_segment(node, each)
            segmentation.GetSegment(segment_id).SetTag(CLASS, str(each.id))
            segmentation.GetSegment(segment_id).SetTag(PASS, str(number))
        for left in free:  # of an earlier run; no class stands for it now
            segmentation.GetSegment(left).RemoveTag(CLASS)
        self._former = {}
        self._share()

    def put(
        self,
        index: int,
        pixels: NDArray[Any],
        confidence: NDArray[np.float32] | None = None,
        layer: int = 0,
    ) -> None:
        """Write one slice.

        Args:
            index: Its place along `axis`.
            pixels: (H, W) ids of the classes of the pass, 0 for the background.
            confidence: (H, W), 0..1; of several passes the lowest is kept for `show_confidence`.
            layer: Number of the pass.

        Raises:
            InputError: The result or its volume is gone, or the slice does not fit it.
        """
        self._check(index, pixels)
        if not self._images or not all(each.is_shared() for each in self._images):
            self._share()
        if layer >= len(self._images):
            raise InputError(_("The slice has labels of unknown classes; press Apply again."))
        self._images[layer].put(self.axis, index, pixels)
        self._node().GetDisplayNode().Modified()  # the views draw what the display node announces
        self._was_put(index, layer)
        if confidence is not None:
            least = self._least_sure(index, confidence, layer)
            confidence_node.put(self._confidence(), self.axis, index, least)

    def confidence(self, index: int) -> NDArray[np.float32] | None:
        """(H, W) confidence of a slice in steps of 0.01, or None if it was put without."""
        node = confidence_node.of(self._node())
        return None if node is None else confidence_node.read(node, self.axis, index)

    def finish(self) -> None:
        """All slices of a run were put: observers are told, and the surface is made anew if it is shown."""
        super().finish()
        renew(self._node())

    def show(self, on: bool) -> None:
        """Show the result, or the scene without it."""
        self._node().SetDisplayVisibility(on)

    def show_confidence(self, on: bool) -> None:
        """Colour the slices where the result is unsure, or not."""
        node = confidence_node.of(self._node())
        if node is not None and on:
            self._overlay.show(node.GetID(), confidence_node.OPACITY)
        elif node is not None:
            self._overlay.hide(node.GetID())

    def accept(self, into: str = "", keep: Sequence[SliceKey] = (), protect: bool = False) -> None:
        """Keep the result.

        Args:
            into: A segmentation of the user that takes the voxels of all slices that were put, in one step of
                undo (see `MVGLib.scene.writing.write_into`); the result goes. By default it stays as it is.
            keep: Slices of that segmentation that do not change.
            protect: Whether voxels of its other segments are left out, too; otherwise segments may overlap.

        Raises:
            InputError: A node is gone, or cannot be written; nothing has changed then.
        """
        node = self._node()
        if into:
            target = self._scene.GetNodeByID(into)
            if target is None:
                raise InputError(_("The segmentation was removed from the scene; choose another one."))
            check_writable(target)
            changes = self._changes(keep, target if protect else None)
            with slicer.util.RenderBlocker():
                with self._undo.step(target):
                    for change in changes:
                        write_into(target, change)
                self.discard()
            return
        self._remove_confidence()
        node.SetDisplayVisibility(True)
        node.GetDisplayNode().SetOpacity2DFill(_REVIEWED_FILL)
        for each in segment_ids(node):
            for tag in (CLASS, PASS):
                node.GetSegmentation().GetSegment(each).RemoveTag(tag)
        self._settled()

    def discard(self) -> None:
        """Remove all that the result added to the scene."""
        node = self._scene.GetNodeByID(self.id)
        if node is None:
            return
        self._remove_confidence()
        remove_node(self._scene, node)

    def _changes(self, keep: Sequence[SliceKey], protected: Any) -> list[Change]:
        """What to write into segments of the user: one change for each pass."""
        node, volume, classes = self._node(), self._input(), classes_of(self._node())
        numbers = {each: number for number, each in enumerate(segment_ids(node), start=1)}
        names, changes = [each.name for each in classes], []
        taken = filled_by_others(protected, volume, names) if protected is not None else False
        for number, ids in enumerate(passes_of_segments(node)):
            labels = label_map(node, volume, [numbers[each] for each in ids])
            region = region_of(labels.array.shape, self.axis, self.put_slices(number), keep)
            changes.append(Change(volume, labels.array, region & ~np.bool_(taken), labels.classes, classes))
        return changes

    def _least_sure(self, index: int, confidence: NDArray[np.float32], layer: int) -> NDArray[np.float32]:
        """The confidence of a slice as it is where the pass, or one before it, is least sure."""
        if layer == 0:
            return confidence
        place = (layer, index)
        if place not in self._former:  # a slice may come again in the same pass, and counts once
            self._former[place] = self.confidence(index)
        former = self._former[place]
        return confidence if former is None else np.minimum(confidence, former)

    def _confidence(self) -> Any:
        node = self._node()
        return confidence_node.of(node) or confidence_node.add(node, self._input())

    def _remove_confidence(self) -> None:
        node = confidence_node.of(self._node())
        if node is not None:
            self._overlay.hide(node.GetID())
            confidence_node.remove(node)

    def _share(self) -> None:
        """Bring the segments of each pass into one image that covers the volume."""
        node, volume = self._node(), self._input()
        self._images = [SharedImage(node, volume, ids) for ids in passes_of_segments(node)]
