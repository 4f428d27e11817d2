"""Arrays as Qt pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import qt
from numpy.typing import NDArray


def pixmap(picture: NDArray[np.uint8]) -> Any:
    """A (H, W, 3) uint8 array as a QPixmap.

    It goes through the PPM format, which every Qt reads: a QImage would share Python's memory and outlive it.
    """
    height, width = picture.shape[:2]
    data = b"P6 %d %d 255\n" % (width, height) + np.ascontiguousarray(picture).tobytes()
    pixmap = qt.QPixmap()
    pixmap.loadFromData(data)
    return pixmap
