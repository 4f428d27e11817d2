"""A volume with few labelled slices of its own: they tell what is near them, other volumes what is far."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from MVGCore.datasets.atlas.fusion import share_out
from MVGCore.prompts import Prompt
from MVGCore.segmentation import Result

# Of the distance between a labelled slice and the one on which it and the other volumes have an equal say: in
# sizes of the class. docs/datasets.md has what was measured.
REACH = 0.4


def joined(
    own: Result,
    drawn: Sequence[Prompt],
    spacing: Sequence[float],
    ids: Sequence[int],
    probabilities: NDArray[np.float32],
) -> tuple[tuple[int, ...], NDArray[np.float32]]:
    """The classes, and (classes + 1, K, J, I) probabilities of the background and of each.

    Args:
        own: what was propagated from the slices of the volume.
        drawn: these slices, all along one axis.
        spacing: of the voxels along (k, j, i), mm.
        ids: the classes that other volumes show, ascending.
        probabilities: (len(ids) + 1, K, J, I) what these say, of the background first.
    """
    every = tuple(sorted({*ids, *own.labels.ids}))
    labels, sure = own.labels.array, own.confidence.astype(np.float32)
    mixture = np.zeros((len(every) + 1, *labels.shape), np.float32)
    for row, class_id in enumerate(every, 1):
        share = _share(class_id, drawn, spacing, labels.shape)
        mixture[row] = share * np.where(labels == class_id, sure, (1 - sure) / len(every))
        if class_id in ids:
            mixture[row] += (1 - share) * probabilities[ids.index(class_id) + 1]
    share_out(mixture)
    return every, mixture


def _share(
    class_id: int, drawn: Sequence[Prompt], spacing: Sequence[float], shape: Sequence[int]
) -> NDArray[np.float32]:
    """How much the labelled slices say of a class, along their axis and broadcast over the others."""
    axis = drawn[0].axis
    across = [size for each, size in enumerate(spacing) if each != axis]
    areas = [area for each in drawn if (area := np.count_nonzero(each.labels == class_id))]
    size = float(np.sqrt(np.mean(areas) * np.prod(across))) if areas else 0.0
    places = np.array([each.index for each in drawn])
    far = np.abs(np.arange(shape[axis])[:, None] - places).min(1) * spacing[axis]
    share = REACH * size / np.maximum(REACH * size + far, 1e-6)
    return np.asarray(np.expand_dims(share, [n for n in range(3) if n != axis]), np.float32)
