"""Undo of what was written into a user's segmentation: one step per action, exact."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer

from MVGLib.scene.segments import LABELS, segment_ids
from MVGLib.scene.voxels import array_of

_MOST_STEPS = 3


class Undo:
    """Keeps segmentations as they were before the last writes.

    Slicer's Segment Editor has a history of its own; if it shows the segmentation, it is given the state as
    well, so that its Undo button works.
    """

    def __init__(self) -> None:
        self._steps: list[_Step] = []

    @contextmanager
    def step(self, node: Any) -> Iterator[None]:
        """Keep a segmentation as it is and write in the block, once per action.

        If the block fails, the segmentation is as it was before.
        """
        history = slicer.vtkSegmentationHistory()
        history.SetSegmentation(node.GetSegmentation())
        history.SaveState()
        _save_in_segment_editor(node)
        try:
            yield
        except BaseException:
            history.RestorePreviousState()
            raise
        # Voxels that were written in place: neither the history nor the views have heard of them yet.
        node.GetSegmentation().InvokeEvent(slicer.vtkSegmentation.SourceRepresentationModified)
        self._steps = [*self._steps, _Step(history, node, contents(node))][-_MOST_STEPS:]

    def undo(self) -> bool:
        """Take the last write back; False if there is none or the segments were edited since."""
        if not self._steps:
            return False
        step = self._steps[-1]
        if step.node.GetScene() is None or contents(step.node) != step.after:
            return False
        self._steps.pop()
        return bool(step.history.RestorePreviousState())

    def forget(self) -> None:
        """Drop what is kept."""
        self._steps = []


@dataclass(frozen=True, eq=False)
class _Step:
    history: Any
    node: Any
    after: tuple[Any, ...]


def contents(node: Any) -> tuple[Any, ...]:
    """Differs whenever a voxel or a segment of a segmentation does, however often it was written."""
    segmentation = node.GetSegmentation()
    images = {
        segmentation.GetLayerIndex(each): segmentation.GetSegment(each).GetRepresentation(LABELS)
        for each in segment_ids(node)
    }
    sums = {layer: _voxels(image) for layer, image in images.items()}
    return tuple(
        (each, int(segmentation.GetSegment(each).GetLabelValue()), sums[segmentation.GetLayerIndex(each)])
        for each in segment_ids(node)
    )


def _voxels(image: Any) -> tuple[int, ...]:
    """Where in the grid labels are, and a checksum of them, however far an image reaches around them."""
    array = array_of(image)
    filled = [np.flatnonzero(array.any(axis=tuple(b for b in range(3) if b != a))) for a in range(3)]
    if not array.any():
        return ()
    box = tuple(slice(int(each[0]), int(each[-1]) + 1) for each in filled)
    first = [each.start + low for each, low in zip(box, reversed(image.GetExtent()[::2]), strict=True)]
    return (*first, zlib.crc32(np.ascontiguousarray(array[box]).tobytes()))


def _save_in_segment_editor(node: Any) -> None:
    # The widget exists once the user has opened the module.
    widget = getattr(slicer.modules, "SegmentEditorWidget", None)
    editor = getattr(widget, "editor", None)
    if editor is not None and editor.segmentationNode() == node:
        editor.saveStateForUndo()
