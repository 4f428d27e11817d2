"""A volume with few labelled slices of its own: they tell what is near them, other volumes what is far."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from MVGCore.datasets.atlas.fusion import share_out
from MVGCore.prompts import Prompt
from MVGCore.segmentation import Result
from MVGCore.segmentation.existing.shapes import class_side

# Of the distance between a labelled slice and the one on which it and the other volumes have an equal say: in
# sizes of the class. docs/datasets.md has what was measured.
EQUAL_SAY = 0.3
SURE = 0.85  # of what they tell: how sure the network was there changes little, and less for the better


def joined(
    own: Result, spacing: Sequence[float], ids: Sequence[int], probabilities: NDArray[np.float32]
) -> tuple[tuple[int, ...], NDArray[np.float32]]:
    """The classes, and (classes + 1, K, J, I) probabilities of the background and of each.

    Args:
        own: what was propagated from slices of the volume.
        spacing: of the voxels along (k, j, i), mm.
        ids: the classes that other volumes show, ascending.
        probabilities: (len(ids) + 1, K, J, I) what these say, of the background first.
    """
    every = tuple(sorted({*ids, *own.labels.ids}))
    labels, axis = own.labels.array, own.axis
    drawn = {index: labels.take(index, axis) for index in own.prompt_slices}
    across = [size for each, size in enumerate(spacing) if each != axis]
    far = _distances(labels.shape[axis], list(drawn)) * spacing[axis]
    mixture = np.zeros((len(every) + 1, *labels.shape), np.float32)
    for row, class_id in enumerate(every, 1):
        reach = EQUAL_SAY * class_side(drawn, class_id, across)
        share = reach / np.maximum(reach + far, 1e-6)
        share = np.expand_dims(share.astype(np.float32), [n for n in range(3) if n != axis])
        mixture[row] = share * np.where(
            labels == class_id, np.float32(SURE), np.float32((1 - SURE) / len(every))
        )
        if class_id in ids:
            mixture[row] += (1 - share) * probabilities[ids.index(class_id) + 1]
    share_out(mixture)
    return every, mixture


def slices_told(drawn: Sequence[Prompt]) -> float:
    """How many labelled slices of a volume, all along one axis, tell of it: those side by side tell much the
    same, and count whole from as far apart as from where other volumes have an equal say."""
    if not drawn:
        return 0.0
    geometry, axis = drawn[0].geometry, drawn[0].axis
    across = [size for each, size in enumerate(geometry.array_spacing) if each != axis]
    labels = {each.index: np.minimum(each.labels, 1) for each in drawn}
    apart = EQUAL_SAY * class_side(labels, 1, across)
    if apart == 0:
        return 0.0
    gaps = np.diff(sorted(labels)) * geometry.array_spacing[axis]
    return 1 + float(np.minimum(gaps / apart, 1).sum())


def _distances(depth: int, places: Sequence[int]) -> NDArray[np.int64]:
    """(depth,) slices from each to the nearest of these."""
    return np.asarray(np.abs(np.arange(depth)[:, None] - np.array(places)).min(1))
