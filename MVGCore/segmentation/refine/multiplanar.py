"""A second look: along the other two axes of a volume, by what the first look has found.

The first look goes from labelled slice to labelled slice. Once it has seen the whole volume, each group of
classes is looked at again along both other axes: some slices there, as the first look labels them, are the
examples of all others, and the labelled slices are lines of known labels on every one of them. The network
gets no draft, so that it errs elsewhere than the first look did.

A class is changed only where the look proves itself: with the lines hidden from it, it has to find the class
on the labelled slices about as well as the first look thinks to have found it elsewhere, and it has to agree
with the first look by and large. Mean Dice on held-out training cases, first look and both:

                             3 slices       5 slices
    hippocampus (7)          .838  .851     .892  .900
    head and neck (5)        .497  .499     .671  .676
    rendered heads (2)       .589  .590     .650  .646
    found structures (1)     .228  .228     .204  .205

Believed everywhere, it costs more than it gives where structures are small or folded (three of head and
neck, five slices: .693 -> .637). With the first look's answer as a draft it repeats its errors and gains half
as much; two colourings gain nothing.

What was changed serves the next round as better examples. A second round gains .006 on hippocampus with three
slices, where the first changes 5 to 8 % of what is labelled, and .002 with five, where it changes 1 to 4 %
(12 cases); on head and neck -.001 (7 runs). So there is one only where the first has changed much, and
only if the quality asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from MVGCore.models.base import InContextModel
from MVGCore.models.device import Device
from MVGCore.segmentation.fuse.merge import PLAUSIBLE
from MVGCore.segmentation.plan.plan import fit_canvas
from MVGCore.segmentation.predict.context import Encodings, GroupContext, draw_given, encode_prompts, generate
from MVGCore.segmentation.predict.parallel import batch_size, side_by_side, workers
from MVGCore.segmentation.predict.part import CanvasPart
from MVGCore.segmentation.quality import THOROUGH, Quality
from MVGCore.segmentation.refine.stack import GroupVolume, Halves, class_odds, probabilities
from MVGCore.segmentation.stages import share_of_round
from MVGCore.volume import neighbour_indices
from MVGCore.volume.canvas import Canvas

# Evenly spaced slices; a class that none of them shows brings one more. Five held-out hippocampi with 3 and 5
# slices have a Dice of .8451 and .9021 with 5 of them, .8423 and .9002 with 3, which takes a quarter less.
CROSS_EXAMPLES = 5
SHARE = 0.25  # weight of a look that has proved itself; the first look keeps the rest
# A look has no weight at the first value, all of it at the second:
RECALL = (-0.1, 0.0)  # Dice on labelled slices less the Dice that the first look expects elsewhere
AGREEMENT = (0.7, 0.9)  # Dice between both looks
MUCH = 0.05  # a round that changes this share of what is labelled is followed by the next one
PROBED = 8  # every so manieth slice is first looked at without the lines; every fourth gave the same labels
# Of the distance of the volume's slices, that of those looked at. A rendered head of 20 slices of 360 x 360
# pixels, 44 classes: .8877 with all of them and with this, 280 and 89 s (both after a first look of .885).
STRIDE = 0.5
ENOUGH_ROWS = 32  # slices that are looked at in any case, if there are so many
AROUND = 16  # canvas pixels around what the first look has found that are looked at again
SLICES_AT_ONCE = 8
LEAST_ROWS = 3  # what shows on fewer slices gives no examples

Floats = NDArray[np.float32]
Progress = Callable[[float], None]


def refine_across(
    model: InContextModel,
    device: Device,
    context: GroupContext,
    stack: GroupVolume,
    progress: Progress,
    cancelled: Callable[[], bool],
    quality: Quality = THOROUGH,
) -> Halves | None:
    """Log-odds (K, C, S, S) by both looks; None if the second one adds nothing.

    Args:
        model, device: what generates and where.
        context: the group, as the first look had it.
        stack: what the first look found.
        progress: called with the done fraction.
        cancelled: asked between batches; true ends the look.
        quality: how often it looks.

    Raises:
        Cancelled: `cancelled()` was true.
    """
    seen, changed, done = stack, 1.0, 0
    while done < quality.rounds and changed >= MUCH:
        part = partial(_tell_round, progress, done, quality.rounds)
        odds = _look_across(model, device, context, seen, part, cancelled)
        if odds is None:
            break
        before, seen = seen, replace(seen, odds=odds)
        changed, done = changed_share(before, seen), done + 1
    return seen.odds if done else None


def changed_share(before: GroupVolume, after: GroupVolume) -> float:
    """How much of what two stacks label is labelled otherwise by the second."""
    labelled = (before.labels > 0) | (after.labels > 0)
    return float((before.labels != after.labels)[labelled].mean()) if labelled.any() else 0.0


def _look_across(
    model: InContextModel,
    device: Device,
    context: GroupContext,
    stack: GroupVolume,
    progress: Progress,
    cancelled: Callable[[], bool],
) -> Halves | None:
    """Log-odds (K, C, S, S) by both axes and what was there; None if they add nothing."""
    total, expected = None, expected_dice(stack)
    for done, axis in enumerate((1, 2)):
        view = PlaneStack.of(model, device, context, stack, axis)
        gained = None if view is None else _gain(view, expected, _share(progress, done / 2, 1 / 2), cancelled)
        if gained is not None:
            total = (stack.odds if total is None else total) + gained
    return total


def _gain(
    view: PlaneStack, expected: Floats, progress: Progress, cancelled: Callable[[], bool]
) -> Halves | None:
    """What one axis adds to the log-odds, (K, C, S, S); None if it does not prove itself."""
    probed = view.rows[::PROBED]
    probe = view.look(probed, False, _share(progress, 0.0, 0.2), cancelled)
    recall = view.dice(probed, probe, view.known)
    proven = _ramp(recall - expected, RECALL) * view.shown
    if not proven.any():
        return None
    change = view.look(view.rows, True, _share(progress, 0.2, 0.8), cancelled)
    agreement = view.dice(view.rows, change, ~view.known)
    share = SHARE * proven * _ramp(agreement, AGREEMENT)
    return view.spread(change * share[:, None, None].astype(np.float16)) if share.any() else None


def expected_dice(stack: GroupVolume) -> Floats:
    """(C,) Dice of each class that the first look expects of what is not labelled; 0 for background."""
    chosen, area, overlap = (np.zeros(stack.odds.shape[1], np.float32) for _ in range(3))
    for labels, odds, known in zip(stack.labels, stack.odds, stack.known, strict=True):
        for position, plane in enumerate(probabilities(odds), start=1):
            own = (labels == position) & ~known
            chosen[position] += own.sum()
            overlap[position] += plane[own].sum(dtype=np.float32)
            area[position] += plane[~known & (plane > PLAUSIBLE)].sum(dtype=np.float32)
    return 2 * overlap / np.maximum(chosen + area, 1)


@dataclass(frozen=True)
class PlaneStack:
    """The slices of a stack across one of its other axes: R slices of (K, S).

    Attributes:
        model, device: what generates and where.
        context: their examples and their canvas.
        axis: 1 or 2, of the stack.
        images, odds, labels, known: (R, K, S), (R, C, K, S), (R, K, S) and (R, K, S), those of the stack.
        stride: distance of slices that tell something new: they are finer where the canvas enlarges, and
            where the volume's own slices are far apart.
        rows: the slices that show something, as far as they are looked at.
    """

    model: InContextModel
    device: Device
    context: GroupContext
    axis: int
    images: Floats
    odds: Halves
    labels: NDArray[np.uint16]
    known: NDArray[np.bool_]
    stride: int
    rows: tuple[int, ...]

    @classmethod
    def of(
        cls, model: InContextModel, device: Device, context: GroupContext, stack: GroupVolume, axis: int
    ) -> PlaneStack | None:
        """The view along an axis with its examples encoded; None where next to nothing shows."""
        labels = np.moveaxis(stack.labels, axis, 0)
        showing = np.flatnonzero(labels.any((1, 2)))
        if not len(showing):
            return None
        first, end = int(showing[0]), int(showing[-1]) + 1
        stride = row_stride(end - first, context.step, context.group.canvas.scale[axis - 1])
        rows = tuple(range(first, end, stride))
        if len(rows) < LEAST_ROWS:
            return None
        images = np.moveaxis(stack.images, axis, 0)
        seen = _seen_across(model, device, context, images, labels, rows, stride)
        odds = np.moveaxis(np.moveaxis(stack.odds, axis + 1, 0), 2, 1)
        known = np.moveaxis(stack.known, axis, 0)
        return cls(model, device, seen, axis, images, odds, labels, known, stride, rows)

    @property
    def shown(self) -> NDArray[np.bool_]:
        """(C,) which classes some example shows; never background."""
        return np.array([False, *self.context.shown])

    def look(
        self, rows: Sequence[int], lines: bool, progress: Progress, cancelled: Callable[[], bool]
    ) -> Halves:
        """By how much the network's log-odds of some slices differ from the first look's: (n, C, K, S).

        Args:
            rows: the slices.
            lines: show the network what is labelled of them.
            progress: called with the done fraction.
            cancelled: asked between batches; true ends the look.

        Raises:
            Cancelled: `cancelled()` was true.
        """
        size = batch_size(SLICES_AT_ONCE, self.device)
        batches = [rows[start : start + size] for start in range(0, len(rows), size)]
        jobs, changes = [partial(self._change, batch, lines) for batch in batches], []
        with closing(side_by_side(jobs, workers(self.device), cancelled)) as answers:
            for change in answers:
                changes.append(change)
                progress(len(changes) / len(jobs))
        return np.concatenate(changes)

    def _change(self, rows: Sequence[int], lines: bool) -> Halves:
        context, canvas, here = self.context, self.context.group.canvas, list(rows)
        images = _with_neighbours(canvas, self.images, rows, self.stride)
        given = draw_given(context.group, self.labels[here], self.known[here]) if lines else None
        chosen = context.prompts_for(rows[len(rows) // 2])
        part = self._part(here)
        logs = generate(self.model, self.device, context, images, rows, chosen, None, given, part)
        whole = logs if part is None else part.spread(logs, canvas.side)
        found = canvas.read_back(whole.exp().numpy())
        within = found.sum(1, keepdims=True) > 0.5  # of the canvas; nothing is said beyond
        return np.where(within, class_odds(found[:, 1:], 1) - self.odds[here], np.float16(0))

    def _part(self, rows: list[int]) -> CanvasPart | None:
        """Of the canvas, that which shows something on some slices."""
        if self.model.grid is None:
            return None
        shown = np.asarray((self.labels[rows] > 0).any(0))
        drawn = torch.from_numpy(self.context.group.canvas.draw_image(shown) > 0)
        return CanvasPart.around(drawn, self.model.grid, AROUND)

    def dice(self, rows: Sequence[int], change: Halves, where: NDArray[np.bool_]) -> Floats:
        """(C,) Dice between both looks on some slices, where (R, K, S) is true; 0 for background."""
        here, classes = list(rows), change.shape[1]
        part = where[here]
        before, after = self.labels[here][part], (self.odds[here] + change).argmax(1)[part]
        both = np.bincount(before[before == after], minlength=classes)
        either = np.bincount(before, minlength=classes) + np.bincount(after, minlength=classes)
        dices = 2 * both / np.maximum(either, 1)
        dices[0] = 0
        return dices.astype(np.float32)

    def spread(self, change: Halves) -> Halves:
        """Changes (n, C, K, S) of the slices looked at, in the stack: (K, C, S, S), lines between them."""
        whole = np.zeros(self.odds.shape, np.float16)
        following = np.concatenate((change[1:], change[-1:]))
        for offset in range(self.stride):
            part = np.float16(offset / self.stride)
            places = np.array(self.rows) + offset
            inside = places < len(whole)
            whole[places[inside]] = ((1 - part) * change + part * following)[inside]
        return np.moveaxis(np.moveaxis(whole, 1, 2), 0, self.axis + 1)


def row_stride(extent: int, step: float, scale: float) -> int:
    """Every so manieth of `extent` slices across a stack is looked at.

    Args:
        extent: slices that show something.
        step: distance of the volume's own slices in pixels of the stack.
        scale: pixels of the volume's slices along one of the stack.
    """
    return max(1, round(1 / scale), min(round(STRIDE * step), extent // ENOUGH_ROWS))


def _seen_across(
    model: InContextModel,
    device: Device,
    context: GroupContext,
    images: Floats,
    labels: NDArray[np.integer],
    rows: Sequence[int],
    stride: int,
) -> GroupContext:
    """A group's context for slices (R, K, S) across another axis, with examples of their labels (R, K, S)."""
    classes = len(context.group.ids)
    canvas = fit_canvas(labels > 0, (context.step, 1.0), model.canvas_sides)
    group = replace(context.group, ids=tuple(range(1, classes + 1)), canvas=canvas)
    chosen = example_rows(labels, rows, classes)
    positions = torch.from_numpy(canvas.draw_labels(labels[chosen], group.ids))
    shown = _with_neighbours(canvas, images, chosen, stride)
    task = context.tasks[0]
    memory = encode_prompts(model, device, shown, positions, task)
    places, step = np.array(chosen, np.float64), 1 / canvas.scale[1]
    return GroupContext(group, (task,), (Encodings.of(memory),), places, step, shown, positions)


def example_rows(labels: NDArray[np.integer], rows: Sequence[int], classes: int) -> list[int]:
    """Which of some slices of labels (R, K, S) serve as examples: evenly spaced ones, and where a class that
    they leave out shows most."""
    chosen = {round(step) for step in np.linspace(0, len(rows) - 1, CROSS_EXAMPLES + 2)[1:-1]}
    for position in range(1, classes + 1):
        areas = (labels[list(rows)] == position).sum((1, 2))
        if areas.any() and not areas[list(chosen)].any():
            chosen.add(int(areas.argmax()))
    return sorted(rows[place] for place in chosen)


def _with_neighbours(canvas: Canvas, images: Floats, rows: Sequence[int], stride: int) -> Tensor:
    """Slices with their neighbours on a canvas: (n, 3, S, S)."""
    return torch.from_numpy(canvas.draw_image(images[neighbour_indices(rows, len(images), stride)]))


def _share(progress: Progress, start: float, size: float) -> Progress:
    """Progress of a part of the work."""
    return lambda part: progress(start + part * size)


def _ramp(values: Floats, limits: tuple[float, float]) -> Floats:
    """0 below the lower limit, 1 above the upper one, linear between."""
    return np.clip((values - limits[0]) / (limits[1] - limits[0]), 0, 1)


def _tell_round(progress: Progress, number: int, most: int, part: float) -> None:
    progress(share_of_round(number, part, most))
