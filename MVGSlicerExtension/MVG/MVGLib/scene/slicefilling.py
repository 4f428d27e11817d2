"""The rest of a slice on which a part is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.volume import SegmentClass, SliceKey
from MVGLib.scene.segments import classes_of, slice_planes
from MVGLib.scene.writing import Change, slice_change

SlicePart = tuple[NDArray[np.uint16], tuple[SegmentClass, ...]]  # (H, W) labels of one pass, their classes


def slice_changes(node: Any, volume_node: Any, key: SliceKey, parts: Sequence[SlicePart]) -> list[Change]:
    """What the parts of a slice change in a segmentation: nothing where something is drawn already.

    What is drawn of the classes of other parts does not count, for these may overlap.
    """
    planes, known = slice_planes(node, volume_node, key), classes_of(node)
    changes = []
    for labels, classes in parts:
        apart = {each.name for _labels, other in parts if other is not classes for each in other}
        counted = [each.id for each in known if each.name not in apart]
        drawn = np.logical_or.reduce([np.isin(plane, counted) for plane in planes])
        changes.append(slice_change(volume_node, key, labels, ~drawn, classes))
    return changes
