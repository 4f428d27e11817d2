"""Real MRML nodes with known content."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

SHAPE = (12, 20, 16)  # k, j, i
LABELLED = (2, 5, 9)  # axial slices


def make_image() -> NDArray[np.int16]:
    """Noise with two bright blocks."""
    image = np.random.default_rng(3).normal(0, 5, SHAPE).astype(np.int16)
    image[1:11, 4:12, 2:8] += 100
    image[1:11, 8:16, 9:14] += 60
    return image


def make_labels(slices: tuple[int, ...] = LABELLED) -> NDArray[np.uint8]:
    """1 and 2 on the blocks of `make_image`, on some axial slices."""
    labels = np.zeros(SHAPE, np.uint8)
    for k in slices:
        labels[k, 4:12, 2:8] = 1
        labels[k, 8:16, 9:14] = 2
    return labels


def make_volume(
    array: NDArray[Any], direction: NDArray[np.float64] | None = None, name: str = "CT größer", **choices: Any
) -> Any:
    """A scalar volume node with display, spacing (0.7, 0.9, 3) mm in i, j, k."""
    matrix = (np.eye(4) if direction is None else direction) @ np.diag([0.7, 0.9, 3.0, 1.0])
    matrix[:3, 3] = (-5.5, 7.25, 11.0)
    node = slicer.util.addVolumeFromArray(
        array, ijkToRAS=slicer.util.vtkMatrixFromArray(matrix), name=name, **choices
    )
    node.CreateDefaultDisplayNodes()
    return node


def make_segmentation(
    volume_node: Any, labels: NDArray[Any] | None = None, names: tuple[str, ...] = ("liver", "spleen")
) -> Any:
    """A segmentation of a volume: one segment per name, in one layer, cropped as Slicer leaves it."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "labels")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume_node)
    node.SetAndObserveTransformNodeID(volume_node.GetTransformNodeID())
    labels = make_labels() if labels is None else labels
    colors = ((0.9, 0.2, 0.1), (0.1, 0.7, 0.3), (0.2, 0.3, 0.9))
    for value, (name, color) in enumerate(zip(names, colors, strict=False), start=1):
        node.GetSegmentation().AddEmptySegment(name, name, color)
        put_segment(node, name, labels == value, volume_node)
    return node


def put_segment(node: Any, segment_id: str, mask: NDArray[Any], volume_node: Any) -> None:
    """Make a mask on the grid of a volume the voxels of a segment, by Slicer's own means."""
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    labelmap = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "temporary")
    matrix = vtk.vtkMatrix4x4()
    volume_node.GetIJKToRASMatrix(matrix)
    labelmap.SetIJKToRASMatrix(matrix)
    slicer.util.updateVolumeFromArray(labelmap, mask.astype(np.uint8))
    image = logic.CreateOrientedImageDataFromVolumeNode(labelmap)
    image.UnRegister(None)
    assert logic.SetBinaryLabelmapToSegment(image, node, segment_id)
    slicer.mrmlScene.RemoveNode(labelmap)


def segment_array(node: Any, segment_id: str, volume_node: Any) -> NDArray[np.uint8]:
    """(K, J, I) mask of a segment on the grid of a volume, by Slicer's own means."""
    return slicer.util.arrayFromSegmentBinaryLabelmap(node, segment_id, volume_node) > 0


def turn(about_z: float, about_x: float) -> NDArray[np.float64]:
    """4 x 4 matrix of two rotations."""
    c, s, cx, sx = math.cos(about_z), math.sin(about_z), math.cos(about_x), math.sin(about_x)
    z = np.array([[c, -s, 0, 0], [s, c, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    x = np.array([[1, 0, 0, 0], [0, cx, -sx, 0], [0, sx, cx, 0], [0, 0, 0, 1.0]])
    return z @ x


def move(node: Any, matrix: NDArray[np.float64], name: str = "moved") -> Any:
    """Put a node under a new linear transform, and give that transform."""
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", name)
    transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    node.SetAndObserveTransformNodeID(transform.GetID())
    return transform


def bend(node: Any) -> Any:
    """Put a node under a new transform that is not linear, and give that transform."""
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode", "bent")
    spline = vtk.vtkThinPlateSplineTransform()
    points, moved = vtk.vtkPoints(), vtk.vtkPoints()
    for corner in ((0, 0, 0), (50, 0, 0), (0, 50, 0), (0, 0, 50), (50, 50, 50)):
        points.InsertNextPoint(corner)
        moved.InsertNextPoint([value + (5.0 if sum(corner) == 50 else 0.0) for value in corner])
    spline.SetSourceLandmarks(points)
    spline.SetTargetLandmarks(moved)
    spline.SetBasisToR()
    transform.SetAndObserveTransformToParent(spline)
    node.SetAndObserveTransformNodeID(transform.GetID())
    return transform


def world_of(node: Any, ijk: tuple[float, float, float]) -> NDArray[np.float64]:
    """RAS position in the world of a voxel of a volume, by Slicer's own means."""
    matrix, transform = vtk.vtkMatrix4x4(), vtk.vtkGeneralTransform()
    node.GetIJKToRASMatrix(matrix)
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(node.GetParentTransformNode(), None, transform)
    return np.array(transform.TransformPoint(matrix.MultiplyPoint((*ijk, 1.0))[:3]))
