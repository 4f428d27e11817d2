"""OME-Zarr images (https://ngff.openmicroscopy.org): one level of their resolutions at a time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from MVGCore.errors import InputError, MissingExtraError
from MVGCore.volume.geometry import Geometry
from MVGCore.volume.limits import free_memory, size_text
from MVGCore.volume.stored import Stored

_SPATIAL = ("z", "y", "x")
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
        array: The zarr array, of which nothing is read yet.
        scale: Distance of voxels along each of its axes, in the unit of the axis.
        translation: Position of its first voxel.
    """

    array: Any
    scale: tuple[float, ...]
    translation: tuple[float, ...]

    @property
    def size(self) -> int:
        """Bytes of all voxels."""
        return math.prod(self.array.shape) * int(self.array.dtype.itemsize)


def read_ome_zarr(path: Path, level: int | None = None) -> Stored:
    """Read one level of an image; only its chunks are read, and only if they fit into the free memory.

    The format knows no patient: x, y and z are taken as the directions left, posterior and superior.

    Args:
        path: The folder.
        level: 0 is the finest, and the default.

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
    chosen = _chosen(path, levels, 0 if level is None else level)
    if sorted(set(axes) & set(_SPATIAL)) != sorted(_SPATIAL):
        raise InputError(f"'{path}' has the axes {', '.join(axes)}; MVG needs x, y and z.")
    others = [n for n, name in enumerate(axes) if name not in _SPATIAL]
    if any(chosen.array.shape[n] > 1 for n in others):
        raise InputError(
            f"'{path}' has several channels or time points ({chosen.array.shape} along {', '.join(axes)}) "
            "and MVG needs one; save one of them as an image of its own."
        )
    index = tuple(0 if n in others else slice(None) for n in range(len(axes)))
    array = np.asarray(chosen.array[index])
    own = [name for name in axes if name in _SPATIAL]
    ordered = np.ascontiguousarray(array.transpose([own.index(name) for name in _SPATIAL]))
    return Stored(ordered, _geometry(chosen, axes, _units(image), ordered.shape))


def _level(group: Any, image: Mapping[str, Any], dataset: Mapping[str, Any], count: int) -> _Level:
    scale, translation = np.ones(count), np.zeros(count)
    for source in (dataset, image):
        for each in source.get("coordinateTransformations", ()):
            if each.get("type") == "scale":
                scale, translation = scale * each["scale"], translation * each["scale"]
            elif each.get("type") == "translation":
                translation = translation + each["translation"]
    return _Level(group[dataset["path"]], tuple(scale), tuple(translation))


def _chosen(path: Path, levels: Sequence[_Level], level: int) -> _Level:
    if not 0 <= level < len(levels):
        raise InputError(f"'{path}' has no level {level}; choose --level 0 to {len(levels) - 1}.")
    free = free_memory()
    if levels[level].size <= free:
        return levels[level]
    fitting = next((n for n, each in enumerate(levels) if n > level and each.size <= free), None)
    remedy = "resample it" if fitting is None else f"choose --level {fitting}"
    raise InputError(
        f"Level {level} of '{path}' needs {size_text(levels[level].size)} of memory, and {size_text(free)} "
        f"are free; {remedy}, or close other programs."
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
