"""Results in the scene, filled slice by slice while they are computed, then accepted or discarded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.volume import SegmentClass, SliceKey
from MVGLib.scene import confidence as confidence_node
from MVGLib.scene.backdrop import Overlay, exchange
from MVGLib.scene.placement import local_to_world, volume_shape, volume_to_world
from MVGLib.scene.segments import LABELS, classes_of, label_map, layers_of, segment_ids, tag_of
from MVGLib.scene.undo import Undo
from MVGLib.scene.volumes import new_volume_like, put_slice
from MVGLib.scene.voxels import array_of, modified, new_label_image
from MVGLib.scene.writing import Change, add_segment, check_writable, region_of, share_image, write_into
from MVGLib.texts import _

KIND = "MVG.Result"  # attribute of a node that waits for review; its value is one of the next two
SEGMENTS, VOLUME = "segments", "volume"
_AXIS, _SLICES, _CLASS = "MVG.Axis", "MVG.Slices", "MVG.Class"
_INPUT = "MVGInput"  # role of the reference to the volume that the result belongs to

_UNREVIEWED_FILL, _REVIEWED_FILL = 0.25, 0.5


class Result:
    """What segment results and volume results have in common.

    Attributes:
        id: The node that holds the result.
        axis: Array axis of its slices.
    """

    def __init__(self, scene: Any, node: Any) -> None:
        self.id = str(node.GetID())
        self.axis = int(node.GetAttribute(_AXIS))
        self._scene = scene
        self._slices = set(_indices(node.GetAttribute(_SLICES) or ""))

    def put_slices(self) -> list[int]:
        """The slices that were written, ascending."""
        return sorted(self._slices)

    def finish(self) -> None:
        """All slices of a run were put: what a saved scene has to tell is written down."""
        self._node().SetAttribute(_SLICES, _ranges(self._slices))

    def _node(self) -> Any:
        node = self._scene.GetNodeByID(self.id)
        if node is None:
            raise InputError(_("The result was removed from the scene; press Apply to compute it again."))
        return node

    def _input(self) -> Any:
        volume = self._node().GetNodeReference(_INPUT)
        if volume is None:
            raise InputError(
                _("The volume of the result was removed from the scene; load it again and press Apply.")
            )
        return volume

    def _check(self, index: int, pixels: NDArray[Any]) -> None:
        shape = list(volume_shape(self._input()))
        depth = shape.pop(self.axis)
        if not 0 <= index < depth or pixels.shape != tuple(shape):
            raise InputError(
                _("Slice {index} of {size} voxels does not fit the result; press Apply again.").format(
                    index=index, size=" x ".join(map(str, pixels.shape))
                )
            )

    def _settled(self) -> None:
        """The node is one like any other from now on."""
        node = self._node()
        for attribute in (KIND, _AXIS, _SLICES):
            node.RemoveAttribute(attribute)
        node.RemoveNodeReferenceIDs(_INPUT)


class SegmentResult(Result):
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
        _mark(node, SEGMENTS, axis, volume_node)
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
        self._slices.add(index)
        if confidence is not None:
            confidence_node.put(self._confidence(), self.axis, index, confidence)

    def confidence(self, index: int) -> NDArray[np.float32] | None:
        """(H, W) confidence of a slice in steps of 0.01, or None if it was put without."""
        node = confidence_node.of(self._node())
        return None if node is None else confidence_node.read(node, self.axis, index)

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

    def accept(self, into: str = "", keep: Sequence[SliceKey] = ()) -> None:
        """Keep the result.

        Args:
            into: A segmentation of the user that takes the voxels of all slices that were put, in one step of
                undo (see `MVGLib.scene.writing.write_into`); the result goes. By default it stays as it is.
            keep: Slices of that segmentation that do not change.

        Raises:
            InputError: A node is gone, or cannot be written; nothing has changed then.
        """
        node = self._node()
        if into:
            target = self._scene.GetNodeByID(into)
            if target is None:
                raise InputError(_("The segmentation was removed from the scene; choose another one."))
            check_writable(target)
            change = self._change(keep)
            self._undo.save(target)
            write_into(target, change)
            self._undo.written()
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
        _remove(self._scene, node)

    def _values(self, pixels: NDArray[Any]) -> NDArray[np.uint16]:
        """Label values of the image for ids of classes."""
        known = int(pixels.max(initial=0)) < len(self._table)
        values = self._table[pixels] if known else np.zeros_like(pixels)
        if np.count_nonzero(values) != np.count_nonzero(pixels):
            raise InputError(_("The slice has labels of unknown classes; press Apply again."))
        return values

    def _change(self, keep: Sequence[SliceKey]) -> Change:
        node, volume = self._node(), self._input()
        labels = label_map(node, volume)
        region = region_of(labels.array.shape, self.axis, self._slices, keep)
        return Change(volume, labels.array, region, classes_of(node))

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


class VolumeResult(Result):
    """A scalar volume on the grid, under the transform and with the display of the input."""

    @classmethod
    def start(cls, volume_node: Any, axis: int, name: str, like: Any = None) -> VolumeResult:
        """Add a volume with the input's voxels, or with the lowest intensity of `like`."""
        node = new_volume_like(volume_node, name, like)
        _mark(node, VOLUME, axis, volume_node)
        result = cls(volume_node.GetScene(), node)
        result.show(True)
        return result

    def put(self, index: int, pixels: NDArray[Any], confidence: NDArray[np.float32] | None = None) -> None:
        """Write one slice.

        Args:
            index: Its place along `axis`.
            pixels: (H, W) intensities; rounded and clipped if the volume has whole numbers.
            confidence: Not kept.

        Raises:
            InputError: The result or its volume is gone, or the slice does not fit it.
        """
        self._check(index, pixels)
        put_slice(self._node(), self.axis, index, pixels)
        self._slices.add(index)

    def show(self, on: bool) -> None:
        """Show the result in the views that show its input, or the other way round."""
        node, volume = self._node(), self._node().GetNodeReference(_INPUT)
        if volume is not None:
            shown, wanted = (volume, node) if on else (node, volume)
            exchange(self._scene, shown.GetID(), wanted.GetID())

    def show_confidence(self, on: bool) -> None:
        """Does nothing: images have no confidence."""

    def confidence(self, index: int) -> None:
        """None: images have no confidence."""

    def accept(self, into: str = "", keep: Sequence[SliceKey] = ()) -> None:
        """Keep the result as a volume like any other."""
        self.show(True)
        self._settled()

    def discard(self) -> None:
        """Remove all that the result added to the scene; views show the input again."""
        node = self._scene.GetNodeByID(self.id)
        if node is not None:
            self.show(False)
            _remove(self._scene, node)


def open_result(scene: Any, node_id: str, undo: Undo) -> SegmentResult | VolumeResult:
    """The result that a node holds, also after the scene was saved and opened again.

    Raises:
        InputError: The node is gone, or holds no result that waits for review.
    """
    node = scene.GetNodeByID(node_id) if node_id else None
    kind = node.GetAttribute(KIND) if node is not None else None
    if kind not in (SEGMENTS, VOLUME) or node.GetNodeReference(_INPUT) is None:
        raise InputError(_("The result is not in the scene any more; press Apply to compute it again."))
    return SegmentResult(scene, node, undo) if kind == SEGMENTS else VolumeResult(scene, node)


def _mark(node: Any, kind: str, axis: int, volume_node: Any) -> None:
    node.SetAttribute(KIND, kind)
    node.SetAttribute(_AXIS, str(axis))
    node.SetNodeReferenceID(_INPUT, volume_node.GetID())


def _class_table(node: Any, values: dict[str, int]) -> NDArray[np.uint16]:
    """From ids of classes to label values; ids that no class has lead to 0."""
    segmentation = node.GetSegmentation()
    tags = {each: tag_of(segmentation.GetSegment(each), _CLASS) for each in values}
    numbers = {int(tag): values[each] for each, tag in tags.items() if tag}
    table = np.zeros(max(numbers, default=0) + 1, np.uint16)
    for number, value in numbers.items():
        table[number] = value
    return table


def _remove(scene: Any, node: Any) -> None:
    """Remove a node with what was made for it alone."""
    helpers = [node.GetNthDisplayNode(n) for n in range(node.GetNumberOfDisplayNodes())]
    helpers += [node.GetNthStorageNode(n) for n in range(node.GetNumberOfStorageNodes())]
    scene.RemoveNode(node)
    for each in helpers:
        if each is not None and each.GetScene() is not None:
            scene.RemoveNode(each)


def _ranges(numbers: Iterable[int]) -> str:
    """ "3-5,8" for 3, 4, 5, 8."""
    parts: list[list[int]] = []
    for each in sorted(numbers):
        if parts and parts[-1][1] == each - 1:
            parts[-1][1] = each
        else:
            parts.append([each, each])
    return ",".join(f"{a}-{b}" if a < b else str(a) for a, b in parts)


def _indices(text: str) -> Iterable[int]:
    for part in filter(None, text.split(",")):
        first, _dash, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)
