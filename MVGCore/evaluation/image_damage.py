"""How much noise the benchmark of the image tasks adds, and the holes that it cuts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

LEVELS = (0.05, 0.1, 0.2)  # standard deviation, of the window; of Poisson noise at the window's upper end
HOLES = ("blobs", "boxes", "missing slab", "dropped slices")
GAP_MM = 6.0  # thickness of a missing slab


def make_holes(
    body: NDArray[np.bool_], kind: str, thickness_mm: float, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Holes (K, H, W) of a kind, within the body."""
    depth, rows, columns = body.shape
    holes = np.zeros(body.shape, dtype=bool)
    if kind == "missing slab":
        count = int(np.clip(round(GAP_MM / thickness_mm), 1, depth // 4))
        holes[list(middle_slices(depth, count))] = True
        return holes
    if kind == "dropped slices":
        holes[depth // 4 : 3 * depth // 4 : 4] = True
        return holes
    k, j, i = np.indices(body.shape)
    places = np.argwhere(body[depth // 4 : -(depth // 4) or None]) + [depth // 4, 0, 0]
    for center in places[rng.integers(len(places), size=4)]:
        radius = rng.uniform(0.05, 0.1, 2) * min(rows, columns)
        deep = float(np.clip(radius.mean() / 2, 1, depth / 6))
        away = [
            np.abs(k - center[0]) / deep,
            np.abs(j - center[1]) / radius[0],
            np.abs(i - center[2]) / radius[1],
        ]
        holes |= np.max(away, axis=0) < 1 if kind == "boxes" else np.sum(np.square(away), axis=0) < 1
    return holes


def middle_slices(depth: int, count: int) -> range:
    """So many slices around the middle of a stack, or all of it."""
    first = max(0, (depth - count) // 2)
    return range(first, min(depth, first + count))
