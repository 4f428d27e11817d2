"""What an existing segmentation says of every slice, as odds, and how far it is believed.

It is moved and its edges are corrected as labelled slices that are left out bear it out (see `shift`,
`edges`). What is then still wrong on these says how far it is believed: how exact its edges are, how much of
a class lies far from where it says, and how much of what it says is far from the class. Errors are local: on
a slice the labelled ones around it count half, all together the other half. The odds of a class are limited,
so that where the others are sure of something else they win: whatever is missing or has leaked between the
labelled slices is no word of theirs. The others in turn are believed the less the farther the labelled
slices are, in sizes of the class, but for slices on which the segmentation has nothing of it. What was
measured is in docs/drafts.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from MVGCore.segmentation.cache import ContentCache
from MVGCore.segmentation.existing.edges import EdgeCorrection, Shapes, fit_edges, shares
from MVGCore.segmentation.existing.shapes import Floats, class_side, edge, signed_distance
from MVGCore.segmentation.existing.shift import NONE, Shift, find_shift, moved
from MVGCore.volume.canvas import Canvas

Labels = NDArray[np.integer]

LARGEST_SHARE = 0.5  # of a canvas that a class is taken to cover
DOUBT = 0.2  # share of a segmentation that is taken to be wrong before a labelled slice says so
PRIOR_SLICES = 1.0  # labelled slices that this counts for
EDGE_ERROR = 1.5  # pixels up to which an error is one of the edge
LARGEST_EDGE_ERROR = 4.0  # pixels beyond which it does not matter how far off an edge is
EXACT, INEXACT = 0.35, 3.0  # pixels that edges are off at least, and where nothing tells
LOGIT = 1.7  # turns a distance in spreads of the edge into log-odds
KEPT_BYTES = 64_000_000  # of what was said last: a slice is asked for several times
FADING = 2.0  # how the others' log-odds shrink with the distance to labelled slices, in sizes of the class
WEIGHT = 2.0  # of these log-odds beside those of the others, which are too sure (see `calibration`)


@dataclass(frozen=True)
class Reliability:
    """How good a class of an existing segmentation is on the labelled slices.

    Attributes:
        right, missed, wrong: labelled slice -> pixels of the class that it has, that it has not, and that it
            has too many; those near to its edge are right.
        off: labelled slice -> millimetres that its edges are off; slices that tell nothing are left out.
    """

    right: Mapping[int, float]
    missed: Mapping[int, float]
    wrong: Mapping[int, float]
    off: Mapping[int, float]

    def at(self, index: int, pixel: float) -> tuple[float, float, float]:
        """Most log-odds for the class and against it on a slice, and log-odds per millimetre.

        Args:
            index: of the slice.
            pixel: its size in millimetres.
        """
        places = sorted(self.right)
        if not any(self.right.values()):  # never where the class is: it says nothing of it
            return 0.0, 0.0, 0.0
        near = shares(index, places)
        weights = {k: 0.5 * near.get(k, 0.0) + 0.5 / len(places) for k in places}
        right, missed, wrong = (
            len(places) * sum(weights[k] * each[k] for k in places)
            for each in (self.right, self.missed, self.wrong)
        )
        believed = PRIOR_SLICES * max(sum(self.right[k] + self.missed[k] for k in places) / len(places), 1.0)
        bad = DOUBT * believed
        for_it = np.log((right + believed - bad) / (wrong + bad))
        against = np.log((right + missed + believed) / (missed + bad))
        known = {k: weights[k] for k in self.off}
        off = (
            sum(w * self.off[k] for k, w in known.items()) / sum(known.values()) if known else INEXACT * pixel
        )
        return max(float(for_it), 0.0), float(against), LOGIT / max(off, EXACT * pixel)


@dataclass(frozen=True)
class ExistingVoice:
    """An existing segmentation as it is believed.

    Attributes:
        draft: (K, H, W) its labels, shifted, propagation axis first.
        ids: the classes of which it says something.
        spacing: millimetres between slices, and along rows and columns.
        shift: by how many slices, rows and columns it was shifted.
        edges, reliability: class id -> what is done to its edges, and how far it is believed.
        labelled: the labelled slices, ascending.
        sizes: class id -> millimetres that it measures on the labelled slices that show it.
    """

    draft: Labels
    ids: tuple[int, ...]
    spacing: tuple[float, float, float]
    shift: Shift
    edges: Mapping[int, EdgeCorrection]
    reliability: Mapping[int, Reliability]
    labelled: tuple[int, ...]
    sizes: Mapping[int, float]
    _kept: ContentCache = field(default_factory=lambda: ContentCache(KEPT_BYTES), init=False)

    @classmethod
    def of(
        cls,
        draft: Labels,
        labelled: Mapping[int, Labels],
        ids: Sequence[int],
        spacing: tuple[float, float, float],
    ) -> ExistingVoice:
        """What labelled slices make of a segmentation.

        Args:
            draft: (K, H, W) class ids, propagation axis first.
            labelled: index of a slice -> its labels (H, W).
            ids: the classes that are propagated; those that the segmentation has not are left out.
            spacing: millimetres between slices, and along rows and columns.
        """
        own = tuple(each for each in ids if (draft == each).any())
        shift = find_shift(draft, labelled, own, spacing) if labelled and own else NONE
        draft = moved(draft, shift)
        shapes = {k: Shapes(draft[k], own, spacing[1:]) for k in sorted(labelled)}
        edges, reliability = {}, {}
        for class_id in own:
            edges[class_id], left_out = fit_edges(shapes, labelled, class_id)
            reliability[class_id] = _reliability(left_out, labelled, class_id, spacing[1:])
        pixel = float(np.sqrt(spacing[1] * spacing[2]))
        sizes = {each: class_side(labelled, each, spacing[1:]) or pixel for each in own}
        places = tuple(sorted(labelled))
        return cls(draft, own, spacing, shift, edges, reliability, places, sizes)

    def odds(self, index: int, class_id: int) -> Floats | None:
        """(H, W) log-odds of a class against all else on a slice; None: it says nothing of it."""
        if not self.speaks_of(class_id):
            return None
        return self._kept.get((index, class_id), lambda: self._odds(index, class_id))

    def shows(self, ids: Sequence[int]) -> NDArray[np.bool_]:
        """(H, W) where on some slice it has some classes of which it says something."""
        return np.asarray(np.isin(self.draft, [each for each in ids if self.speaks_of(each)]).any(0))

    def speaks_of(self, class_id: int) -> bool:
        """Whether it has a class where it truly is."""
        return class_id in self.ids and any(self.reliability[class_id].right.values())

    def _odds(self, index: int, class_id: int) -> Floats:
        for_it, against, slope = self._believed(index, class_id)
        shapes = Shapes(self.draft[index], self.ids, self.spacing[1:])
        distance = self.edges[class_id].at(index, shapes)
        return np.clip(distance * np.float32(WEIGHT * slope), -WEIGHT * against, WEIGHT * for_it)

    def others(self, index: int, class_id: int) -> float:
        """By what the log-odds that the others give a class on a slice are multiplied."""
        if not (self.draft[index] == class_id).any():
            return 1.0  # only they know where it would be
        far = min((abs(index - each) for each in self.labelled), default=len(self.draft))
        return 1 / (1 + FADING * far * self.spacing[0] / self.sizes[class_id])

    def usual_odds(self, class_id: int, canvas: Canvas) -> float:
        """Odds that a pixel of a canvas is of a class, by its area on the labelled slices that show it."""
        share = self.sizes[class_id] ** 2 / (
            canvas.side**2 * canvas.scale[0] * canvas.scale[1] * self.spacing[1] * self.spacing[2]
        )
        share = min(share, LARGEST_SHARE)
        return share / (1 - share)

    def presence(self, class_id: int) -> NDArray[np.float64]:
        """(K,) log-odds that it adds to those that a class is on a slice at all."""
        odds = np.zeros(len(self.draft))
        if self.speaks_of(class_id):
            for index, plane in enumerate(self.draft):
                for_it, against, _ = self._believed(index, class_id)
                odds[index] = WEIGHT * (for_it if (plane == class_id).any() else -against)
        return odds

    def _believed(self, index: int, class_id: int) -> tuple[float, float, float]:
        return self.reliability[class_id].at(index, min(self.spacing[1:]))


def _reliability(
    distances: Mapping[int, Floats], labelled: Mapping[int, Labels], class_id: int, spacing: Sequence[float]
) -> Reliability:
    """How good signed distances (H, W) of a class are on the labelled slices."""
    pixel = min(spacing)
    right, missed, wrong, off = {}, {}, {}, {}
    for index, distance in distances.items():
        truth, inside = labelled[index] == class_id, distance > 0
        to_truth = signed_distance(truth, spacing, LARGEST_EDGE_ERROR * pixel)
        missed[index] = float((truth & (distance < -EDGE_ERROR * pixel)).sum())
        wrong[index] = float((inside & (to_truth < -EDGE_ERROR * pixel)).sum())
        right[index] = float(truth.sum()) - missed[index] if inside.any() else 0.0
        if truth.any() and inside.any():
            both = (np.abs(distance[edge(truth)]), np.abs(to_truth[edge(inside)]))
            off[index] = float(np.minimum(np.concatenate(both), LARGEST_EDGE_ERROR * pixel).mean())
    return Reliability(right, missed, wrong, off)
