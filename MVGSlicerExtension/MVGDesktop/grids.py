"""Where the voxels of a volume node lie in the world."""

from __future__ import annotations

from typing import Any

import slicer
import vtk

from MVGDesktop.editing.shapes import VoxelGrid


def volume_grid(volume: Any) -> VoxelGrid:
    """The voxels of a volume node in the world."""
    local, to_world = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(local)
    transforms = slicer.vtkMRMLTransformNode
    transforms.GetMatrixTransformBetweenNodes(volume.GetParentTransformNode(), None, to_world)
    vtk.vtkMatrix4x4.Multiply4x4(to_world, local, local)
    size = volume.GetImageData().GetDimensions()
    return VoxelGrid((size[2], size[1], size[0]), slicer.util.arrayFromVTKMatrix(local))
