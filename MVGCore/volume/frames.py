"""What the header of a NIfTI file says about the position of its voxels, kept as it says it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NiftiFrames:
    """Both transforms of a NIfTI header with their codes, in the units of the file.

    Programs differ in which of the two they take, so a result on the grid of such a file is shown over it in
    all of them only if its header says the same.

    Attributes:
        sform: The twelve numbers `srow_x`, `srow_y` and `srow_z`.
        sform_code: 0 (not set) to 5.
        quaternion: `quatern_b`, `quatern_c` and `quatern_d` of the qform.
        offset: `qoffset_x`, `qoffset_y` and `qoffset_z`.
        qform_code: 0 (not set) to 5.
        pixdim: The handedness of the qform and the three spacings.
        units: Code of the unit of length (0 unknown, 1 m, 2 mm, 3 µm).
    """

    sform: tuple[float, ...]
    sform_code: int
    quaternion: tuple[float, ...]
    offset: tuple[float, ...]
    qform_code: int
    pixdim: tuple[float, ...]
    units: int
