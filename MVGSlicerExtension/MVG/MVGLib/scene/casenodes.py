"""Nodes of an image and its labels that come from files of a data set."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import vtk

from MVGCore.volume import LabelMap, Volume, robust_window
from MVGLib.scene.placement import to_vtk
from MVGLib.scene.segments import LABELS
from MVGLib.scene.voxels import allocate, array_of, new_label_image
from MVGLib.scene.writing import add_segment, share_image


def add_image(scene: Any, image: Volume) -> Any:
    """Add a scalar volume with the voxels of an image, and show it in the slice views."""
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", scene.GenerateUniqueName(image.name or "case"))
    node.SetIJKToRASMatrix(to_vtk(image.geometry.affine_ras))
    voxels = vtk.vtkImageData()
    k, j, i = image.array.shape
    allocate(voxels, (0, i - 1, 0, j - 1, 0, k - 1), _storable(image.array.dtype))[...] = image.array
    # Before the voxels: a display node looks through all of them for a window unless it is told one.
    node.CreateDefaultDisplayNodes()
    display, window = node.GetDisplayNode(), robust_window(image.array)
    display.AutoWindowLevelOff()
    display.SetWindowLevelMinMax(window.low, window.high)
    node.SetAndObserveImageData(voxels)
    slicer.util.setSliceViewerLayers(background=node, fit=True)
    return node


def _storable(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """A type of voxels that Slicer has, and that holds what this one does."""
    if dtype.kind in "iu" and dtype.itemsize == 8:
        return np.dtype(np.float64)
    return np.dtype(np.uint8) if dtype.kind == "b" else dtype.newbyteorder("=")


def add_labels(scene: Any, labels: LabelMap, volume_node: Any, name: str) -> Any:
    """Add a segmentation with the classes of labels that lie on the voxels of a volume."""
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", scene.GenerateUniqueName(name))
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume_node)
    node.GetSegmentation().SetSourceRepresentationName(LABELS)
    k, j, i = labels.array.shape
    image = new_label_image((0, i - 1, 0, j - 1, 0, k - 1), labels.geometry.affine_ras)
    ids = {add_segment(node, each): each.id for each in labels.classes}
    for value, class_id in enumerate(ids.values(), start=1):
        array_of(image)[labels.array == class_id] = value
    share_image(node, {segment_id: value for value, segment_id in enumerate(ids, start=1)}, image)
    return node
