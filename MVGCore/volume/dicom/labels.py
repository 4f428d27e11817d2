"""DICOM files that hold labels: segmentations and structure sets."""

from __future__ import annotations

from pathlib import Path

from MVGCore.errors import InputError
from MVGCore.volume.dicom.files import SEGMENTATIONS, STRUCTURES, DamagedFile, headers, read_header, sop_class
from MVGCore.volume.dicom.rtstruct import read_rtstruct
from MVGCore.volume.dicom.seg import read_seg
from MVGCore.volume.geometry import Geometry
from MVGCore.volume.segmentation import Segmentation

_LABELS = SEGMENTATIONS | {STRUCTURES}


def find_labels(path: Path) -> Path | None:
    """The file of labels that a path stands for; None if there is none, so that it may be an image.

    Raises:
        InputError: A folder holds several.
    """
    if not path.is_dir():
        return path if sop_class(read_header(path)) in _LABELS else None
    files = [
        file
        for file, header in headers(path)
        if not isinstance(header, DamagedFile) and sop_class(header) in _LABELS
    ]
    if len(files) > 1:
        names = ", ".join(str(file.relative_to(path)) for file in files[:8])
        raise InputError(f"'{path}' holds {len(files)} files of labels ({names}); give one of them.")
    return files[0] if files else None


def read_dicom_labels(file: Path, grid: Geometry | None = None) -> Segmentation:
    """Read a DICOM segmentation or structure set.

    Args:
        file: What `find_labels` gave.
        grid: Of the image that it belongs to, if that is known.

    Raises:
        InputError: It is damaged, or its slices fit no grid.
    """
    return read_rtstruct(file, grid) if sop_class(read_header(file)) == STRUCTURES else read_seg(file, grid)
