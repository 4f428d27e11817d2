"""The line at the bottom: what lies under the mouse."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import vtk
from PyQt5 import QtCore, QtWidgets

from MVGDesktop.document import Document
from MVGDesktop.grids import volume_grid


class StatusLine(QtWidgets.QLabel):
    """Value, position in RAS mm and in voxels (I, J, K), and the segment there."""

    def __init__(self, document: Document, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self.setAccessibleName("Under the mouse")
        self.setTextFormat(QtCore.Qt.TextFormat.PlainText)

    def show_position(self, ras: np.ndarray | None) -> None:
        """Tell what lies at a world position; None clears the line."""
        self.setText("" if ras is None else self._describe(ras))

    def _describe(self, ras: np.ndarray) -> str:
        r, a, s = ras
        text = f"R {r:.1f}  A {a:.1f}  S {s:.1f} mm"
        volume = self._document.volume
        if volume is None or volume.GetImageData() is None:
            return text
        grid = volume_grid(volume)
        index = np.floor(grid.index(ras) + 0.5).astype(int)
        inside = all(0 <= value < size for value, size in zip(index, grid.shape[::-1], strict=True))
        if not inside:
            return f"outside   {text}"
        value = slicer.util.arrayFromVolume(volume)[tuple(index[::-1])]
        number = f"{value:g}" if np.ndim(value) == 0 else str(value)
        return f"{number}   {text}   IJK {index[0]}, {index[1]}, {index[2]}{self._segment(ras)}"

    def _segment(self, ras: np.ndarray) -> str:
        node = self._document.segmentation
        if node is None or not self._document.segment_ids():
            return ""
        names = []
        segmentation = node.GetSegmentation()
        for segment_id in self._document.segment_ids():
            image = segmentation.GetSegment(segment_id).GetRepresentation("Binary labelmap")
            if (
                image is not None
                and _value_at(image, ras) == segmentation.GetSegment(segment_id).GetLabelValue()
            ):
                names.append(segmentation.GetSegment(segment_id).GetName())
        return "   " + ", ".join(names) if names else ""


def _value_at(image: Any, ras: np.ndarray) -> float:
    """The value of a label image at a position in its own coordinates; 0 outside."""

    matrix = vtk.vtkMatrix4x4()
    image.GetWorldToImageMatrix(matrix)
    i, j, k = (int(np.floor(value + 0.5)) for value in matrix.MultiplyPoint((*ras, 1.0))[:3])
    first_i, last_i, first_j, last_j, first_k, last_k = image.GetExtent()
    if not (first_i <= i <= last_i and first_j <= j <= last_j and first_k <= k <= last_k):
        return 0.0
    return float(image.GetScalarComponentAsDouble(i, j, k, 0))
