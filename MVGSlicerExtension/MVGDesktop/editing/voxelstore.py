"""The voxels of the segmentations of a case, by node."""

from __future__ import annotations

from typing import Any

import slicer

from MVGCore.errors import InputError
from MVGDesktop.editing.voxels import Voxels
from MVGDesktop.segmentations import has_reference


class VoxelStore:
    """Gives the voxels of a segmentation, whichever objects hold them by now."""

    def __init__(self) -> None:
        self._known: dict[str, Voxels] = {}

    def of(self, segmentation_id: str, volume: Any) -> Voxels:
        """The voxels of a segmentation; one that lies on no grid yet takes that of a volume.

        Args:
            segmentation_id: Its node.
            volume: `vtkMRMLScalarVolumeNode`, or None.

        Raises:
            InputError: It is gone, or cannot be edited.
        """
        node = slicer.mrmlScene.GetNodeByID(segmentation_id)
        if node is None:
            raise InputError("The segmentation is not there any more.")
        known = self._known.get(segmentation_id)
        if known is None or known.node is not node:
            if volume is not None and not has_reference(node):
                node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
            known = self._known[segmentation_id] = Voxels(node)
        return known
