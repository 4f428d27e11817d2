"""Which slices of the user's segmentations MVG has written and nobody has changed since."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from MVGCore.volume import SliceKey
from MVGLib.control.examples import ClassTable
from MVGLib.control.passes import checksum
from MVGLib.control.protocols import SceneAccess

Sums = dict[SliceKey, int]  # slice -> checksum of its labels


class Generated:
    """Tells slices that the user has drawn from those that an accepted result has left.

    A generated slice counts as drawn as soon as its labels are others than those that were written.
    """

    def __init__(self, scene: SceneAccess, classes: ClassTable, sums: dict[tuple[str, str], Sums]) -> None:
        """
        Args:
            scene: Where the segmentations are.
            classes: Numbers of the classes that stay the same when segments change their order.
            sums: (Segmentation, volume) -> the checksums that were kept with the scene.
        """
        self._scene = scene
        self._classes = classes
        self.sums = sums

    def note(self, segmentation_id: str, volume_id: str, places: Iterable[SliceKey]) -> None:
        """MVG has just written these slices of a segmentation."""
        listed = list(places)
        if listed:
            fresh = self._sums_now(segmentation_id, volume_id, listed)
            known = self.sums.get((segmentation_id, volume_id), {})
            self.sums = {**self.sums, (segmentation_id, volume_id): {**known, **fresh}}

    def drawn(self, segmentation_id: str, volume_id: str) -> list[SliceKey]:
        """The slices that are labelled, without those that MVG has written and nobody has changed."""
        known = self.sums.get((segmentation_id, volume_id), {})
        if not known:
            return self._scene.labelled(segmentation_id, volume_id)
        labelled = self._scene.labelled(segmentation_id, volume_id, next(iter(known)).axis)
        now = self._sums_now(segmentation_id, volume_id, [place for place in labelled if place in known])
        return [place for place in labelled if place not in now or now[place] != known[place]]

    def forget_node(self, node_id: str) -> None:
        """A node is gone."""
        self.sums = {nodes: sums for nodes, sums in self.sums.items() if node_id not in nodes}

    def _sums_now(self, segmentation_id: str, volume_id: str, places: Iterable[SliceKey]) -> Sums:
        labels = self._scene.layered(segmentation_id, volume_id)
        numbers = self._classes.adopt([each.class_ for each in labels.segments])
        table = np.zeros(max(numbers, default=0) + 1, np.uint16)
        for own, number in numbers.items():
            table[own] = number
        return {
            place: checksum([table[layer.take(place.index, place.axis)] for layer in labels.layers])
            for place in places
        }
