"""The session: an image, examples and a model in, a labelled volume out; the one door for every host."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from MVGCore.adaptation import Adaptation, AdaptConfig, ModelInUse
from MVGCore.errors import InputError
from MVGCore.images import (
    Engine,
    ImageExamples,
    ImageResult,
    ImageSlice,
    run_denoise,
    run_inpaint,
    run_synthesize,
)
from MVGCore.models.device import select_device
from MVGCore.models.registry import load
from MVGCore.outcomes import AdaptReport
from MVGCore.prompts import PromptSet
from MVGCore.segmentation import Progress, Propagator, Result, ResultCanvas, SliceResult
from MVGCore.segmentation.plan.selection import axis_notes, class_notes, is_slice_of, wanted_slices
from MVGCore.session.cache import Prepared
from MVGCore.volume import LabelMap, Volume, check_image

__all__ = ["Session"]


def _silent(fraction: float, text: str) -> None:
    """No progress is wanted."""


def _never() -> bool:
    return False


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
            threads: of torch; None leaves them as they are. On a CPU as many batches of slices, up to four,
                are generated at a time.

        Raises:
            InputError: no such model, weights that do not fit, no such device.
        """
        if threads is not None:
            torch.set_num_threads(threads)
        self._device = select_device(device)
        self._model = load(model, self._device)
        self._use = ModelInUse(self._model)
        self._seed = seed
        self._image: Volume | None = None
        self._prompts: PromptSet | None = None
        self._prepared = Prepared(seed)

    @property
    def device(self) -> str:
        """Where it computes; a GPU whose memory was full is left for good."""
        return self._device.name

    def set_image(self, image: Volume) -> None:
        """Take the volume to label.

        Raises:
            InputError: it is constant, has NaN or infinite voxels, or a single slice.
        """
        self._image = check_image(image)
        self._prepared.forget()

    def set_prompts(self, prompts: PromptSet) -> None:
        """Take the examples; those that are switched off are ignored."""
        self._prompts = prompts

    def propagate(
        self,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
        slice_range: tuple[int, int] | None = None,
        shown: Callable[[SliceResult], None] | None = None,
        all_axes: bool = True,
    ) -> Result:
        """Label all slices.

        Args:
            progress: called with the done fraction and a text.
            cancelled: asked between batches; true ends the run.
            slice_range: first and last slice to label; labelled slices are returned in any case.
            shown: called with every slice as soon as it is done, and once more as all together decide it.
            all_axes: once all slices of the image are labelled, look along its other two axes too, and choose
                the labels by the Dice to expect: more exact, and about twice the time. Nothing is looked at
                twice within a `slice_range`.

        Raises:
            InputError: no image, no prompts, or an impossible range.
            Cancelled: `cancelled()` was true.
        """
        start = time.perf_counter()
        image, prompts = self._ready()
        wanted = wanted_slices(image.geometry.shape[prompts.axis], (), slice_range)
        propagator = self._propagator(cancelled or _never)
        local = [prompt for prompt in propagator.local if prompt.index not in self._prepared.completed]
        known = tuple(prompt.index for prompt in local)
        canvas = ResultCanvas.of(image, prompts.axis, local)
        for index in sorted(self._prepared.completed.keys() & wanted):
            canvas.put(self._prepared.completed[index])
            if shown:
                shown(self._prepared.completed[index])
        wanted = [index for index in wanted if index not in {*known, *self._prepared.completed}]
        for done in self._slices(propagator, wanted, progress or _silent, cancelled or _never, all_axes):
            canvas.put(done)
            if shown:
                shown(done)
        ids = propagator.ids
        left_out = [*axis_notes(prompts, image, ids), *class_notes(propagator.foreign, ids)]
        seconds = {**propagator.watch.seconds, "propagate": time.perf_counter() - start}
        return canvas.result(prompts, known, seconds, self._device.name, [*left_out, *propagator.notes])

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
        propagator = self._propagator(cancelled or _never)
        if index in self._prepared.completed:
            return self._prepared.completed[index]
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
        own = [each for each in prompts.enabled if each.axis == prompts.axis and is_slice_of(each, image)]
        places = [prompt.index for prompt in own]
        below = max((place for place in places if place < index), default=0)
        return below, min((place for place in places if place > index), default=depth - 1)

    def adapt(
        self,
        seconds: float = 20.0,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
        steps: int | None = None,
    ) -> AdaptReport:
        """Fine-tune the loaded model on the labelled slices; used from now on if a held-out slice gains.

        The same examples, seed and steps give the same weights, as long as the time does not run out.

        Args:
            seconds: the longest it may take, preparation not counted.
            progress: called with the done fraction and a text.
            cancelled: asked between steps; true ends the call and leaves the weights as they were.
            steps: training steps at most; None: the usual number.

        Raises:
            InputError: no image, no prompts, or no time.
            Cancelled: `cancelled()` was true.
        """
        if seconds <= 0 or (steps is not None and steps < 1):
            raise InputError("Adaptation needs some seconds and steps; give both above zero.")
        before = self._use.weights() if self.adapted else None
        self.forget_adaptation()
        try:
            propagator = self._propagator(cancelled or _never, finished_only=True)
            # What was carried over from other volumes is a guess, and nothing to learn from.
            contexts = [] if propagator.carried else propagator.contexts(cancelled or _never)
            config = AdaptConfig() if steps is None else AdaptConfig(steps=steps)
            adaptation = Adaptation(self._model, self._device, contexts, self._seed, config)
            report, weights = adaptation.run(seconds, progress or _silent, cancelled or _never)
        except BaseException:
            self._replace_weights(before)
            raise
        self._replace_weights(weights)
        return report

    @property
    def adapted(self) -> bool:
        """Whether adapted weights are in use."""
        return self._use.adapted

    def forget_adaptation(self) -> None:
        """Go back to the weights that were loaded."""
        if self.adapted:
            self._use.forget()
            self._prepared.forget()

    def use_adapted(self, path: str | Path) -> None:
        """Use weights that `save_model` wrote after an adaptation; `forget_adaptation` undoes it.

        Raises:
            InputError: the file is missing, damaged, or of another model.
        """
        self._use.use_file(path)
        self._prepared.forget()

    def save_model(self, path: str | Path) -> None:
        """Write the weights in use to a .safetensors file, which `Session(model=path)` loads.

        Raises:
            InputError: another ending.
            OutputError: the file cannot be written.
        """
        self._use.save(path)

    def denoise(
        self,
        examples: ImageExamples | None = None,
        axis: int | None = None,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
        slice_range: tuple[int, int] | None = None,
        shown: Callable[[ImageSlice], None] | None = None,
    ) -> ImageResult:
        """Remove noise from the image; see `run_denoise` for arguments and errors."""
        with self._engine() as engine:
            return run_denoise(
                engine,
                self._ready_image(),
                examples,
                axis=axis,
                seed=self._seed,
                progress=progress,
                cancelled=cancelled,
                slice_range=slice_range,
                shown=shown,
            )

    def inpaint(
        self,
        mask: LabelMap,
        axis: int | None = None,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
        slice_range: tuple[int, int] | None = None,
        shown: Callable[[ImageSlice], None] | None = None,
    ) -> ImageResult:
        """Fill the holes of the image; see `run_inpaint` for arguments and errors."""
        with self._engine() as engine:
            return run_inpaint(
                engine,
                self._ready_image(),
                mask,
                axis=axis,
                progress=progress,
                cancelled=cancelled,
                slice_range=slice_range,
                shown=shown,
            )

    def synthesize(
        self,
        examples: ImageExamples | Sequence[ImageExamples],
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
        slice_range: tuple[int, int] | None = None,
        shown: Callable[[ImageSlice], None] | None = None,
    ) -> ImageResult:
        """Make another contrast of the image; see `run_synthesize` for arguments and errors."""
        with self._engine() as engine:
            return run_synthesize(
                engine,
                self._ready_image(),
                examples,
                progress=progress,
                cancelled=cancelled,
                slice_range=slice_range,
                shown=shown,
            )

    @contextmanager
    def _engine(self) -> Iterator[Engine]:
        """The model for an image task; a full GPU is left for good."""
        engine = Engine(self._model, self._device)
        try:
            yield engine
        finally:
            self._device = engine.device

    def _replace_weights(self, weights: Mapping[str, torch.Tensor] | None) -> None:
        if weights is not None:
            self._use.use(weights)
            self._prepared.forget()

    def _slices(
        self,
        propagator: Propagator,
        wanted: Sequence[int],
        progress: Progress,
        cancelled: Callable[[], bool],
        all_axes: bool = False,
    ) -> Iterator[SliceResult]:
        try:
            yield from propagator.slices(wanted, progress, cancelled, all_axes)
        finally:  # a full GPU is left for good, also by a run that is cancelled afterwards
            self._device = propagator.device

    def _propagator(self, cancelled: Callable[[], bool] = _never, finished_only: bool = False) -> Propagator:
        """See `Prepared.propagator`."""
        image, prompts = self._ready()
        return self._prepared.propagator(
            self._model, self._device, image, prompts.enabled, cancelled, finished_only
        )

    def _ready_image(self) -> Volume:
        if self._image is None:
            raise InputError("There is no image yet; call set_image first.")
        return self._image

    def _ready(self) -> tuple[Volume, PromptSet]:
        image = self._ready_image()
        if self._prompts is None or not self._prompts.enabled:
            raise InputError("There is no example that is switched on; label a slice and call set_prompts.")
        return image, self._prompts
