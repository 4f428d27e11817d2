"""How probable it is that a class is still there beyond the outermost labelled slices.

What matches a structure beyond its end is often something else: ventricles are continued into atria. So what
is known of each class is turned into odds that it is there at all, which its pixels then have to share (see
`presence`): first from the labelled slices alone, then from what was found throughout the volume as well.

How the odds depend on what is known was fitted on training hearts and hippocampi, along all axes and of
several thicknesses, with slices labelled evenly, outermost ones first, and at random (see docs/ends.md);
`python -m MVGCore.evaluation.ends` fits them anew, and says how good they are on a data set that took no
part. Not used, since they helped on the data sets that they were fitted to and cost on the one left out:
whether the image changes from slice to slice, the border of the volume, whether the network finds the
labelled slice again from its own answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from MVGCore.prompts import Prompt

Floats = NDArray[np.float64]
SPECK = 0.02  # share of the labelled area that is added to areas before their logarithms are compared
SINGLE = 4  # with one labelled slice, the distance of labelled slices is taken to be this part of the volume
SUREST = 7.0  # log-odds by the labelled slices count no more than this once more is known


@dataclass(frozen=True)
class EndModel:
    """Log-odds that a class is there, as sums: an offset, and what is known, each times its weight.

    Attributes:
        by_labels: offset; weights of the logarithms of the distance to the outermost labelled slice in
            diameters of the class there, of that distance in mean distances of labelled slices, of the area
            there as a share of the largest labelled one, and of the number of labelled slices.
        by_found: offset; weights of the log-odds by the labelled slices, of the logarithm of the least area
            that was found up to the slice as a share of the labelled one, and of the least one as far as the
            volume goes. Where the area never becomes small, what is found cannot tell where a class ends.
    """

    by_labels: tuple[float, float, float, float, float]
    by_found: tuple[float, float, float, float]


SHIPPED = EndModel(by_labels=(-1.121, -1.804, -0.124, 1.041, -0.698), by_found=(0.204, 0.6, 1.519, -0.965))


@dataclass(frozen=True)
class Beyond:
    """The slices beyond the outermost labelled one of a class, on one side of it.

    Attributes:
        slices: their indices, outwards; at least one.
        area: of the class on the labelled slice, in pixels.
        traits: (n, 4) what the labelled slices tell of them, see `EndModel.by_labels`.
    """

    slices: NDArray[np.intp]
    area: float
    traits: Floats

    def by_labels(self, model: EndModel) -> Floats:
        """(n,) log-odds that the class is there, by the labelled slices."""
        return weighted(self.traits, model.by_labels)

    def by_found(self, areas: Floats, model: EndModel) -> Floats:
        """(n,) log-odds once areas (n,) in pixels were found there."""
        return weighted(found_traits(self.by_labels(model), areas, self.area), model.by_found)


def weighted(traits: Floats, weights: Sequence[float]) -> Floats:
    """(n,) sums of traits (n, f) times weights, after an offset (1 + f)."""
    return np.asarray(weights[0] + traits @ np.array(weights[1:]))


def found_traits(odds: Floats, areas: Floats, labelled: float) -> Floats:
    """(n, 3) what is known once areas were found, see `EndModel.by_found`.

    Args:
        odds: (n,) log-odds by the labelled slices, outwards.
        areas: (n,) pixels that were found there.
        labelled: pixels on the outermost labelled slice.
    """
    shares = np.log((areas + SPECK * labelled + 1) / ((1 + SPECK) * labelled + 1))
    least = np.minimum.accumulate(shares)
    return np.stack((np.clip(odds, -SUREST, SUREST), least, np.full(len(least), least[-1])), 1)


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
    places, largest = sorted(areas), max(areas.values())
    gap = (places[-1] - places[0]) / (len(places) - 1) if len(places) > 1 else depth / SINGLE
    before, after = np.arange(places[0] - 1, -1, -1), np.arange(places[-1] + 1, depth)
    for outermost, slices in ((places[0], before), (places[-1], after)):
        area = areas[outermost]
        if not area or not len(slices):
            continue
        steps = np.abs(slices - outermost)
        diameter = (area * spacing[1] * spacing[2]) ** 0.5 + spacing[1]
        far, gaps = np.log(steps * spacing[0] / diameter), np.log(steps / gap)
        same = np.ones(len(slices))
        traits = (far, gaps, same * np.log(area / largest), same * np.log(len(places)))
        yield Beyond(slices, area, np.stack(traits, 1))
