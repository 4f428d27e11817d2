"""Denoising of a volume by examples, which it makes of itself if none are given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from MVGCore.drafts.image import denoise_draft
from MVGCore.errors import InputError
from MVGCore.images.dct import NEIGHBOUR_SLICES, dct_denoise
from MVGCore.images.engine import Engine, ImageQuestion
from MVGCore.images.examples import ImageExamples, neighbours
from MVGCore.images.gate import Trial, best_share, mix, spread
from MVGCore.images.noise import Noise, measure_noise
from MVGCore.images.recorrupted import RecorruptedSlab, best_strength
from MVGCore.images.result import ImageResult, ImageSlice, ResultImage
from MVGCore.images.run import FOREIGN, PREPARED, PROMPTS, Callbacks, Progress, TaskStopwatch, fill, finish
from MVGCore.images.shown import Shown, pixel_step, scaled, show
from MVGCore.prompts import AXIS_NAMES
from MVGCore.volume import Volume, Window, check_axis, check_image, neighbour_indices, robust_window

MEASURED = 9  # slices that the noise is measured in
OWN_EXAMPLES = 5  # slices that a volume gives as examples of itself
TRIALS = 4
WHOLE = (slice(None), slice(None))
NETWORK_MARGIN = 0.003  # by so much the network must be better: the trials are noisy themselves


def run_denoise(
    engine: Engine,
    image: Volume,
    examples: ImageExamples | None = None,
    *,
    axis: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
    slice_range: tuple[int, int] | None = None,
    shown: Callable[[ImageSlice], None] | None = None,
) -> ImageResult:
    """Take the noise out of a volume.

    Args:
        engine: the model and where it runs.
        image: the noisy volume.
        examples: noisy slices with the same without noise, of this or of another volume. Without any, slices
            of the volume are denoised classically and given new noise of the same kind and level.
        axis: array axis of the slices; by default that of the examples, or of the largest spacing.
        seed: of that new noise.
        progress: called with the done fraction and a text.
        cancelled: asked between tiles; true ends the run.
        slice_range: first and last slice to denoise; the others come back as they were.
        shown: called with every slice as soon as it is done.

    Returns:
        In the numeric type and the units of the image.

    Raises:
        InputError: an impossible axis or range, examples of another axis, or an image that cannot be used.
        Cancelled: `cancelled()` was true.
    """
    calls = Callbacks(progress, cancelled, slice_range, shown)
    image, watch = check_image(image), TaskStopwatch()
    axis = _axis(image, examples, axis)
    indices = calls.slices(image.geometry.shape[axis], axis)
    calls.tell(0.0, "Measuring the noise")
    denoising = Denoising.prepare(engine, image, axis, examples, np.random.default_rng(seed), calls)
    watch.lap("prepare")
    calls.tell(PREPARED, "Denoising")
    canvas = ResultImage(image, axis, image.array.copy())
    fill(canvas, indices, denoising.generate, calls)
    watch.lap("generate")
    noise = denoising.noise
    note = f"Noise: {noise.kind}, standard deviation {noise.level:.1%} of the intensity window."
    return finish("denoise", canvas, engine, watch, denoising.share, [note])


def _axis(image: Volume, examples: ImageExamples | None, axis: int | None) -> int:
    if axis is not None:
        check_axis(axis)
    if examples is None:
        return image.geometry.coarsest_axis if axis is None else axis
    if axis not in (None, examples.axis):
        raise InputError(
            f"The examples are slices along {AXIS_NAMES[examples.axis]}, not {AXIS_NAMES[axis or 0]}; "
            "choose their axis."
        )
    return examples.axis


@dataclass
class Denoising:
    """A denoising that is ready for any slice.

    Attributes:
        engine: the model.
        planes: (K, H, W), 0 and 1 at the ends of the window.
        window: the intensities of the image without its noise.
        noise: what the image has.
        step: distance of neighbouring slices in pixels.
        calls: of the caller.
        shown: the examples.
        strength: of the classical draft, in levels of the noise.
        share: of the network in the answer.
    """

    engine: Engine
    planes: Tensor
    window: Window
    noise: Noise
    step: float
    calls: Callbacks
    shown: Shown | None = None
    strength: float = 1.0
    share: float = 0.0

    @classmethod
    def prepare(
        cls,
        engine: Engine,
        image: Volume,
        axis: int,
        examples: ImageExamples | None,
        rng: np.random.Generator,
        calls: Callbacks,
    ) -> Denoising:
        """Measure the noise, make or take the examples, and weigh the network against the draft."""
        raw = np.moveaxis(image.array, axis, 0)
        window, noise = measure(raw)
        made = cls(engine, scaled(raw, window), window, noise, pixel_step(image, axis), calls)
        calls.check()
        slabs, trials = made._slabs(rng), []
        made.strength = best_strength(
            slabs,
            lambda recorrupted, strength: made._draft(
                recorrupted.noisier, [recorrupted.row], recorrupted.noise, strength
            ),
        )
        if examples is None:
            made.shown = made._own_examples(rng)
        else:
            local = examples.belong_to(image)
            few = examples if local else examples.thinned(FOREIGN)
            made.shown = show(few, image, window, window, local, clip=False)
            trials = made._left_out_trials(made.shown)
        trials = trials or [made._slab_trial(recorrupted, rng) for recorrupted in slabs]
        made.share = best_share(trials, power=2, undecided=0.0, margin=NETWORK_MARGIN)
        return made

    def generate(self, indices: list[int]) -> Tensor:
        """Raw intensities (T, H, W) of slices."""
        draft = self._draft(self.planes, indices)
        generated = self._ask(self.planes, draft, indices, indices) if self.share else draft
        values = mix(draft, generated, self.share)
        return values * (self.window.high - self.window.low) + self.window.low

    def _draft(
        self,
        planes: Tensor,
        rows: Sequence[int],
        noise: Noise | None = None,
        strength: float | None = None,
    ) -> Tensor:
        """(T, H, W) of slices of (K, H, W)."""
        noise, strength = noise or self.noise, strength or self.strength
        first, last = max(0, min(rows) - 2 * NEIGHBOUR_SLICES), max(rows) + 2 * NEIGHBOUR_SLICES + 1
        stable, sigma = noise.stabilise(planes[first:last])
        return noise.restore(dct_denoise(stable, strength * sigma, [row - first for row in rows]))

    def _ask(
        self,
        planes: Tensor,
        draft: Tensor,
        rows: Sequence[int],
        places: Sequence[int],
        but: int | None = None,
        part: tuple[slice, slice] = WHOLE,
    ) -> Tensor:
        """The network's answer for slices of (K, H, W) that lie at some places of the volume.

        `part` says which rows and columns of the volume's slices they are.
        """
        assert self.shown is not None
        chosen = self.shown.nearest(float(np.mean(places)), PROMPTS, but)
        down, across = part
        question = ImageQuestion(
            torch.from_numpy(neighbours(planes.numpy(), rows)),
            draft.clamp(0, 1),
            self.shown.images[chosen][:, :, down, across],
            self.shown.target[chosen][:, down, across].clamp(0, 1),
            self.shown.distances(places, chosen),
        )
        return self.engine.answer(question, self.calls.is_cancelled)

    def _own_examples(self, rng: np.random.Generator) -> Shown:
        """Slices of the volume: their draft, and the same with new noise."""
        places = inner(len(self.planes), OWN_EXAMPLES)
        around = neighbour_indices(places, len(self.planes))
        clean = torch.stack([self._draft(self.planes, rows.tolist()) for rows in around]).clamp(0, 1)
        flags = np.ones(len(places), dtype=bool)
        return Shown(
            self.noise.add(clean, rng), clean[:, 1], np.array(places, dtype=np.float64), flags, self.step
        )

    def _left_out_trials(self, shown: Shown) -> list[Trial]:
        """Each of a few given examples, denoised by what the others show."""
        count = len(shown.places)
        trials = []
        for n in spread(range(count)) if count > 1 else ():
            draft = self._draft(shown.images[n], [1])
            generated = self._ask(shown.images[n], draft, [1], [round(shown.places[n])], but=n)
            trials.append(Trial(draft, generated, shown.target[[n]]))
        return trials

    def _slabs(self, rng: np.random.Generator) -> list[RecorruptedSlab]:
        """A few slabs of the volume, taken apart."""
        down, across = self._part
        slabs = []
        for place in inner(len(self.planes), TRIALS):
            self.calls.check()
            first = max(0, place - 2 * NEIGHBOUR_SLICES)
            slab = self.planes[first : place + 2 * NEIGHBOUR_SLICES + 1, down, across]
            clean = self._draft(slab, range(len(slab)))
            slabs.append(RecorruptedSlab.of(slab, clean, place, place - first, self.noise, rng))
        return slabs

    def _slab_trial(self, recorrupted: RecorruptedSlab, rng: np.random.Generator) -> Trial:
        """The network on one of them.

        Where magnitudes hold next to no signal, new noise on the draft is compared with the draft instead.
        """
        row, place = [recorrupted.row], [recorrupted.place]
        draft = self._draft(recorrupted.noisier, row, recorrupted.noise)
        generated = self._ask(recorrupted.noisier, draft, row, place, part=self._part)
        truth = recorrupted.other[row]
        if recorrupted.air.any():
            again = self.noise.add(recorrupted.clean, rng)
            own = self._draft(again, row)
            answer = self._ask(again, own, row, place, part=self._part)
            pairs = ((own, draft), (answer, generated), (recorrupted.clean[row], truth))
            draft, generated, truth = (torch.where(recorrupted.air, *pair) for pair in pairs)
        return Trial(draft, generated, truth)

    @property
    def _part(self) -> tuple[slice, slice]:
        """The rows and columns that trials look at."""
        return _middle(self.planes.shape[1:], self.engine.model.canvas_sides[0])


def _middle(shape: Sequence[int], side: int) -> tuple[slice, slice]:
    """The middle of a slice, not larger than one canvas."""
    starts = [max(0, (size - side) // 2) for size in shape]
    rows, columns = (slice(start, start + side) for start in starts)
    return rows, columns


def measure(raw: NDArray[Any]) -> tuple[Window, Noise]:
    """The window of the intensities behind the noise, and the noise in terms of that window.

    Args:
        raw: (K, H, W) raw intensities.
    """
    window = robust_window(raw)
    places = inner(len(raw), MEASURED)
    planes = scaled(neighbours(raw, places), window)
    noise = measure_noise(planes, denoise_draft(planes))
    clean = []
    for place in places:
        slab = scaled(raw[max(0, place - NEIGHBOUR_SLICES) : place + NEIGHBOUR_SLICES + 1], window)
        stable, sigma = noise.stabilise(slab)
        clean.append(noise.restore(dct_denoise(stable, sigma, [min(place, NEIGHBOUR_SLICES)])))
    measured = robust_window(torch.cat(clean).numpy())
    size = window.high - window.low
    own = Window(window.low + measured.low * size, window.low + measured.high * size)
    return own, noise.rescaled(measured.low, measured.high)


def inner(depth: int, count: int) -> list[int]:
    """At most `count` slices, evenly spread, away from both ends."""
    return sorted({int((n + 0.5) * depth / count) for n in range(count)})
