"""DICOM: series of images, and segmentations and structure sets as labels.

pydicom is imported where it is used, so that importing this package stays light.
"""

from __future__ import annotations

from MVGCore.volume.dicom.labels import find_labels, read_dicom_labels
from MVGCore.volume.dicom.reading import read_dicom, read_series
from MVGCore.volume.dicom.series import (
    Series,
    find_series,
    is_picture,
    is_series,
    list_series,
)

__all__ = [
    "Series",
    "find_labels",
    "find_series",
    "is_picture",
    "is_series",
    "list_series",
    "read_dicom",
    "read_dicom_labels",
    "read_series",
]
