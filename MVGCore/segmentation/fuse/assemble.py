"""Puts slices together: what the class groups say of one, what is drawn of it, what has ended before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from MVGCore.outcomes import Estimate
from MVGCore.prompts import Prompt
from MVGCore.segmentation.existing.guidance import Guidance
from MVGCore.segmentation.fuse.calibration import Calibration
from MVGCore.segmentation.fuse.decision import ClassOdds
from MVGCore.segmentation.fuse.extents import Doubt, GroupPredictions
from MVGCore.segmentation.fuse.merge import Areas, MergedSlice, merge_groups
from MVGCore.segmentation.plan.claims import Claims
from MVGCore.segmentation.plan.crossing import Crossing
from MVGCore.segmentation.plan.plan import ClassGroup
from MVGCore.segmentation.review.expected_dice import slice_estimate

Known = tuple[NDArray[np.uint16], NDArray[np.bool_]]  # labels (H, W) and where they are known (H, W)


@dataclass(frozen=True)
class SliceResult:
    """One generated slice.

    Attributes:
        index: along the axis of the prompts.
        labels: (H, W) class ids.
        confidence: (H, W) probability that the label is right.
        dice: mean Dice over its classes to expect; None where there is nothing to judge.
        areas: class id -> what is expected of it.
        doubts: class id -> what is unsure, of classes that may have ended before the slice.
        given: whether it was labelled as a whole: bit for bit as it was drawn.
    """

    index: int
    labels: NDArray[np.uint16]
    confidence: NDArray[np.float32]
    dice: Estimate | None = None
    areas: Mapping[int, Areas] = field(default_factory=dict)
    doubts: Mapping[int, Doubt] = field(default_factory=dict)
    given: bool = False

    @classmethod
    def of(cls, prompt: Prompt) -> SliceResult:
        """A slice that is labelled as a whole."""
        return cls(prompt.index, prompt.labels.copy(), np.ones(prompt.labels.shape, np.float32), given=True)

    @classmethod
    def empty(cls, index: int, shape: tuple[int, ...]) -> SliceResult:
        """A slice (H, W) of which the user says that none of the classes is there."""
        return cls(index, np.zeros(shape, np.uint16), np.ones(shape, np.float32), given=True)


@dataclass(frozen=True)
class Assembler:
    """Makes the slices of one volume from what the groups say of them.

    Attributes:
        groups: the class groups, in the order of an answer.
        shape: (H, W) of the slices.
        placed: examples that have their place in the volume, by index.
        carried: whether these were carried over from other volumes.
        crossing: slices that are labelled across other axes.
        calibration: what the confidence is worth.
        claims: what the user says of slices that are not labelled.
        guidance: what is known of the volume beside the examples.
    """

    groups: Sequence[ClassGroup]
    shape: tuple[int, int]
    placed: Sequence[Prompt]
    transferred: bool
    crossing: Crossing | None
    calibration: Calibration
    claims: Claims
    guidance: Guidance = field(default_factory=Guidance)

    def finished(
        self, index: int, answer: GroupPredictions, doubts: Mapping[int, Doubt], class_odds: ClassOdds = None
    ) -> SliceResult:
        """A slice with its doubts, which the answer has taken in; favour as of `merge_groups`."""
        return replace(self._result(index, self.merged(index, answer, class_odds)), doubts=doubts)

    def completed(self, prompt: Prompt, answer: GroupPredictions) -> SliceResult:
        """A slice that is drawn in part; what is drawn stays as it is."""
        return self._result(prompt.index, self.merged(prompt.index, answer), prompt)

    def merged(self, index: int, answer: GroupPredictions, class_odds: ClassOdds = None) -> MergedSlice:
        """What all groups say of a slice."""
        beyond = not self.placed or self._side(index) != 0
        sure = self.calibration.of(beyond, transferred=self.transferred)
        known = partial(self._outside, index), partial(self.guidance.finer, index)
        return merge_groups(self.groups, answer, self.shape, sure, class_odds, *known)

    def known(self, index: int, drawn: Prompt | None = None) -> Known | None:
        """What is drawn of a slice, in part, and lines across it; None without either."""
        lines = self.crossing.on(index) if self.crossing else None
        if drawn is None or drawn.known is None:
            return lines
        if lines is None:
            return drawn.labels, drawn.known
        return np.where(drawn.known, drawn.labels, lines[0]), drawn.known | lines[1]

    def _result(self, index: int, merged: MergedSlice, drawn: Prompt | None = None) -> SliceResult:
        """A slice in which all that is drawn is as it was drawn."""
        labels, confidence = self.guidance.filled(index, merged.labels), merged.confidence
        given = self.known(index, drawn)
        if given is not None:
            labels = np.where(given[1], given[0], labels)
            confidence = np.where(given[1], np.float32(1), confidence)
        return SliceResult(index, labels, confidence, slice_estimate(merged.areas), merged.areas)

    def _outside(self, index: int, class_id: int) -> NDArray[np.bool_] | None:
        """(H, W) where a class is not, by what is said of it; None: nothing is."""
        said = (self.claims.outside(index, class_id), self.guidance.outside(index, class_id))
        masks = [each for each in said if each is not None]
        return np.logical_or.reduce(masks) if masks else None

    def _side(self, index: int) -> int:
        """-1 before the first example, 1 after the last, else 0; 0 with none."""
        if not self.placed:
            return 0
        return (index > self.placed[-1].index) - (index < self.placed[0].index)
