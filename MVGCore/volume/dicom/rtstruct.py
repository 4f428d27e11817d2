"""Structure sets: the contours of radiotherapy, filled on the slices that they were drawn on."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.volume.dicom.files import damage_named, read_whole
from MVGCore.volume.dicom.fill import filled
from MVGCore.volume.dicom.grid import grid_of
from MVGCore.volume.dicom.layers import layered
from MVGCore.volume.dicom.series import list_series
from MVGCore.volume.dicom.terms import Terms
from MVGCore.volume.geometry import Geometry
from MVGCore.volume.labelmap import SegmentClass, distinct_color
from MVGCore.volume.segmentation import Segmentation

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

Points = NDArray[np.float64]
Mask = NDArray[np.bool_]

# Contours that are written with a hundredth of a mm lie this much beside their slice at most.
_FLAT = 0.1
# Contours are of one plane if they lie within a hundredth of the distance of slices.
_PLANE_DIGITS = 2


@dataclass(frozen=True)
class Structure:
    """A region of interest.

    Attributes:
        class_: Its number, name and colour.
        contours: Each (n, 3) LPS mm, closed and flat.
    """

    class_: SegmentClass
    contours: tuple[Points, ...]


def read_rtstruct(path: Path, grid: Geometry | None = None) -> Segmentation:
    """Read a structure set; contours within others of the same structure and slice are holes.

    Args:
        path: The file.
        grid: Of the image to fill the contours on. Without it the series that they were drawn on is looked
            for in the folder of the file, and in those beside it.

    Raises:
        InputError: It is damaged or has no closed contours, they lie across the slices, or there is no
            image.
    """
    dataset = read_whole(path)
    with damage_named(path):
        structures = list(_structures(dataset))
        series = _referenced_series(dataset)
    if not any(each.contours for each in structures):
        raise InputError(f"'{path}' has no closed contours; draw some, or give another structure set.")
    geometry = grid if grid is not None else _grid_beside(path, series)
    classes = {each.class_.id: each.class_ for each in structures}
    masks = ((k, each.class_.id, mask) for each in structures for k, mask in _filled(path, each, geometry))
    return layered(masks, geometry, classes)


def _structures(dataset: Dataset) -> Iterator[Structure]:
    drawn = {int(item.ReferencedROINumber): item for item in dataset.get("ROIContourSequence") or ()}
    observed = {
        int(item.ReferencedROINumber): item for item in dataset.get("RTROIObservationsSequence") or ()
    }
    for place, item in enumerate(dataset.StructureSetROISequence, start=1):
        number = int(item.ROINumber)
        own = drawn.get(number)
        class_ = SegmentClass(
            id=number if number > 0 else place,
            name=str(item.get("ROIName") or "").strip() or f"structure {number}",
            color=_color(own) or distinct_color(place),
            terminology=_terminology(observed.get(number)),
        )
        yield Structure(class_, tuple(_contours(own)))


def _contours(item: Any) -> Iterator[Points]:
    for contour in (item.get("ContourSequence") if item is not None else None) or ():
        if str(contour.get("ContourGeometricType", "")).startswith("CLOSED_PLANAR"):
            points = np.array([float(each) for each in contour.ContourData]).reshape(-1, 3)
            if len(points) > 2 and np.isfinite(points).all():
                yield points


def _color(item: Any) -> tuple[float, float, float] | None:
    value = item.get("ROIDisplayColor") if item is not None else None
    if value is None or len(value) != 3:
        return None
    red, green, blue = (min(max(int(each), 0), 255) / 255 for each in value)
    return red, green, blue


def _terminology(observation: Any) -> str:
    codes = observation.get("RTROIIdentificationCodeSequence") if observation is not None else None
    terms = Terms.of_structure(codes[0]) if codes else None
    return terms.text if terms is not None else ""


def _referenced_series(dataset: Dataset) -> set[str]:
    return {
        str(series.SeriesInstanceUID)
        for frame in dataset.get("ReferencedFrameOfReferenceSequence") or ()
        for study in frame.get("RTReferencedStudySequence") or ()
        for series in study.get("RTReferencedSeriesSequence") or ()
    }


def _grid_beside(path: Path, uids: set[str]) -> Geometry:
    for folder in (path.parent, path.parent.parent):
        try:
            matching = [each for each in list_series(folder) if each.uid in uids and each.is_volume]
        except InputError:
            continue
        if matching:
            return grid_of(matching[0].planes).geometry
    raise InputError(
        f"'{path}' holds contours without their image; open the image first, or put the file beside its "
        "series."
    )


def _filled(path: Path, structure: Structure, grid: Geometry) -> Iterator[tuple[int, Mask]]:
    """The slices of a structure with their masks: of several planes of contours at a slice the nearest."""
    by_plane: dict[float, list[Points]] = defaultdict(list)
    for contour in structure.contours:
        ijk = grid.world_to_index(contour)
        k = float(np.mean(ijk[:, 2]))
        if np.abs(ijk[:, 2] - k).max() * grid.spacing[2] > max(_FLAT, _FLAT * grid.spacing[2]):
            raise InputError(
                f"The contours of '{structure.class_.name}' in '{path}' lie across the slices of the image; "
                "export them for this series."
            )
        by_plane[round(k, _PLANE_DIGITS)].append(ijk[:, :2])
    nearest: dict[int, float] = {}
    for plane in by_plane:
        k = int(np.floor(plane + 0.5))
        if 0 <= k < grid.shape[0] and abs(plane - k) < abs(nearest.get(k, np.inf) - k):
            nearest[k] = plane
    unused = len(by_plane) - len(nearest)
    if unused:
        warnings.warn(
            f"{unused} of {len(by_plane)} planes of contours of '{structure.class_.name}' lie beyond the "
            "image, or beside another one at the same slice, and were not used.",
            stacklevel=2,
        )
    masks = {k: filled(by_plane[plane], (grid.shape[1], grid.shape[2])) for k, plane in nearest.items()}
    thin = [str(k) for k, mask in sorted(masks.items()) if not mask.any()]
    if thin:
        warnings.warn(
            f"The contours of '{structure.class_.name}' hold no voxel at slice {', '.join(thin)} (counted "
            "from 0): they are smaller than one, and are not used there.",
            stacklevel=2,
        )
    yield from masks.items()
