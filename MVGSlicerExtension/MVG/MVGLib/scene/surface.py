"""Segments in 3-D: the closed surface of a segmentation, on request."""

from __future__ import annotations

from typing import Any

from MVGLib.scene.segments import SURFACE

_REMAKE = "MVG.Surface"  # attribute of a segmentation whose surface is to be made anew when a run has ended


def shows(node: Any) -> bool:
    """Whether the segments are to be seen in 3-D, if only when a run has ended."""
    if node is None or not node.IsA("vtkMRMLSegmentationNode"):
        return False
    display = node.GetDisplayNode()
    made = node.GetSegmentation().ContainsRepresentation(SURFACE) or node.GetAttribute(_REMAKE) is not None
    return bool(made and display is not None and display.GetVisibility3D())


def show(node: Any, on: bool) -> None:
    """Show the segments in 3-D, or no longer."""
    if node.GetDisplayNode() is None:
        node.CreateDefaultDisplayNodes()
    if on:
        node.SetAttribute(_REMAKE, "1")
        node.GetDisplayNode().SetVisibility3D(True)
        node.CreateClosedSurfaceRepresentation()
    else:
        node.RemoveAttribute(_REMAKE)
        node.RemoveClosedSurfaceRepresentation()


def renew(node: Any) -> None:
    """Make the surface again if it is wanted: writing labels throws it away."""
    if shows(node):
        node.CreateClosedSurfaceRepresentation()
