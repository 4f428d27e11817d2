"""One label image for several segments of a result, so that a slice is written at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGLib.scene.placement import local_to_world, volume_to_world
from MVGLib.scene.segments import LABELS, label_map, layers_of, segment_ids, tag_of
from MVGLib.scene.voxels import array_of, modified, new_label_image
from MVGLib.scene.writing import share_image
from MVGLib.texts import _

CLASS = "MVG.Class"  # tag of a segment: the id of its class
PASS = "MVG.Pass"  # tag of a segment: the number of the pass that makes it, where classes overlap


class SharedImage:
    """Brings segments that do not overlap into one image that covers the volume of the result."""

    def __init__(self, node: Any, volume_node: Any, ids: Sequence[str]) -> None:
        """
        Args:
            node: The segmentation.
            volume_node: Whose voxels the image has.
            ids: Of the segments; where they overlap the later one counts from now on.
        """
        self._node = node
        self._ids = list(ids)
        i, j, k = (n - 1 for n in volume_node.GetImageData().GetDimensions())
        self._extent = (0, i, 0, j, 0, k)
        to_local = np.linalg.inv(local_to_world(node)) @ volume_to_world(volume_node)
        self._image = new_label_image(self._extent, to_local)
        values = {segment_id: value for value, segment_id in enumerate(self._ids, start=1)}
        if layers_of(node):
            self._take_over(volume_node, values)
        share_image(node, values, self._image)
        self._table = self._class_table(values)

    def is_shared(self) -> bool:
        """Whether the segments still have this image: editors replace and crop images."""
        segmentation = self._node.GetSegmentation()
        return self._image.GetExtent() == self._extent and all(
            segmentation.GetSegment(each) is not None
            and segmentation.GetSegment(each).GetRepresentation(LABELS) is self._image
            for each in self._ids
        )

    def put(self, axis: int, index: int, pixels: NDArray[Any]) -> None:
        """Write one slice of (H, W) ids of classes.

        Raises:
            InputError: A class has no segment here.
        """
        known = int(pixels.max(initial=0)) < len(self._table)
        values = self._table[pixels] if known else np.zeros_like(pixels)
        if np.count_nonzero(values) != np.count_nonzero(pixels):
            raise InputError(_("The slice has labels of unknown classes; press Apply again."))
        array_of(self._image)[(slice(None),) * axis + (index,)] = values
        modified(self._image)

    def _take_over(self, volume_node: Any, values: dict[str, int]) -> None:
        numbers = {each: number for number, each in enumerate(segment_ids(self._node), start=1)}
        own = label_map(self._node, volume_node, [numbers[each] for each in values]).array
        table = np.zeros(len(numbers) + 1, np.uint8)
        for segment_id, value in values.items():
            table[numbers[segment_id]] = value
        array_of(self._image)[...] = table[own]

    def _class_table(self, values: dict[str, int]) -> NDArray[np.uint16]:
        """From ids of classes to label values; ids that no class has lead to 0."""
        segmentation = self._node.GetSegmentation()
        tags = {each: tag_of(segmentation.GetSegment(each), CLASS) for each in values}
        numbers = {int(tag): values[each] for each, tag in tags.items() if tag}
        table = np.zeros(max(numbers, default=0) + 1, np.uint16)
        for number, value in numbers.items():
            table[number] = value
        return table


def passes_of_segments(node: Any) -> list[list[str]]:
    """The ids of the segments by the pass that makes them; one that no pass makes goes with the first."""
    passes: dict[int, list[str]] = {0: []}
    for each in segment_ids(node):
        number = int(tag_of(node.GetSegmentation().GetSegment(each), PASS) or 0)
        passes.setdefault(number, []).append(each)
    return [passes.get(number, []) for number in range(max(passes) + 1)]
