"""Closed surfaces of segments for the 3-D view, made when the hand rests."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from PyQt5 import QtCore
from scipy import ndimage
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from MVGDesktop.document import Document
from MVGDesktop.editing.voxels import REPRESENTATION as LABELS

SURFACE = "Closed surface"
_REST_MS = 600
_MOST_VOXELS = 4_000_000  # of a segment's box; larger ones are halved until they fit
_SMOOTHING = 20
_PASS_BAND = 0.03


class Surfaces(QtCore.QObject):
    """Keeps the closed surfaces of the edited segmentation up to date.

    Slicer's own conversion takes seconds on a large grid; this one looks at the box of each segment only.

    Attributes:
        enabled: Whether surfaces are made.
    """

    updated = QtCore.pyqtSignal()

    def __init__(self, document: Document) -> None:
        super().__init__(document)
        self.enabled = True
        self._document = document
        self._timer = QtCore.QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.update_now)
        self._made: dict[str, int] = {}
        document.contentChanged.connect(self.request)
        document.segmentationChanged.connect(lambda _id: self._restart())

    def request(self) -> None:
        """Update soon; every further request begins the pause anew."""
        if self.enabled:
            self._timer.start(_REST_MS)

    def set_enabled(self, enabled: bool) -> None:
        """Make surfaces, or take them away."""
        self.enabled = enabled
        node = self._document.segmentation
        if enabled:
            self._restart()
        elif node is not None:
            self._timer.stop()
            node.RemoveClosedSurfaceRepresentation()

    def stop(self) -> None:
        """Make none any more."""
        self.enabled = False
        self._timer.stop()

    def update_now(self) -> None:
        """Make the surfaces of the segments whose voxels changed."""
        self._timer.stop()
        node = self._document.segmentation
        if node is None or not self.enabled:
            return
        with self._document.changing_display():
            for segment_id in self._document.segment_ids():
                self._update(node.GetSegmentation().GetSegment(segment_id), segment_id)
        self.updated.emit()

    def _restart(self) -> None:
        self._made.clear()
        self.request()

    def _update(self, segment: Any, segment_id: str) -> None:
        image = segment.GetRepresentation(LABELS)
        if image is None:
            return
        # Read as it is: spreading the layer over the grid would look like an edit to others.
        mask, matrix = _mask_of(image, segment.GetLabelValue())
        signature = hash((np.packbits(mask).tobytes(), matrix.tobytes()))
        if self._made.get(segment_id) == signature and segment.GetRepresentation(SURFACE):
            return
        self._made[segment_id] = signature
        segment.AddRepresentation(SURFACE, closed_surface(mask, matrix))


def _mask_of(image: Any, value: int) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """(K, J, I) mask of a label image and the matrix of its voxels, in the node's own coordinates."""
    local = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(local)
    matrix = slicer.util.arrayFromVTKMatrix(local)
    matrix[:3, 3] += matrix[:3, :3] @ np.array(image.GetExtent()[::2], dtype=float)
    scalars = image.GetPointData().GetScalars()
    if image.IsEmpty() or scalars is None:
        return np.zeros((1, 1, 1), bool), matrix
    return vtk_to_numpy(scalars).reshape(image.GetDimensions()[::-1]) == value, matrix


def closed_surface(mask: NDArray[np.bool_], ijk_to_ras: NDArray[np.float64]) -> Any:
    """A smooth surface around a mask.

    Args:
        mask: (K, J, I).
        ijk_to_ras: 4 x 4 matrix of its voxels.

    Returns:
        `vtkPolyData` in mm; empty for an empty mask.
    """
    boxes = ndimage.find_objects(mask.astype(np.uint8), max_label=1)
    if not boxes or boxes[0] is None:
        return vtk.vtkPolyData()
    box, step = boxes[0], 1
    part = mask[box].astype(np.float32)
    while part.size > _MOST_VOXELS:
        step *= 2
        part = mask[box][::step, ::step, ::step].astype(np.float32)
    part = np.pad(part, 1)  # closed where the segment touches the border
    image = vtk.vtkImageData()
    image.SetDimensions(part.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(part.ravel(), deep=True))
    contour = vtk.vtkFlyingEdges3D()
    contour.SetInputData(image)
    contour.SetValue(0, 0.5)
    contour.ComputeNormalsOff()
    contour.ComputeScalarsOff()
    smooth = vtk.vtkWindowedSincPolyDataFilter()
    smooth.SetInputConnection(contour.GetOutputPort())
    smooth.SetNumberOfIterations(_SMOOTHING)
    smooth.SetPassBand(_PASS_BAND)
    smooth.BoundarySmoothingOff()
    smooth.FeatureEdgeSmoothingOff()
    smooth.NonManifoldSmoothingOn()
    smooth.NormalizeCoordinatesOn()
    place = vtk.vtkTransformPolyDataFilter()
    place.SetInputConnection(smooth.GetOutputPort())
    place.SetTransform(_to_ras(box, step, ijk_to_ras))
    normals = vtk.vtkPolyDataNormals()
    normals.SetInputConnection(place.GetOutputPort())
    normals.SplittingOff()
    normals.ConsistencyOn()
    normals.AutoOrientNormalsOff()
    normals.Update()
    return normals.GetOutput()


def _to_ras(box: tuple[slice, ...], step: int, ijk_to_ras: NDArray[np.float64]) -> Any:
    shrink = np.diag([step, step, step, 1.0])
    shrink[:3, 3] = [each.start - step for each in reversed(box)]
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy((ijk_to_ras @ shrink).ravel())
    transform = vtk.vtkTransform()
    transform.SetMatrix(matrix)
    return transform
