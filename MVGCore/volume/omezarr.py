"""OME-Zarr images (https://ngff.openmicroscopy.org): one level of their resolutions at a time."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from MVGCore.errors import InputError, MissingExtraError
from MVGCore.volume.geometry import Geometry
from MVGCore.volume.limits import free_memory, size_text
from MVGCore.volume.region import RegionPart, around, cropped
from MVGCore.volume.stored import Stored
from MVGCore.volume.zarrpart import read_part

_SPATIAL = ("z", "y", "x")
_WORK = 4  # work on an image takes several times its size
_UNITS_MM = {
    "": 1.0,
    "angstrom": 1e-7,
    "nanometer": 1e-6,
    "micrometer": 1e-3,
    "millimeter": 1.0,
    "centimeter": 10.0,
    "meter": 1000.0,
}


@dataclass(frozen=True)
class _Level:
    """One resolution.

    Attributes:
        name: Of the array.
        array: The zarr array, of which nothing is read yet.
        scale: Distance of voxels along each of its axes, in the unit of the axis.
        translation: Position of its first voxel.
    """

    name: str
    array: Any
    scale: tuple[float, ...]
    translation: tuple[float, ...]

    @property
    def size(self) -> int:
        """Bytes of all voxels."""
        return math.prod(self.array.shape) * int(self.array.dtype.itemsize)


def read_ome_zarr(path: Path, level: int | None = None, near: Geometry | None = None) -> Stored:
    """Read one level of an image, or a part of it; only if that fits into the free memory.

    The format knows no patient: x, y and z are taken as the directions left, posterior and superior.

    Args:
        path: The folder.
        level: 0 is the finest, and the default.
        near: A box. Where the level takes more than a quarter of the free memory, what lies in and around the
            box is read alone, which a warning tells.

    Raises:
        InputError: It is no image of three dimensions, has no such level, or the level does not fit.
        MissingExtraError: zarr is not installed.
    """
    try:
        import zarr
    except ImportError as error:
        raise MissingExtraError(
            "OME-Zarr needs the package zarr: pip install 'mvg-slicer[zarr]' installs it."
        ) from error

    group: Any = zarr.open_group(str(path), mode="r")
    attributes: Any = dict(group.attrs)
    image = (attributes.get("ome", attributes).get("multiscales") or [None])[0]
    if image is None:
        raise InputError(f"'{path}' is a zarr folder without an OME-Zarr image; give the folder of an image.")
    axes = [str(axis["name"] if isinstance(axis, dict) else axis) for axis in image.get("axes", "tczyx")]
    levels = [_level(group, image, each, len(axes)) for each in image["datasets"]]
    chosen = _existing(path, levels, 0 if level is None else level)
    if sorted(set(axes) & set(_SPATIAL)) != sorted(_SPATIAL):
        raise InputError(f"'{path}' has the axes {', '.join(axes)}; MVG needs x, y and z.")
    others = [n for n, name in enumerate(axes) if name not in _SPATIAL]
    if any(chosen.array.shape[n] > 1 for n in others):
        raise InputError(
            f"'{path}' has several channels or time points ({chosen.array.shape} along {', '.join(axes)}) "
            "and MVG needs one; save one of them as an image of its own."
        )
    places = [axes.index(name) for name in _SPATIAL]
    geometry = _geometry(chosen, axes, _units(image), [chosen.array.shape[n] for n in places])
    part = _part(path, levels, chosen, geometry, near)
    region = [(0, 1)] * len(axes)
    for place, each in zip(places, part, strict=True):
        region[place] = (each.start, each.stop)
    grid = cropped(geometry, part)
    array = read_part(path, chosen.name, region, math.prod(grid.shape) * chosen.array.dtype.itemsize)
    ordered = array.transpose([*others, *places]).reshape(grid.shape)
    return Stored(np.ascontiguousarray(ordered), grid)


def _level(group: Any, image: Mapping[str, Any], dataset: Mapping[str, Any], count: int) -> _Level:
    scale, translation = np.ones(count), np.zeros(count)
    for source in (dataset, image):
        for each in source.get("coordinateTransformations", ()):
            if each.get("type") == "scale":
                scale, translation = scale * each["scale"], translation * each["scale"]
            elif each.get("type") == "translation":
                translation = translation + each["translation"]
    return _Level(dataset["path"], group[dataset["path"]], tuple(scale), tuple(translation))


def _existing(path: Path, levels: Sequence[_Level], level: int) -> _Level:
    if not 0 <= level < len(levels):
        raise InputError(f"'{path}' has no level {level}; choose --level 0 to {len(levels) - 1}.")
    return levels[level]


def _part(
    path: Path, levels: Sequence[_Level], chosen: _Level, geometry: Geometry, near: Geometry | None
) -> RegionPart:
    """What is read of a level: all, or what lies near a box, if that fits into the memory."""
    free, level = free_memory(), levels.index(chosen)
    if near is None or chosen.size <= free // _WORK:
        if chosen.size <= free:
            return slice(0, geometry.shape[0]), slice(0, geometry.shape[1]), slice(0, geometry.shape[2])
        needed, limit, what = chosen.size, free, f"Level {level}"
    else:
        part = around(geometry, near)
        needed, limit = math.prod(cropped(geometry, part).shape) * chosen.array.dtype.itemsize, free // _WORK
        if needed <= limit:
            k, j, i = cropped(geometry, part).shape
            warnings.warn(
                f"'{path}': the part around the labels was read alone, {i} x {j} x {k} voxels "
                f"({size_text(needed)}), since level {level} needs {size_text(chosen.size)} and images may "
                f"take {size_text(limit)}, a quarter of the free memory.",
                stacklevel=2,
            )
            return part
        what = f"The part around the labels at level {level}"
    share = needed / chosen.size
    fitting = next((n for n, each in enumerate(levels) if n > level and each.size * share <= limit), None)
    remedy = "resample it" if fitting is None else f"choose --level {fitting}"
    raise InputError(
        f"{what} of '{path}' needs {size_text(needed)} of memory, and {size_text(limit)} are free; {remedy}, "
        "or close other programs."
    )


def _units(image: Mapping[str, Any]) -> dict[str, float]:
    """Length in mm of the unit of each axis."""
    named = [axis for axis in image.get("axes", ()) if isinstance(axis, dict)]
    return {str(axis["name"]): _UNITS_MM.get(str(axis.get("unit", "")), 1.0) for axis in named}


def _geometry(
    level: _Level, axes: Sequence[str], units: Mapping[str, float], shape: Sequence[int]
) -> Geometry:
    places = [axes.index(name) for name in reversed(_SPATIAL)]
    unit = [units.get(axes[n], 1.0) for n in places]
    affine = np.eye(4)
    affine[:3, :3] = np.diag([level.scale[n] * mm for n, mm in zip(places, unit, strict=True)])
    affine[:3, 3] = [level.translation[n] * mm for n, mm in zip(places, unit, strict=True)]
    return Geometry.from_affine_lps(shape, affine)
