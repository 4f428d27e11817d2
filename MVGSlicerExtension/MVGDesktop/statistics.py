"""How large segments are, counted when the hand rests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
from numpy.typing import NDArray
from PyQt5 import QtCore, QtGui
from vtk.util.numpy_support import vtk_to_numpy

from MVGDesktop.document import Document
from MVGDesktop.editing.voxels import REPRESENTATION

_REST_MS = 400


@dataclass(frozen=True)
class Size:
    """Of a segment.

    Attributes:
        voxels: Their number.
        ml: Their volume in millilitres.
    """

    voxels: int
    ml: float


class Sizes(QtCore.QObject):
    """The sizes of the segments of the segmentation that is edited.

    Attributes:
        of: Segment -> its size, of those that have been counted.
    """

    updated = QtCore.pyqtSignal()

    def __init__(self, document: Document) -> None:
        super().__init__(document)
        self.of: dict[str, Size] = {}
        self._document = document
        self._timer = QtCore.QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._on_rest)
        document.contentChanged.connect(lambda: self._timer.start(_REST_MS))
        document.segmentationChanged.connect(lambda _id: self._begin_anew())

    def count_now(self) -> None:
        """Count all segments."""
        self._timer.stop()
        node = self._document.segmentation
        self.of = {}
        if node is not None:
            segmentation = node.GetSegmentation()
            for layer in range(segmentation.GetNumberOfLayers(REPRESENTATION)):
                self.of |= _count(segmentation, layer)
        self.updated.emit()

    def _begin_anew(self) -> None:
        self.of = {}
        self._timer.start(_REST_MS)

    def _on_rest(self) -> None:
        if QtGui.QGuiApplication.mouseButtons():
            self._timer.start(_REST_MS)  # the next stroke has begun
        else:
            self.count_now()


def _count(segmentation: slicer.vtkSegmentation, layer: int) -> dict[str, Size]:
    image = segmentation.GetLayerDataObject(layer, REPRESENTATION)
    ids = segmentation.GetSegmentIDsForLayer(layer, REPRESENTATION)
    scalars = image.GetPointData().GetScalars()
    counts = _histogram(vtk_to_numpy(scalars), image.GetDimensions()[2]) if scalars is not None else [0]
    millilitres = float(np.prod(image.GetSpacing())) / 1000
    sizes = {}
    for segment_id in ids:
        value = int(segmentation.GetSegment(segment_id).GetLabelValue())
        voxels = int(counts[value]) if value < len(counts) else 0
        sizes[segment_id] = Size(voxels, voxels * millilitres)
    return sizes


def _histogram(values: NDArray[Any], slices: int) -> NDArray[np.int64]:
    """How often each value occurs; by slices, since numpy would make the whole of it eight bytes wide."""
    counts = np.zeros(int(values.max(initial=0)) + 1, np.int64)
    for part in np.array_split(values, max(slices, 1)):
        if part.any():
            counts += np.bincount(part, minlength=len(counts))
    return counts
