"""The place of a NIfTI file: two transforms with codes, of which programs take one or the other.

ITK, and with it 3D Slicer and ITK-SNAP, takes the sform where its code is that of the scanner or there is no
qform, else the qform; without either the axes of the file are those of the patient. nibabel, FSL and MRtrix
take the sform wherever there is one. ITK heeds the unit of length, the others do not.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from MVGCore.volume.frames import NiftiFrames
from MVGCore.volume.geometry import FloatArray, Geometry

_UNITS_MM = {1: 1000.0, 2: 1.0, 3: 0.001}  # metres, millimetres, micrometres
_MILLIMETRES = 2
_SCANNER = 1
_SAME_MM = 1e-2
_TOLD_MM = 0.1


def geometry_of(header: Any, shape: Sequence[int], path: Path) -> Geometry:
    """The grid of a file as ITK shows it, or sheared where the sform is; with what its header says.

    Warns where programs do not agree on the place.

    Args:
        header: `nibabel.Nifti1Header` or `Nifti2Header`.
        shape: (K, J, I).
        path: Named in warnings.
    """
    scale, coded = _scale(header), _coded(header)
    geometry = _grid(shape, _place(header, coded), scale)
    _tell_of_places(path, header, [_grid(shape, each, scale) for each in coded.values()])
    return replace(geometry, frames=_frames(header))


def put_geometry(header: Any, geometry: Geometry) -> None:
    """Write the place of a grid into a header.

    On the grid of a NIfTI file the header says what that file's says. A sheared grid gets an sform only,
    since a qform cannot be sheared.
    """
    header.set_data_shape(geometry.shape[::-1])
    # A geometry that was changed since does not lie where its file did.
    if geometry.frames is not None and _is_of_its_file(geometry):
        _put_frames(header, geometry.frames)
        return
    header["xyzt_units"] = _MILLIMETRES
    header.set_zooms(geometry.spacing)
    header.set_sform(geometry.affine_ras, _SCANNER)
    if geometry.orthogonal:
        header.set_qform(geometry.affine_ras, _SCANNER, strip_shears=True)


def places(geometry: Geometry) -> list[Geometry]:
    """All grids that programs make of the header that a geometry came with; itself first."""
    if geometry.frames is None:
        return [geometry]
    header = _header_of(geometry)
    coded, scale = _coded(header), _scale(header)
    affines = list(coded.values())
    if not coded and np.linalg.det(header.get_base_affine()[:3, :3]):
        affines.append(header.get_base_affine())  # nibabel's, with the origin in the middle
    return [geometry, *(_grid(geometry.shape, each, scale) for each in affines)]


def sform_place(geometry: Geometry) -> Geometry | None:
    """The grid that the sform of a geometry's header gives; None without one."""
    header = None if geometry.frames is None else _header_of(geometry)
    affine = None if header is None else _coded(header).get("sform")
    return None if header is None or affine is None else _grid(geometry.shape, affine, _scale(header))


def _place(header: Any, coded: dict[str, FloatArray]) -> FloatArray:
    """Where ITK shows a file; but a sheared sform, which ITK cannot show, is kept."""
    if not coded:
        return _plain(header)
    sform, qform = coded.get("sform"), coded.get("qform")
    if sform is None or qform is None:
        return next(iter(coded.values()))
    scanner = int(header["sform_code"]) == _SCANNER
    sheared = not _grid((2, 2, 2), sform, 1.0).orthogonal
    return sform if scanner or sheared or _close(header, sform, qform) else qform


def _tell_of_places(path: Path, header: Any, coded: Sequence[Geometry]) -> None:
    if not coded:
        warnings.warn(
            f"'{path}' says no position in the patient (codes of sform and qform are 0): programs differ in "
            "where they show it. A NIfTI result says none either, so that it lies over this image in all.",
            stacklevel=5,
        )
    elif len(coded) == 2 and (apart := np.abs(coded[0].corners() - coded[1].corners()).max()) > _TOLD_MM:
        codes = f"sform (code {int(header['sform_code'])}) and qform (code {int(header['qform_code'])})"
        warnings.warn(
            f"'{path}' says two positions, up to {apart:.3g} mm apart: {codes}. A NIfTI result keeps both "
            "and lies over this image in all programs; other formats keep the one that MVG works with.",
            stacklevel=5,
        )


def _close(header: Any, one: FloatArray, other: FloatArray) -> bool:
    shape, scale = header.get_data_shape()[2::-1], _scale(header)
    corners = [_grid(shape, each, scale).corners() for each in (one, other)]
    return bool(np.abs(corners[0] - corners[1]).max() <= _SAME_MM)


def _coded(header: Any) -> dict[str, FloatArray]:
    """The transforms that the header declares and that can be used, RAS in the file's unit of length."""
    import nibabel as nib

    transforms = {}
    for name in ("sform", "qform"):
        try:
            affine, code = getattr(header, f"get_{name}")(coded=True)
        except nib.spatialimages.HeaderDataError:  # a quaternion that is none
            continue
        if code and np.isfinite(affine).all() and abs(np.linalg.det(affine[:3, :3])) > 0:
            transforms[name] = np.asarray(affine, dtype=np.float64)
    return transforms


def _plain(header: Any) -> FloatArray:
    spacing = np.abs(np.asarray(header["pixdim"][1:4], dtype=np.float64))
    return np.diag([*(np.where(spacing > 0, spacing, 1.0) * (-1, -1, 1)), 1.0])


def _scale(header: Any) -> float:
    return _UNITS_MM.get(int(header["xyzt_units"]) & 7, 1.0)


def _grid(shape: Sequence[int], affine: FloatArray, scale: float) -> Geometry:
    return Geometry.from_affine_ras(shape, np.diag([scale, scale, scale, 1.0]) @ affine)


def _frames(header: Any) -> NiftiFrames:
    def numbers(*names: str) -> tuple[float, ...]:
        return tuple(float(value) for name in names for value in np.atleast_1d(header[name]))

    return NiftiFrames(
        sform=numbers("srow_x", "srow_y", "srow_z"),
        sform_code=int(header["sform_code"]),
        quaternion=numbers("quatern_b", "quatern_c", "quatern_d"),
        offset=numbers("qoffset_x", "qoffset_y", "qoffset_z"),
        qform_code=int(header["qform_code"]),
        pixdim=numbers("pixdim")[:4],
        units=int(header["xyzt_units"]) & 7,
    )


def _header_of(geometry: Geometry) -> Any:
    """A header that says of a grid what the file said that it came from."""
    import nibabel as nib

    header, frames = nib.Nifti2Header(), geometry.frames
    assert frames is not None
    header.set_data_shape(geometry.shape[::-1])
    _put_frames(header, frames)
    return header


def _put_frames(header: Any, frames: NiftiFrames) -> None:
    for row, name in enumerate(("srow_x", "srow_y", "srow_z")):
        header[name] = frames.sform[4 * row : 4 * row + 4]
    for name, value in zip(("quatern_b", "quatern_c", "quatern_d"), frames.quaternion, strict=True):
        header[name] = value
    for name, value in zip(("qoffset_x", "qoffset_y", "qoffset_z"), frames.offset, strict=True):
        header[name] = value
    header["sform_code"], header["qform_code"] = frames.sform_code, frames.qform_code
    header["pixdim"][:4] = frames.pixdim
    header["xyzt_units"] = frames.units


def _is_of_its_file(geometry: Geometry) -> bool:
    header = _header_of(geometry)
    place = _grid(geometry.shape, _place(header, _coded(header)), _scale(header))
    return bool(np.abs(place.corners() - geometry.corners()).max() <= _SAME_MM)
