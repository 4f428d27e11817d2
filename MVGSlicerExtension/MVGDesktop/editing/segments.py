"""What is done to whole segments, so that it can be taken back: add, remove, rename, recolour."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer

from MVGCore.errors import InputError
from MVGDesktop.editing.history import Command
from MVGDesktop.editing.voxels import Voxels

_Choose = Callable[[str], None]
Color = tuple[float, float, float]


def segmentation_of(node_id: str) -> Any:
    """The `vtkMRMLSegmentationNode` of an id.

    Raises:
        InputError: It is gone.
    """
    node = slicer.mrmlScene.GetNodeByID(node_id)
    if node is None:
        raise InputError("The segmentation is not there any more.")
    return node


class AddSegment(Command):
    """A new, empty segment."""

    def __init__(self, node_id: str, name: str, color: Color, choose: _Choose) -> None:
        """
        Args:
            node_id: The segmentation.
            name: Of the segment.
            color: Red, green, blue in 0..1.
            choose: Called with the id of the segment to be active.
        """
        super().__init__(f"Add {name}", node_id)
        self._name, self._color, self._choose = name, color, choose
        self._id = ""

    def do(self) -> None:
        segmentation = segmentation_of(self.node_id).GetSegmentation()
        # The same id again, so that strokes that follow find their segment.
        self._id = segmentation.AddEmptySegment(self._id, self._name, self._color)
        self._choose(self._id)

    def take_back(self) -> None:
        segmentation = segmentation_of(self.node_id).GetSegmentation()
        segmentation.RemoveSegment(self._id)
        left = list(segmentation.GetSegmentIDs())
        self._choose(left[-1] if left else "")


class RemoveSegment(Command):
    """A segment that is removed with its voxels, name, colour and tags."""

    def __init__(self, node_id: str, segment_id: str, choose: _Choose) -> None:
        segment = segmentation_of(node_id).GetSegmentation().GetSegment(segment_id)
        super().__init__(f"Remove {segment.GetName()}", node_id)
        self._id, self._choose = segment_id, choose
        self._kept = slicer.vtkSegment()
        self._position = self._value = 0
        self._neighbour_id = ""  # a segment of the same layer
        self._mask = b""
        self._shape: tuple[int, ...] = ()

    def do(self) -> None:
        node = segmentation_of(self.node_id)
        segmentation = node.GetSegmentation()
        voxels = Voxels(node)
        mask = voxels.mask(self._id)
        self._shape, self._mask = mask.shape, zlib.compress(np.packbits(mask).tobytes(), 1)
        place, self._neighbour_id = voxels.place(self._id), voxels.beside(self._id)
        self._value = place.value
        # RemoveSegment would leave its voxels in a layer that it shares with others.
        voxels.layer(place.layer)[mask] = 0
        self._position = segmentation.GetSegmentIndex(self._id)
        self._kept.DeepCopyMetadata(segmentation.GetSegment(self._id))
        segmentation.RemoveSegment(self._id)
        left = list(segmentation.GetSegmentIDs())
        self._choose(left[0] if left else "")

    def take_back(self) -> None:
        node = segmentation_of(self.node_id)
        segmentation = node.GetSegmentation()
        segmentation.AddEmptySegment(self._id, self._kept.GetName(), self._kept.GetColor())
        voxels = Voxels(node)
        # Back to the layer where it was: in another one it would take the voxels of those that it overlaps.
        if self._neighbour_id:
            voxels.join(self._id, self._neighbour_id, self._value)
        elif voxels.beside(self._id):
            voxels.separate(self._id)
        segmentation.GetSegment(self._id).DeepCopyMetadata(self._kept)
        segmentation.SetSegmentIndex(self._id, self._position)
        place = voxels.place(self._id)
        bits = np.frombuffer(zlib.decompress(self._mask), np.uint8)
        mask = np.unpackbits(bits, count=int(np.prod(self._shape))).astype(bool).reshape(self._shape)
        voxels.layer(place.layer)[mask] = place.value
        voxels.announce()
        self._choose(self._id)


def fresh_name(taken: Sequence[str]) -> str:
    """A name for one more segment."""
    numbers = itertools.count(len(taken) + 1)
    return next(name for each in numbers if (name := f"Segment {each}") not in taken)


@dataclass(frozen=True)
class Look:
    """How a segment is called and drawn."""

    name: str
    color: Color


class ChangeLook(Command):
    """Another name or colour of a segment."""

    depends_on_voxels = False

    def __init__(self, node_id: str, segment_id: str, look: Look) -> None:
        segment = segmentation_of(node_id).GetSegmentation().GetSegment(segment_id)
        self._id, self._after = segment_id, look
        self._before = Look(segment.GetName(), tuple(segment.GetColor()))
        verb = "Rename" if look.name != self._before.name else "Colour of"
        super().__init__(f"{verb} {self._before.name}", node_id)

    def do(self) -> None:
        self._set(self._after)

    def take_back(self) -> None:
        self._set(self._before)

    def _set(self, look: Look) -> None:
        segment = segmentation_of(self.node_id).GetSegmentation().GetSegment(self._id)
        if segment is None:
            raise InputError(f"{self.text()} cannot be done: the segment is not there any more.")
        segment.SetName(look.name)
        segment.SetColor(*look.color)


class RemoveSegmentation(Command):
    """A segmentation that leaves the scene; the node itself is kept, and comes back as the same."""

    depends_on_voxels = False

    def __init__(self, node_id: str, choose: _Choose) -> None:
        """
        Args:
            node_id: The segmentation.
            choose: Called with the id of the segmentation to be edited, once it is back.
        """
        self._node = segmentation_of(node_id)
        super().__init__(f"Remove {self._node.GetName()}", node_id)
        self._choose = choose
        self._helpers: list[Any] = []

    def do(self) -> None:
        node = segmentation_of(self.node_id)
        displays = (node.GetNthDisplayNode(each) for each in range(node.GetNumberOfDisplayNodes()))
        self._helpers = [each for each in displays if each is not None]
        for each in (node, *self._helpers):
            if each.GetScene() is not None:
                slicer.mrmlScene.RemoveNode(each)

    def take_back(self) -> None:
        for each in (*self._helpers, self._node):
            if each.GetScene() is None:
                slicer.mrmlScene.AddNode(each)
        self._choose(self.node_id)


class CopySegment(Command):
    """A segment with its voxels, name, colour and tags, added to another segmentation on the same grid."""

    def __init__(self, source_id: str, segment_id: str, target_id: str) -> None:
        source = segmentation_of(source_id).GetSegmentation().GetSegment(segment_id)
        super().__init__(f"Copy {source.GetName()}", target_id)
        self._kept = slicer.vtkSegment()
        self._kept.DeepCopy(source)
        self._id = ""

    def do(self) -> None:
        segmentation = segmentation_of(self.node_id).GetSegmentation()
        copy = slicer.vtkSegment()
        copy.DeepCopy(self._kept)
        # The same id again, so that strokes that follow find their segment.
        self._id = self._id or segmentation.GenerateUniqueSegmentID(copy.GetName())
        segmentation.AddSegment(copy, self._id)

    def take_back(self) -> None:
        segmentation_of(self.node_id).GetSegmentation().RemoveSegment(self._id)
