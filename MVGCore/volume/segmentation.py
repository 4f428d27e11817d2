"""Segmentations as 3D Slicer has them: segments that may overlap, in one or more layers."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.volume.geometry import Geometry
from MVGCore.volume.labelmap import (
    MAX_ID,
    LabelMap,
    SegmentClass,
    check_classes,
    present_ids,
    whole_numbers,
)
from MVGCore.volume.volume import check_grid


@dataclass(frozen=True)
class Segment:
    """One segment: the voxels of `layer` that have the value `label_value`."""

    class_: SegmentClass
    layer: int
    label_value: int


@dataclass
class Segmentation:
    """Segments that may overlap: those of one layer do not, those of different layers may.

    Attributes:
        layers: Each (K, J, I), uint8 or uint16.
        geometry: Where the voxels of all layers lie.
        segments: Later ones lie on top of earlier ones.
    """

    layers: tuple[NDArray[Any], ...]
    geometry: Geometry
    segments: tuple[Segment, ...] = ()

    def __post_init__(self) -> None:
        for layer in self.layers:
            check_grid(layer, self.geometry, "segmentation")
        check_classes([each.class_ for each in self.segments])
        places = {(each.layer, each.label_value) for each in self.segments}
        if len(places) < len(self.segments):
            raise InputError("Two segments have the same voxels; give each its own label value.")
        if wrong := [value for _, value in places if not 1 <= value <= MAX_ID]:
            raise InputError(f"A segment has the label value {wrong[0]}; renumber it to 1 to {MAX_ID}.")
        if any(not 0 <= layer < len(self.layers) for layer, _ in places):
            raise InputError(f"A segment lies in a layer that does not exist; there are {len(self.layers)}.")

    @classmethod
    def of(
        cls, layers: Iterable[NDArray[Any]], geometry: Geometry, segments: Iterable[Segment] = ()
    ) -> Segmentation:
        """Make a segmentation of arrays of whole numbers; values that no segment claims get a default one.

        Raises:
            InputError: Negative, fractional or too large values; more than 255 segments.
        """
        numbers = [whole_numbers(layer) for layer in layers]
        known = list(segments)
        places = {(each.layer, each.label_value) for each in known}
        used = {each.class_.id for each in known}
        for index, layer in enumerate(numbers):
            for value in present_ids(layer):
                if (index, value) not in places:
                    class_id = free_id(value, used)
                    known.append(Segment(SegmentClass.default(class_id), index, value))
                    used.add(class_id)
        kind = np.uint8 if all(layer.max(initial=0) <= 255 for layer in numbers) else np.uint16
        return cls(tuple(layer.astype(kind) for layer in numbers), geometry, tuple(known))

    @classmethod
    def from_labelmap(cls, labels: LabelMap) -> Segmentation:
        """One layer, one segment per class."""
        segments = tuple(Segment(each, 0, each.id) for each in labels.classes)
        return cls((labels.array,), labels.geometry, segments)

    def to_labelmap(self) -> LabelMap:
        """Flatten to one class per voxel; later segments win, and a warning tells what that cost."""
        classes = [each.class_ for each in self.segments]
        if len(self.layers) == 1:
            ordered = tuple(sorted(classes, key=lambda each: each.id))
            return LabelMap(self.with_ids_as_values().layers[0], self.geometry, ordered)
        rank = np.zeros(self.geometry.shape, dtype=np.uint16)
        lost = np.zeros(self.geometry.shape, dtype=bool)
        for index, layer in enumerate(self.layers):
            of_layer = self._ranks(index)[layer]
            lost |= (rank > 0) & (of_layer > 0)
            np.maximum(rank, of_layer, out=rank)
        if lost.any():
            warnings.warn(
                f"Segments overlap in {np.count_nonzero(lost)} voxels; there only the last one is kept.",
                stacklevel=2,
            )
        ids = np.array([0, *(each.class_.id for each in self.segments)], dtype=np.uint16)
        return LabelMap.of(ids[rank], self.geometry, classes)

    def with_ids_as_values(self) -> Segmentation:
        """The same segments, with each class id as the label value."""
        segments = tuple(Segment(each.class_, each.layer, each.class_.id) for each in self.segments)
        if segments == self.segments:
            return self
        layers = []
        for index, layer in enumerate(self.layers):
            ids = np.zeros(65536, dtype=np.uint16)
            for each in self._in_layer(index):
                ids[each.label_value] = each.class_.id
            layers.append(ids[layer])
        return Segmentation.of(layers, self.geometry, segments)

    def _in_layer(self, layer: int) -> Sequence[Segment]:
        return [each for each in self.segments if each.layer == layer]

    def _ranks(self, layer: int) -> NDArray[np.uint16]:
        """Table from the label values of a layer to the place in `segments`, from 1."""
        table = np.zeros(65536, dtype=np.uint16)
        for place, each in enumerate(self.segments, start=1):
            if each.layer == layer:
                table[each.label_value] = place
        return table


def free_id(wish: int, used: Iterable[int]) -> int:
    """`wish`, or if that is taken (or 0) the smallest number from 1 that is not in `used`."""
    taken = set(used)
    if wish > 0 and wish not in taken:
        return wish
    return next(number for number in range(1, len(taken) + 2) if number not in taken)
