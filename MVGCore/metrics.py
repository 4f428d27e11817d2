"""Overlap and surface measures of a label map against the truth, per class, in millimetres.

Dice comes from SimpleITK's ``LabelOverlapMeasuresImageFilter``; surface Dice and the 95th percentile of the
Hausdorff distance from the `surface-distance` package (Nikolov et al., 2018, arXiv 1809.04430), which weighs
every surface element by its area in mm2, so that anisotropic voxels are honoured.

Empty classes: a class that neither map contains is not counted; a class that only one of them contains has
Dice 0, surface Dice 0 and an undefined (None) HD95, because no distance to an empty surface exists.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from MVGCore.errors import InputError, MissingExtraError


@dataclass(frozen=True)
class ClassScore:
    """Measures of one class; None where a measure is undefined or was not asked for."""

    id: int
    name: str
    dice: float
    surface_dice: float | None = None
    hd95_mm: float | None = None
    truth_voxels: int = 0
    result_voxels: int = 0


@dataclass(frozen=True)
class Score:
    """The classes that count in one comparison, and their means."""

    classes: tuple[ClassScore, ...]
    never_shown: tuple[int, ...] = field(default=())

    @property
    def dice(self) -> float | None:
        """Mean Dice over the counted classes; None without any."""
        return mean(score.dice for score in self.classes)

    @property
    def surface_dice(self) -> float | None:
        """Mean surface Dice over the classes that have one."""
        return mean(score.surface_dice for score in self.classes)

    @property
    def hd95_mm(self) -> float | None:
        """Mean HD95 over the classes that have one (a class missed altogether has none)."""
        return mean(score.hd95_mm for score in self.classes)


def mean(values: Iterable[float | None]) -> float | None:
    """Mean of the values that are not None; None when there are none."""
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def dice_per_class(truth: np.ndarray, result: np.ndarray, ids: Sequence[int]) -> dict[int, float]:
    """Dice of each class that at least one of the two maps contains.

    Args:
        truth: (K, J, I) integer labels.
        result: (K, J, I) integer labels.
        ids: The classes to compare.

    Returns:
        Class id -> Dice in 0..1. Classes absent from both maps are left out.

    Raises:
        InputError: The two maps differ in shape.
    """
    import SimpleITK as sitk

    _check_shapes(truth, result)
    measure = sitk.LabelOverlapMeasuresImageFilter()
    measure.Execute(_as_image(truth), _as_image(result))
    in_truth, in_result = set(np.unique(truth).tolist()), set(np.unique(result).tolist())
    scores = {}
    for class_id in ids:
        if class_id in in_truth and class_id in in_result:
            scores[class_id] = float(measure.GetDiceCoefficient(int(class_id)))
        elif class_id in in_truth or class_id in in_result:
            scores[class_id] = 0.0
    return scores


def surface_measures(
    truth: np.ndarray, result: np.ndarray, spacing: Sequence[float], tolerance_mm: float
) -> tuple[float | None, float | None]:
    """Surface Dice at a tolerance and HD95 of one class.

    Args:
        truth: (K, J, I) bool mask.
        result: (K, J, I) bool mask.
        spacing: Millimetres along (k, j, i), the array's own order.
        tolerance_mm: Surfaces nearer than this count as equal.

    Returns:
        (surface Dice in 0..1, HD95 in mm): (None, None) when both masks are empty, (0, None) when one is.

    Raises:
        InputError: The masks differ in shape.
        MissingExtraError: The `surface-distance` package is not installed.
    """
    _check_shapes(truth, result)
    if not truth.any() or not result.any():
        return (0.0, None) if truth.any() or result.any() else (None, None)
    library = _surface_library()
    with warnings.catch_warnings():
        # The package still uses scipy's old module names.
        warnings.simplefilter("ignore", DeprecationWarning)
        distances = library.compute_surface_distances(truth, result, tuple(spacing))
    surface_dice = float(library.compute_surface_dice_at_tolerance(distances, tolerance_mm))
    return surface_dice, float(library.compute_robust_hausdorff(distances, 95))


def surface_dice(
    truth: np.ndarray, result: np.ndarray, spacing: Sequence[float], tolerance_mm: float
) -> float | None:
    """Surface Dice of one class's masks; see `surface_measures`."""
    return surface_measures(truth, result, spacing, tolerance_mm)[0]


def hd95_mm(truth: np.ndarray, result: np.ndarray, spacing: Sequence[float]) -> float | None:
    """95th percentile of the Hausdorff distance in mm of one class's masks; see `surface_measures`."""
    return surface_measures(truth, result, spacing, tolerance_mm=0.0)[1]


def score_propagation(
    truth: np.ndarray,
    result: np.ndarray,
    spacing: Sequence[float],
    axis: int,
    slices: Sequence[int],
    names: dict[int, str] | None = None,
    tolerance_mm: float | None = None,
    surfaces: bool = True,
) -> Score:
    """Scores what a method made of a few labelled slices.

    Counted are the classes that at least one labelled slice shows and that the truth contains outside the
    labelled slices; classes that no labelled slice shows cannot be known to a method: they are listed in
    `Score.never_shown`. The voxels of the labelled slices were given and are left out of Dice. Surface
    measures keep them (as the truth has them, the same for every method), because taking a slice out of a
    volume would cut artificial surfaces into both maps.

    Args:
        truth: (K, J, I) integer labels.
        result: (K, J, I) integer labels.
        spacing: Millimetres along (k, j, i).
        axis: The array axis of the labelled slices.
        slices: Their indices.
        names: Class id -> name.
        tolerance_mm: Tolerance of surface Dice; the largest in-plane voxel edge when None.
        surfaces: Whether to measure surfaces, which costs more than all the rest.

    Raises:
        InputError: The maps differ in shape.
        MissingExtraError: Surfaces are asked for and their package is not installed.
    """
    _check_shapes(truth, result)
    given = set(np.unique(np.take(truth, slices, axis=axis)).tolist()) - {0}
    hidden_truth, hidden_result = _without(truth, axis, slices), _without(result, axis, slices)
    present = _voxel_counts(hidden_truth)
    counts = _voxel_counts(hidden_result)
    counted = sorted(given & present.keys())
    dice = dice_per_class(hidden_truth, hidden_result, counted)
    if tolerance_mm is None:
        tolerance_mm = max(edge for a, edge in enumerate(spacing) if a != axis)
    completed = _with_truth(truth, result, axis, slices) if surfaces else result
    scores = []
    for class_id in counted:
        overlap, distance = None, None
        if surfaces:
            overlap, distance = surface_measures(
                truth == class_id, completed == class_id, spacing, tolerance_mm
            )
        name = (names or {}).get(class_id, f"class {class_id}")
        scores.append(
            ClassScore(
                class_id, name, dice[class_id], overlap, distance, present[class_id], counts.get(class_id, 0)
            )
        )
    return Score(tuple(scores), tuple(sorted(present.keys() - given)))


def _check_shapes(truth: np.ndarray, result: np.ndarray) -> None:
    if truth.shape != result.shape:
        raise InputError(
            f"The two label maps differ in shape ({truth.shape} and {result.shape}): resample one first."
        )


def _as_image(labels: np.ndarray) -> Any:
    import SimpleITK as sitk

    return sitk.GetImageFromArray(np.ascontiguousarray(labels, dtype=np.uint16))


def _without(labels: np.ndarray, axis: int, slices: Sequence[int]) -> np.ndarray:
    return np.delete(labels, list(slices), axis=axis)


def _with_truth(truth: np.ndarray, result: np.ndarray, axis: int, slices: Sequence[int]) -> np.ndarray:
    completed = np.array(result)
    given = (slice(None),) * axis + (list(slices),)
    completed[given] = truth[given]
    return completed


def _voxel_counts(labels: np.ndarray) -> dict[int, int]:
    ids, counts = np.unique(labels, return_counts=True)
    return {int(i): int(n) for i, n in zip(ids, counts, strict=True) if i != 0}


def _surface_library() -> Any:
    try:
        import surface_distance
    except ImportError as error:
        raise MissingExtraError(
            'Surface Dice and HD95 need the surface-distance package: pip install "mvg-slicer[peers]"'
        ) from error
    return surface_distance


def boxes_of(labels: NDArray[np.integer], least: int = 4) -> list[tuple[int, int, int, int]]:
    """(left, top, right, bottom) in pixels, ends included, around each connected part of a plane (H, W).

    Args:
        labels: 0 is the background.
        least: pixels of a part that counts.
    """
    parts, _ = ndimage.label(labels > 0)
    sizes = np.bincount(parts.ravel())
    boxes = []
    for number, place in enumerate(ndimage.find_objects(parts), 1):
        if sizes[number] >= least:
            rows, columns = place
            boxes.append((columns.start, rows.start, columns.stop - 1, rows.stop - 1))
    return boxes


def detection(
    truth: Sequence[Sequence[float]], boxes: Sequence[Sequence[float]], least: float = 0.5
) -> tuple[int, int]:
    """How many true boxes were found, and how many of those found are false.

    A box (left, top, right, bottom) is found by one that overlaps it by `least` of their union; each one
    found finds one.
    """
    left = list(boxes)
    hits = 0
    for box in truth:
        best = max(left, key=lambda each: overlap(box, each), default=None)
        if best is not None and overlap(box, best) >= least:
            left.remove(best)
            hits += 1
    return hits, len(left)


def overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """Intersection over union of two boxes (left, top, right, bottom), ends included."""
    sides = [min(one[n + 2], other[n + 2]) - max(one[n], other[n]) + 1 for n in (0, 1)]
    common = max(0.0, sides[0]) * max(0.0, sides[1])
    areas = [(box[2] - box[0] + 1) * (box[3] - box[1] + 1) for box in (one, other)]
    return float(common / (sum(areas) - common))
