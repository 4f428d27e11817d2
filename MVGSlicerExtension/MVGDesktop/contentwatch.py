"""What changes in the segmentation that is edited, and who changes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import slicer

from MVGDesktop.editing.voxels import REPRESENTATION

_CONTENT_EVENTS = ("SourceRepresentationModified", "SegmentAdded", "SegmentRemoved", "SegmentModified")


class ContentWatch:
    """Tells when somebody else changes the voxels, names, colours or number of segments of one segmentation.

    Attributes:
        ours: Whether it is we who are changing it.
    """

    def __init__(self, changed: Callable[[bool], object]) -> None:
        """
        Args:
            changed: Is told of a change that is not ours, and whether voxels were written or segments came
                or went.
        """
        self.ours = False
        self._changed = changed
        self._node: Any = None
        self._stamp: tuple[Any, ...] = ()
        self._tags: list[tuple[Any, int]] = []

    def follow(self, node: Any) -> None:
        """Watch a segmentation, and no other; None watches nothing."""
        for other, tag in self._tags:
            other.RemoveObserver(tag)
        self._tags, self._node, self._stamp = [], node, _stamp(node)
        for name in _CONTENT_EVENTS if node is not None else ():
            event = getattr(slicer.vtkSegmentation, name)
            self._tags.append((node, node.AddObserver(event, self._on_event)))

    def forget(self) -> None:
        """The segmentation is gone, and its observers with it."""
        self._tags = []

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Changes inside are our own."""
        before, self.ours = self.ours, True
        try:
            yield
        finally:
            self.ours = before
            if not before:
                self._stamp = _stamp(self._node)

    @contextmanager
    def changing_display(self) -> Iterator[None]:
        """Changes inside are our own; a change by somebody else that was not told yet still will be."""
        before, self.ours = self.ours, True
        stamp = _stamp(self._node)
        try:
            yield
        finally:
            self.ours = before
            if self._stamp == stamp:
                self._stamp = _stamp(self._node)

    def _on_event(self, *_: Any) -> None:
        if not self.ours:
            before, self._stamp = self._stamp, _stamp(self._node)
            self._changed(self._stamp != before)


def _stamp(node: Any) -> tuple[Any, ...]:
    """Differs whenever voxels were written or segments came and went; names and colours do not count."""
    if node is None:
        return ()
    segmentation = node.GetSegmentation()
    layers = range(segmentation.GetNumberOfLayers(REPRESENTATION))
    images = [segmentation.GetLayerDataObject(each, REPRESENTATION) for each in layers]
    scalars = [image.GetPointData().GetScalars() for image in images]
    return (*segmentation.GetSegmentIDs(), *(each.GetMTime() if each else 0 for each in scalars))
