"""Answers about a slice once it is known how probable it is that its classes are there at all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from MVGCore.segmentation.fuse.merge import LEAST_PROBABILITY
from MVGCore.segmentation.halves import halved, single


def with_presence(planes: NDArray[np.floating], presence: NDArray[np.floating]) -> NDArray[np.floating]:
    """Probabilities of a group's classes on a slice, by the law of total probability.

    Where a class is not on the slice, its pixels belong to the others and to background, by their shares.

    Args:
        planes: (C - 1, S, S) probabilities, given that the classes may be there.
        presence: (C - 1,) probability of each that it is on the slice.

    Returns:
        (C - 1, S, S) probabilities of the same type; `planes` itself where all are there for sure.
    """
    if (presence == 1).all():
        return planes
    answer = single(planes)
    for position in np.flatnonzero(presence < 1):
        own = answer[position].copy()
        answer *= 1 + (1 - presence[position]) * own / np.maximum(1 - own, LEAST_PROBABILITY)
        answer[position] = presence[position] * own
    return halved(answer) if planes.dtype == np.float16 else answer
