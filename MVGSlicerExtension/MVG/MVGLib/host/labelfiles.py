"""Labels from files and into files, for scripts: DICOM segmentations and structure sets among others."""

from __future__ import annotations

import os
from typing import Any

from MVGCore.volume import match_labels, read_labelmap, write_labelmap
from MVGCore.volume.formats import stem

_ALONG_K = 0


def open_labels(path: str | os.PathLike[str], volume_node: Any, scene: Any = None) -> Any:
    """Adds the labels of a file to the scene, on the grid of a volume; where segments overlap the last wins.

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
    labels = match_labels(read_labelmap(path, geometry), geometry)
    writer = scene.start_segments(volume_node.GetID(), _ALONG_K, labels.classes, stem(path))
    for index, pixels in enumerate(labels.array):
        writer.put(index, pixels)
    writer.finish()
    writer.accept()
    return scene.node(writer.id)


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
        InputError: Nothing is labelled, or the series is missing or another one.
        MissingExtraError: highdicom, which writes DICOM, is not installed.
        OutputError: The disk is full or the folder cannot be written to.
    """
    scene = scene or _scene()
    write_labelmap(path, scene.label_map(segmentation_node.GetID(), volume_node.GetID()), source)


def _scene() -> Any:
    from MVGLib.scene import Scene

    return Scene()
