"""The session: an image, examples and a model in, a labelled volume out; the one door for every host."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.models.device import select_device
from MVGCore.models.registry import load
from MVGCore.prompts import AXIS_NAMES, Prompt, PromptSet
from MVGCore.propagation import Progress, Propagator, SliceResult
from MVGCore.volume import LabelMap, Volume, check_image

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


class Session:
    """Propagates labelled slices through an image.

    Example:
        >>> session = Session(model="compact")
        >>> session.set_image(image)
        >>> session.set_prompts(PromptSet.from_labelmap(image, few_slices))
        >>> result = session.propagate()
    """

    def __init__(
        self, model: str | Path = "compact", device: str = "auto", seed: int = 0, threads: int | None = None
    ) -> None:
        """Load a model.

        Args:
            model: a name with bundled weights, or a weight file.
            device: "auto", "cpu", "cuda", "cuda:N" or "mps".
            seed: of the random colours; the same seed gives the same result.
            threads: of torch; None leaves them as they are.

        Raises:
            InputError: no such model, weights that do not fit, no such device.
        """
        if threads is not None:
            torch.set_num_threads(threads)
        self._device = select_device(device)
        self._model = load(model, self._device)
        self._seed = seed
        self._image: Volume | None = None
        self._prompts: PromptSet | None = None

    def set_image(self, image: Volume) -> None:
        """Take the volume to label.

        Raises:
            InputError: it is constant, has NaN or infinite voxels, or a single slice.
        """
        self._image = check_image(image)

    def set_prompts(self, prompts: PromptSet) -> None:
        """Take the examples; those that are switched off are ignored."""
        self._prompts = prompts

    def propagate(
        self,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
        slice_range: tuple[int, int] | None = None,
        shown: Callable[[SliceResult], None] | None = None,
    ) -> Result:
        """Label all slices.

        Args:
            progress: called with the done fraction and a text.
            cancelled: asked between batches; true ends the run.
            slice_range: first and last slice to label; labelled slices are returned in any case.
            shown: called with every slice as soon as it is done.

        Raises:
            InputError: no image, no prompts, or an impossible range.
            Cancelled: `cancelled()` was true.
        """
        image, prompts = self._ready()
        axis = prompts.axis
        across = [prompt for prompt in prompts.enabled if prompt.axis == axis]
        local = sorted((p for p in across if is_slice_of(p, image)), key=lambda p: p.index)
        foreign = [p for p in across if not is_slice_of(p, image) and p.labels.any()]
        if not any(prompt.labels.any() for prompt in [*local, *foreign]):
            raise InputError("The examples show no structure; label at least one slice that has one.")
        start = time.perf_counter()
        propagator = Propagator(
            self._model, self._device, image, local, foreign, np.random.default_rng(self._seed)
        )
        wanted = wanted_slices(image.geometry.shape[axis], [p.index for p in local], slice_range)
        canvas = _ResultCanvas.of(image, axis, local)
        try:
            for done in propagator.slices(wanted, progress or _silent, cancelled or _never):
                canvas.put(done)
                if shown:
                    shown(done)
        finally:  # a full GPU is left for good, also by a run that is cancelled afterwards
            self._device = propagator.device
        notes = [*_axis_notes(prompts, axis), *_class_notes(foreign, propagator.ids), *propagator.notes]
        seconds = {**propagator.seconds, "propagate": time.perf_counter() - start}
        return canvas.result(prompts, tuple(p.index for p in local), seconds, self._device.name, notes)

    def _ready(self) -> tuple[Volume, PromptSet]:
        if self._image is None:
            raise InputError("There is no image yet; call set_image first.")
        if self._prompts is None or not self._prompts.enabled:
            raise InputError("There is no example that is switched on; label a slice and call set_prompts.")
        return self._image, self._prompts


def is_slice_of(prompt: Prompt, image: Volume) -> bool:
    """Whether a prompt is a slice of this very image: the same grid and the same intensities."""
    if prompt.geometry.shape != image.geometry.shape or not prompt.geometry.is_close(image.geometry):
        return False
    own = image.array.take(prompt.index, axis=prompt.axis)
    return bool(np.array_equal(own.astype(np.float32), prompt.image[1]))


def wanted_slices(depth: int, known: Sequence[int], slice_range: tuple[int, int] | None) -> list[int]:
    """Slices to generate: all that are not labelled, within the range (first, last).

    Raises:
        InputError: the range is empty or leaves the volume.
    """
    first, last = slice_range or (0, depth - 1)
    if not 0 <= first <= last < depth:
        raise InputError(f"There is no slice range {first} to {last}; choose within 0 to {depth - 1}.")
    return [index for index in range(first, last + 1) if index not in set(known)]


def _axis_notes(prompts: PromptSet, axis: int) -> list[str]:
    others = sum(prompt.axis != axis for prompt in prompts.enabled)
    if not others:
        return []
    return [f"{others} labelled slices lie across another axis than {AXIS_NAMES[axis]} and were not used."]


def _class_notes(foreign: Sequence[Prompt], ids: Sequence[int]) -> list[str]:
    missing = sorted({int(value) for p in foreign for value in np.unique(p.labels) if value} - set(ids))
    if not missing:
        return []
    return [f"The classes {missing} are labelled on other volumes only and were left out; label them here."]


@dataclass
class _ResultCanvas:
    """The volume that fills up slice by slice."""

    image: Volume
    axis: int
    labels: NDArray[np.uint16]
    confidence: NDArray[np.float16]
    slice_confidence: dict[int, float]
    unsure: dict[int, int]

    @classmethod
    def of(cls, image: Volume, axis: int, local: Sequence[Prompt]) -> _ResultCanvas:
        shape = image.geometry.shape
        canvas = cls(image, axis, np.zeros(shape, np.uint16), np.zeros(shape, np.float16), {}, {})
        for prompt in local:
            canvas._plane(canvas.labels, prompt.index)[...] = prompt.labels
            canvas._plane(canvas.confidence, prompt.index)[...] = 1
        return canvas

    def _plane(self, array: NDArray[np.generic], index: int) -> NDArray[np.generic]:
        return np.moveaxis(array, self.axis, 0)[index]

    def put(self, done: SliceResult) -> None:
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


def _silent(fraction: float, text: str) -> None:
    """No progress is wanted."""


def _never() -> bool:
    return False
