"""Volumes, label maps and segmentations: their geometry, their files, their checks."""

from __future__ import annotations

from MVGCore.volume.atomic import atomic_path
from MVGCore.volume.geometry import Geometry
from MVGCore.volume.labelmap import LabelMap, SegmentClass
from MVGCore.volume.matching import match_labels
from MVGCore.volume.normalise import CT_WINDOWS, Window, denormalise, normalise, robust_window
from MVGCore.volume.reading import read_labelmap, read_segmentation, read_volume
from MVGCore.volume.segmentation import Segment, Segmentation
from MVGCore.volume.slicematching import match_slices
from MVGCore.volume.slicing import (
    AXIS_NAMES,
    SliceKey,
    check_axis,
    labelled_slices,
    neighbour_indices,
    slices_within,
)
from MVGCore.volume.trial import tell_what_is_lost
from MVGCore.volume.volume import Volume, check_image
from MVGCore.volume.writing import write_labelmap, write_segmentation, write_volume

__all__ = [
    "AXIS_NAMES",
    "CT_WINDOWS",
    "Geometry",
    "LabelMap",
    "Segment",
    "SegmentClass",
    "Segmentation",
    "SliceKey",
    "Volume",
    "Window",
    "atomic_path",
    "check_axis",
    "check_image",
    "denormalise",
    "labelled_slices",
    "match_labels",
    "match_slices",
    "neighbour_indices",
    "normalise",
    "read_labelmap",
    "read_segmentation",
    "read_volume",
    "robust_window",
    "slices_within",
    "tell_what_is_lost",
    "write_labelmap",
    "write_segmentation",
    "write_volume",
]
