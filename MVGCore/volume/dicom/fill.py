"""Filling contours on the pixels of a slice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def filled(contours: Sequence[NDArray[np.float64]], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The pixels whose centres lie within an odd number of closed contours.

    Args:
        contours: Each (n, 2), column and row in pixels; the last point is joined to the first.
        shape: Rows and columns of the slice.

    Returns:
        (rows, columns) mask.
    """
    rows, columns = shape
    # One mark where a border crosses a row: every pixel to the right of it changes sides.
    changes = np.zeros((rows, columns + 1), dtype=np.int64)
    for contour in contours:
        ends = np.roll(contour, -1, axis=0)
        for (x, y), (to_x, to_y) in zip(contour, ends, strict=True):
            if y == to_y:
                continue
            # A row belongs to a border from its lower end, included, to its upper end, left out: so a corner
            # on a row counts once.
            low, high = sorted((y, to_y))
            crossed = np.arange(max(int(np.ceil(low)), 0), min(int(np.ceil(high)), rows))
            right = np.ceil(x + (crossed - y) * (to_x - x) / (to_y - y)).astype(np.int64)
            np.add.at(changes, (crossed, np.clip(right, 0, columns)), 1)
    inside: NDArray[np.bool_] = np.cumsum(changes[:, :columns], axis=1) % 2 == 1
    return inside
