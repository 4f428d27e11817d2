"""The session: an image, examples and a model in, a labelled volume out; the one door of every host."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from MVGCore.images import (
    Engine,
    ImageExamples,
    ImageResult,
    run_denoise,
    run_inpaint,
    run_synthesize,
)
from MVGCore.prompts import IntensityRange
from MVGCore.segmentation import Progress, Propagator, Result, ResultCanvas, SliceResult
from MVGCore.segmentation.plan.selection import axis_notes, class_notes
from MVGCore.session import requests
from MVGCore.session.adaptable import AdaptableSession, never, silent
from MVGCore.session.alone import one_at_a_time
from MVGCore.session.requests import Request
from MVGCore.session.results import Event, Summary
from MVGCore.session.serving import serve
from MVGCore.session.wishes import Wishes
from MVGCore.volume import LabelMap, slices_within

__all__ = ["Session"]


def _unheard(event: object) -> None:
    """Nobody wants to know."""


class Session(AdaptableSession):
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

    @one_at_a_time
    def run(
        self,
        request: Request,
        shown: Callable[[Event], object] = _unheard,
        cancelled: Callable[[], bool] = never,
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
        indices = slices_within(image.geometry.shape[axis], axis, slice_range)
        if not all(prompt.is_slice_of(image) for prompt in prompts.enabled):
            (progress or silent)(0.0, "Carrying the examples of other volumes over")
        wishes = Wishes(draft, tuple(ranges))
        propagator = self._propagator(axis, cancelled or never, wishes=wishes)
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
        hears = progress or silent, cancelled or never
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
        slices_within(image.geometry.shape[axis], axis, (index, index))
        wishes = Wishes(draft, tuple(ranges))
        propagator = self._propagator(axis, cancelled or never, wishes=wishes)
        if index in self._prepared.completed:
            return self._prepared.completed[index]
        for prompt in propagator.local:
            if prompt.index == index:
                return SliceResult.of(prompt)
        if index in propagator.settled:
            shape = image.geometry.shape
            return SliceResult.empty(index, shape[:axis] + shape[axis + 1 :])
        (done,) = self._slices(propagator, [index], silent, cancelled or never)
        return done

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

    @contextmanager
    def _engine(self) -> Iterator[Engine]:
        """The model for an image task; a full GPU is left for good."""
        engine = Engine(self._model, self._device)
        try:
            yield engine
        finally:
            self._device = engine.device

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
