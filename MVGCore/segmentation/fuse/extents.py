"""On which slices a class is how probably there: by the labelled slices, by what the user says, by what was
found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from MVGCore.prompts import Prompt
from MVGCore.segmentation.fuse.ends import SHIPPED_END_MODEL, Ending, EndModel, endings
from MVGCore.segmentation.fuse.merge import PLAUSIBLE
from MVGCore.segmentation.fuse.presence import with_presence
from MVGCore.segmentation.plan.claims import Claims
from MVGCore.segmentation.plan.crossing import Crossing
from MVGCore.segmentation.plan.plan import ClassGroup

GAP_CREDIT = 0.25  # power of the probability in a gap, of which the drafts there tell most by themselves
EVEN_ODDS = 0.5  # pixels of which a class is less probable do not tell how far it goes
Floats = NDArray[np.float64]
GroupPredictions = tuple[
    NDArray[np.floating], ...
]  # per group (C - 1, S, S) probabilities of its classes on a slice


@dataclass(frozen=True)
class Doubt:
    """A class that may or may not be on a slice.

    Attributes:
        presence: probability that it is.
        area: pixels that it covers there, if it is.
        until: the last of the slices, outwards, of which it is on none if it is not on this one.
    """

    presence: float
    area: float
    until: int


@dataclass(frozen=True)
class Known:
    """What tells where classes are.

    Attributes:
        prompts: the labelled slices, by index.
        spacing: millimetres between slices, and along rows and columns.
        claims: what the user says of slices that are not labelled.
        crossing: slices that are labelled across other axes.
        model: what is made of it.
        presence: class id -> (K,) log-odds that something else adds.
    """

    prompts: Sequence[Prompt]
    spacing: tuple[float, float, float]
    claims: Claims
    crossing: Crossing | None = None
    model: EndModel = SHIPPED_END_MODEL
    presence: Mapping[int, Floats] = field(default_factory=dict)

    @property
    def depth(self) -> int:
        """Slices of the volume."""
        return self.claims.shape[self.claims.axis]

    def endings(self, class_id: int) -> list[Ending]:
        """Where a class may end, by the labelled slices."""
        return list(endings(self.prompts, class_id, self.spacing, self.depth))


@dataclass(frozen=True)
class Extents:
    """The probabilities of one volume.

    Attributes:
        groups: the classes.
        known: what they follow from.
        there: per group (C - 1, K) probability that a class is on a slice.
        endings: class id -> where it may end.
    """

    groups: Sequence[ClassGroup]
    known: Known
    there: tuple[Floats, ...]
    endings: Mapping[int, Sequence[Ending]]

    @classmethod
    def of(
        cls,
        groups: Sequence[ClassGroup],
        known: Known,
        predictions: Mapping[int, GroupPredictions] | None = None,
    ) -> Extents:
        """By the labelled slices alone, or by the answers to all other slices as well."""
        there = []
        endings = {class_id: known.endings(class_id) for group in groups for class_id in group.ids}
        for number, group in enumerate(groups):
            areas = None if predictions is None else predicted_areas(group, number, predictions, known.depth)
            rows = [
                class_extent(known, class_id, endings[class_id], None if areas is None else areas[place])
                for place, class_id in enumerate(group.ids)
            ]
            there.append(np.stack(rows))
        return cls(groups, known, tuple(there), endings)

    def weighed(self, index: int, answer: GroupPredictions) -> GroupPredictions:
        """An answer, once the classes' pixels share the odds that the classes are on the slice."""
        parts = zip(self.groups, answer, self.there, strict=True)
        return tuple(
            with_presence(planes, self._credited(group, there[:, index], index))
            for group, planes, there in parts
        )

    def _credited(self, group: ClassGroup, presence: Floats, index: int) -> Floats:
        """(C - 1,) what presence counts: whatever fills a gap ends within it, which is not to count twice."""
        power = [
            GAP_CREDIT
            if any(each.in_gap and index in each.slices for each in self.endings[class_id])
            else 1.0
            for class_id in group.ids
        ]
        return np.asarray(presence ** np.array(power))

    def possible(self, index: int, answer: GroupPredictions) -> GroupPredictions:
        """An answer without the classes that cannot be on the slice."""
        pairs = zip(answer, self.there, strict=True)
        return tuple(with_presence(planes, (there[:, index] > 0) * 1.0) for planes, there in pairs)

    def doubts(self, index: int, answer: GroupPredictions) -> dict[int, Doubt]:
        """Class id -> what is unsure, of the classes that may or may not be on a slice; of the answer as it
        was before it was weighed."""
        predictions = {}
        for group, planes, there in zip(self.groups, answer, self.there, strict=True):
            areas = covered_areas(group, planes)
            for class_id, presence, area in zip(group.ids, there[:, index], areas, strict=True):
                if 0 < presence < 1:
                    (until,) = (
                        int(each.slices[-1]) for each in self.endings[class_id] if index in each.slices
                    )
                    predictions[class_id] = Doubt(float(presence), float(area), until)
        return predictions

    @property
    def settled(self) -> tuple[int, ...]:
        """Slices that are not labelled, of which the user says that none of the classes is there."""
        ids = [class_id for group in self.groups for class_id in group.ids]
        drawn = [prompt.index for prompt in self.known.prompts]
        nothing = np.asarray(self.known.claims.absent(ids, drawn).all(axis=0))
        crossing = self.known.crossing
        for first, last in (crossing.span() if crossing else {}).values():
            nothing[first : last + 1] = False  # what is drawn across counts
        return tuple(int(index) for index in np.flatnonzero(nothing))


def class_extent(known: Known, class_id: int, ends: Sequence[Ending], areas: Floats | None = None) -> Floats:
    """(K,) probability that a class is on a slice; 1 where nothing speaks against it.

    Args:
        known: what tells.
        class_id: which class.
        ends: where it may end (see `Known.endings`).
        areas: (K,) pixels of it that were found on the slices that are not labelled, nan where nothing was
            looked for; None: not known yet.
    """
    there = np.ones(known.depth)
    absent, alive = _said(known, class_id)
    for ending in ends:
        if areas is None:
            odds = ending.by_labels(known.model)
        else:
            odds = ending.by_prediction(areas[ending.slices], known.model)
        if class_id in known.presence:
            odds = odds + known.presence[class_id][ending.slices]
        there[ending.slices] = _survival(ending, odds, absent, alive)
    # It does not come back beyond the labelled slices that are without it.
    drawn = [prompt.index for prompt in known.prompts if (prompt.labels == class_id).any()]
    without = [prompt.index for prompt in known.prompts if prompt.index not in drawn]
    if drawn:
        there[: max((index for index in without if index < drawn[0]), default=0)] = 0
        there[min((index for index in without if index > drawn[-1]), default=known.depth) + 1 :] = 0
    there[alive] = 1
    there[absent] = 0
    return there


def _survival(ending: Ending, odds: Floats, absent: NDArray[np.bool_], alive: NDArray[np.bool_]) -> Floats:
    """(n,) probability that a class is still there, given where it is known to be and not to be: it does not
    come back."""
    lasting = np.minimum.accumulate(1 / (1 + np.exp(-odds)))
    until = np.flatnonzero(alive[ending.slices])
    reached = lasting[until[-1]] if len(until) else 1.0
    start = int(until[-1]) + 1 if len(until) else 0
    gone = np.flatnonzero(absent[ending.slices][start:])
    end = start + int(gone[0]) if len(gone) else len(lasting)
    lost = lasting[end] if end < len(lasting) else 0.0
    given = np.clip((lasting - lost) / max(reached - lost, 1e-9), 0, 1)
    given[:start] = 1
    given[end:] = 0
    return np.asarray(given)


def _said(known: Known, class_id: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(K,) where the user says that a class is not, and where it is known to be on slices not labelled."""
    drawn = [prompt.index for prompt in known.prompts]
    absent = known.claims.absent([class_id], drawn)[0]
    alive = known.claims.present([class_id], drawn)[0]
    if known.crossing is not None and class_id in (spans := known.crossing.span()):
        alive[spans[class_id][0] : spans[class_id][1] + 1] = True
    return absent & ~alive, alive


def predicted_areas(
    group: ClassGroup, number: int, predictions: Mapping[int, GroupPredictions], depth: int
) -> Floats:
    """(C - 1, K) pixels of each class of a group that were found on the slices: of those that are likelier of
    the class than not, the probabilities; nan where nothing was looked for."""
    areas = np.full((len(group.ids), depth), np.nan)
    for index, answer in predictions.items():
        areas[:, index] = covered_areas(group, answer[number], EVEN_ODDS)
    return areas


def covered_areas(group: ClassGroup, planes: NDArray[np.floating], above: float = PLAUSIBLE) -> Floats:
    """(C - 1,) pixels of the slice that the classes of a group cover by an answer (C - 1, S, S): the sum of
    the probabilities above one."""
    covered = np.where(planes > above, planes, 0).sum((1, 2), dtype=np.float64)
    return np.asarray(covered * group.canvas.scale[0] * group.canvas.scale[1])
