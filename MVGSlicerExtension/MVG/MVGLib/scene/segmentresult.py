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
from MVGLib.scene.placement import local_to_world, volume_shape, volume_to_world
from MVGLib.scene.resultbase import SEGMENTS, ResultNode, mark, remove_node
from MVGLib.scene.segments import (
    LABELS,
    classes_of,
    filled_by_others,
    label_map,
    layers_of,
    segment_ids,
    tag_of,
)
from MVGLib.scene.surface import renew
from MVGLib.scene.undo import Undo
from MVGLib.scene.voxels import array_of, modified, new_label_image
from MVGLib.scene.writing import Change, add_segment, check_writable, region_of, share_image, write_into
from MVGLib.texts import _

_CLASS = "MVG.Class"  # tag of a segment: the id of its class
_UNREVIEWED_FILL, _REVIEWED_FILL = 0.25, 0.5  # opacity


class SegmentResult(ResultNode):
    """A segmentation of its own whose segments share one label image, so that a slice is written at once."""

    def __init__(self, scene: Any, node: Any, undo: Undo) -> None:
        super().__init__(scene, node)
        self._undo = undo
        self._overlay = Overlay(scene)
        self._image: Any = None
        self._table = np.zeros(0, np.uint16)

    @classmethod
    def start(
        cls, volume_node: Any, axis: int, classes: Iterable[SegmentClass], name: str, undo: Undo
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
        result.use_classes(classes)
        return result

    def use_classes(self, classes: Iterable[SegmentClass]) -> None:
        """Have a segment for each class; a segment of its name that is there already is used."""
        node = self._node()
        segmentation = node.GetSegmentation()
        free = segment_ids(node)
        for each in classes:
            segment_id = next(
                (own for own in free if segmentation.GetSegment(own).GetName() == each.name), ""
            )
            if segment_id:
                free.remove(segment_id)
            else:
                segment_id = add_segment(node, each)
            segmentation.GetSegment(segment_id).SetTag(_CLASS, str(each.id))
        for left in free:  # of an earlier run; no class stands for it now
            segmentation.GetSegment(left).RemoveTag(_CLASS)
        self._share()

    def put(self, index: int, pixels: NDArray[Any], confidence: NDArray[np.float32] | None = None) -> None:
        """Write one slice.

        Args:
            index: Its place along `axis`.
            pixels: (H, W) ids of the classes that the result was started with, 0 for the background.
            confidence: (H, W), 0..1; kept for `show_confidence`.

        Raises:
            InputError: The result or its volume is gone, or the slice does not fit it.
        """
        self._check(index, pixels)
        if not self._is_shared():
            self._share()
        array_of(self._image)[(slice(None),) * self.axis + (index,)] = self._values(pixels)
        modified(self._image)
        self._node().GetDisplayNode().Modified()  # the views draw what the display node announces
        self._was_put(index)
        if confidence is not None:
            confidence_node.put(self._confidence(), self.axis, index, confidence)

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
            change = self._change(keep, target if protect else None)
            with slicer.util.RenderBlocker():
                with self._undo.step(target):
                    write_into(target, change)
                self.discard()
            return
        self._remove_confidence()
        node.SetDisplayVisibility(True)
        node.GetDisplayNode().SetOpacity2DFill(_REVIEWED_FILL)
        for each in segment_ids(node):
            node.GetSegmentation().GetSegment(each).RemoveTag(_CLASS)
        self._settled()

    def discard(self) -> None:
        """Remove all that the result added to the scene."""
        node = self._scene.GetNodeByID(self.id)
        if node is None:
            return
        self._remove_confidence()
        remove_node(self._scene, node)

    def _values(self, pixels: NDArray[Any]) -> NDArray[np.uint16]:
        """Label values of the image for ids of classes."""
        known = int(pixels.max(initial=0)) < len(self._table)
        values = self._table[pixels] if known else np.zeros_like(pixels)
        if np.count_nonzero(values) != np.count_nonzero(pixels):
            raise InputError(_("The slice has labels of unknown classes; press Apply again."))
        return values

    def _change(self, keep: Sequence[SliceKey], protected: Any) -> Change:
        node, volume = self._node(), self._input()
        labels, classes = label_map(node, volume), classes_of(node)
        region = region_of(labels.array.shape, self.axis, self._slices, keep)
        if protected is not None:
            region &= ~filled_by_others(protected, volume, [each.name for each in classes])
        return Change(volume, labels.array, region, classes)

    def _confidence(self) -> Any:
        node = self._node()
        return confidence_node.of(node) or confidence_node.add(node, self._input())

    def _remove_confidence(self) -> None:
        node = confidence_node.of(self._node())
        if node is not None:
            self._overlay.hide(node.GetID())
            confidence_node.remove(node)

    def _is_shared(self) -> bool:
        """Whether the segments still have the image that `put` writes to: editors replace and crop images."""
        node = self._node()
        i, j, k = (n - 1 for n in self._input().GetImageData().GetDimensions())
        return (
            self._image is not None
            and self._image.GetExtent() == (0, i, 0, j, 0, k)
            and all(
                node.GetSegmentation().GetSegment(each).GetRepresentation(LABELS) is self._image
                for each in segment_ids(node)
            )
        )

    def _share(self) -> None:
        """Bring all segments into one image that covers the volume."""
        node, volume = self._node(), self._input()
        ids = segment_ids(node)
        k, j, i = volume_shape(volume)
        to_local = np.linalg.inv(local_to_world(node)) @ volume_to_world(volume)
        image = new_label_image((0, i - 1, 0, j - 1, 0, k - 1), to_local)
        if layers_of(node):
            array_of(image)[...] = label_map(node, volume).array
        self._image = image
        values = {segment_id: value for value, segment_id in enumerate(ids, start=1)}
        share_image(node, values, self._image)
        self._table = _class_table(node, values)


def _class_table(node: Any, values: dict[str, int]) -> NDArray[np.uint16]:
    """From ids of classes to label values; ids that no class has lead to 0."""
    segmentation = node.GetSegmentation()
    tags = {each: tag_of(segmentation.GetSegment(each), _CLASS) for each in values}
    numbers = {int(tag): values[each] for each, tag in tags.items() if tag}
    table = np.zeros(max(numbers, default=0) + 1, np.uint16)
    for number, value in numbers.items():
        table[number] = value
    return table
