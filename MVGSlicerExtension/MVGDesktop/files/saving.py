"""Saving segmentations and scenes so that Slicer opens them."""

from __future__ import annotations

import os
from typing import Any

import slicer

from MVGCore.errors import OutputError
from MVGCore.volume import atomic_path, write_segmentation, write_volume
from MVGDesktop.files.nodes import PATH_ATTRIBUTE, segmentation_of, volume_of

SCENE_FILTERS = (("Scene with images, labels and panel (*.mrb)", ".mrb"),)
SEGMENT_FILTERS = (
    ("Segmentation (*.seg.nrrd)", ".seg.nrrd"),
    *SCENE_FILTERS,
    ("DICOM segmentation of a DICOM series (*.dcm)", ".dcm"),
    ("NIfTI label map (*.nii.gz)", ".nii.gz"),
    ("NRRD label map (*.nrrd)", ".nrrd"),
)
VOLUME_FILTERS = (("NRRD (*.nrrd)", ".nrrd"), ("NIfTI (*.nii.gz)", ".nii.gz"))


def save_segmentation(path: str | os.PathLike[str], node: Any, volume: Any = None) -> None:
    """Write a segmentation in the format that the name's ending says.

    Args:
        path: The file.
        node: The segmentation's node.
        volume: The node of the volume that was labelled; a DICOM segmentation refers to its series.

    Raises:
        InputError: Nothing to write, an unknown ending, overlapping segments for a plain label map, or a
            DICOM segmentation of a volume that is no DICOM series.
        OutputError: The disk is full or the folder cannot be written to.
    """
    source = volume.GetAttribute(PATH_ATTRIBUTE) if volume is not None else None
    write_segmentation(path, segmentation_of(node), source)


def save_volume(path: str | os.PathLike[str], node: Any) -> None:
    """Write a volume in the format that the name's ending says.

    Raises:
        InputError, OutputError: As `MVGCore.write_volume`.
    """
    write_volume(path, volume_of(node))


def save_scene(path: str | os.PathLike[str]) -> None:
    """Write the whole scene as a `.mrb`.

    Raises:
        OutputError: It could not be written.
    """
    with atomic_path(path) as scratch:
        if not slicer.mrmlScene.WriteToMRB(str(scratch), None):
            raise OutputError(f"'{path}' could not be written; check the free space and the folder's rights.")
