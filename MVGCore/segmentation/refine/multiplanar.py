"""A second look: along the other two axes of a volume, by what the first look has found.

The first look goes from labelled slice to labelled slice. Once it has seen the whole volume, each group of
classes is looked at again along both other axes: some slices there, as the first look labels them, are the
examples of all others, and the labelled slices are lines of known labels on every one of them. The network
gets no draft, so that it errs elsewhere than the first look did.

A class is changed as far as the look agrees with the first one by and large. Having it prove itself besides
is not worth its time: to find the class, with the lines hidden from it on every eighth slice, on the labelled
slices about as well as the first look thinks to have found it elsewhere. That is a few dozen pixels, and the
first look thinks too well of itself where it fails: a hippocampus with three slices that it expects to be .90
is .836, and a second look that did not prove itself brings it to .864. Mean Dice on held-out training
cases, single precision:

                             3 slices              5 slices
                             proof  agreement      proof  agreement
    hippocampus (12)         .849   .856           .902   .904
    head and neck (5)        .610   .602           .736   .740

With the first look's answer as a draft the look repeats its errors and gains half as much; two colourings
gain nothing.

What was changed serves the next round as better examples. A second round gains .006 on hippocampus with three
slices, where the first changes 5 to 8 % of what is labelled, and .002 with five, where it changes 1 to 4 %
(12 cases); on head and neck -.001 (7 runs). So there is one only where the first has changed much, and
only if the quality asks for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from MVGCore.models.base import InContextModel
from MVGCore.models.device import Device
from MVGCore.segmentation.halves import Floats, Halves, added, multiplied
from MVGCore.segmentation.predict.context import GroupContext
from MVGCore.segmentation.quality import THOROUGH, Quality
from MVGCore.segmentation.refine.plane_stack import PlaneStack, Progress
from MVGCore.segmentation.refine.stack import GroupVolume
from MVGCore.segmentation.stages import share_of_round

SHARE = 0.25  # weight of a look; the first one keeps the rest
# A class has no weight at the first value, all of it at the second:
AGREEMENT = (0.7, 0.9)  # Dice between both looks
MUCH = 0.05  # a round that changes this share of what is labelled is followed by the next one


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
    total = None
    for done, axis in enumerate((1, 2)):
        view = PlaneStack.of(model, device, context, stack, axis)
        gained = None if view is None else _gain(view, _share(progress, done / 2, 1 / 2), cancelled)
        if gained is not None:
            total = added(stack.odds if total is None else total, gained)
    return total


def _gain(view: PlaneStack, progress: Progress, cancelled: Callable[[], bool]) -> Halves | None:
    """What one axis adds to the log-odds, (K, C, S, S); None if it agrees too little with the first look."""
    change = view.look(view.rows, progress, cancelled)
    agreement = view.dice(change)
    share = SHARE * view.shown * _ramp(agreement, AGREEMENT)
    return view.spread(multiplied(change, share[:, None, None])) if share.any() else None


def _share(progress: Progress, start: float, size: float) -> Progress:
    """Progress of a part of the work."""
    return lambda part: progress(start + part * size)


def _ramp(values: Floats, limits: tuple[float, float]) -> Floats:
    """0 below the lower limit, 1 above the upper one, linear between."""
    return np.clip((values - limits[0]) / (limits[1] - limits[0]), 0, 1)


def _tell_round(progress: Progress, number: int, most: int, part: float) -> None:
    progress(share_of_round(number, part, most))
