"""How probable it is that a class is still there beyond the labelled slices that show it.

What matches a structure beyond its end is often something else: ventricles are continued into atria. So what
is known of each class is turned into odds that it is there at all, which its pixels then have to share (see
`presence`): first from the labelled slices alone, then from what was found throughout the volume as well. A
class may end beyond the outermost labelled slices, or in the gap to a labelled slice that is without it.

How the odds depend on what is known was fitted on training hearts, hippocampi, and organs of head and neck,
along all axes and of several thicknesses, with slices labelled evenly, outermost ones first, and at random.
Each volume was taken as it is, and as if it ended before the structures do: what runs through the whole
volume, as a cord or a vessel, shows no end. The constants are what `python -m MVGCore.evaluation.ends` fits,
which also says how good they are on a data set that took no part (see docs/ends.md, and there what was tried
and left out).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from MVGCore.prompts import Prompt

Floats = NDArray[np.float64]
LENGTH = 0.5  # of the length that labelled slices show of a class: distances are compared with no less
SPECK = 0.02  # share of the labelled area that is added to areas before their logarithms are compared
SUREST = 7.0  # log-odds by the labelled slices count no more than this once more is known
APEX = 0.1  # what is added to the share of the way to the apex before its logarithm is taken
UNEVEN = 2.0  # how fast gaps that differ, by their mean, tell less of where the next one would end
WITHIN, PAST = 0.4, 0.7  # gaps: who spreads slices evenly leaves so much, and hardly ever so much


@dataclass(frozen=True)
class EndModel:
    """Log-odds that a class is there, as sums of what is known, each times its weight.

    Attributes:
        by_labels: beyond the outermost labelled slices: an offset, then the weights of `Ending.traits`.
        by_prediction: what is added there once areas are known: what was found up to it, times the credit
            that it deserves, as an offset and the weight of the logarithm of the least area, as a share of
            the labelled one; and the weight of the steepest fall of that logarithm from one slice to the next
            up to the slice. Where the area never becomes small, however far one goes, the credit is 0.
        in_gap: in a gap to a labelled slice without the class: as `by_labels`. What was found there tells no
            more of it: whatever fills a gap ends within it.
    """

    by_labels: tuple[float, ...]
    by_prediction: tuple[float, float, float]
    in_gap: tuple[float, ...]


SHIPPED_END_MODEL = EndModel(
    by_labels=(-1.724, -1.674, -0.339, 1.084, -1.278),
    by_prediction=(2.497, 0.819, 0.61),
    in_gap=(0.843, -0.822, 1.542, 1.417),
)


@dataclass(frozen=True)
class Ending:
    """Slices on which a class may have ended: those between a labelled slice that shows it and the border of
    the volume, or the next labelled slice, which is without it.

    Attributes:
        slices: their indices, outwards; at least one.
        area: of the class on the labelled slice, in pixels.
        traits: (n, f) what the labelled slices tell of them: the logarithm of the distance to the labelled
            slice in diameters of the class there (or in halves of the length that labelled slices show of
            it, if these are longer: what is long and thin goes on for long); and

            beyond the outermost labelled slice the logarithm of the share that this is of the way to the apex
            of the cone through the two outermost labelled slices of the class, that of the area as a share of
            the largest labelled one, and whether it is farther than half a gap (see `_past_half_a_gap`);

            in a gap the logarithm of the part of it that is left, and that of the area as before.
        in_gap: whether a labelled slice without the class follows.
    """

    slices: NDArray[np.intp]
    area: float
    traits: Floats
    in_gap: bool = False

    def by_labels(self, model: EndModel) -> Floats:
        """(n,) log-odds that the class is there, by the labelled slices."""
        offset, *weights = model.in_gap if self.in_gap else model.by_labels
        return offset + self.traits @ np.array(weights)

    def by_prediction(self, areas: Floats, model: EndModel) -> Floats:
        """(n,) log-odds once areas (n,) in pixels were found there; nan where nothing was looked for."""
        if self.in_gap:
            return self.by_labels(model)
        odds = np.clip(self.by_labels(model), -SUREST, SUREST)
        return np.asarray(odds + prediction_traits(areas, self.area) @ np.array(model.by_prediction))


def prediction_traits(areas: Floats, labelled: float) -> Floats:
    """(n, 3) what is known once areas were found, see `EndModel.by_prediction`.

    Args:
        areas: (n,) pixels that were found, outwards; nan where nothing was looked for, since the user said
            that nothing is there: it tells nothing of the other slices.
        labelled: pixels on the outermost labelled slice.
    """
    known = np.append(labelled, areas)
    known = known[np.maximum.accumulate(np.where(np.isnan(known), 0, np.arange(len(known))))]
    shares = np.log((known + SPECK * labelled + 1) / ((1 + SPECK) * labelled + 1))
    nothing = np.log((SPECK * labelled + 1) / ((1 + SPECK) * labelled + 1))
    least, steepest = (np.minimum.accumulate(each) for each in (shares[1:], np.diff(shares)))
    credit = np.full(len(areas), np.clip(least[-1] / nothing, 0, 1))
    return np.stack((credit, credit * least, np.minimum(steepest, 0)), 1)


def endings(
    prompts: Sequence[Prompt], class_id: int, spacing: Sequence[float], depth: int
) -> Iterator[Ending]:
    """Where a class may end, by the labelled slices, at least one; the rest as of `endings_by_areas`."""
    areas = {prompt.index: float((prompt.labels == class_id).sum()) for prompt in prompts}
    return endings_by_areas(areas, spacing, depth)


def endings_by_areas(areas: Mapping[int, float], spacing: Sequence[float], depth: int) -> Iterator[Ending]:
    """Where a class may end, by how much of it labelled slices show.

    Args:
        areas: index of a labelled slice -> pixels of the class.
        spacing: millimetres between slices, and along rows and columns.
        depth: slices of the volume.
    """
    places, present = sorted(areas), [index for index in sorted(areas) if areas[index]]
    for start in present:
        area, at = areas[start], places.index(start)
        diameter = (area * spacing[1] * spacing[2]) ** 0.5 + spacing[1]
        scale = max(diameter, LENGTH * (present[-1] - present[0]) * spacing[0])
        same = np.log(area / max(areas.values()))
        for onwards, following in ((-1, places[:at][::-1]), (1, places[at + 1 :])):
            border = depth if onwards > 0 else -1
            slices = np.arange(start + onwards, following[0] if following else border, onwards)
            if not len(slices) or (following and areas[following[0]]):
                continue
            steps = np.abs(slices - start)
            far, size = np.log(steps * spacing[0] / scale), np.full(len(steps), same)
            if following:
                left = np.log(1 - steps / (len(steps) + 1))
                yield Ending(slices, area, np.stack((far, left, size), 1), True)
                continue
            outwards = present if onwards < 0 else present[::-1]
            tapered = np.log(steps * _taper([(each, areas[each]) for each in outwards[:2]]) + APEX)
            yield Ending(slices, area, np.stack((far, tapered, size, _past_half_a_gap(steps, places)), 1))


def _past_half_a_gap(steps: NDArray[np.intp], places: Sequence[int]) -> Floats:
    """(n,) 0 to 1, whether slices are farther from the outermost labelled one than half a gap between the
    labelled slices (indices).

    Who spreads slices evenly leaves about half a gap of what there is, or nothing; the less evenly they are
    spread, the less it counts. Nor does it where the volume goes on for no more than half a gap: what runs
    through all of it is labelled in that way.
    """
    gaps = np.diff(places)
    if len(gaps) < 2:
        return np.zeros(len(steps))
    mean = float(gaps.mean())
    evenness = np.exp(-UNEVEN * max(float(np.ptp(gaps)) - 1, 0.0) / mean)
    room = np.clip(2 * len(steps) / mean - 1, 0, 1)
    past = np.clip(((steps + 0.5) / mean - WITHIN) / (PAST - WITHIN), 0, 1)
    return np.asarray(evenness * room * past)


def _taper(outwards: Sequence[tuple[int, float]]) -> float:
    """What a class loses of its diameter from slice to slice, as a share of that on the outermost labelled
    one; 0 if it gains. By its two outermost labelled slices (index, area), the outer one first; or 0."""
    if len(outwards) < 2:
        return 0.0
    (outer, area), (inner, larger) = outwards
    return float(np.clip(((larger / area) ** 0.5 - 1) / abs(outer - inner), 0, 1))
