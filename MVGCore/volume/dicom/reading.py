"""Reading a DICOM series as a volume."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from MVGCore.errors import InputError
from MVGCore.volume.dicom.grid import SliceGrid, grid_of
from MVGCore.volume.dicom.pixels import read_stack
from MVGCore.volume.dicom.series import Series, find_series
from MVGCore.volume.volume import Volume


def read_series(series: Series) -> Volume:
    """Read a series as a volume; what is not as it seems is told as warnings.

    Raises:
        InputError: Its slices make no volume of one number per voxel, or files beside them are damaged.
    """
    _refuse_damage(series)
    _check_readable(series)
    name = f"'{series.file.parent if series.count > 1 else series.file}'"
    try:
        grid = grid_of(series.planes)
    except InputError as error:
        raise InputError(f"{name} cannot be read as a volume: {error}.") from error
    values = _on_grid(read_stack(series.planes), grid)
    for note in (*series.notes, *grid.notes, *_remarks(series)):
        warnings.warn(f"{name}: {note}.", stacklevel=3)
    return Volume(values, grid.geometry, modality=series.modality)


def read_dicom(path: Path, which: int | str | Series | None = None) -> Volume:
    """Read a series from a DICOM folder, or the one that a file belongs to.

    Raises:
        InputError: See `find_series` and `read_series`.
    """
    return read_series(which if isinstance(which, Series) else find_series(path, which))


def _on_grid(values: np.ndarray, grid: SliceGrid) -> np.ndarray:
    if not grid.weight.any():
        return values if len(values) == len(grid.below) else values[grid.below]
    result = values[grid.below]
    for index in np.flatnonzero(grid.weight):
        share, below = grid.weight[index], grid.below[index]
        mixed = (1 - share) * values[below] + share * values[below + 1]
        result[index] = np.round(mixed) if result.dtype.kind in "iu" else mixed
    return result


def _remarks(series: Series) -> list[str]:
    source = series.planes[0].source
    notes = []
    if source.colour:
        notes.append(f"it is a picture in colour ({source.colour}), of which the luminance was taken")
    if source.inverted:
        notes.append("its small values are meant to look white (MONOCHROME1); they are kept as they are")
    if any(plane.source.burned_in for plane in series.planes):
        notes.append("it has text burnt into its pictures, perhaps the patient's name: share it with care")
    return notes


def _check_readable(series: Series) -> None:
    source = series.planes[0].source
    if source.colour and not (source.alone and series.count == 1):
        raise InputError(
            f"'{source.file}' is a picture in colour ({source.colour}); give a series in shades of grey."
        )
    if source.mosaic:
        raise InputError(
            f"'{source.file}' is a mosaic: its slices lie side by side in one picture; convert it to NIfTI, "
            "e.g. with dcm2niix."
        )
    if source.film:
        raise InputError(f"'{source.file}' is a film: its frames are moments, not slices; give a volume.")


def _refuse_damage(series: Series) -> None:
    """A damaged file beside the slices is most likely one of them: without it labels lie on wrong slices."""
    damaged, folder = series.damaged, series.file.parent
    if len(damaged) == 1:
        raise damaged[0]
    if damaged:
        names = ", ".join(error.file.name for error in damaged[:5]) + (", ..." if len(damaged) > 5 else "")
        raise InputError(
            f"{len(damaged)} files in '{folder}' are damaged ({names}; the first: {damaged[0].why}); "
            "copy or export the series again, or move them away if they do not belong to it."
        )
