"""The slices of a volume across one of its other axes, as a second look sees them.

They are looked at on canvases of their own. What shows is known by then, so that little margin is left
around it, and pixels are hardly finer than the volume's. Five held-out hippocampi with 3 and 5 labelled
slices, Dice by both looks, and processor seconds of the look across with bf16:

    128 x 128 pixels, margins of .3 of the extent     .8534  .9038   2.1
    96 x 96, margins of .1                            .8544  .9033   1.2
    64 x 64, margins of .1                            .8530  .9036   0.6
    64 x 64, margins of .2                            .8531  .9022   0.6

With margins of .3 on 64 x 64 pixels all are coarser: .8477 and .9017. Every second slice alone, and what is
between interpolated: .8479 and .8996.
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
from MVGCore.segmentation.halves import Floats, Halves, added, likeliest, multiplied
from MVGCore.segmentation.predict.context import GroupContext, draw_given, generate
from MVGCore.segmentation.predict.encodings import Encodings, encode_prompts
from MVGCore.segmentation.predict.parallel import batch_size, side_by_side, workers
from MVGCore.segmentation.predict.part import CanvasPart
from MVGCore.segmentation.refine.stack import GroupVolume, class_odds
from MVGCore.volume import neighbour_indices
from MVGCore.volume.canvas import Canvas

# Evenly spaced slices; a class that none of them shows brings one more. Five held-out hippocampi with 3 and 5
# slices have a Dice of .8451 and .9021 with 5 of them, .8423 and .9002 with 3, which takes a quarter less.
CROSS_EXAMPLES = 5
MARGIN = 0.1  # around what shows, as a share of its extent
FINENESS = 1.25  # pixels of a canvas along one of the volume that are enough
# Of the distance of the volume's slices, that of those looked at. A rendered head of 20 slices of 360 x 360
# pixels, 44 classes: .8877 with all of them and with this, 280 and 89 s (both after a first look of .885).
STRIDE = 0.5
ENOUGH_ROWS = 32  # slices that are looked at in any case, if there are so many
# Of the slices that tell something new every so manieth is looked at; changes are interpolated between them.
# Twelve held-out hippocampi with 3 and 5 slices: .8558 and .9024 with 1, .8533 and .9043 with 1.5, .8519 and
# .9005 with 2; with neighbours as far away as the slices that are looked at it was .005 worse.
SKIPPED = 1.5
# Canvas pixels around what the first look has found that are looked at again; as good with 8 (the same
# hippocampi .8558 and .9024, with 4 .8559 and .9023).
AROUND = 4
SLICES_AT_ONCE = 8
LEAST_ROWS = 3  # what shows on fewer slices gives no examples

Progress = Callable[[float], None]


@dataclass(frozen=True)
class PlaneStack:
    """The slices of a stack across one of its other axes: R slices of (K, S).

    Attributes:
        model, device: what generates and where.
        context: their examples and their canvas.
        axis: 1 or 2, of the stack.
        images, odds, labels, known: (R, K, S), (R, C, K, S), (R, K, S) and (R, K, S), those of the stack.
        near: distance of slices that tell something new, and of the neighbours that are seen beside one:
            slices are finer where the canvas enlarges, and where the volume's own slices are far apart.
        rows: the slices that show something, as far as they are looked at.
        pixel: pixels of the volume along one of a line of theirs.
    """

    model: InContextModel
    device: Device
    context: GroupContext
    axis: int
    images: Floats
    odds: Halves
    labels: NDArray[np.uint16]
    known: NDArray[np.bool_]
    near: int
    rows: tuple[int, ...]
    pixel: float

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
        near = row_distance(end - first, context.step, context.group.canvas.scale[axis - 1])
        rows = tuple(range(first, end, _stride(near)))
        if len(rows) < LEAST_ROWS:
            return None
        images = np.moveaxis(stack.images, axis, 0)
        seen = _seen_across(model, device, context, images, labels, rows, near)
        odds = np.moveaxis(np.moveaxis(stack.odds, axis + 1, 0), 2, 1)
        known = np.moveaxis(stack.known, axis, 0)
        pixel = context.group.canvas.scale[2 - axis]
        return cls(model, device, seen, axis, images, odds, labels, known, near, rows, pixel)

    @property
    def in_examples(self) -> NDArray[np.bool_]:
        """(C,) which classes some example shows; never background."""
        return np.array([False, *self.context.in_examples])

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
        size, changes = batch_size(SLICES_AT_ONCE, self.device), list[Halves]()
        blocks = [rows[start : start + SLICES_AT_ONCE] for start in range(0, len(rows), SLICES_AT_ONCE)]
        jobs = [
            partial(self._change, block[start : start + size], block, lines)
            for block in blocks
            for start in range(0, len(block), size)
        ]
        with closing(side_by_side(jobs, workers(self.device), cancelled)) as answers:
            for change in answers:
                changes.append(change)
                progress(len(changes) / len(jobs))
        return np.concatenate(changes)

    def _change(self, rows: Sequence[int], block: Sequence[int], lines: bool) -> Halves:
        """The part and the examples are those of all slices of the block, in however many batches it goes."""
        context, canvas, here = self.context, self.context.group.canvas, list(rows)
        part, chosen = self._part(list(block)), context.prompts_for(block[len(block) // 2])
        images = _with_neighbours(canvas, self.images, rows, self.near)
        given = draw_given(context.group, self.labels[here], self.known[here]) if lines else None
        logs = generate(self.model, self.device, context, images, rows, chosen, None, given, part)
        whole = logs if part is None else part.spread(logs, canvas.side)
        read = canvas.read_back(whole.exp().numpy())
        within = read.sum(1, keepdims=True) > 0.5  # of the canvas; nothing is said beyond
        change = added(class_odds(read[:, 1:], 1), -self.odds[here])
        change[np.broadcast_to(~within, change.shape)] = 0
        return change

    def _part(self, rows: list[int]) -> CanvasPart | None:
        """Of the canvas, that which shows something on some slices."""
        labelled = np.asarray((self.labels[rows] > 0).any(0))
        drawn = torch.from_numpy(self.context.group.canvas.draw_image(labelled) > 0)
        return CanvasPart.asked_of(self.model, drawn, AROUND)

    def labelled(self, rows: Sequence[int]) -> Floats:
        """(C,) how many pixels of the volume are labelled as each class on some slices."""
        here = list(rows)
        counts = np.bincount(self.labels[here][self.known[here]], minlength=self.odds.shape[1])
        return (counts * self.pixel).astype(np.float32)

    def dice(self, rows: Sequence[int], change: Halves, where: NDArray[np.bool_]) -> Floats:
        """(C,) Dice between both looks on some slices, where (R, K, S) is true; 0 for background."""
        here, classes = list(rows), change.shape[1]
        part = where[here]
        before, after = self.labels[here][part], likeliest(added(self.odds[here], change))[part]
        both = np.bincount(before[before == after], minlength=classes)
        either = np.bincount(before, minlength=classes) + np.bincount(after, minlength=classes)
        dices = 2 * both / np.maximum(either, 1)
        dices[0] = 0
        return dices.astype(np.float32)

    def spread(self, change: Halves) -> Halves:
        """Changes (n, C, K, S) of the slices looked at, in the stack: (K, C, S, S), lines between them."""
        whole = np.zeros(self.odds.shape, np.float16)
        following = np.concatenate((change[1:], change[-1:]))
        stride = _stride(self.near)
        for offset in range(stride):
            part = offset / stride
            ends = multiplied(change, 1 - part), multiplied(following, part)
            between = added(*ends) if offset else change
            places = np.array(self.rows) + offset
            inside = places < len(whole)
            whole[places[inside]] = between[inside]
        return np.moveaxis(np.moveaxis(whole, 1, 2), 0, self.axis + 1)


def _stride(near: int) -> int:
    """Distance of the slices that are looked at."""
    return int(SKIPPED * near)


def row_distance(extent: int, step: float, scale: float) -> int:
    """Distance of those of `extent` slices across a stack that tell something new.

    Args:
        extent: slices that show something.
        step: distance of the volume's own slices in pixels of the stack.
        scale: pixels of the volume's slices along one of the stack.
    """
    return max(1, round(1 / scale), min(round(STRIDE * step), extent // ENOUGH_ROWS))


def canvas_across(labelled: NDArray[np.bool_], step: float, finest: float, sides: Sequence[int]) -> Canvas:
    """The smallest canvas that shows what slices (R, K, S) across a stack show as finely as the volume does.

    Args:
        labelled: what has to be on it.
        step: distance of the volume's own slices in pixels of the stack.
        finest: side of the volume's finest pixels in pixels of the stack.
        sides: that a canvas may have, ascending.
    """
    places = [np.flatnonzero(labelled.any((0, axis))) for axis in (2, 1)]
    first, last, left, right = (int(each) for along in places for each in along[[0, -1]])
    box = first, last + 1, left, right + 1
    extent = max((box[1] - box[0]) * step, box[3] - box[2]) * (1 + 2 * MARGIN)
    # The stack has been enlarged from the volume's pixels: finer ones than its own show nothing new.
    needed = extent * min(1.0, FINENESS / finest)
    side = next((each for each in sides if each >= needed), sides[-1])
    return Canvas.around(box, labelled.shape[1:], (step, 1.0), side, MARGIN)


def _seen_across(
    model: InContextModel,
    device: Device,
    context: GroupContext,
    images: Floats,
    labels: NDArray[np.integer],
    rows: Sequence[int],
    near: int,
) -> GroupContext:
    """A group's context for slices (R, K, S) across another axis, with examples of their labels (R, K, S)."""
    classes = len(context.group.ids)
    finest = min(context.step, *(1 / scale for scale in context.group.canvas.scale))
    canvas = canvas_across(labels > 0, context.step, finest, (*model.small_sides, *model.canvas_sides))
    group = replace(context.group, ids=tuple(range(1, classes + 1)), canvas=canvas)
    chosen = example_rows(labels, rows, classes)
    positions = torch.from_numpy(canvas.draw_labels(labels[chosen], group.ids))
    with_neighbours = _with_neighbours(canvas, images, chosen, near)
    task = context.tasks[0]
    memory = encode_prompts(model, device, with_neighbours, positions, task)
    places, step = np.array(chosen, np.float64), 1 / canvas.scale[1]
    return GroupContext(group, (task,), (Encodings.of(memory),), places, step, with_neighbours, positions)


def example_rows(labels: NDArray[np.integer], rows: Sequence[int], classes: int) -> list[int]:
    """Which of some slices of labels (R, K, S) serve as examples: evenly spaced ones, and where a class that
    they leave out shows most."""
    chosen = {round(step) for step in np.linspace(0, len(rows) - 1, CROSS_EXAMPLES + 2)[1:-1]}
    for position in range(1, classes + 1):
        areas = (labels[list(rows)] == position).sum((1, 2))
        if areas.any() and not areas[list(chosen)].any():
            chosen.add(int(areas.argmax()))
    return sorted(rows[place] for place in chosen)


def _with_neighbours(canvas: Canvas, images: Floats, rows: Sequence[int], near: int) -> Tensor:
    """Slices with their neighbours on a canvas: (n, 3, S, S)."""
    return torch.from_numpy(canvas.draw_image(images[neighbour_indices(rows, len(images), near)]))
