"""Segmentation nodes of the scene: their grid and display."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer

from MVGCore.errors import InputError
from MVGDesktop.editing.voxels import Voxels
from MVGDesktop.grids import volume_grid

_SAME_MM = 1e-3
_HIDDEN_BY_US = "MVG.HiddenElsewhere"  # attribute of labels that lie on another image than the one shown


def prepare_segmentation(node: Any, volume: Any) -> None:
    """Give a segmentation its display, the grid of a volume and its transform, as Slicer's editor does."""
    if node.GetDisplayNode() is None:
        node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    node.SetAndObserveTransformNodeID(volume.GetTransformNodeID())


def new_segmentation(volume: Any, name: str) -> Any:
    """Add an empty segmentation of a volume to the scene; its name is unique."""
    scene = slicer.mrmlScene
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", scene.GenerateUniqueName(name))
    prepare_segmentation(node, volume)
    return node


def seen_segmentations() -> list[Any]:
    """The segmentations that users see, in the order of the scene."""
    nodes = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    return [node for node in nodes if not node.GetHideFromEditors()]


def has_reference(node: Any) -> bool:
    """Whether a segmentation says on which grid it lies."""
    name = slicer.vtkSegmentationConverter.GetReferenceImageGeometryParameterName()
    return bool(node.GetSegmentation().GetConversionParameter(name))


def lies_on(segmentation: Any, volume: Any) -> bool:
    """Whether a segmentation lies on the voxels of a volume; one that does not say where it lies counts."""
    try:
        grid = Voxels(segmentation).grid
    except InputError:
        return True
    own = volume_grid(volume)
    return own.shape == grid.shape and bool(np.allclose(own.to_world, grid.to_world, atol=_SAME_MM))


def segmentations_of(volume: Any) -> list[Any]:
    """The segmentations that users see and that lie on a volume; without one, all that they see."""
    return [each for each in seen_segmentations() if volume is None or lies_on(each, volume)]


def show_only_fitting(volume: Any) -> None:
    """Hide the labels that do not lie on a volume, and show those again that were hidden for another one."""
    for node in seen_segmentations():
        display = node.GetDisplayNode()
        if display is None:
            continue
        fits = lies_on(node, volume)
        if not fits and display.GetVisibility():
            display.SetVisibility(False)
            node.SetAttribute(_HIDDEN_BY_US, "1")
        elif fits and node.GetAttribute(_HIDDEN_BY_US):
            display.SetVisibility(True)
            node.RemoveAttribute(_HIDDEN_BY_US)
