"""The confidence of a segmentation: a hidden volume of percents beside it, saved with the scene."""

from __future__ import annotations

from typing import Any

import numpy as np
import vtk
from numpy.typing import NDArray

from MVGLib.scene.placement import volume_shape
from MVGLib.scene.resultbase import remove_node, with_helpers
from MVGLib.scene.voxels import allocate, array_of, modified

OPACITY = 0.8  # over the slices
UNSURE_COLOR = (0.9, 0.1, 0.9)
ROLE = "MVGConfidence"  # of the reference from the result
_COLORS = "MVGConfidenceColors"
# Confidence that is worth a look, in percent; above it the overlay is clear.
_UNSURE = 95


def of(result_node: Any) -> Any:
    """The confidence of a result, or None."""
    return result_node.GetNodeReference(ROLE)


def add(result_node: Any, volume_node: Any) -> Any:
    """Add an empty confidence volume to a result on the grid of a volume."""
    scene = result_node.GetScene()
    node = scene.CreateNodeByClass("vtkMRMLScalarVolumeNode")
    node.UnRegister(None)
    node.SetName(f"{result_node.GetName()} confidence")
    node.SetHideFromEditors(True)
    node = scene.AddNode(node)
    # Before the voxels: a display node looks through all of them for a window unless it is told one.
    node.CreateDefaultDisplayNodes()
    _show_unsure(node.GetDisplayNode(), _color_node(scene))
    k, j, i = volume_shape(volume_node)
    image = _new_image((0, i - 1, 0, j - 1, 0, k - 1))
    matrix = vtk.vtkMatrix4x4()
    volume_node.GetIJKToRASMatrix(matrix)
    node.SetIJKToRASMatrix(matrix)
    node.SetAndObserveImageData(image)
    node.SetAndObserveTransformNodeID(volume_node.GetTransformNodeID())
    result_node.SetNodeReferenceID(ROLE, node.GetID())
    return node


def put(node: Any, axis: int, index: int, confidence: NDArray[np.float32]) -> None:
    """Write the confidence (H, W), 0..1, of one slice; 0 is kept as 1 percent, as 0 means unknown."""
    percent = np.clip(np.rint(confidence * 100), 1, 100).astype(np.uint8)
    array_of(node.GetImageData())[(slice(None),) * axis + (index,)] = percent
    modified(node.GetImageData())


def read(node: Any, axis: int, index: int) -> NDArray[np.float32] | None:
    """The confidence (H, W) of one slice in steps of 0.01; None if it is not known."""
    percent = array_of(node.GetImageData())[(slice(None),) * axis + (index,)]
    return (percent / 100).astype(np.float32) if percent.any() else None


def nodes_of(node: Any) -> list[Any]:
    """The colours of a confidence volume, its display and storage, and the node as the last."""
    colors = _colors_of(node)
    return [*([colors] if colors is not None else []), *with_helpers(node)]


def remove(node: Any) -> None:
    """Remove a confidence volume, and the colours when the last one goes."""
    scene, colors = node.GetScene(), _colors_of(node)
    remove_node(scene, node)
    if colors is not None and colors.GetAttribute(_COLORS) and not _used(scene, colors):
        scene.RemoveNode(colors)


def _colors_of(node: Any) -> Any:
    display = node.GetDisplayNode()
    return display.GetColorNode() if display is not None else None


def _new_image(extent: tuple[int, ...]) -> Any:
    image = vtk.vtkImageData()
    allocate(image, extent, np.uint8)
    return image


def _show_unsure(display: Any, colors: Any) -> None:
    display.AutoWindowLevelOff()
    display.SetWindowLevelMinMax(0, 100)
    display.SetAndObserveColorNodeID(colors.GetID())
    display.AutoThresholdOff()
    display.SetThreshold(1, _UNSURE)  # neither what is unknown nor what is sure
    display.ApplyThresholdOn()
    display.InterpolateOff()


def _color_node(scene: Any) -> Any:
    """From magenta, unsure, to pale: those of the scene, or new ones. Segments seldom have these colours.

    All are opaque: the slice views show no colour half.
    """
    for number in range(scene.GetNumberOfNodesByClass("vtkMRMLColorTableNode")):
        known = scene.GetNthNodeByClass(number, "vtkMRMLColorTableNode")
        if known.GetAttribute(_COLORS):
            return known
    node = scene.CreateNodeByClass("vtkMRMLColorTableNode")
    node.UnRegister(None)
    node.SetTypeToUser()
    node.SetName("MVG confidence")
    node.SetHideFromEditors(True)
    node.SetAttribute(_COLORS, "1")
    node.SetNumberOfColors(101)
    for percent in range(101):
        pale = [part + (0.9 - part) * percent / 100 for part in UNSURE_COLOR]
        node.SetColor(percent, f"{percent} %", *pale, 1.0)
    return scene.AddNode(node)


def _used(scene: Any, colors: Any) -> bool:
    for number in range(scene.GetNumberOfNodesByClass("vtkMRMLVolumeDisplayNode")):
        if scene.GetNthNodeByClass(number, "vtkMRMLVolumeDisplayNode").GetColorNodeID() == colors.GetID():
            return True
    return False
