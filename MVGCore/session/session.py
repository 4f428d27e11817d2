"""The session: an image, examples and a model in, a labelled volume out; the one door of every host."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from MVGCore.adaptation import Adaptation, AdaptConfig, ModelInUse
from MVGCore.errors import InputError
from MVGCore.images import (
    Engine,
    ImageExamples,
    ImageResult,
    run_denoise,
    run_inpaint,
    run_synthesize,
)
from MVGCore.models.device import select_device
from MVGCore.models.registry import load
from MVGCore.outcomes import AdaptReport
from MVGCore.prompts import IntensityRange, PromptSet
from MVGCore.segmentation import Progress, Propagator, Result, ResultCanvas, SliceResult
from MVGCore.segmentation.plan.selection import axis_notes, class_notes, slices_within
from MVGCore.segmentation.quality import quality_of
from MVGCore.session import requests
from MVGCore.session.alone import one_at_a_time
from MVGCore.session.cache import Prepared
from MVGCore.session.requests import Request
from MVGCore.session.results import Event, Summary
from MVGCore.session.serving import serve
from MVGCore.session.wishes import Wishes
from MVGCore.volume import LabelMap, Volume, check_image

__all__ = ["Session"]


def _unheard(event: object) -> None:
    """Nobody wants to know."""


def _silent(fraction: float, text: str) -> None:
    """No progress is wanted."""


def _never() -> bool:
    return False


class Session:
    """Propagates labelled slices through an image, in this process.

    What was prepared for an image, its examples and the model is kept from call to call; after a change only
    what depends on it is made anew. A session is for one thread at a time: a second one gets an `MVGError`.

    `run` takes a request and tells its results slice by slice, as `MVGCore.worker.host.client.Client.run`
    does with another process. The other methods are the same in terms of whole volumes.

    Example:
        >>> session = Session(model="compact")
        >>> session.set_image(image)
        >>> session.set_prompts(PromptSet.from_labelmap(image, few_slices))
        >>> result = session.propagate()
    """

    def __init__(
        self,
        model: str | Path = "compact",
        device: str = "auto",
        seed: int = 0,
        threads: int | None = None,
        quality: str = "standard",
        precision: str = "auto",
    ) -> None:
        """Load a model.

        Args:
            model: a name with bundled weights, or a weight file.
            device: "auto", "cpu", "cuda", "cuda:N" or "mps".
            seed: of the random colours; the same seed gives the same result.
            threads: of torch; None leaves them as they are. On a CPU as many batches of slices, up to four,
                are generated at a time.
            quality: how much work labels take: "draft", "standard" or "thorough".
            precision: "auto" takes what the device is fast in; or "float32" or "bfloat16".

        Raises:
            InputError: no such model, weights that do not fit, no such device, quality or precision.
        """
        self._turn = threading.RLock()
        if threads is not None:
            torch.set_num_threads(threads)
        self._device = select_device(device, precision)
        self._model = load(model, self._device)
        self._use = ModelInUse(self._model)
        self._name = str(model)
        self._seed = seed
        self._adapted_to = ""
        self._image: Volume | None = None
        self._prompts: PromptSet | None = None
        self._prepared = Prepared(seed, quality_of(quality))

    @property
    def device(self) -> str:
        """Where it computes; a GPU whose memory was full is left for good."""
        return self._device.name

    @one_at_a_time
    def run(
        self,
        request: Request,
        shown: Callable[[Event], object] = _unheard,
        cancelled: Callable[[], bool] = _never,
    ) -> Summary:
        """Do what is asked.

        Args:
            request: see `MVGCore.session.requests`; its image and examples are kept for the next one.
            shown: called with every `Progress` and `SliceDone`, in the order in which they happen.
            cancelled: asked while the work goes on; true ends it.

        Raises:
            MVGError: it cannot be done; the sentence says why.
            Cancelled: `cancelled()` was true.
        """
        image, prompts = getattr(request, "image", None), getattr(request, "prompts", None)
        if image is not None and image is not self._image:
            self.set_image(image)
        if prompts is not None:
            self.set_prompts(prompts)
        return serve(self, request, shown, cancelled)

    @one_at_a_time
    def set_image(self, image: Volume) -> None:
        """Take the volume to label.

        Raises:
            InputError: it is constant, less than a slice, or has NaN or infinite voxels.
        """
        self._image = check_image(image)
        self._prepared.forget()

    @one_at_a_time
    def set_prompts(self, prompts: PromptSet) -> None:
        """Take the examples; those that are switched off are ignored."""
        self._prompts = prompts

    @one_at_a_time
    def set_quality(self, quality: str) -> None:
        """Choose how much work labels take from now on: "draft", "standard" or "thorough".

        Raises:
            InputError: no such quality.
        """
        self._prepared.quality = quality_of(quality)

    @one_at_a_time
    def propagate(
        self,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
        slice_range: tuple[int, int] | None = None,
        shown: Callable[[SliceResult], object] | None = None,
        all_axes: bool = True,
        axis: int | None = None,
        draft: LabelMap | None = None,
        ranges: Sequence[IntensityRange] = (),
    ) -> Result:
        """Label all slices.

        Args:
            progress: called with the done fraction and a text.
            cancelled: asked between batches; true ends the run.
            slice_range: first and last slice to label; labelled slices are returned in any case.
            shown: called with every slice as soon as it is done, those that are labelled among them, and once
                more as all together decide it. The first one that is not labelled comes at once as a guess.
            all_axes: once all slices of the image are labelled, look along its other two axes too, and choose
                the labels by the Dice to expect: more exact, and about twice the time. Nothing is looked at
                twice within a `slice_range`.
            axis: array axis of the slices; None takes that of most examples.
            draft: an existing segmentation of the image, to be corrected by the examples. How far it is
                believed, class by class and place by place, the labelled slices tell. Its other classes are
                kept as they are, except on labelled slices.
            ranges: intensities that classes have; nothing else is labelled as them, but what the user drew.

        Raises:
            InputError: no image, no prompts, none across the axis, or an impossible range.
            GeometryMismatchError: the draft does not lie on the image.
            Cancelled: `cancelled()` was true.
        """
        start, heard, shown = time.perf_counter(), shown is not None, shown or _unheard
        image, prompts = self._ready()
        axis = self.prompt_axis if axis is None else axis
        indices = slices_within(image.geometry.shape[axis], slice_range)
        if not all(prompt.is_slice_of(image) for prompt in prompts.enabled):
            (progress or _silent)(0.0, "Carrying the examples of other volumes over")
        wishes = Wishes(draft, tuple(ranges))
        propagator = self._propagator(axis, cancelled or _never, wishes=wishes)
        local = [prompt for prompt in propagator.local if prompt.index not in self._prepared.completed]
        known = tuple(prompt.index for prompt in local)
        settled = propagator.settled
        canvas = ResultCanvas.of(image, axis, local, settled)
        for prompt in local:
            shown(SliceResult.of(prompt))
        shape = image.geometry.shape
        for index in settled:
            shown(SliceResult.empty(index, shape[:axis] + shape[axis + 1 :]))
        for index in sorted(self._prepared.completed.keys() & indices):
            canvas.put(self._prepared.completed[index])
            shown(self._prepared.completed[index])
        indices = [index for index in indices if index not in {*known, *settled, *self._prepared.completed}]
        hears = progress or _silent, cancelled or _never
        for done in self._slices(propagator, indices, *hears, all_axes, guess=heard):
            canvas.put(done)
            shown(done)
        ids = propagator.ids
        left_out = [*axis_notes(prompts.enabled, axis, image, ids), *class_notes(propagator.foreign, ids)]
        notes = [*self._prepared.notes, *left_out, *propagator.notes]
        seconds = {**propagator.watch.seconds, "propagate": time.perf_counter() - start}
        classes = propagator.guidance.kept_classes
        return canvas.result(prompts, known, seconds, self._device.name, notes, classes)

    @one_at_a_time
    def preview(
        self,
        index: int,
        cancelled: Callable[[], bool] | None = None,
        axis: int | None = None,
        draft: LabelMap | None = None,
        ranges: Sequence[IntensityRange] = (),
    ) -> SliceResult:
        """Label one slice; quick once the examples have been prepared by an earlier call.

        A labelled slice comes back as it was drawn. Whether a structure goes on beyond the outermost labelled
        slices follows from these alone here; more is known when all slices are propagated.

        Args:
            index: slice along the axis.
            cancelled: asked while the examples are prepared; true ends the call.
            axis: array axis of the slice; None takes that of most examples.
            draft, ranges: as of `propagate`.

        Raises:
            InputError: no image, no prompts, or no such slice.
            Cancelled: `cancelled()` was true.
        """
        image, prompts = self._ready()
        axis = self.prompt_axis if axis is None else axis
        slices_within(image.geometry.shape[axis], (index, index))
        wishes = Wishes(draft, tuple(ranges))
        propagator = self._propagator(axis, cancelled or _never, wishes=wishes)
        if index in self._prepared.completed:
            return self._prepared.completed[index]
        for prompt in propagator.local:
            if prompt.index == index:
                return SliceResult.of(prompt)
        if index in propagator.settled:
            shape = image.geometry.shape
            return SliceResult.empty(index, shape[:axis] + shape[axis + 1 :])
        (done,) = self._slices(propagator, [index], _silent, cancelled or _never)
        return done

    @one_at_a_time
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
        former = self._adapted_to
        self.forget_adaptation()
        try:
            axis = self.prompt_axis
            propagator = self._propagator(axis, cancelled or _never, finished_only=True)
            # What was carried over from other volumes is a guess, and nothing to learn from.
            contexts = [] if propagator.transferred else propagator.contexts(cancelled or _never)
            config = AdaptConfig() if steps is None else AdaptConfig(steps=steps)
            adaptation = Adaptation(self._model, self._device, contexts, self._seed, config)
            report, weights = adaptation.run(seconds, progress or _silent, cancelled or _never)
        except BaseException:
            self._replace_weights(before)
            self._adapted_to = former
            raise
        self._replace_weights(weights)
        self._adapted_to = self.adaptation_name(seconds, steps)
        return report

    def adaptation_name(self, seconds: float, steps: int | None = None) -> str:
        """Names what an adaptation to the present examples would be made of: the same again is not needed.

        Raises:
            InputError: no image, or no prompts.
        """
        prints = sorted(prompt.fingerprint for prompt in self._ready()[1].enabled)
        made_of = repr((self._name, self._seed, float(seconds), steps, prints)).encode()
        return hashlib.blake2b(made_of, digest_size=12).hexdigest()

    @property
    def adapted_to(self) -> str:
        """`adaptation_name` of the adaptation that was made last and still counts, or empty."""
        return self._adapted_to

    @property
    def adapted(self) -> bool:
        """Whether adapted weights are in use."""
        return self._use.adapted

    @one_at_a_time
    def forget_adaptation(self) -> None:
        """Go back to the weights that were loaded."""
        self._adapted_to = ""
        if self.adapted:
            self._use.forget()
            self._prepared.forget()

    @one_at_a_time
    def use_adapted(self, path: str | Path, adapted_to: str = "") -> None:
        """Use weights that `save_model` wrote after an adaptation; `forget_adaptation` undoes it.

        Args:
            path: the file.
            adapted_to: what `adapted_to` said when they were written.

        Raises:
            InputError: the file is missing, damaged, or of another model.
        """
        self._use.use_file(path)
        self._adapted_to = adapted_to
        self._prepared.forget()

    @one_at_a_time
    def save_model(self, path: str | Path) -> None:
        """Write the weights in use to a .safetensors file, which `Session(model=path)` loads.

        Raises:
            InputError: another ending.
            OutputError: the file cannot be written.
        """
        self._use.save(path)

    @one_at_a_time
    def denoise(
        self, examples: ImageExamples | None = None, axis: int | None = None, **choices: Any
    ) -> ImageResult:
        """Remove noise from the image; see `run_denoise` for arguments, choices and errors."""
        with self._engine() as engine:
            image = self._ready_image()
            return run_denoise(engine, image, examples, axis=axis, seed=self._seed, **choices)

    @one_at_a_time
    def inpaint(self, mask: LabelMap, axis: int | None = None, **choices: Any) -> ImageResult:
        """Fill the holes of the image; see `run_inpaint` for arguments, choices and errors."""
        with self._engine() as engine:
            return run_inpaint(engine, self._ready_image(), mask, axis=axis, **choices)

    @one_at_a_time
    def synthesize(self, examples: ImageExamples | Sequence[ImageExamples], **choices: Any) -> ImageResult:
        """Make another contrast of the image; see `run_synthesize` for arguments, choices and errors."""
        with self._engine() as engine:
            return run_synthesize(engine, self._ready_image(), examples, **choices)

    def image_examples(self, given: requests.TargetSlices | None) -> ImageExamples | None:
        """Examples of an image task as a request gives them; without an image they are of the present one.

        Raises:
            InputError: no image, or the volumes do not lie on one grid.
        """
        if given is None:
            return None
        image = self._ready_image() if given.image is None else given.image
        return ImageExamples.from_volumes(image, given.target, given.axis, given.slices)

    @property
    def prompt_axis(self) -> int:
        """Array axis along which examples are propagated: that of most, or the only one of a single slice.

        Raises:
            InputError: no image, or no prompts.
        """
        image, prompts = self._ready()
        flat = image.geometry.flat_axis
        return prompts.axis if flat is None else flat

    @property
    def prompts(self) -> PromptSet:
        """The examples.

        Raises:
            InputError: no image, or no prompts.
        """
        return self._ready()[1]

    @property
    def model_name(self) -> str:
        """What the model was loaded as."""
        return self._name

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
        indices: Sequence[int],
        progress: Progress,
        cancelled: Callable[[], bool],
        all_axes: bool = False,
        guess: bool = False,
    ) -> Iterator[SliceResult]:
        try:
            yield from propagator.slices(indices, progress, cancelled, all_axes, guess)
        finally:  # a full GPU is left for good, also by a run that is cancelled afterwards
            self._device = propagator.device

    def _propagator(
        self,
        axis: int,
        cancelled: Callable[[], bool] = _never,
        finished_only: bool = False,
        wishes: Wishes | None = None,
    ) -> Propagator:
        """See `Prepared.propagator`."""
        image, prompts = self._ready()
        return self._prepared.propagator(
            self._model, self._device, image, prompts, axis, cancelled, finished_only, wishes
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
