"""Which file format a path means."""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path

from MVGCore.errors import InputError
from MVGCore.volume.limits import check_regular


class Format(Enum):
    """The formats that MVG knows, with the endings of their file names."""

    SEGMENTATION = (".seg.nrrd", ".seg.nhdr")
    NRRD = (".nrrd", ".nhdr")
    NIFTI = (".nii", ".nii.gz")
    METAIMAGE = (".mha", ".mhd")
    DICOM = (".dcm", ".ima")
    OME_ZARR = (".ome.zarr", ".zarr")
    PICTURE = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp")


_FREESURFER = "convert it with 'mri_convert x.mgz x.nii.gz', or save it as .nrrd with 3D Slicer"
_PAIR = "save the pair .hdr and .img as one .nii.gz, e.g. with 3D Slicer, FSL (fslchfiletype) or SPM"
_HINTS = {
    **dict.fromkeys((".mgz", ".mgh"), _FREESURFER),
    **dict.fromkeys((".hdr", ".img"), _PAIR),
    **dict.fromkeys((".zip", ".tar", ".tgz", ".7z"), "unpack it, and give what is in it"),
    **dict.fromkeys((".mrb", ".mrml"), "it is a scene: open it with 'mvg desktop' or 3D Slicer"),
    **dict.fromkeys((".raw", ".zraw"), "it has voxels only: give the header (.mhd, .nhdr) that names it"),
    ".npy": "it has no geometry: make a volume of it in Python (MVGCore.Volume) and write that",
}

WRITABLE = tuple(each for each in Format if each not in (Format.DICOM, Format.OME_ZARR))
# A picture is written where its pixels come back as they were.
_LOSSLESS = (".png", ".tif", ".tiff")


def format_to_read(path: str | os.PathLike[str]) -> Format:
    """The format of an existing file or DICOM folder.

    Raises:
        InputError: There is nothing at `path`, a pipe or a device, or a file of an unknown format.
    """
    source = Path(path)
    if not source.exists():
        raise InputError(f"There is no file '{source}'; check the name.")
    if source.is_dir():
        return Format.OME_ZARR if format_by_name(source) is Format.OME_ZARR else Format.DICOM
    check_regular(source)
    known = format_by_name(source)
    if known is None and is_dicom_file(source):
        return Format.DICOM
    if known is None:
        hint = _HINTS.get(source.suffix.lower(), f"use {_endings(tuple(Format))} or a DICOM folder")
        raise InputError(f"'{source}' is of an unknown format; {hint}.")
    return known


def format_to_write(path: str | os.PathLike[str]) -> Format:
    """The format in which to write a file of that name.

    Raises:
        InputError: The ending of the name is not one of a format that can be written.
    """
    known = format_by_name(Path(path))
    lossless = known is not Format.PICTURE or Path(path).suffix.lower() in _LOSSLESS
    if known is None or known not in WRITABLE or not lossless:
        raise InputError(f"'{path}' cannot be written in the format of its name; use {_writable()}.")
    return known


def stem(path: str | os.PathLike[str]) -> str:
    """The file name without the ending of its format: "t1" for "t1.nii.gz"."""
    name = Path(path).name
    known = format_by_name(Path(path))
    endings = known.value if known else ()
    longest = max((end for end in endings if name.lower().endswith(end)), key=len, default="")
    return name[: len(name) - len(longest)]


def format_by_name(path: Path) -> Format | None:
    """The format that the ending of a name stands for; None if it is none that is known."""
    # In the order of the enumeration, so that ".seg.nrrd" is met before ".nrrd".
    return next((each for each in Format if path.name.lower().endswith(each.value)), None)


def is_dicom_file(path: Path) -> bool:
    """Whether a file begins as DICOM files do, which often have no ending."""
    if not path.is_file():  # a pipe would be waited for
        return False
    with open(path, "rb") as stream:
        start = stream.read(132)
    # The standard puts these letters after a preamble of 128 bytes. Older files begin with the first element,
    # of group 2 or 8: its type is two letters, or its length fits into one byte.
    if start[128:] == b"DICM":
        return True
    group_2_or_8 = start[1:2] + start[3:4] == b"\0\0" and start[:1] in (b"\2", b"\x08")
    typed = start[4:6].isalpha() and start[4:6].isupper()
    return len(start) == 132 and group_2_or_8 and (typed or start[5:8] == b"\0\0\0")


def _writable() -> str:
    """The endings of all that can be written, pictures last."""
    volumes = tuple(each for each in WRITABLE if each is not Format.PICTURE)
    return (
        f"{_endings(volumes)}, or .dcm for labels of a DICOM series, or {' or '.join(_LOSSLESS[:2])} for a "
        "single slice"
    )


def _endings(formats: tuple[Format, ...]) -> str:
    return ", ".join(end for each in formats for end in each.value)
