"""Labels from files and into files, for scripts: DICOM segmentations and structure sets among others."""

from __future__ import annotations

import os
from typing import Any

from MVGCore.prompts import without_overlap
from MVGCore.volume import (
    Geometry,
    LabelMap,
    match_labels,
    read_labelmap,
    read_segmentation,
    write_segmentation,
)
from MVGCore.volume.formats import stem
from MVGCore.volume.reading import holds_segments

_ALONG_K = 0


def open_labels(path: str | os.PathLike[str], volume_node: Any, scene: Any = None) -> Any:
    """Adds the labels of a file to the scene, on the grid of a volume; segments may overlap.

    Args:
        path: A DICOM segmentation or structure set, a .seg.nrrd or a label map.
        volume_node: vtkMRMLScalarVolumeNode that the labels belong to.
        scene: `MVGLib.scene.Scene`, by default of Slicer's scene.

    Returns:
        A new vtkMRMLSegmentationNode.

    Raises:
        InputError: The file cannot be used, or does not lie on the volume.
    """
    scene = scene or _scene()
    geometry = scene.volume(volume_node.GetID()).geometry
    layers = [match_labels(each, geometry) for each in _without_overlap(path, geometry)]
    classes, *overlapping = [each.classes for each in layers]
    name = stem(path)
    writer = scene.start_segments(volume_node.GetID(), _ALONG_K, classes, name, overlapping=overlapping)
    for number, labels in enumerate(layers):
        for index, pixels in enumerate(labels.array):
            writer.put(index, pixels, layer=number)
    writer.finish()
    writer.accept()
    return scene.nodes.get(writer.id)


def save_labels(
    path: str | os.PathLike[str],
    segmentation_node: Any,
    volume_node: Any,
    source: str | os.PathLike[str] | None = None,
    scene: Any = None,
) -> None:
    """Writes a segmentation on the grid of a volume in the format that the name's ending says.

    Args:
        path: The file: .dcm, .seg.nrrd, .nrrd, .nii.gz or .mha.
        segmentation_node: vtkMRMLSegmentationNode.
        volume_node: vtkMRMLScalarVolumeNode that was labelled.
        source: Of a .dcm, the folder or a file of the volume's DICOM series.
        scene: `MVGLib.scene.Scene`, by default of Slicer's scene.

    Raises:
        InputError: Nothing is labelled, segments overlap and the format has one label for each voxel, or
            the series is missing or another one.
        MissingExtraError: highdicom, which writes DICOM, is not installed.
        OutputError: The disk is full or the folder cannot be written to.
    """
    scene = scene or _scene()
    ids = (segmentation_node.GetID(), volume_node.GetID())
    labels = scene.layered(*ids)
    overlap = len(without_overlap(labels)) > 1
    write_segmentation(path, labels if overlap else scene.label_map(*ids), source)


def _without_overlap(path: str | os.PathLike[str], geometry: Geometry) -> list[LabelMap]:
    """The labels of a file: one map, or several where segments overlap."""
    if holds_segments(path):
        groups = without_overlap(read_segmentation(path, geometry))
        if len(groups) > 1:
            return groups
    return [read_labelmap(path, geometry)]


def _scene() -> Any:
    from MVGLib.scene import Scene

    return Scene()
