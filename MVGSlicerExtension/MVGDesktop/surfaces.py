"""Closed surfaces of segments for the 3-D view, made when the hand rests."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from PyQt5 import QtCore, QtGui
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
        self._timer.timeout.connect(self._on_rest)
        self._made: dict[Any, int] = {}
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
        segmentation = node.GetSegmentation()
        with self._document.changing_display():
            for layer in range(segmentation.GetNumberOfLayers(LABELS)):
                self._update_layer(segmentation, layer)
        self.updated.emit()

    def _on_rest(self) -> None:
        if QtGui.QGuiApplication.mouseButtons():
            self.request()  # the next stroke has begun
        else:
            self.update_now()

    def _restart(self) -> None:
        self._made.clear()
        self.request()

    def _update_layer(self, segmentation: Any, layer: int) -> None:
        image = segmentation.GetLayerDataObject(layer, LABELS)
        scalars = image.GetPointData().GetScalars()
        if image.IsEmpty() or scalars is None:
            return
        # Read as it is: spreading the layer over the grid would look like an edit to others.
        array = vtk_to_numpy(scalars).reshape(image.GetDimensions()[::-1])
        segments = [
            segmentation.GetSegment(each) for each in segmentation.GetSegmentIDsForLayer(layer, LABELS)
        ]
        # One look at the whole layer; everything else happens in the boxes of the segments.
        boxes = ndimage.find_objects(array, max(int(each.GetLabelValue()) for each in segments))
        for segment in segments:
            self._update_segment(segment, array, boxes[int(segment.GetLabelValue()) - 1], _matrix_of(image))

    def _update_segment(
        self, segment: Any, array: NDArray[Any], box: tuple[slice, ...] | None, matrix: NDArray[np.float64]
    ) -> None:
        mask = np.zeros((0, 0, 0), bool) if box is None else array[box] == segment.GetLabelValue()
        signature = hash((str(box), np.packbits(mask).tobytes(), matrix.tobytes()))
        if self._made.get(segment) == signature and segment.GetRepresentation(SURFACE):
            return
        self._made[segment] = signature
        first = [0, 0, 0] if box is None else [each.start for each in reversed(box)]
        place = matrix.copy()
        place[:3, 3] += place[:3, :3] @ np.array(first, dtype=float)
        segment.AddRepresentation(SURFACE, closed_surface(mask, place))


def _matrix_of(image: Any) -> NDArray[np.float64]:
    """4 x 4 matrix of the voxels of a label image, in the node's own coordinates."""
    local = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(local)
    matrix: NDArray[np.float64] = slicer.util.arrayFromVTKMatrix(local)
    matrix[:3, 3] += matrix[:3, :3] @ np.array(image.GetExtent()[::2], dtype=float)
    return matrix


def closed_surface(mask: NDArray[np.bool_], ijk_to_ras: NDArray[np.float64]) -> Any:
    """A smooth surface around a mask.

    Args:
        mask: (K, J, I), cut to what is set.
        ijk_to_ras: 4 x 4 matrix of its voxels.

    Returns:
        `vtkPolyData` in mm; empty for an empty mask.
    """
    if not mask.any():
        return vtk.vtkPolyData()
    step = 1
    while mask[::step, ::step, ::step].size > _MOST_VOXELS:
        step *= 2
    part = mask[::step, ::step, ::step].astype(np.float32)
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
    place.SetTransform(_to_ras(step, ijk_to_ras))
    normals = vtk.vtkPolyDataNormals()
    normals.SetInputConnection(place.GetOutputPort())
    normals.SplittingOff()
    normals.ConsistencyOn()
    # A grid that is mirrored in RAS, as most are, turns the surface inside out.
    normals.SetFlipNormals(bool(np.linalg.det(ijk_to_ras[:3, :3]) < 0))
    normals.Update()
    return normals.GetOutput()


def _to_ras(step: int, ijk_to_ras: NDArray[np.float64]) -> Any:
    shrink = np.diag([step, step, step, 1.0])
    shrink[:3, 3] = -step  # what was padded
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy((ijk_to_ras @ shrink).ravel())
    transform = vtk.vtkTransform()
    transform.SetMatrix(matrix)
    return transform
