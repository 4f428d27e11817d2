"""The session: an image, examples and a model in, a labelled volume out; the one door for every host."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from MVGCore.errors import InputError
from MVGCore.models.device import select_device
from MVGCore.models.registry import load
from MVGCore.prompts import AXIS_NAMES, Prompt, PromptSet
from MVGCore.propagation import Memo, Progress, Propagator, Result, ResultCanvas, SliceResult
from MVGCore.volume import Volume, check_image


class Session:
    """Propagates labelled slices through an image.

    What was prepared for an image, its examples and the model is kept from call to call; after a change only
    what depends on it is made anew.

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
        self._memo = Memo()
        self._prepared: tuple[tuple[str, ...], Propagator] | None = None

    def set_image(self, image: Volume) -> None:
        """Take the volume to label.

        Raises:
            InputError: it is constant, has NaN or infinite voxels, or a single slice.
        """
        self._image = check_image(image)
        self._forget_prepared()

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
        start = time.perf_counter()
        image, prompts = self._ready()
        propagator = self._propagator()
        local = propagator.local
        known = tuple(prompt.index for prompt in local)
        wanted = wanted_slices(image.geometry.shape[prompts.axis], known, slice_range)
        canvas = ResultCanvas.of(image, prompts.axis, local)
        for done in self._slices(propagator, wanted, progress or _silent, cancelled or _never):
            canvas.put(done)
            if shown:
                shown(done)
        notes = [
            *_axis_notes(prompts, prompts.axis),
            *_class_notes(propagator.foreign, propagator.ids),
            *propagator.notes,
        ]
        seconds = {**propagator.seconds, "propagate": time.perf_counter() - start}
        return canvas.result(prompts, known, seconds, self._device.name, notes)

    def preview(self, index: int, cancelled: Callable[[], bool] | None = None) -> SliceResult:
        """Label one slice; quick once the examples have been prepared by an earlier call.

        A labelled slice comes back as it was drawn. A slice beyond the outermost labelled ones is generated
        by itself: that a structure has ended before is only known when all slices are propagated.

        Args:
            index: slice along the axis of the examples.
            cancelled: asked while the examples are prepared; true ends the call.

        Raises:
            InputError: no image, no prompts, or no such slice.
            Cancelled: `cancelled()` was true.
        """
        image, prompts = self._ready()
        wanted_slices(image.geometry.shape[prompts.axis], (), (index, index))
        propagator = self._propagator()
        for prompt in propagator.local:
            if prompt.index == index:
                sure = np.ones(prompt.labels.shape, np.float32)
                return SliceResult(index, prompt.labels.copy(), sure)
        (done,) = self._slices(propagator, [index], _silent, cancelled or _never)
        return done

    def affected_range(self, index: int) -> tuple[int, int]:
        """First and last slice that depend most on the label of a slice: as far as its labelled neighbours.

        Raises:
            InputError: no image, no prompts, or no such slice.
        """
        image, prompts = self._ready()
        depth = image.geometry.shape[prompts.axis]
        wanted_slices(depth, (), (index, index))
        places = [prompt.index for prompt in prompts.enabled if is_slice_of(prompt, image)]
        below = max((place for place in places if place < index), default=0)
        return below, min((place for place in places if place > index), default=depth - 1)

    def _slices(
        self,
        propagator: Propagator,
        wanted: Sequence[int],
        progress: Progress,
        cancelled: Callable[[], bool],
    ) -> Iterator[SliceResult]:
        try:
            yield from propagator.slices(wanted, progress, cancelled)
        finally:  # a full GPU is left for good, also by a run that is cancelled afterwards
            self._device = propagator.device

    def _propagator(self) -> Propagator:
        """What propagates the present examples through the present image; the earlier one if none changed.

        Raises:
            InputError: there is no image, or no example with a structure.
        """
        image, prompts = self._ready()
        across = [prompt for prompt in prompts.enabled if prompt.axis == prompts.axis]
        names = tuple(prompt.fingerprint for prompt in across)
        if self._prepared is not None and self._prepared[0] == names:
            return self._prepared[1]
        local = sorted((p for p in across if is_slice_of(p, image)), key=lambda p: p.index)
        foreign = [p for p in across if not is_slice_of(p, image) and p.labels.any()]
        if not any(prompt.labels.any() for prompt in [*local, *foreign]):
            raise InputError("The examples show no structure; label at least one slice that has one.")
        propagator = Propagator(
            self._model,
            self._device,
            image,
            [replace(prompt, labels=prompt.labels.copy()) for prompt in local],
            [replace(prompt, labels=prompt.labels.copy()) for prompt in foreign],
            self._seed,
            memo=self._memo,
        )
        self._prepared = (names, propagator)
        return propagator

    def _forget_prepared(self) -> None:
        self._memo.clear()
        self._prepared = None

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


def _silent(fraction: float, text: str) -> None:
    """No progress is wanted."""


def _never() -> bool:
    return False
