"""What is known of a volume beside its examples: an existing segmentation, intensities that classes have."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from MVGCore.prompts import IntensityRange
from MVGCore.segmentation.existing.voice import ExistingVoice
from MVGCore.segmentation.plan.plan import ClassGroup
from MVGCore.volume import SegmentClass
from MVGCore.volume.canvas import Canvas

Bools = NDArray[np.bool_]
LEAST_BACKGROUND = 1e-4  # of background, so that odds stay finite
Predictions = tuple[NDArray[np.floating], ...]  # per group (C - 1, S, S) probabilities of its classes


@dataclass(frozen=True, eq=False)
class Guidance:
    """All of it, for one volume that is propagated along one axis.

    Attributes:
        planes: (K, H, W) intensities; needed for ranges.
        voice: what an existing segmentation says of the classes that are propagated.
        kept: (K, H, W) its other classes, which stay where nothing else is found; 0 elsewhere.
        kept_classes: what these are.
        ranges: intensities that classes have.
        key: names all of it.
    """

    planes: NDArray[np.generic] | None = None
    voice: ExistingVoice | None = None
    kept: NDArray[np.integer] | None = None
    kept_classes: tuple[SegmentClass, ...] = ()
    ranges: tuple[IntensityRange, ...] = ()
    key: Hashable = ()

    def heard(self, index: int, groups: Sequence[ClassGroup], answer: Predictions) -> Predictions:
        """The answer of the groups to a slice once this is taken in."""
        if self.voice is None and not self.ranges:
            return answer
        return tuple(self._heard(index, *each) for each in zip(groups, answer, strict=True))

    def outside(self, index: int, class_id: int) -> Bools | None:
        """(H, W) where on a slice a class cannot be, by its intensities; None: nothing is said of it."""
        masks = [each.excludes(self._plane(index)) for each in self.ranges if each.concerns(class_id)]
        return np.logical_or.reduce(masks) if masks else None

    def finer(self, index: int, group: ClassGroup, class_id: int) -> NDArray[np.float32] | None:
        """(H, W) what an existing segmentation says on the pixels of a slice beyond what its canvas shows;
        None: nothing."""
        odds = None if self.voice is None else self.voice.odds(index, class_id)
        if odds is None:
            return None
        return odds - group.canvas.read_back(group.canvas.draw_image(odds))

    def speaks_of(self, class_id: int) -> bool:
        """Whether an existing segmentation says something of a class."""
        return self.voice is not None and self.voice.speaks_of(class_id)

    def speaks_of_all(self, group: ClassGroup) -> bool:
        """Whether an existing segmentation says something of every class of a group."""
        return all(self.speaks_of(each) for each in group.ids)

    def spared(
        self, group: ClassGroup, first: NDArray[np.floating], again: NDArray[np.floating]
    ) -> NDArray[np.floating]:
        """What a second look found of a group, (C - 1, S, S), without the classes of which an existing
        segmentation says something: the network alone knows less of these, across the slices.

        On a hippocampus with a shifted, leaked, over-grown draft: .972, .959, .904 without the second look,
        .968, .957, .907 with it.
        """
        places = [place for place, class_id in enumerate(group.ids) if self.speaks_of(class_id)]
        if not places:
            return again
        joined = again.astype(np.float32)
        joined[places] = first[places]
        return (joined / np.maximum(joined.sum(0), 1)).astype(again.dtype)

    def presence(self, class_id: int) -> NDArray[np.float64] | None:
        """(K,) log-odds that an existing segmentation adds to those that a class is on a slice."""
        return None if self.voice is None else self.voice.presence(class_id)

    def filled(self, index: int, labels: NDArray[np.uint16]) -> NDArray[np.uint16]:
        """Labels (H, W) of a slice with the classes that are kept as they are."""
        if self.kept is None:
            return labels
        return np.where(labels > 0, labels, self.kept[index]).astype(np.uint16)

    def _heard(self, index: int, group: ClassGroup, planes: NDArray[np.floating]) -> NDArray[np.floating]:
        stated = planes.astype(np.float32)
        raised = np.maximum(stated, LEAST_BACKGROUND**2) / np.clip(
            1 - stated.sum(0), LEAST_BACKGROUND, 1
        )  # odds
        for place, class_id in enumerate(group.ids):
            if self.voice is not None and (odds := self.voice.odds(index, class_id)) is not None:
                raised[place] = _joined(raised[place], odds, self.voice, index, class_id, group.canvas)
            outside = self.outside(index, class_id)
            if outside is not None:
                raised[place] *= group.canvas.draw_image(~outside)
        return (raised / (1 + raised.sum(0))).astype(planes.dtype)

    def _plane(self, index: int) -> NDArray[np.generic]:
        assert self.planes is not None
        return np.asarray(self.planes[index])


def _joined(
    others: NDArray[np.float32],
    odds: NDArray[np.float32],
    voice: ExistingVoice,
    index: int,
    class_id: int,
    canvas: Canvas,
) -> NDArray[np.float32]:
    """(S, S) odds of a class on a canvas by an existing segmentation and by the others.

    The others count the less the farther the labelled slices are (see `ExistingVoice.others`). Where the
    segmentation has nothing either, that leaves what is usual: background, not one half.

    Args:
        others: (S, S) odds that the others give.
        odds: (H, W) log-odds of the segmentation on the slice.
        voice, index, class_id: whose these are.
        canvas: shows the slice.
    """
    share, own = voice.others(index, class_id), canvas.draw_image(odds)
    empty = np.clip(own / min(float(odds.min()), -LEAST_BACKGROUND), 0, 1)
    usual = voice.usual_odds(class_id, canvas) ** ((1 - share) * empty)
    return np.asarray(usual * others**share * np.exp(own), np.float32)
