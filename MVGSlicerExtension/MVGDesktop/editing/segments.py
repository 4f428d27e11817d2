"""Adding and removing segments so that it can be taken back."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import slicer

from MVGDesktop.editing.voxels import Voxels

_Find = Callable[[], Any]
_Choose = Callable[[str], None]


class AddSegment:
    """A new, empty segment."""

    repeatable = True

    def __init__(self, find: _Find, name: str, color: tuple[float, float, float], choose: _Choose) -> None:
        """Args:
        find: Gives the segmentation node.
        name: Of the segment.
        color: Red, green, blue in 0..1.
        choose: Called with the id of the segment to be active.
        """
        self._find, self._segment_name, self._color, self._choose = find, name, color, choose
        self._id = ""

    @property
    def name(self) -> str:
        return f"Add {self._segment_name}"

    def redo(self) -> None:
        segmentation = self._find().GetSegmentation()
        # The same id again, so that strokes that follow find their segment.
        self._id = segmentation.AddEmptySegment(self._id, self._segment_name, self._color)
        self._choose(self._id)

    def undo(self) -> None:
        segmentation = self._find().GetSegmentation()
        segmentation.RemoveSegment(self._id)
        left = list(segmentation.GetSegmentIDs())
        self._choose(left[-1] if left else "")


class RemoveSegment:
    """A segment that is removed with its voxels, name, colour and tags."""

    repeatable = True

    def __init__(self, find: _Find, segment_id: str, choose: _Choose) -> None:
        self._find, self._id, self._choose = find, segment_id, choose
        segment = find().GetSegmentation().GetSegment(segment_id)
        self._segment_name = segment.GetName()
        self._kept = slicer.vtkSegment()
        self._position = 0
        self._mask = b""
        self._shape: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        return f"Remove {self._segment_name}"

    def redo(self) -> None:
        node = self._find()
        segmentation = node.GetSegmentation()
        voxels = Voxels(node)
        mask = voxels.mask(self._id)
        self._shape, self._mask = mask.shape, zlib.compress(np.packbits(mask).tobytes(), 1)
        place = voxels.place(self._id)
        # RemoveSegment would leave its voxels in a layer that it shares with others.
        voxels.layer(place.layer)[mask] = 0
        self._position = segmentation.GetSegmentIndex(self._id)
        self._kept.DeepCopyMetadata(segmentation.GetSegment(self._id))
        segmentation.RemoveSegment(self._id)

    def undo(self) -> None:
        node = self._find()
        segmentation = node.GetSegmentation()
        segmentation.AddEmptySegment(self._id, self._segment_name, self._kept.GetColor())
        segmentation.GetSegment(self._id).DeepCopyMetadata(self._kept)
        segmentation.SetSegmentIndex(self._id, self._position)
        voxels = Voxels(node)
        place = voxels.place(self._id)
        bits = np.frombuffer(zlib.decompress(self._mask), np.uint8)
        mask = np.unpackbits(bits, count=int(np.prod(self._shape))).astype(bool).reshape(self._shape)
        voxels.layer(place.layer)[mask] = place.value
        voxels.announce()
        self._choose(self._id)
