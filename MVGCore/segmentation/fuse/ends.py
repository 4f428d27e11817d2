"""How probable it is that a class is still there beyond the outermost labelled slices.

What matches a structure beyond its end is often something else: ventricles are continued into atria. So what
is known of each class is turned into odds that it is there at all, which its pixels then have to share (see
`presence`): first from the labelled slices alone, then from what was found throughout the volume as well.

How the odds depend on what is known was fitted on training hearts, hippocampi, and organs of head and neck,
along all axes and of several thicknesses, with slices labelled evenly, outermost ones first, and at random.
Each volume was taken as it is, and as if it ended before the structures do: what runs through the whole
volume, as a cord or a vessel, shows no end. The constants are what `python -m MVGCore.evaluation.ends` fits,
here to its 220 settings (16 cases), whose first looks were taken before drafts and appearance were made
faster, and to the labels of 42 cases instead of 77; it also says how good they are on a data set that took no
part (see docs/ends.md). Not used, since they helped on the data sets that they were
fitted to and cost on the one left out: how many slices are labelled and how far they are apart (people label
evenly, or the ends, or as it comes), whether the image changes from slice to slice, the border of the volume,
whether the network finds the labelled slice again from its own answer. Between a labelled slice that shows a
class and one that does not there are no odds: what is found there falls short of it rather than beyond.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from MVGCore.prompts import Prompt

Floats = NDArray[np.float64]
LENGTH = 0.5  # of the length that labelled slices show of a class: distances are compared with no less
SPECK = 0.02  # share of the labelled area that is added to areas before their logarithms are compared
SUREST = 7.0  # log-odds by the labelled slices count no more than this once more is known
APEX = 0.1  # what is added to the share of the way to the apex before its logarithm is taken


@dataclass(frozen=True)
class EndModel:
    """Log-odds that a class is there, as sums of what is known, each times its weight.

    Attributes:
        by_labels: offset; weights of the logarithms of the distance to the outermost labelled slice in
            diameters of the class there (or in halves of the length that labelled slices show of it, if
            these are longer: what is long and thin goes on for long), of the share that it is of the way to
            the apex of the cone through the two outermost labelled slices of the class, and of the area on
            the outermost one as a share of the largest labelled one.
        by_prediction: what is added once areas are known: what was found up to it, times the credit that
            it deserves, as an offset and the weight of the logarithm of the least area, as a share of the
            labelled one; and the weight of the steepest fall of that logarithm from one slice to the next up
            to the slice. Where the area never becomes small, however far one goes, the credit is 0.
    """

    by_labels: tuple[float, float, float, float]
    by_prediction: tuple[float, float, float]


SHIPPED_END_MODEL = EndModel(by_labels=(-2.754, -1.724, -0.87, 0.725), by_prediction=(2.433, 0.908, 0.564))


@dataclass(frozen=True)
class Beyond:
    """The slices beyond the outermost labelled one of a class, on one side of it.

    Attributes:
        slices: their indices, outwards; at least one.
        area: of the class on the labelled slice, in pixels.
        traits: (n, 3) what the labelled slices tell of them, see `EndModel.by_labels`.
    """

    slices: NDArray[np.intp]
    area: float
    traits: Floats

    def by_labels(self, model: EndModel) -> Floats:
        """(n,) log-odds that the class is there, by the labelled slices."""
        return model.by_labels[0] + self.traits @ np.array(model.by_labels[1:])

    def by_prediction(self, areas: Floats, model: EndModel) -> Floats:
        """(n,) log-odds once areas (n,) in pixels were found there; nan where nothing was looked for."""
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


def beyond(
    prompts: Sequence[Prompt], class_id: int, spacing: Sequence[float], depth: int
) -> Iterator[Beyond]:
    """The slices beyond a class on both sides; none where the outermost labelled slice is without it.

    Args:
        prompts: the labelled slices, by index; at least one.
        class_id: which class.
        spacing: millimetres between slices, and along rows and columns.
        depth: slices of the volume.
    """
    areas = {prompt.index: float((prompt.labels == class_id).sum()) for prompt in prompts}
    places, shown = sorted(areas), [index for index in sorted(areas) if areas[index]]
    before, after = np.arange(places[0] - 1, -1, -1), np.arange(places[-1] + 1, depth)
    for outermost, slices, outwards in ((places[0], before, shown), (places[-1], after, shown[::-1])):
        area = areas[outermost]
        if not area or not len(slices):
            continue
        steps = np.abs(slices - outermost)
        diameter = (area * spacing[1] * spacing[2]) ** 0.5 + spacing[1]
        length = (shown[-1] - shown[0]) * spacing[0]
        far = np.log(steps * spacing[0] / max(diameter, LENGTH * length))
        tapered = np.log(steps * _taper([(each, areas[each]) for each in outwards[:2]]) + APEX)
        same = np.full(len(slices), np.log(area / max(areas.values())))
        yield Beyond(slices, area, np.stack((far, tapered, same), 1))


def _taper(outwards: Sequence[tuple[int, float]]) -> float:
    """What a class loses of its diameter from slice to slice, as a share of that on the outermost labelled
    one; 0 if it gains. By its two outermost labelled slices (index, area), the outer one first; or 0."""
    if len(outwards) < 2:
        return 0.0
    (outer, area), (inner, larger) = outwards
    return float(np.clip(((larger / area) ** 0.5 - 1) / abs(outer - inner), 0, 1))
