"""Opening images, labels and scenes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import slicer

from MVGCore.errors import InputError
from MVGCore.volume import LabelMap, Segmentation, Volume, read_segmentation, read_volume
from MVGCore.volume.formats import stem
from MVGDesktop.files.nodes import geometry_of_volume, segmentation_node, volume_node

SCENES = (".mrb", ".mrml")
IMAGES = (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd", ".dcm", ".ima")
_MOST_LABELS = 64


class Kind(Enum):
    """What a file turned out to be."""

    VOLUME = "volume"
    SEGMENTATION = "segmentation"
    SCENE = "scene"


@dataclass(frozen=True)
class Opened:
    """What was added to the scene.

    Attributes:
        kind: What it is.
        node: The new node; None for a scene.
    """

    kind: Kind
    node: Any


def is_scene(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a whole scene, which replaces the one that is open."""
    return str(path).lower().endswith(SCENES)


def open_file(path: str | os.PathLike[str], volume: Any = None) -> Opened:
    """Add a file, or a folder of DICOM slices, to the scene.

    A file of whole numbers with few values on the grid of the open volume is taken as labels.

    Args:
        path: The file.
        volume: The open volume's node, or None.

    Raises:
        InputError: It cannot be read; the sentence says why and what to do.
    """
    path = Path(path)
    if is_scene(path):
        open_scene(path)
        return Opened(Kind.SCENE, None)
    if path.name.lower().endswith((".seg.nrrd", ".seg.nhdr")):
        return _open_segments(read_segmentation(path), path, volume)
    try:
        image = read_volume(path)
    except InputError:
        # An empty or sparse label file is no image; without a volume that cannot be told apart.
        if volume is None or path.is_dir():
            raise
        return open_labels(path, volume)
    if volume is not None and looks_like_labels(image, volume):
        labels = LabelMap.of(image.array, image.geometry)
        return _open_segments(Segmentation.from_labelmap(labels), path, volume)
    return Opened(Kind.VOLUME, volume_node(image, str(path.resolve())))


def open_labels(path: str | os.PathLike[str], volume: Any = None) -> Opened:
    """Add a file to the scene as labels, whatever it looks like.

    Raises:
        InputError: It cannot be read, or its values are not labels.
    """
    return _open_segments(read_segmentation(path), Path(path), volume)


def open_scene(path: Path) -> None:
    """Replace the scene by that of a `.mrb` or `.mrml` file.

    Raises:
        InputError: It cannot be read.
    """
    if not path.is_file():
        raise InputError(f"There is no file '{path}'; check the name.")
    scene = slicer.mrmlScene
    scene.Clear(False)
    if path.suffix.lower() == ".mrb":
        folder = Path(slicer.app.temporaryPath) / "opened"
        folder.mkdir(exist_ok=True)
        read = scene.ReadFromMRB(str(path), False)
    else:
        scene.SetURL(str(path))
        read = scene.Import()
    if not read:
        raise InputError(f"'{path}' cannot be read as a scene; it may be truncated, so save it again.")


def looks_like_labels(image: Volume, volume: Any) -> bool:
    """Whether an image is more likely the labels of the open volume than another image."""
    array = image.array
    if array.dtype.kind not in "iu" or not image.geometry.is_close(geometry_of_volume(volume)):
        return False
    if array.min() != 0 or array.max() > np.iinfo(np.uint16).max:
        return False
    return len(np.unique(array)) <= _MOST_LABELS


def _open_segments(segmentation: Segmentation, path: Path, volume: Any) -> Opened:
    return Opened(Kind.SEGMENTATION, segmentation_node(segmentation, stem(path), volume))
