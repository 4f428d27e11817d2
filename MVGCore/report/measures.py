"""What a reviewer wants to know of a segmentation: sizes, parts, places, and what is unlike the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from MVGCore.volume import LabelMap

SMALL_PART = 0.01  # of a class; smaller parts are specks, and not counted
OUTLIER = 3.5  # robust standard deviations
FEWEST = 8  # volumes below which nothing is called unlike the others
USUALLY_THERE = 0.9  # share of the volumes that have a class, from which on its absence is told
_MAD_TO_SD = 1.4826
_LEAST_SPREAD = 0.05


@dataclass(frozen=True)
class ClassMeasures:
    """Size and shape of one class.

    Attributes:
        id: label value.
        millilitres: volume.
        parts: connected parts that are not specks.
        extent_mm: of the box around it, along (k, j, i); zeros if there is none.
        place: centre of mass as shares of the volume's extent, (k, j, i); None if there is none.
    """

    id: int
    millilitres: float
    parts: int
    extent_mm: tuple[float, float, float]
    place: tuple[float, float, float] | None


def measure_classes(labels: LabelMap) -> tuple[ClassMeasures, ...]:
    """Measures every class of a label map, those without a voxel too."""
    from scipy import ndimage

    spacing = np.asarray(labels.geometry.array_spacing)
    boxes = ndimage.find_objects(labels.array)
    return tuple(
        _measured(labels.array, each.id, boxes[each.id - 1] if each.id <= len(boxes) else None, spacing)
        for each in labels.classes
    )


def _measured(
    array: NDArray[np.integer], class_id: int, box: tuple[slice, ...] | None, spacing: NDArray[np.float64]
) -> ClassMeasures:
    from scipy import ndimage

    if box is None:
        return ClassMeasures(class_id, 0.0, 0, (0.0, 0.0, 0.0), None)
    mask = array[box] == class_id
    voxels = int(mask.sum())
    parts, _ = ndimage.label(mask, np.ones((3, 3, 3)))
    sizes = np.bincount(parts.ravel())[1:]
    starts = np.array([each.start for each in box])
    middle = (np.argwhere(mask).mean(0) + starts + 0.5) / array.shape
    extent = np.array(mask.shape) * spacing
    return ClassMeasures(
        class_id,
        float(voxels * np.prod(spacing) / 1000),
        int((sizes >= SMALL_PART * voxels).sum()),
        (float(extent[0]), float(extent[1]), float(extent[2])),
        (float(middle[0]), float(middle[1]), float(middle[2])),
    )


def unlike_the_rest(volumes: Sequence[Sequence[ClassMeasures]]) -> list[dict[int, tuple[str, ...]]]:
    """For each volume: class id -> what of the class is unlike the other volumes of the data set, in words.

    Sizes are compared by their logarithm and places by their distance, each in robust standard deviations of
    the data set; the number of parts with the usual one. Few volumes tell nothing.
    """
    unlike: list[dict[int, tuple[str, ...]]] = [{} for _ in volumes]
    ids = sorted({each.id for classes in volumes for each in classes})
    for class_id in ids:
        where = [n for n, classes in enumerate(volumes) if any(each.id == class_id for each in classes)]
        own = [next(each for each in volumes[n] if each.id == class_id) for n in where]
        for n, words in zip(where, _words(own), strict=True):
            if words:
                unlike[n][class_id] = words
    return unlike


def _words(own: Sequence[ClassMeasures]) -> list[tuple[str, ...]]:
    """What is unusual of the same class in several volumes."""
    there = [each for each in own if each.place is not None]
    if len(there) < FEWEST:
        return [()] * len(own)
    sizes = _deviations(np.log([each.millilitres for each in there]))
    places = np.array([each.place for each in there])
    far = np.max(np.abs(np.stack([_deviations(places[:, a], 0.01) for a in range(3)])), axis=0)
    usual = int(np.median([each.parts for each in there]))
    told = {}
    for each, size, distance in zip(there, sizes, far, strict=True):
        words = []
        if abs(size) > OUTLIER:
            words.append("large" if size > 0 else "small")
        if distance > OUTLIER:
            words.append("elsewhere")
        if each.parts > usual + 1:
            words.append(f"{each.parts} parts")
        told[id(each)] = tuple(words)
    often = len(there) >= USUALLY_THERE * len(own)
    return [told.get(id(each), ("missing",) if often else ()) for each in own]


def _deviations(values: NDArray[np.float64], least: float = _LEAST_SPREAD) -> NDArray[np.float64]:
    """Distances from the median in robust standard deviations, which are at least `least`."""
    centred = values - np.median(values)
    spread = _MAD_TO_SD * float(np.median(np.abs(centred)))
    return np.asarray(centred / max(spread, least))
