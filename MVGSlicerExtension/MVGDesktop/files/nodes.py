"""MRML nodes from volumes and segmentations of MVGCore, and back."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import get_vtk_array_type, numpy_to_vtk

from MVGCore.errors import InputError
from MVGCore.volume import Geometry, Segment, Segmentation, SegmentClass, Volume, Window, robust_window
from MVGCore.volume.frames import NiftiFrames
from MVGCore.volume.segmentation import free_id
from MVGDesktop.editing.voxels import REPRESENTATION, Voxels
from MVGDesktop.segmentations import prepare_segmentation

PATH_ATTRIBUTE = "MVG.Path"
_FRAMES_ATTRIBUTE = "MVG.NiftiFrames"  # what the file's header says of its place, for results on its grid
_TERMINOLOGY = slicer.vtkSegment.GetTerminologyEntryTagName()


def volume_node(volume: Volume, path: str = "", window: Window | None = None) -> Any:
    """Add a volume to the scene, with a window that shows it.

    Args:
        volume: The image.
        path: The file that it was read from, kept for saving and recovery.
        window: Which intensities to show; by default most of them.

    Returns:
        `vtkMRMLScalarVolumeNode`.
    """
    scene = slicer.mrmlScene
    node = scene.AddNewNodeByClass(
        "vtkMRMLScalarVolumeNode", scene.GenerateUniqueName(volume.name or "volume")
    )
    node.SetIJKToRASMatrix(_vtk_matrix(volume.geometry.affine_ras))
    image = vtk.vtkImageData()
    _set_array(image, _vtk_type(volume.array))
    node.SetAndObserveImageData(image)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetAndObserveColorNodeID("vtkMRMLColorTableNodeGrey")
    display.SetAutoWindowLevel(False)
    window = window or robust_window(volume.array)
    display.SetWindowLevelMinMax(window.low, window.high)
    if path:
        node.SetAttribute(PATH_ATTRIBUTE, path)
    if volume.geometry.frames is not None:
        node.SetAttribute(_FRAMES_ATTRIBUTE, json.dumps(asdict(volume.geometry.frames)))
    return node


def segmentation_node(segmentation: Segmentation, name: str, volume: Any = None) -> Any:
    """Add a segmentation to the scene.

    Args:
        segmentation: The segments.
        name: Of the node.
        volume: The volume node that it belongs to; its grid is used where the labels lie on its voxels.

    Returns:
        `vtkMRMLSegmentationNode`.
    """
    scene = slicer.mrmlScene
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", scene.GenerateUniqueName(name))
    node.CreateDefaultDisplayNodes()
    images = [_oriented(layer, segmentation.geometry) for layer in segmentation.layers]
    target = node.GetSegmentation()
    target.SetSourceRepresentationName(REPRESENTATION)
    for each in segmentation.segments:
        segment = slicer.vtkSegment()
        segment.SetName(each.class_.name)
        segment.SetColor(*each.class_.color)
        segment.SetLabelValue(each.label_value)
        if each.class_.terminology:
            segment.SetTag(_TERMINOLOGY, each.class_.terminology)
        segment.AddRepresentation(REPRESENTATION, images[each.layer])
        target.AddSegment(segment)
    if volume is not None and segmentation.geometry.is_part_of(geometry_of_volume(volume)):
        prepare_segmentation(node, volume)
    elif images:
        converter = slicer.vtkSegmentationConverter
        grid = converter.SerializeImageGeometry(images[0])
        target.SetConversionParameter(converter.GetReferenceImageGeometryParameterName(), grid)
    return node


def segmentation_of(node: Any) -> Segmentation:
    """The segments of a node in world coordinates, on its whole grid; the arrays are copies.

    Raises:
        InputError: The node has no segments, or does not say on which grid they lie.
    """
    ids = list(node.GetSegmentation().GetSegmentIDs())
    if not ids:
        raise InputError("There are no segments yet; label something first.")
    voxels = Voxels(node)
    grid = voxels.grid
    segments: list[Segment] = []
    for segment_id in ids:
        segment, place = node.GetSegmentation().GetSegment(segment_id), voxels.place(segment_id)
        tag = vtk.reference("")
        terminology = str(tag) if segment.GetTag(_TERMINOLOGY, tag) else ""
        # A label map that was opened keeps its values.
        number = free_id(place.value, (each.class_.id for each in segments))
        class_ = SegmentClass(number, segment.GetName(), tuple(segment.GetColor()), terminology)
        segments.append(Segment(class_, place.layer, place.value))
    layers: list[np.ndarray] = [np.array(layer, dtype=_label_type(layer)) for layer in voxels.layers()]
    geometry = Geometry.from_affine_ras(grid.shape, grid.to_world)
    volume = node.GetNodeReference(slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole())
    if volume is not None and volume.GetImageData() is not None:
        own = geometry_of_volume(volume)
        geometry = own if own.is_close(geometry) else geometry
    return Segmentation(tuple(layers), geometry, tuple(segments))


def volume_of(node: Any) -> Volume:
    """The image of a volume node, in its own coordinates; the array is the node's own."""
    return Volume(slicer.util.arrayFromVolume(node), geometry_of_volume(node), node.GetName())


def geometry_of_volume(node: Any) -> Geometry:
    """The grid of a volume node, in its own coordinates."""
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    size = node.GetImageData().GetDimensions()
    geometry = Geometry.from_affine_ras(size[::-1], slicer.util.arrayFromVTKMatrix(matrix))
    frames = node.GetAttribute(_FRAMES_ATTRIBUTE)
    return replace(geometry, frames=NiftiFrames(**json.loads(frames))) if frames else geometry


def _oriented(array: NDArray[Any], geometry: Geometry) -> Any:
    image = slicer.vtkOrientedImageData()
    image.SetImageToWorldMatrix(_vtk_matrix(geometry.affine_ras))
    _set_array(image, array)
    return image


def _set_array(image: Any, array: NDArray[Any]) -> None:
    image.SetDimensions(array.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(array).ravel(), deep=True))


def _label_type(layer: NDArray[Any]) -> type:
    return np.uint8 if layer.dtype == np.uint8 else np.uint16


def _vtk_type(array: NDArray[Any]) -> NDArray[Any]:
    """Whole numbers of 64 bits become 32 where they fit, else floating point, as Slicer has them."""
    if array.dtype.kind in "iu" and array.dtype.itemsize == 8:
        low, high = int(array.min()), int(array.max())
        fits = np.iinfo(np.int32).min <= low and high <= np.iinfo(np.int32).max
        return array.astype(np.int32 if fits else np.float64)
    get_vtk_array_type(array.dtype)  # raises for what VTK does not know
    return array


def _vtk_matrix(matrix: NDArray[np.float64]) -> Any:
    return slicer.util.vtkMatrixFromArray(matrix)
