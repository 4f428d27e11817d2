"""Voxels within a range of intensities, coloured on the slices."""

from __future__ import annotations

from typing import Any

import slicer

from MVGDesktop.document import Document
from MVGLib.scene.backdrop import Overlay

_OPACITY = 0.45


class RangePreview:
    """A hidden volume over the slices that shares its voxels with the image; VTK's threshold colours it."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._overlay = Overlay(slicer.mrmlScene)
        self._node: Any = None
        document.volumeChanged.connect(lambda _id: self.show(None))

    @property
    def visible(self) -> bool:
        """Whether something is coloured."""
        return self._node is not None

    def show(self, limits: tuple[float, float] | None) -> None:
        """Colour what lies within two intensities, both included; None colours nothing."""
        volume = self._document.volume
        if limits is None or volume is None or volume.GetImageData() is None:
            self._hide()
            return
        if self._node is None or self._node.GetScene() is None:
            self._node = _node_over(volume)
        segment = self._document.segment()
        display = self._node.GetDisplayNode()
        display.GetColorNode().SetColor(
            0, "within", *(segment.GetColor() if segment else (1.0, 0.8, 0.1)), 1.0
        )
        display.SetThreshold(*limits)
        self._overlay.show(self._node.GetID(), _OPACITY)

    def _hide(self) -> None:
        if self._node is None:
            return
        node, self._node = self._node, None
        if node.GetScene() is not None:
            self._overlay.hide(node.GetID())
            colors = node.GetDisplayNode().GetColorNode()
            for each in (node, node.GetDisplayNode(), colors):
                slicer.mrmlScene.RemoveNode(each)


def _node_over(volume: Any) -> Any:
    scene = slicer.mrmlScene
    colors, node = slicer.vtkMRMLColorTableNode(), slicer.vtkMRMLScalarVolumeNode()
    for each, name in ((colors, "Range colour"), (node, "Range")):
        each.SetName(name)
        each.SetHideFromEditors(True)
        each.SetSaveWithScene(False)
    colors.SetTypeToUser()
    colors.SetNumberOfColors(1)
    colors, node = scene.AddNode(colors), scene.AddNode(node)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetSaveWithScene(False)
    display.SetAndObserveColorNodeID(colors.GetID())
    display.AutoWindowLevelOff()
    display.AutoThresholdOff()
    display.ApplyThresholdOn()
    display.InterpolateOff()
    node.CopyOrientation(volume)
    node.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
    node.SetAndObserveImageData(volume.GetImageData())
    return node
