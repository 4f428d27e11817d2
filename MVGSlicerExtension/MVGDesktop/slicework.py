"""What is done to the current slice or the whole volume: copying labels, taking intensities, effects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import slicer

from MVGCore.errors import MVGError
from MVGCore.volume import SliceKey
from MVGDesktop.desk import Desk
from MVGDesktop.editing.copying import copy_neighbour, copy_slice_of, fill_slice
from MVGDesktop.editing.effects import Effect, apply_effect
from MVGDesktop.editing.shapes import FloatArray
from MVGDesktop.editing.strokes import take_intensities
from MVGLib.control.previews import SlicePart


class SliceWork:
    """Knows which slice is meant; what cannot be done is told."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._document = desk, desk.document

    def copy_slice(self, step: int) -> None:
        """Copy labels to the current slice: -1 from before, 1 from after, 0 from the result."""
        point, normal = self._current()
        if step:
            self._desk.tell(lambda: copy_neighbour(self._document, point, normal, step))
        else:
            self._desk.tell(lambda: copy_slice_of(self._document, self._result(), point, normal))

    def take_range(self, whole: bool) -> None:
        """Take the voxels within the chosen intensities into the segment, in the volume or on the slice."""
        limits, place = self._desk.tools.range.limits, None if whole else self._current()
        others = self._desk.editor.choices.others
        if limits is not None:
            self._desk.tell(lambda: take_intensities(self._document, limits, others, place))

    def change_segment(self, effect: Effect, whole: bool) -> None:
        """Change the selected segment, in the volume or on the current slice."""
        choice = self._desk.tools.effects.choice(self._desk.editor.choices.others)
        place = None if whole else self._current()
        self._desk.tell(lambda: apply_effect(self._document, effect, choice, place))

    def fill_slice(
        self,
        segmentation_id: str,
        _volume_id: str,
        place: SliceKey,
        parts: Sequence[SlicePart],
    ) -> None:
        """Write what MVG has made of a slice that was begun, as one action (see `Previews.fill`)."""
        self._document.set_segmentation(segmentation_id)
        masks = [{each.name: labels == each.id for each in classes} for labels, classes in parts]
        fill_slice(self._document, place.axis, place.index, masks)

    def nothing_here(self) -> None:
        """Tell the panel that the selected segment is not on the current slice."""
        self._desk.panel.controller.examples.nothing_here(self._selected())

    def ends_here(self) -> None:
        """Tell the panel that the selected segment goes no further than the current slice."""
        self._desk.panel.controller.examples.ends_here(self._selected())

    def _selected(self) -> str:
        """Name of the selected segment; empty, which means all, where there is none."""
        segment = self._document.segment()
        return segment.GetName() if segment is not None else ""

    def _current(self) -> tuple[FloatArray, FloatArray]:
        """World position and normal of the current slice."""
        view = self._desk.views.active.view
        return view.origin, view.normal

    def _result(self) -> Any:
        review = self._desk.panel.controller.view().review
        node = slicer.mrmlScene.GetNodeByID(review.node_id) if review is not None else None
        if node is None or not node.IsA("vtkMRMLSegmentationNode"):
            raise MVGError("There is no result to copy from yet: press Apply first.")
        return node
