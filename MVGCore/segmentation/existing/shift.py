"""By how much an existing segmentation is shifted against labelled slices, in all three directions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from MVGCore.segmentation.existing.shapes import around

Labels = NDArray[np.integer]
Floats = NDArray[np.float64]
Shift = tuple[int, int, int]

NONE: Shift = (0, 0, 0)
GOOD = 0.95  # mean Dice on the labelled slices above which no shift is sought
GAIN = 0.05  # of Dice on left-out labelled slices that a shift has to bring
MOST_ACROSS = 8  # slices
FINEST = 96  # pixels along a side on which overlaps are counted
NEARER = 1e-3  # of overlap that the farthest shift has to be better by than none


@dataclass(frozen=True)
class Overlaps:
    """What labelled slices share with a shifted segmentation.

    Attributes:
        shared: (n, C, D, R, Q) pixels that slice n and the segmentation share of a class, for shifts by D
            slices, R rows and Q columns.
        given, existing: (n, C) and (n, C, D) pixels of the class on the labelled slice and on what lies
            there; -1 in `existing` where the slice is shifted out of the volume.
        shifts: those along slices, rows and columns.
    """

    shared: Floats
    given: Floats
    existing: Floats
    shifts: tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]

    def best(self, slices: Sequence[int]) -> Shift:
        """The shift with the largest mean Dice over the classes on some of the labelled slices."""
        chosen = list(slices)
        there = self.existing[chosen] >= 0  # (n, C, D)
        given = (self.given[chosen][..., None] * there).sum(0)
        total = given + np.where(there, self.existing[chosen], 0).sum(0)
        dice = 2 * self.shared[chosen].sum(0) / np.maximum(total, 1)[..., None, None]
        drawn = given > 0
        mean = dice.sum(0) / np.maximum(drawn.sum(0), 1)[:, None, None]
        far = sum((each / max(abs(each).max(), 1)) ** 2 for each in np.meshgrid(*self.shifts, indexing="ij"))
        enough = 2 * there[:, 0].sum(0) >= len(chosen)
        score = np.where(enough[:, None, None], mean - NEARER * far, -np.inf)
        place = np.unravel_index(int(score.argmax()), score.shape)
        down, row, column = (int(each[n]) for each, n in zip(self.shifts, place, strict=True))
        return down, row, column


def moved(draft: Labels, shift: Shift) -> Labels:
    """A segmentation (K, H, W), shifted; what comes in from beyond its border is empty."""
    if not any(shift):
        return draft
    return np.asarray(ndimage.shift(draft, shift, order=0))


def find_shift(
    draft: Labels, labelled: Mapping[int, Labels], ids: Sequence[int], spacing: Sequence[float]
) -> Shift:
    """The shift of a segmentation that left-out labelled slices bear out; `NONE` if there is no such.

    Args:
        draft: (K, H, W).
        labelled: index of a slice -> its labels (H, W); at least one.
        ids: the classes that count.
        spacing: millimetres between slices, and along rows and columns.
    """
    if mean_dice({k: draft[k] for k in labelled}, labelled, ids) >= GOOD:
        return NONE
    places = sorted(labelled)
    overlaps, stride = _overlaps(draft, labelled, ids, spacing)
    if overlaps is None:
        return NONE

    def best(slices: Sequence[int]) -> Shift:
        down, row, column = overlaps.best(slices)
        coarse = (down, row * stride, column * stride)
        return (
            coarse
            if stride == 1
            else _refined(draft, labelled, ids, [places[n] for n in slices], coarse, stride)
        )

    gain = 0.0
    for n, index in enumerate(places):
        rest = [other for other in range(len(places)) if other != n] or [n]
        down, row, column = best(rest)
        source = index - down
        plane = draft[source] if 0 <= source < len(draft) else np.zeros_like(draft[0])
        truth = {index: labelled[index]}
        after = mean_dice({index: np.asarray(ndimage.shift(plane, (row, column), order=0))}, truth, ids)
        gain += (after - mean_dice({index: draft[index]}, truth, ids)) / len(places)
    return best(range(len(places))) if gain > GAIN else NONE


def mean_dice(existing: Mapping[int, Labels], truth: Mapping[int, Labels], ids: Sequence[int]) -> float:
    """Mean Dice over the classes that some slices show, all slices of a class counted together."""
    dices = []
    for class_id in ids:
        given = sum(int((truth[k] == class_id).sum()) for k in truth)
        shared = sum(int(((truth[k] == class_id) & (existing[k] == class_id)).sum()) for k in truth)
        other = sum(int((existing[k] == class_id).sum()) for k in truth)
        if given:
            dices.append(2 * shared / (given + other))
    return float(np.mean(dices)) if dices else 1.0


def _overlaps(
    draft: Labels, labelled: Mapping[int, Labels], ids: Sequence[int], spacing: Sequence[float]
) -> tuple[Overlaps | None, int]:
    """Overlaps on every so manieth pixel, and that stride; None where the classes are nowhere labelled."""
    places = sorted(labelled)
    drawn = np.isin(np.stack([labelled[k] for k in places]), ids)
    if not drawn.any():
        return None, 1
    areas = [(labelled[k] == c).sum() for k in places for c in ids if (labelled[k] == c).any()]
    radius = float(np.mean(np.sqrt(np.array(areas) * spacing[1] * spacing[2] / np.pi)))
    reach = [int(1.5 * radius / each) for each in spacing]
    across = min(reach[0], MOST_ACROSS)
    box = [around(np.asarray(drawn.any((0, 2 - axis))), reach[axis + 1]) for axis in (0, 1)]
    stride = max(1, -(-max(each.stop - each.start for each in box) // FINEST))
    part = tuple(slice(each.start, each.stop, stride) for each in box)
    downs = np.arange(-across, across + 1)
    rows, columns = (np.arange(-(each // stride), each // stride + 1) for each in reach[1:])
    shape = (len(places), len(ids), len(downs))
    shared = np.zeros((*shape, len(rows), len(columns)))
    given, existing = np.zeros(shape[:2]), np.full(shape, -1.0)
    for n, index in enumerate(places):
        for c, class_id in enumerate(ids):
            target = (labelled[index][part] == class_id).astype(np.float32)
            given[n, c] = target.sum()
            for d, down in enumerate(downs):
                if not 0 <= index - down < len(draft):
                    continue
                source = (draft[index - down][part] == class_id).astype(np.float32)
                existing[n, c, d] = source.sum()
                if given[n, c] and existing[n, c, d]:
                    shared[n, c, d] = _correlated(target, source)[np.ix_(rows, columns)]
    return Overlaps(shared, given, existing, (downs, rows, columns)), stride


def _correlated(target: NDArray[np.float32], source: NDArray[np.float32]) -> Floats:
    """[r, c] -> how much of `source`, shifted by so many rows and columns, lies on `target`; negative shifts
    count from the end."""
    shape = [2 * size for size in target.shape]
    product = np.fft.rfft2(target, shape) * np.conj(np.fft.rfft2(source, shape))
    return np.asarray(np.fft.irfft2(product, shape))


def _refined(
    draft: Labels,
    labelled: Mapping[int, Labels],
    ids: Sequence[int],
    slices: Sequence[int],
    coarse: Shift,
    stride: int,
) -> Shift:
    """The best shift within a stride of a coarse one."""
    near = range(-stride + 1, stride)
    truth = {k: labelled[k] for k in slices if 0 <= k - coarse[0] < len(draft)}

    def score(row: int, column: int) -> float:
        existing = {k: np.asarray(ndimage.shift(draft[k - coarse[0]], (row, column), order=0)) for k in truth}
        return mean_dice(existing, truth, ids)

    options = [(coarse[1] + row, coarse[2] + column) for row in near for column in near]
    best = max(options, key=lambda each: score(*each))
    return coarse[0], *best
