"""Another contrast of a volume, from a few slices of it or from another patient's pair."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from MVGCore.drafts.image import SynthesisDraft
from MVGCore.errors import InputError
from MVGCore.images.engine import Engine, ImageQuestion
from MVGCore.images.examples import ImageExamples, neighbours
from MVGCore.images.gate import Trial, best_share, mix, spread
from MVGCore.images.result import ImageResult, ImageSlice, ResultImage, constant_like
from MVGCore.images.run import FOREIGN, PREPARED, PROMPTS, Callbacks, Progress, TaskStopwatch, fill, finish
from MVGCore.images.shown import Shown, scaled, show
from MVGCore.volume import Volume, Window, check_image, robust_window

FITTED = 24  # examples that the draft is fitted to
UNDECIDED = 0.25  # with a single example there is nothing to leave out


def run_synthesize(
    engine: Engine,
    image: Volume,
    examples: ImageExamples | Sequence[ImageExamples],
    *,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
    slice_range: tuple[int, int] | None = None,
    shown: Callable[[ImageSlice], None] | None = None,
) -> ImageResult:
    """Generate another contrast of a volume.

    Args:
        engine: the model and where it runs.
        image: the volume at hand.
        examples: slices of it in the wanted contrast, which are kept exactly, or pairs of another volume, or
            several of both; all across one axis.
        progress: called with the done fraction and a text.
        cancelled: asked between tiles; true ends the run.
        slice_range: first and last slice to generate; the others hold the lowest wanted intensity.
        shown: called with every slice as soon as it is done, those near the examples first.

    Returns:
        In the numeric type and the units of the wanted slices, on the grid of the image.

    Raises:
        InputError: no examples, of different axes, an impossible range, or nothing left to generate.
        Cancelled: `cancelled()` was true.
    """
    calls = Callbacks(progress, cancelled, slice_range, shown)
    sets = [examples] if isinstance(examples, ImageExamples) else list(examples)
    image = check_image(image)
    if not sets:
        raise InputError("There is no example of the wanted contrast; give slices of it.")
    if len({each.axis for each in sets}) > 1:
        raise InputError("The examples lie across different axes; give those of one axis.")
    sets = [each if each.belong_to(image) else each.thinned(FOREIGN) for each in sets]
    local = [each for each in sets if each.belong_to(image)]
    axis, watch = sets[0].axis, TaskStopwatch()
    depth = image.geometry.shape[axis]
    kept = {example.index: example.target for each in local for example in each.slices}
    indices = [index for index in calls.slices(depth, axis) if index not in kept]
    calls.tell(0.0, "Preparing the examples")
    synthesis = Synthesis.prepare(engine, image, sets, calls)
    watch.lap("prepare")
    canvas = _canvas(image, sets, local, axis)
    for index, values in kept.items():
        np.moveaxis(canvas.array, axis, 0)[index] = values
    calls.tell(PREPARED, "Generating")
    fill(canvas, indices, synthesis.generate, calls, near=tuple(kept))
    watch.lap("generate")
    name = f"{image.name} synthesised" if image.name else "synthesised"
    return finish(
        "synthesize", canvas, engine, watch, synthesis.share, _notes(synthesis), tuple(kept), name=name
    )


def _canvas(
    image: Volume, sets: Sequence[ImageExamples], local: Sequence[ImageExamples], axis: int
) -> ResultImage:
    dtype = (local or sets)[0].slices[0].target.dtype
    lowest = min(example.target.min() for each in (local or sets) for example in each.slices)
    return ResultImage(image, axis, constant_like(image, lowest, dtype), float(lowest))


def _notes(synthesis: Synthesis) -> list[str]:
    if len(synthesis.shown.places) > 1:
        return []
    return ["With a single example nothing could be checked; give a second slice for a safer result."]


@dataclass
class Synthesis:
    """A synthesis that is ready to generate any slice.

    Attributes:
        engine: the model.
        image, axis, window: the volume, its slices and its intensities.
        target_window: of the answer.
        shown: the examples.
        calls: of the caller.
        draft: the regression that the network corrects.
        share: of the network in the answer.
    """

    engine: Engine
    image: Volume
    axis: int
    window: Window
    target_window: Window
    shown: Shown
    calls: Callbacks
    draft: SynthesisDraft
    share: float = UNDECIDED

    @classmethod
    def prepare(
        cls, engine: Engine, image: Volume, sets: Sequence[ImageExamples], calls: Callbacks
    ) -> Synthesis:
        """Fit the draft to the examples and weigh it against the network on examples that are left out."""
        window = robust_window(image.array)
        local = [each.belong_to(image) for each in sets]
        target = next((each for each, own in zip(sets, local, strict=True) if own), sets[0]).target_window
        shown = Shown.joined(
            [show(each, image, window, target, own) for each, own in zip(sets, local, strict=True)]
        )
        some = spread(range(len(shown.places)), FITTED)
        draft = _fit(shown, some)
        made = cls(engine, image, sets[0].axis, window, target, shown, calls, draft)
        made.share = best_share(made._trials(), power=1, undecided=UNDECIDED)
        return made

    def generate(self, indices: list[int]) -> Tensor:
        """Raw intensities (T, H, W) of slices."""
        planes = neighbours(np.moveaxis(self.image.array, self.axis, 0), indices)
        images = scaled(planes, self.window).clamp(0, 1)
        # One by one: the features of a slice take a hundred times its memory.
        draft = torch.cat([self.draft.predict(image[None]) for image in images])
        generated = draft
        if self.share:
            chosen = self.shown.nearest(float(np.mean(indices)), PROMPTS)
            generated = self._ask(images, draft, indices, chosen)
        values = mix(draft, generated, self.share)
        return values * (self.target_window.high - self.target_window.low) + self.target_window.low

    def _ask(self, images: Tensor, draft: Tensor, indices: Sequence[int], chosen: list[int]) -> Tensor:
        question = ImageQuestion(
            images,
            draft.clamp(0, 1),
            self.shown.images[chosen],
            self.shown.target[chosen].clamp(0, 1),
            self.shown.distances(indices, chosen),
        )
        return self.engine.answer(question, self.calls.is_cancelled)

    def _trials(self) -> list[Trial]:
        """Each of a few examples, generated from the others."""
        count = len(self.shown.places)
        if count < 2:
            return []
        candidates = np.flatnonzero(self.shown.local).tolist() or list(range(count))
        trials = []
        for left_out in spread(candidates):
            others = [n for n in range(count) if n != left_out]
            part = _fit(self.shown, spread(others, FITTED))
            images, truth = self.shown.images[[left_out]], self.shown.target[[left_out]]
            draft, place = part.predict(images), self.shown.places[left_out]
            chosen = self.shown.nearest(place, PROMPTS, but=left_out)
            generated = self._ask(images, draft, [int(round(place))], chosen)
            trials.append(Trial(draft, generated, truth))
        return trials


def _fit(shown: Shown, chosen: Sequence[int]) -> SynthesisDraft:
    """The regression of some examples: larger than in training, where time is short."""
    return SynthesisDraft.fit(
        shown.images[chosen], shown.target[chosen], waves=512, samples=24_000, ridge=1e-4, rounds=2
    )
