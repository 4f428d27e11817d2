"""One slice of a result shown over the views: hidden, never saved, gone without a trace."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import vtk
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.volume import SegmentClass, SliceKey
from MVGLib.scene.backdrop import Overlay
from MVGLib.scene.placement import local_to_world, to_vtk, volume_shape, volume_to_world
from MVGLib.scene.segments import LABELS
from MVGLib.scene.voxels import allocate, array_of, new_label_image
from MVGLib.scene.writing import add_segment, share_image

_LINE = 2  # pixels on the screen; segments are drawn with 1


class PreviewDisplay:
    """Draws the outlines of labels, or lays intensities over the slice that they belong to."""

    def __init__(self, scene: Any) -> None:
        self._scene = scene
        self._overlay = Overlay(scene)
        self._nodes: list[Any] = []

    def show_labels(
        self,
        volume_node: Any,
        key: SliceKey,
        labels: NDArray[Any],
        classes: Iterable[SegmentClass],
        adding: bool = False,
    ) -> None:
        """Draw the outlines of (H, W) ids of classes on a slice; an earlier preview goes, unless `adding`."""
        if not adding:
            self.hide()
        node = self._add("vtkMRMLSegmentationNode")
        node.SetAndObserveTransformNodeID(volume_node.GetTransformNodeID())
        node.GetSegmentation().SetSourceRepresentationName(LABELS)
        own = {each.id: each for each in classes if (labels == each.id).any()}
        ids = [add_segment(node, each) for each in own.values()]
        to_local = np.linalg.inv(local_to_world(node)) @ volume_to_world(volume_node)
        image = new_label_image(_extent(volume_node, key), to_local)
        plane = array_of(image).squeeze(key.axis)
        for value, class_id in enumerate(own, start=1):
            plane[labels == class_id] = value
        share_image(node, {each: value for value, each in enumerate(ids, start=1)}, image)
        display = self._display(node)
        display.SetVisibility2DFill(False)
        display.SetVisibility3D(False)
        display.SetSliceIntersectionThickness(_LINE)

    def show_values(self, volume_node: Any, key: SliceKey, values: NDArray[Any]) -> None:
        """Lay (H, W) intensities over a slice, shown as the volume is; an earlier preview goes."""
        self.hide()
        image = vtk.vtkImageData()
        plane = allocate(image, _extent(volume_node, key), np.float32).squeeze(key.axis)
        if plane.shape != values.shape:
            raise InputError(f"The preview has {values.shape} pixels and the slice {plane.shape}.")
        plane[...] = values
        node = self._add("vtkMRMLScalarVolumeNode")
        # A volume's first voxel is (0, 0, 0): the place of the slice goes into the matrix.
        first = np.eye(4)
        first[2 - key.axis, 3] = key.index
        to_local = np.linalg.inv(local_to_world(volume_node)) @ volume_to_world(volume_node)
        image.SetExtent(*(n for size in image.GetDimensions() for n in (0, size - 1)))
        node.SetIJKToRASMatrix(to_vtk(to_local @ first))
        node.SetAndObserveImageData(image)
        node.SetAndObserveTransformNodeID(volume_node.GetTransformNodeID())
        display, model = self._display(node), volume_node.GetDisplayNode()
        display.AutoWindowLevelOff()
        if model is not None:
            display.SetWindowLevel(model.GetWindow(), model.GetLevel())
            display.SetAndObserveColorNodeID(model.GetColorNodeID())
        self._overlay.show(node.GetID(), 1.0)

    def hide(self) -> None:
        """Remove every trace of the preview."""
        nodes, self._nodes = self._nodes, []
        for node in nodes:
            if node.GetScene() is not None:
                self._overlay.hide(node.GetID())
                self._scene.RemoveNode(node)

    def _add(self, class_name: str) -> Any:
        node = self._scene.CreateNodeByClass(class_name)
        node.UnRegister(None)
        node.SetName("MVG preview")
        _hide(node)
        self._nodes.append(self._scene.AddNode(node))
        return node

    def _display(self, node: Any) -> Any:
        node.CreateDefaultDisplayNodes()
        display = node.GetDisplayNode()
        _hide(display)
        self._nodes.append(display)
        return display


def _hide(node: Any) -> None:
    node.SetHideFromEditors(True)
    node.SetSaveWithScene(False)
    node.SetUndoEnabled(False)


def _extent(volume_node: Any, key: SliceKey) -> tuple[int, ...]:
    k, j, i = ((0, size - 1) for size in volume_shape(volume_node))
    ends = [k, j, i]
    ends[key.axis] = (key.index, key.index)
    return (*ends[2], *ends[1], *ends[0])
