"""The intensity window of a volume for what was labelled in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from MVGCore.volume.normalise import Window, robust_window


def labelled_window(image: NDArray[np.generic], labelled: NDArray[np.bool_], reach: float = 1.0) -> Window:
    """A window that shows the labelled structures against their neighbours.

    The robust range of the image is narrowed to the range of the labelled voxels, widened on both sides by
    `reach` times that range. On CT, whose full range hides soft tissue, this does what a radiologist does by
    hand; on MR it changes little.

    Args:
        image: intensities of any shape, e.g. the labelled slices within the region of interest.
        labelled: True where a voxel carries a label; the same shape.
        reach: how far beyond the labelled intensities the window goes.
    """
    window = robust_window(image)
    inside = image[labelled].astype(np.float64)
    if inside.size == 0:
        return window
    low, high = (float(v) for v in np.percentile(inside, [2, 98]))
    spread = max(high - low, 0.1 * (window.high - window.low))
    low, high = max(window.low, low - reach * spread), min(window.high, high + reach * spread)
    return Window(low, high) if high > low else window
