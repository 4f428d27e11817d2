"""NRRD files (http://teem.sourceforge.net/nrrd/format.html) through pynrrd, and their geometry."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.volume.datafiles import data_name
from MVGCore.volume.geometry import Geometry
from MVGCore.volume.limits import open_regular
from MVGCore.volume.nrrddata import read_array
from MVGCore.volume.outside import beside
from MVGCore.volume.seal import check_seal, is_seal, seal_of
from MVGCore.volume.stored import Stored, check_written

# Higher levels gain a few percent of size and cost several times the time.
_COMPRESSION_LEVEL = 3
_LONGEST_LINE = 1 << 20
_COMMENT = "# "
_DOMAIN_KINDS = frozenset({"domain", "space", "???", "none"})
# Signs that bring the first three coordinates of a space to LPS.
_TO_LPS: Mapping[str, tuple[float, float, float]] = {
    "left-posterior-superior": (1.0, 1.0, 1.0),
    "lps": (1.0, 1.0, 1.0),
    "right-anterior-superior": (-1.0, -1.0, 1.0),
    "ras": (-1.0, -1.0, 1.0),
    "left-anterior-superior": (1.0, -1.0, 1.0),
    "las": (1.0, -1.0, 1.0),
}


@dataclass
class NrrdFile:
    """What a NRRD file holds.

    Attributes:
        array: (K, J, I), or (K, J, I, C) when there are several values per voxel.
        geometry: Of the three spatial axes.
        fields: The key/value pairs of the header (those written with ":=").
    """

    array: NDArray[Any]
    geometry: Geometry
    fields: dict[str, str] = field(default_factory=dict)


def read_nrrd(path: Path) -> NrrdFile:
    """Read a .nrrd or .nhdr file with its data.

    Raises:
        InputError: It has not three spatial axes, its data are damaged or lie outside its folder.
        Exception: Whatever pynrrd raises for a damaged header.
    """
    import nrrd

    with open_regular(path) as stream:
        lines, listed = _header_lines(stream)
        header = nrrd.read_header(lines)
        _check_seal(lines, header, path)
        array = read_array(header, stream, path, listed)
    axes = _spatial_axes(header)
    array, axes = _without_single_axes(array, axes)
    if len(axes) != 3 or array.ndim > 4:
        raise InputError(f"'{path}' has {len(axes)} spatial axes of {array.ndim}; give a 3-D volume.")
    if array.ndim == 4:  # C order: the first axis of the file is the last of the array
        outside = next(axis for axis in range(4) if axis not in axes)
        array = np.moveaxis(array, 3 - outside, 3)
    geometry = _geometry(header, array.shape[:3])
    fields = {key: str(header[key]).replace("\\\\", "\\") for key in _custom_keys(lines)}
    return NrrdFile(np.ascontiguousarray(array), geometry, fields)


def write_nrrd(path: Path, content: NrrdFile) -> None:
    """Write a .nrrd file, or a .nhdr file with its data beside it, compressed, in LPS; and read it back.

    Raises:
        OSError: The file could not be written wholly.
    """
    import nrrd

    layered = content.array.ndim == 4
    nothing = [[math.nan] * 3] if layered else []
    header: dict[str, Any] = {
        "space": "left-posterior-superior",
        "space directions": np.array([*nothing, *content.geometry.affine_lps[:3, :3].T]),
        "space origin": np.array(content.geometry.origin),
        "kinds": [*(["list"] if layered else []), "domain", "domain", "domain"],
        "encoding": "gzip",
    }
    header.update({key: _escaped(value) for key, value in content.fields.items()})
    buffer = io.BytesIO()
    nrrd.write(buffer, content.array, header, compression_level=_COMPRESSION_LEVEL, index_order="C")
    head, _, data = buffer.getvalue().partition(b"\n\n")
    _write_parts(path, head, data)
    again = read_nrrd(path)
    check_written(path, content.array, content.geometry, Stored(again.array, again.geometry))


def _write_parts(path: Path, head: bytes, data: bytes) -> None:
    # pynrrd writes ASCII only; 3D Slicer writes and reads names in UTF-8.
    text = head.decode("unicode_escape").split("\n")
    # Its comments tell the time of writing: the same content would never give the same file twice.
    magic, *lines = (line for line in text if not line.startswith("#"))
    detached = path.name.lower().endswith(".nhdr")
    if detached:
        data_file = data_name(path, data, ".raw.gz")
        lines.append(f"data file: {data_file}")
        path.with_name(data_file).write_bytes(data)
    seal = seal_of((magic, *lines), data if detached else None)
    header = "\n".join((magic, f"{_COMMENT}{seal}", *lines, "", "")).encode()
    path.write_bytes(header if detached else header + data)


def _escaped(value: str) -> str:
    """One line of ASCII; a backslash is doubled once for the NRRD format, and all escaped for pynrrd."""
    line = "".join(letter if letter.isprintable() else " " for letter in value)
    return line.replace("\\", "\\\\").encode("unicode_escape").decode("ascii")


def _check_seal(lines: Sequence[str], header: Mapping[str, Any], path: Path) -> None:
    """Compare the header, and the data file, with the checksum in a comment, if there is one."""
    seals = [line for line in lines if line.startswith(_COMMENT) and is_seal(line[len(_COMMENT) :])]
    if not seals:
        return
    others = [line for line in lines if line not in seals and line]
    place = header.get("data file")
    with open_regular(beside(path, place)) if place else nullcontext() as data:
        check_seal(seals[0][len(_COMMENT) :], others, path, data)


def _header_lines(stream: BinaryIO) -> tuple[list[str], list[str]]:
    """The lines of the header, and the names of data files that may follow it."""
    lines: list[str] = []
    for line in iter(lambda: stream.readline(_LONGEST_LINE), b""):
        lines.append(line.decode("utf-8", errors="replace").rstrip("\r\n"))
        if not lines[-1].strip():
            break
    for number, text in enumerate(lines, start=1):
        if re.match(r"data ?file:\s*LIST\b", text):
            return lines[:number], [each.strip() for each in lines[number:] if each.strip()]
    return lines, []


def _custom_keys(lines: Sequence[str]) -> list[str]:
    pairs = (line.partition(":=") for line in lines if not line.startswith("#"))
    return [key.strip() for key, mark, _ in pairs if mark and ":" not in key]


def _spatial_axes(header: Mapping[str, Any]) -> list[int]:
    """The file's axes that are directions in space."""
    directions = header.get("space directions")
    if directions is not None:
        rows = [None if row is None else np.asarray(row, dtype=float) for row in directions]
        return [axis for axis, row in enumerate(rows) if row is not None and np.isfinite(row).all()]
    kinds = header.get("kinds") or ["domain"] * int(header["dimension"])
    return [axis for axis, kind in enumerate(kinds) if kind.lower() in _DOMAIN_KINDS]


def _without_single_axes(array: NDArray[Any], axes: list[int]) -> tuple[NDArray[Any], list[int]]:
    """Drop a fourth axis of one element; `axes` are renumbered."""
    if array.ndim != 4 or len(axes) not in (3, 4):
        return array, axes
    outside = next((axis for axis in range(4) if axis not in axes), 3)
    if array.shape[3 - outside] != 1:
        return array, axes
    return np.squeeze(array, 3 - outside), [0, 1, 2]


def _geometry(header: Mapping[str, Any], shape: Sequence[int]) -> Geometry:
    space = str(header.get("space", "lps")).lower()
    spatial = space.removesuffix("-time") if "-" in space else space[:3]  # "rast" is "ras" with time
    signs = np.array(_TO_LPS.get(spatial, (1.0, 1.0, 1.0)))
    affine = np.eye(4)
    affine[:3, :3] = np.diag(_spacings(header)) if _directions(header) is None else _directions(header)
    affine[:3, 3] = np.asarray(header.get("space origin", _origin_of_axes(header)))[:3]
    affine[:3] *= signs[:, None]
    return Geometry.from_affine_lps(shape, affine)


def _directions(header: Mapping[str, Any]) -> NDArray[np.float64] | None:
    """Columns: the steps of the three spatial axes; None if the file does not tell."""
    directions = header.get("space directions")
    if directions is None:
        return None
    # Time may be a fourth dimension of the space.
    return np.array([np.asarray(directions[axis], dtype=float)[:3] for axis in _spatial_axes(header)[:3]]).T


def _spacings(header: Mapping[str, Any]) -> NDArray[np.float64]:
    spacings = header.get("spacings")
    if spacings is None:
        return np.ones(3)
    chosen = np.asarray(spacings, dtype=float)[_spatial_axes(header)[:3]]
    return np.where(np.isfinite(chosen), chosen, 1.0)


def _origin_of_axes(header: Mapping[str, Any]) -> NDArray[np.float64]:
    """Position of the first voxel in a file that knows no space: as teem and ITK take it of its axes."""
    axes = _spatial_axes(header)[:3]
    mins = header.get("axis mins", header.get("axismins"))
    if mins is None or "space" in header or "space dimension" in header:
        return np.zeros(3)
    chosen = np.asarray(mins, dtype=float)[axes]
    if not np.isfinite(chosen).all():
        return np.zeros(3)
    centers = header.get("centerings", header.get("centers")) or ["cell"] * int(header["dimension"])
    inside = [0.0 if centers[axis] == "node" else 0.5 for axis in axes]
    return np.asarray(chosen + inside * _spacings(header))
