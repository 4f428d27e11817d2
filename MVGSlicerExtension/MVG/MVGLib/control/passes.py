"""What the passes of a run, or the segments of a slice, have where they overlap."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.prompts import fewest_planes
from MVGCore.session.results import SliceDone
from MVGCore.volume import SliceKey
from MVGLib.control.examples import ClassTable, renumbered
from MVGLib.control.protocols import SceneAccess
from MVGLib.control.reviewstate import SliceScore
from MVGLib.control.scores import score_of

Planes = tuple[NDArray[np.uint16], ...]  # (H, W) class ids each; classes of one plane do not overlap


def planes_of(
    scene: SceneAccess, classes: ClassTable, segmentation_id: str, volume_id: str, place: SliceKey
) -> Planes:
    """What is labelled on a slice, in the numbers of the class table.

    Raises:
        InputError: There is no such slice, or the segmentation cannot be used.
    """
    numbers = classes.adopt(scene.classes(segmentation_id))
    planes = scene.slice_planes(segmentation_id, volume_id, place)
    return fewest_planes([renumbered(each, numbers) for each in planes])


def checksum(planes: Sequence[NDArray[Any]]) -> int:
    """Differs when labels do; of the same labels it is the same, however they are divided into planes."""
    checksum_so_far = 0
    for plane in fewest_planes(planes):
        checksum_so_far = zlib.crc32(np.ascontiguousarray(plane).tobytes(), checksum_so_far)
    return checksum_so_far


class PassRecord:
    """What the passes of a run have told of each slice so far; nothing is kept of a single pass."""

    def __init__(self, count: int = 1) -> None:
        """
        Args:
            count: Number of the passes.
        """
        self._count = count
        self._planes: dict[int, dict[int, NDArray[Any]]] = {}
        self._scores: dict[int, dict[int, SliceScore | None]] = {}

    def take(self, done: SliceDone) -> tuple[list[NDArray[Any]], SliceScore | None]:
        """A slice of a pass has come, perhaps once more.

        Returns:
            The (H, W) labels of the slice by pass, and how good it is by the one that is least sure of it.
        """
        if self._count == 1:
            return [done.values], score_of(done)
        planes = self._planes.setdefault(done.index, {})
        scores = self._scores.setdefault(done.index, {})
        planes[done.layer], scores[done.layer] = done.values, score_of(done)
        known = [each for each in scores.values() if each is not None]
        return list(planes.values()), min(known, key=lambda each: each.value, default=None)

    def unfinished(self) -> list[int]:
        """The slices of which some passes have not told yet."""
        return [index for index, planes in self._planes.items() if len(planes) < self._count]
