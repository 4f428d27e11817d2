"""Segmentation nodes of the scene: their grid and display."""

from __future__ import annotations

from typing import Any

import slicer


def prepare_segmentation(node: Any, volume: Any) -> None:
    """Give a segmentation its display, the grid of a volume and its transform, as Slicer's editor does."""
    if node.GetDisplayNode() is None:
        node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    node.SetAndObserveTransformNodeID(volume.GetTransformNodeID())


def seen_segmentations() -> list[Any]:
    """The segmentations that users see, in the order of the scene."""
    nodes = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    return [node for node in nodes if not node.GetHideFromEditors()]


def has_reference(node: Any) -> bool:
    """Whether a segmentation says on which grid it lies."""
    name = slicer.vtkSegmentationConverter.GetReferenceImageGeometryParameterName()
    return bool(node.GetSegmentation().GetConversionParameter(name))
