"""What a session labels: an image by its examples, with what was prepared of them from call to call."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence

from MVGCore.adaptation import Adaptation, AdaptConfig, ModelInUse
from MVGCore.errors import InputError
from MVGCore.models.device import weights_cast_once
from MVGCore.outcomes import AdaptReport
from MVGCore.prompts import PromptSet
from MVGCore.segmentation import Progress, Propagator, Result, ResultCanvas, SliceResult
from MVGCore.segmentation.plan.selection import axis_notes, class_notes
from MVGCore.segmentation.quality import Quality
from MVGCore.session.cache import Prepared
from MVGCore.session.wishes import Wishes
from MVGCore.volume import Volume, check_image, slices_within


def silent(fraction: float, text: str) -> None:
    """No progress is wanted."""


def never() -> bool:
    return False


def unheard(event: object) -> None:
    """Nobody wants to know."""


class Labelling:
    """Labels one image after the other.

    Attributes:
        given: the image; None: there is none yet.
        prompts: the examples; None: there are none yet.
        prepared: what was made of image and examples.
    """

    def __init__(self, model: ModelInUse, quality: Quality) -> None:
        self._model = model
        self.given: Volume | None = None
        self.prompts: PromptSet | None = None
        self.prepared = Prepared(quality)

    @property
    def image(self) -> Volume:
        """The image; an `InputError` if there is none."""
        if self.given is None:
            raise InputError("There is no image yet; call set_image first.")
        return self.given

    def take(self, image: Volume) -> None:
        """Take the image to label; errors as `Session.set_image`."""
        self.given = check_image(image)
        self.prepared.forget()

    def ready(self) -> tuple[Volume, PromptSet]:
        """Image and examples.

        Raises:
            InputError: no image, or no prompts.
        """
        image = self.image
        if self.prompts is None or not self.prompts.enabled:
            raise InputError("There is no example that is switched on; label a slice and call set_prompts.")
        return image, self.prompts

    @property
    def axis(self) -> int:
        """Along which examples are propagated; errors as `ready`."""
        image, prompts = self.ready()
        flat = image.geometry.flat_axis
        return prompts.axis if flat is None else flat

    def propagator(
        self,
        axis: int,
        cancelled: Callable[[], bool] = never,
        finished_only: bool = False,
        wishes: Wishes | None = None,
    ) -> Propagator:
        """See `Prepared.propagator`."""
        return self.prepared.propagator(self._model, *self.ready(), axis, cancelled, finished_only, wishes)

    def adaptation_name(self, seconds: float, steps: int | None) -> str:
        """See `Session.adaptation_name`."""
        made_from = sorted(prompt.fingerprint for prompt in self.ready()[1].enabled)
        made_of = repr((self._model.name, self._model.seed, float(seconds), steps, made_from)).encode()
        return hashlib.blake2b(made_of, digest_size=12).hexdigest()

    def adapt(
        self, seconds: float, steps: int | None, progress: Progress, cancelled: Callable[[], bool]
    ) -> AdaptReport:
        """See `Session.adapt`."""
        model = self._model
        before, former = model.weights() if model.adapted else None, model.adapted_to
        model.forget()
        try:
            propagator = self.propagator(self.axis, cancelled, finished_only=True)
            # What was carried over from other volumes is a guess, and nothing to learn from.
            contexts = [] if propagator.transferred else propagator.contexts(cancelled)
            config = AdaptConfig() if steps is None else AdaptConfig(steps=steps)
            adaptation = Adaptation(model.network, model.device, contexts, model.seed, config)
            report, weights = adaptation.run(seconds, progress, cancelled)
        except BaseException:
            model.use(before, former)
            raise
        model.use(weights, self.adaptation_name(seconds, steps))
        return report

    def all_slices(
        self,
        axis: int | None,
        slice_range: tuple[int, int] | None,
        wishes: Wishes,
        all_axes: bool,
        progress: Progress,
        shown: Callable[[SliceResult], object] | None,
        cancelled: Callable[[], bool],
    ) -> Result:
        """See `Session.propagate`."""
        start, heard, shown = time.perf_counter(), shown is not None, shown or unheard
        image, prompts = self.ready()
        axis = self.axis if axis is None else axis
        indices = slices_within(image.geometry.shape[axis], axis, slice_range)
        if not all(prompt.is_slice_of(image) for prompt in prompts.enabled):
            progress(0.0, "Carrying the examples of other volumes over")
        propagator = self.propagator(axis, cancelled, wishes=wishes)
        local = [prompt for prompt in propagator.local if prompt.index not in self.prepared.completed]
        known = tuple(prompt.index for prompt in local)
        settled = propagator.settled
        canvas = ResultCanvas.of(image, axis, local, settled)
        for prompt in local:
            shown(SliceResult.of(prompt))
        shape = image.geometry.shape
        for index in settled:
            shown(SliceResult.empty(index, shape[:axis] + shape[axis + 1 :]))
        for index in sorted(self.prepared.completed.keys() & indices):
            canvas.put(self.prepared.completed[index])
            shown(self.prepared.completed[index])
        indices = [index for index in indices if index not in {*known, *settled, *self.prepared.completed}]
        with weights_cast_once(self._model.device):
            for done in self._slices(propagator, indices, progress, cancelled, all_axes, guess=heard):
                canvas.put(done)
                shown(done)
        ids = propagator.ids
        left_out = [*axis_notes(prompts.enabled, axis, image, ids), *class_notes(propagator.foreign, ids)]
        notes = [*self.prepared.notes, *left_out, *propagator.notes]
        seconds = {**propagator.watch.seconds, "propagate": time.perf_counter() - start}
        classes = propagator.guidance.kept_classes
        return canvas.result(prompts, known, seconds, self._model.device.name, notes, classes)

    def one_slice(
        self, index: int, axis: int | None, wishes: Wishes, cancelled: Callable[[], bool]
    ) -> SliceResult:
        """See `Session.preview`."""
        image, prompts = self.ready()
        axis = self.axis if axis is None else axis
        slices_within(image.geometry.shape[axis], axis, (index, index))
        propagator = self.propagator(axis, cancelled, wishes=wishes)
        if index in self.prepared.completed:
            return self.prepared.completed[index]
        for prompt in propagator.local:
            if prompt.index == index:
                return SliceResult.of(prompt)
        if index in propagator.settled:
            shape = image.geometry.shape
            return SliceResult.empty(index, shape[:axis] + shape[axis + 1 :])
        (done,) = self._slices(propagator, [index], silent, cancelled)
        return done

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
            self._model.device = propagator.device
