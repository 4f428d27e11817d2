"""What is told of a result before the work: whether it can be written, and whether programs show it."""

from __future__ import annotations

import os
import shutil
import warnings
from pathlib import Path

import numpy as np

from MVGCore.errors import InputError, OutputError
from MVGCore.volume.atomic import NO_SPACE, scratch_beside, why_not_written
from MVGCore.volume.formats import WRITABLE, Format, format_by_name
from MVGCore.volume.geometry import Geometry
from MVGCore.volume.picturefile import check_slices
from MVGCore.volume.writing import write_file

_TINY = np.eye(2, dtype=np.uint8)[None]


def try_to_write(path: str | os.PathLike[str]) -> None:
    """Find out before the work whether its result can be written: by a tiny file in a folder beside it.

    The file has the name and, where its ending is one of a volume, the format of the result; it is read back
    and deleted again.

    Raises:
        InputError: It cannot: no permission, or a name that the system or the format does not allow.
        OutputError: The disk is full.
    """
    target = Path(path)
    try:
        folder = scratch_beside(target)
        try:
            scratch = folder / target.name
            if format_by_name(target) in WRITABLE:
                write_file(scratch, _TINY, Geometry.identity(_TINY.shape))
            else:
                scratch.write_bytes(b"MVG")
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        if error.errno in NO_SPACE:
            raise OutputError(why_not_written(target, error)) from error
        reason = error.strerror or error
        raise InputError(
            f"The output '{target}' cannot be written ({reason}); choose another name or folder."
        ) from error


def tell_what_is_lost(path: str | os.PathLike[str], geometry: Geometry) -> None:
    """Warn, before the work, where programs will not show a result of this format on this grid.

    Raises:
        InputError: The format cannot hold a volume.
    """
    if format_by_name(Path(path)) is Format.PICTURE:
        check_slices(Path(path), geometry)
    if format_by_name(Path(path)) is Format.PICTURE and geometry != Geometry.identity(geometry.shape):
        warnings.warn(
            f"'{path}' is a picture, which keeps neither the size of its pixels nor their place in the "
            "patient; to lay it over the image in other programs choose .nrrd or .nii.gz.",
            stacklevel=2,
        )
    is_nifti = format_by_name(Path(path)) is Format.NIFTI
    if is_nifti and not geometry.orthogonal and geometry.frames is None:
        warnings.warn(
            f"The axes of the image are not at right angles. '{path}' says so in its sform: nibabel, FSL and "
            "MRtrix show it in its place, 3D Slicer and ITK-SNAP cannot read it; for those choose .nrrd.",
            stacklevel=2,
        )
