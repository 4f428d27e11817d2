"""Opening images, labels and scenes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from MVGCore.errors import InputError
from MVGCore.volume import LabelMap, Segmentation, Volume, Window, read_segmentation, read_volume
from MVGCore.volume.dicom import Series
from MVGCore.volume.formats import stem
from MVGCore.volume.reading import holds_segments
from MVGDesktop.files.nodes import geometry_of_volume, segmentation_node, volume_node
from MVGDesktop.files.scenes import open_scene

SCENES = (".mrb", ".mrml")
PICTURES = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp")
IMAGES = (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd", ".dcm", ".ima", *PICTURES)
_MOST_LABELS = 64


class Kind(Enum):
    """What a file turned out to be."""

    VOLUME = "volume"
    SEGMENTATION = "segmentation"
    SCENE = "scene"


@dataclass(frozen=True, eq=False)
class FileContent:
    """What a file holds, not in the scene yet.

    Attributes:
        path: The file.
        kind: What it is.
        image: The image, of a volume.
        segmentation: The labels, of a segmentation.
        window: Which intensities to show, if the file says so.
    """

    path: Path
    kind: Kind
    image: Volume | None = None
    segmentation: Segmentation | None = None
    window: Window | None = None


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


def read_file(path: str | os.PathLike[str], volume: Any = None, series: Series | None = None) -> FileContent:
    """Read an image or labels; of a scene only its name is looked at.

    A file of whole numbers with few values on the grid of the open volume is taken as labels.

    Args:
        path: The file.
        volume: The open volume's node, or None.
        series: Which series of a DICOM folder.

    Raises:
        InputError: It cannot be read; the sentence says why and what to do.
    """
    path = Path(path)
    if series is not None:
        image = read_volume(path, series)
        image.name = series.name
        # A file of the series stands for it, also where its folder holds others.
        return FileContent(series.file, Kind.VOLUME, image=image, window=series.window)
    if is_scene(path):
        return FileContent(path, Kind.SCENE)
    if holds_segments(path):
        return read_labels(path, volume)
    try:
        image = read_volume(path)
    except InputError:
        # An empty or sparse label file is no image; without a volume that cannot be told apart.
        if volume is None or path.is_dir():
            raise
        return read_labels(path, volume)
    if volume is not None and looks_like_labels(image, volume):
        labels = LabelMap.of(image.array, image.geometry)
        return FileContent(path, Kind.SEGMENTATION, segmentation=Segmentation.from_labelmap(labels))
    return FileContent(path, Kind.VOLUME, image=image)


def read_labels(path: str | os.PathLike[str], volume: Any = None) -> FileContent:
    """Read a file as labels, whatever it looks like.

    Args:
        path: The file.
        volume: The node of the volume that they belong to, or None.

    Raises:
        InputError: It cannot be read, or its values are not labels.
    """
    grid = geometry_of_volume(volume) if volume is not None else None
    return FileContent(Path(path), Kind.SEGMENTATION, segmentation=read_segmentation(path, grid))


def add(content: FileContent, volume: Any = None) -> Opened:
    """Add what was read to the scene; a scene replaces the one that is there.

    Args:
        content: What `read_file` or `read_labels` gave.
        volume: The node of the volume that labels belong to, or None.

    Raises:
        InputError: A scene cannot be read.
    """
    if content.image is not None:
        return Opened(Kind.VOLUME, volume_node(content.image, str(content.path.resolve()), content.window))
    if content.segmentation is not None:
        return Opened(Kind.SEGMENTATION, segmentation_node(content.segmentation, stem(content.path), volume))
    open_scene(content.path)
    return Opened(Kind.SCENE, None)


def open_file(path: str | os.PathLike[str], volume: Any = None) -> Opened:
    """Read a file and add it to the scene, see `read_file` and `add`."""
    return add(read_file(path, volume), volume)


def open_labels(path: str | os.PathLike[str], volume: Any = None) -> Opened:
    """Read a file as labels and add it to the scene, see `read_labels` and `add`."""
    return add(read_labels(path, volume), volume)


def looks_like_labels(image: Volume, volume: Any) -> bool:
    """Whether an image is more likely the labels of the open volume than another image."""
    return has_few_values(image) and image.geometry.is_close(geometry_of_volume(volume))


def has_few_values(image: Volume) -> bool:
    """Whether the values of an image are whole, few, and begin with 0, as those of a label map."""
    array = image.array
    if array.dtype.kind not in "iu" or array.min() != 0 or array.max() > np.iinfo(np.uint16).max:
        return False
    return len(np.unique(array)) <= _MOST_LABELS
