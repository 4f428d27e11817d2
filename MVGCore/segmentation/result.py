"""What a propagation gives: the labelled volume, and how sure it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from MVGCore.outcomes import Estimate, Question
from MVGCore.prompts import Prompt, PromptSet
from MVGCore.segmentation.fuse.assemble import SliceResult
from MVGCore.segmentation.fuse.extents import Doubt
from MVGCore.segmentation.fuse.merge import Areas
from MVGCore.segmentation.review.expected_dice import LEAST_AREA, class_estimates, summed, volume_estimate
from MVGCore.segmentation.review.next_slice import class_sizes, label_gains, next_slice_to_label
from MVGCore.segmentation.review.questions import COST, questions
from MVGCore.volume import LabelMap, SegmentClass, Volume

LEAST_CONTRAST = 0.02  # of a slice, as a share of the volume's range, above which it shows something
UNSURE = 0.9  # a pixel whose class is less likely than this counts as unsure


@dataclass(frozen=True)
class Result:
    """A labelled volume and how sure it is.

    Attributes:
        labels: on the image's grid; labelled slices are exactly as the user drew them.
        confidence: (K, J, I) float16, probability that the label is right; 1 on labelled slices, 0 on
            slices left out.
        slice_confidence: index of a slice -> mean confidence where it is labelled or unsure.
        class_confidence: class id -> mean confidence over its generated voxels.
        axis: array axis of the slices.
        prompt_slices: indices of the labelled slices of this volume.
        seconds: "propagate" is the whole run; the others are parts of it, some of which run side by side.
        next_slice: the slice from whose label the result should gain most; None if nothing is unsure.
        questions: what else the user could tell: where classes end; what gains most comes first.
        kept: classes of the draft that no example shows, kept as they were.
        next_question: the first of them, if it gains more for the user's time than drawing the next slice.
        device: where it was computed.
        notes: what the user should know.
        expected_dice: mean Dice over the classes to expect of the generated slices; None without any.
        class_dice: class id -> Dice to expect.
        slice_dice: index of a generated slice -> mean Dice over its classes to expect, where there are any.
    """

    labels: LabelMap
    confidence: NDArray[np.float16]
    slice_confidence: dict[int, float]
    class_confidence: dict[int, float]
    axis: int
    prompt_slices: tuple[int, ...]
    seconds: dict[str, float]
    next_slice: int | None
    device: str
    notes: tuple[str, ...]
    expected_dice: Estimate | None = None
    class_dice: dict[int, Estimate] = field(default_factory=dict)
    slice_dice: dict[int, Estimate] = field(default_factory=dict)
    questions: tuple[Question, ...] = ()
    next_question: Question | None = None
    kept: tuple[SegmentClass, ...] = ()


@dataclass
class ResultCanvas:
    """The volume that fills up slice by slice."""

    image: Volume
    axis: int
    labels: NDArray[np.uint16]
    confidence: NDArray[np.float16]
    slice_confidence: dict[int, float]
    areas: dict[int, Mapping[int, Areas]]
    dice: dict[int, Estimate]
    settled: tuple[int, ...] = ()
    doubts: dict[int, Mapping[int, Doubt]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, image: Volume, axis: int, local: Sequence[Prompt], settled: Sequence[int] = ()
    ) -> ResultCanvas:
        """An empty volume with the labelled slices in it, and those that are said to show nothing."""
        shape = image.geometry.shape
        labels, confidence = np.zeros(shape, np.uint16), np.zeros(shape, np.float16)
        canvas = cls(image, axis, labels, confidence, {}, {}, {}, tuple(settled))
        for index in settled:
            canvas._plane(canvas.confidence, index)[...] = 1
        for prompt in local:
            canvas._plane(canvas.labels, prompt.index)[...] = prompt.labels
            canvas._plane(canvas.confidence, prompt.index)[...] = 1
        return canvas

    def _plane(self, array: NDArray[np.generic], index: int) -> NDArray[np.generic]:
        return np.moveaxis(array, self.axis, 0)[index]

    def put(self, done: SliceResult) -> None:
        """Take a generated slice in; one that comes again replaces the former."""
        self._plane(self.labels, done.index)[...] = done.labels
        self._plane(self.confidence, done.index)[...] = done.confidence.astype(np.float16)
        counted = (done.confidence < UNSURE) | (done.labels > 0)
        self.slice_confidence[done.index] = float(done.confidence[counted].mean()) if counted.any() else 1.0
        self.areas[done.index], self.doubts[done.index] = done.areas, done.doubts
        self.dice.pop(done.index, None)
        if done.dice is not None:
            self.dice[done.index] = done.dice

    def result(
        self,
        prompts: PromptSet,
        known: tuple[int, ...],
        seconds: dict[str, float],
        device: str,
        notes: Sequence[str],
        kept: Sequence[SegmentClass] = (),
    ) -> Result:
        """What there is now, summed up; `kept` are classes that no example shows."""
        labels = LabelMap.of(self.labels, self.image.geometry, (*kept, *prompts.classes))
        total, depth = summed(self.areas.values()), self.labels.shape[self.axis]
        settled = (*known, *self.settled)
        next_slice = next_slice_to_label(self.areas, settled, depth, self._shows, self.doubts)
        asked = questions(self.doubts, class_sizes(self.areas), self.axis)
        drawn = 0.0 if next_slice is None else label_gains(self.areas, settled, depth)[next_slice]
        worthwhile = bool(asked) and asked[0].gain / COST > drawn
        return Result(
            labels,
            self.confidence,
            dict(sorted(self.slice_confidence.items())),
            self._class_confidence(known),
            self.axis,
            known,
            seconds,
            next_slice,
            device,
            tuple(notes),
            volume_estimate(total),
            class_estimates(total),
            dict(sorted(self.dice.items())),
            asked,
            asked[0] if worthwhile else None,
            tuple(kept),
        )

    def _shows(self, index: int) -> bool:
        """Whether there is more to be seen on a slice than a ground without a structure."""
        plane = self._plane(self.image.array, index).astype(np.float32)
        stands_out = np.abs(plane - np.median(plane)) > LEAST_CONTRAST * np.ptp(self.image.array)
        return bool(np.count_nonzero(stands_out) > LEAST_AREA)

    def _class_confidence(self, known: tuple[int, ...]) -> dict[int, float]:
        generated = [index for index in range(self.labels.shape[self.axis]) if index not in known]
        labels, weights = (np.moveaxis(each, self.axis, 0) for each in (self.labels, self.confidence))
        size = int(self.labels.max(initial=0)) + 1
        counts, sums = np.zeros(size, np.int64), np.zeros(size)
        for index in generated:  # numpy makes 64-bit numbers of all that it counts at once
            counts += np.bincount(labels[index].ravel(), minlength=size)
            sums += np.bincount(labels[index].ravel(), weights[index].ravel(), size)
        return {int(c): float(sums[c] / counts[c]) for c in np.flatnonzero(counts) if c}
