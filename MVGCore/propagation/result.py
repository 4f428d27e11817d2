"""What a propagation gives: the labelled volume, and how sure it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from MVGCore.prompts import Prompt, PromptSet
from MVGCore.propagation.propagate import SliceResult
from MVGCore.volume import LabelMap, Volume

UNSURE = 0.9  # a pixel whose class is less likely than this counts as unsure


@dataclass(frozen=True)
class Result:
    """A labelled volume and how sure it is.

    Attributes:
        labels: on the image's grid; labelled slices are exactly as the user drew them.
        confidence: (K, J, I) float16, probability of the chosen class; 1 on labelled slices, 0 on slices
            left out.
        slice_confidence: index of a slice -> mean confidence where it is labelled or unsure.
        class_confidence: class id -> mean confidence over its generated voxels.
        axis: array axis of the slices.
        prompt_slices: indices of the labelled slices of this volume.
        seconds: time per stage.
        next_slice: the slice with the most unsure pixels, to be labelled next; None if there is none.
        device: where it was computed.
        notes: what the user should know.
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


@dataclass
class ResultCanvas:
    """The volume that fills up slice by slice."""

    image: Volume
    axis: int
    labels: NDArray[np.uint16]
    confidence: NDArray[np.float16]
    slice_confidence: dict[int, float]
    unsure: dict[int, int]

    @classmethod
    def of(cls, image: Volume, axis: int, local: Sequence[Prompt]) -> ResultCanvas:
        """An empty volume with the labelled slices in it."""
        shape = image.geometry.shape
        canvas = cls(image, axis, np.zeros(shape, np.uint16), np.zeros(shape, np.float16), {}, {})
        for prompt in local:
            canvas._plane(canvas.labels, prompt.index)[...] = prompt.labels
            canvas._plane(canvas.confidence, prompt.index)[...] = 1
        return canvas

    def _plane(self, array: NDArray[np.generic], index: int) -> NDArray[np.generic]:
        return np.moveaxis(array, self.axis, 0)[index]

    def put(self, done: SliceResult) -> None:
        """Take a generated slice in."""
        self._plane(self.labels, done.index)[...] = done.labels
        self._plane(self.confidence, done.index)[...] = done.confidence.astype(np.float16)
        unsure = done.confidence < UNSURE
        counted = unsure | (done.labels > 0)
        self.slice_confidence[done.index] = float(done.confidence[counted].mean()) if counted.any() else 1.0
        self.unsure[done.index] = int(unsure.sum())

    def result(
        self,
        prompts: PromptSet,
        known: tuple[int, ...],
        seconds: dict[str, float],
        device: str,
        notes: Sequence[str],
    ) -> Result:
        """What there is now, summed up."""
        labels = LabelMap.of(self.labels, self.image.geometry, prompts.classes)
        most = max(self.unsure, key=lambda index: self.unsure[index], default=None)
        return Result(
            labels,
            self.confidence,
            dict(sorted(self.slice_confidence.items())),
            self._class_confidence(known),
            self.axis,
            known,
            seconds,
            most if most is not None and self.unsure[most] else None,
            device,
            tuple(notes),
        )

    def _class_confidence(self, known: tuple[int, ...]) -> dict[int, float]:
        generated = [index for index in range(self.labels.shape[self.axis]) if index not in known]
        labels = np.moveaxis(self.labels, self.axis, 0)[generated].ravel()
        weights = np.moveaxis(self.confidence, self.axis, 0)[generated].ravel()
        counts = np.bincount(labels)
        sums = np.bincount(labels, weights=weights)
        return {int(c): float(sums[c] / counts[c]) for c in np.flatnonzero(counts) if c}
