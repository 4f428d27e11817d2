"""The session: an image, examples and a model in, a labelled volume out; the one door of every host."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from MVGCore.adaptation import ModelInUse
from MVGCore.errors import InputError
from MVGCore.images import Engine, ImageExamples, ImageResult, run_denoise, run_inpaint, run_synthesize
from MVGCore.outcomes import AdaptReport
from MVGCore.prompts import IntensityRange, PromptSet
from MVGCore.segmentation import Progress, Result, SliceResult
from MVGCore.segmentation.quality import quality_of
from MVGCore.session.alone import one_at_a_time
from MVGCore.session.labelling import Labelling, never, silent, unheard
from MVGCore.session.requests import Request
from MVGCore.session.results import Event, Summary
from MVGCore.session.serving import serve
from MVGCore.session.wishes import Wishes
from MVGCore.volume import LabelMap, Volume

__all__ = ["Session"]


class Session:
    """Propagates labelled slices through an image, in this process.

    What was prepared for an image, its examples and the model is kept from call to call; after a change only
    what depends on it is made anew. A session is for one thread at a time: a second one gets an `MVGError`.

    `run` takes a request and tells its results slice by slice, as `MVGCore.worker.host.client.Client.run`
    does with another process. The other methods are the same in terms of whole volumes.

    Attributes:
        model: the model in use.

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
            threads: of torch while the session works; None leaves them as they are. On a CPU as many batches
                of slices, up to four, are generated at a time.
            quality: how much work labels take: "draft" or "standard".
            precision: "auto" takes what the device is fast in; or "float32" or "bfloat16".

        Raises:
            InputError: no such model, weights that do not fit, no such device, quality or precision.
        """
        self._turn = threading.RLock()
        self._threads = threads
        self.model = ModelInUse(model, device, seed, precision)
        self._labelling = Labelling(self.model, quality_of(quality))

    @property
    def device(self) -> str:
        """Where it computes; a GPU whose memory was full is left for good."""
        return self.model.device.name

    @one_at_a_time
    def set_image(self, image: Volume) -> None:
        """Take the volume to label.

        Raises:
            InputError: it is constant, less than a slice, or has NaN or infinite voxels.
        """
        self._labelling.take(image)

    @one_at_a_time
    def set_prompts(self, prompts: PromptSet) -> None:
        """Take the examples; those that are switched off are ignored."""
        self._labelling.prompts = prompts

    @one_at_a_time
    def set_quality(self, quality: str) -> None:
        """Choose how much work labels take from now on, as `Session(quality=...)` does."""
        self._labelling.prepared.quality = quality_of(quality)

    @one_at_a_time
    def run(
        self,
        request: Request,
        shown: Callable[[Event], object] = unheard,
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
        if image is not None and image is not self._labelling.given:
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
        wishes, hears = Wishes(draft, tuple(ranges)), (progress or silent, shown, cancelled or never)
        return self._labelling.all_slices(axis, slice_range, wishes, all_axes, *hears)

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
        wishes = Wishes(draft, tuple(ranges))
        return self._labelling.one_slice(index, axis, wishes, cancelled or never)

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
        return self._labelling.adapt(seconds, steps, progress or silent, cancelled or never)

    def adaptation_name(self, seconds: float, steps: int | None = None) -> str:
        """Names what an adaptation to the present examples would be made of; errors as `prompt_axis`.

        The same again is not needed.
        """
        return self._labelling.adaptation_name(seconds, steps)

    @one_at_a_time
    def forget_adaptation(self) -> None:
        """Go back to the weights that were loaded."""
        self.model.forget()

    @one_at_a_time
    def use_adapted(self, path: str | Path, adapted_to: str = "") -> None:
        """Use weights that `save_model` wrote after an adaptation; `forget_adaptation` undoes it.

        Args:
            path: the file.
            adapted_to: what `model.adapted_to` said when they were written.

        Raises:
            InputError: the file is missing, damaged, or of another model.
        """
        self.model.use_file(path, adapted_to)

    @one_at_a_time
    def save_model(self, path: str | Path) -> None:
        """Write the weights in use to a .safetensors file, which `Session(model=path)` loads.

        Raises:
            InputError: another ending.
            OutputError: the file cannot be written.
        """
        self.model.save(path)

    @property
    def prompt_axis(self) -> int:
        """Array axis along which examples are propagated: that of most, or the only one of a single slice.

        Raises:
            InputError: no image, or no prompts.
        """
        return self._labelling.axis

    @property
    def image(self) -> Volume:
        """The image; an `InputError` if there is none yet."""
        return self._labelling.image

    @property
    def prompts(self) -> PromptSet:
        """The examples; errors as `prompt_axis`."""
        return self._labelling.ready()[1]

    @one_at_a_time
    def denoise(
        self, examples: ImageExamples | None = None, axis: int | None = None, **choices: Any
    ) -> ImageResult:
        """Remove noise from the image; see `run_denoise` for arguments, choices and errors."""
        with self._engine() as engine:
            image = self.image
            return run_denoise(engine, image, examples, axis=axis, seed=self.model.seed, **choices)

    @one_at_a_time
    def inpaint(self, mask: LabelMap, axis: int | None = None, **choices: Any) -> ImageResult:
        """Fill the holes of the image; see `run_inpaint` for arguments, choices and errors."""
        with self._engine() as engine:
            return run_inpaint(engine, self.image, mask, axis=axis, **choices)

    @one_at_a_time
    def synthesize(self, examples: ImageExamples | Sequence[ImageExamples], **choices: Any) -> ImageResult:
        """Make another contrast of the image; see `run_synthesize` for arguments, choices and errors."""
        with self._engine() as engine:
            return run_synthesize(engine, self.image, examples, **choices)

    @contextmanager
    def _engine(self) -> Iterator[Engine]:
        """The model for an image task; a full GPU is left for good."""
        engine = Engine(self.model.network, self.model.device)
        try:
            yield engine
        finally:
            self.model.device = engine.device
