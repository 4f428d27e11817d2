"""A second look: along the other two axes of a volume, by what the first look has found.

The first look goes from labelled slice to labelled slice. Once it has seen the whole volume, each group of
classes is looked at again along both other axes: some slices there, as the first look labels them, are the
examples of all others, and the labelled slices are lines of known labels on every one of them. The network
gets no draft, so that it errs elsewhere than the first look did.

A class is changed only where the look proves itself: with the lines hidden from it, it has to find the class
on the labelled slices about as well as the first look thinks to have found it elsewhere, and it has to agree
with the first look by and large. Where the labelled slices have too little of a class to prove anything, the
agreement has to do, if the first look, which its examples are made of, is expected to be good: a proof of a
few dozen pixels rejected looks that were right (a hippocampus with three slices is .836 by the first look,
.864 with a look that found .71 and .82 of what is labelled instead of .93 and .87). Mean Dice on held-out
training cases in single precision, the proof always asked for and only of what shows enough, whatever the
first look expects:

                             3 slices       5 slices
    hippocampus (12)         .849  .857     .902  .904
    head and neck (5)        .610  .602     .737  .740

Hippocampi, of which it expects .86 and more, are left as they are by asking for that. Two head and necks have
.583 with three slices, of which it expects .6 to .7 (.547 without asking, .583 by the first look alone), and
.752 with five (.761, .744).

Believed everywhere, the look costs more than it gives where structures are folded (a brain with five slices:
.905 with a proof, .867 without). Even half believed it gives nothing there: four rendered training heads with
five slices, grey and white matter, have a Dice of .8164 by the first look and of .8148 by both, with shares
of .08 of .25 at most; so it is spared where no class would take half of its weight: it takes as long as the
first look. What does not prove itself along one axis is not looked at along the other: four such heads were
told apart worse along the second one (of the smaller class .62 to .68 instead of .68 to .70). With the first
look's answer as a draft it repeats its errors and gains half as much; two colourings gain nothing.

What was changed could serve a next round as better examples: that gains .006 on hippocampi with three slices
and .002 with five, in canvases of before; .8630 and .9061 instead of .8637 and .9061 on those of now, in half
as much time again; and -.001 on head and neck. So there is one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from MVGCore.models.base import InContextModel
from MVGCore.models.device import Device
from MVGCore.segmentation.fuse.merge import PLAUSIBLE
from MVGCore.segmentation.halves import Floats, Halves, added, multiplied
from MVGCore.segmentation.predict.context import GroupContext
from MVGCore.segmentation.predict.parallel import side_by_side, workers
from MVGCore.segmentation.refine.plane_stack import PlaneStack, Progress
from MVGCore.segmentation.refine.stack import GroupVolume, probabilities

SHARE = 0.25  # weight of a look; the first one keeps the rest
# A look has no weight at the first value, all of it at the second:
RECALL = (-0.05, 0.0)  # Dice on labelled slices less the Dice that the first look expects elsewhere
AGREEMENT = (0.7, 0.9)  # Dice between both looks
EXPECTED = (0.67, 0.75)  # Dice that the first look expects, where nothing else proves the other one
HALF = 0.5  # a look of which no class would take that share of its weight is spared
PROBED = 8  # every so manieth slice is first looked at without the lines; every fourth gave the same labels
# Labelled pixels of the volume on the probed slices. Fewer tell a Dice to .07 or worse, if ten neighbours
# tell what one does; a tenth decides. Hippocampi show 12 to 55, organs of head and neck 0 to 8, a brain 576.
LEAST_PROOF = 300


def refine_across(
    model: InContextModel,
    device: Device,
    context: GroupContext,
    stack: GroupVolume,
    progress: Progress,
    cancelled: Callable[[], bool],
) -> Halves | None:
    """Log-odds (K, C, S, S) by both looks; None if the second one adds nothing.

    Args:
        model, device: what generates and where.
        context: the group, as the first look had it.
        stack: what the first look found.
        progress: called with the done fraction.
        cancelled: asked between batches; true ends the look.

    Raises:
        Cancelled: `cancelled()` was true.
    """
    total, expected, count = None, expected_dice(stack), workers(device)
    jobs = [partial(PlaneStack.of, model, device, context, stack, axis) for axis in (1, 2)]
    views = side_by_side(jobs, count, cancelled)
    for done, view in enumerate(views if count < 2 else list(views)):
        if view is None:
            continue
        tell = _share(progress, done / 2, 1 / 2)
        proven = _proven(view, expected, _share(tell, 0.0, 0.2), cancelled)
        if proven.max() < HALF:
            break
        gained = _gain(view, proven, _share(tell, 0.2, 0.8), cancelled)
        if gained is not None:
            total = added(stack.odds if total is None else total, gained)
    return total


def _proven(view: PlaneStack, expected: Floats, progress: Progress, cancelled: Callable[[], bool]) -> Floats:
    """(C,) how far a look along one axis may be believed, 0 to 1."""
    probed = view.rows[::PROBED]
    telling = view.labelled(probed) >= LEAST_PROOF
    proven = _ramp(expected, EXPECTED)
    if (view.in_examples & telling).any():
        probe = view.look(probed, False, progress, cancelled)
        recall = view.dice(probed, probe, view.known)
        proven = np.where(telling, _ramp(recall - expected, RECALL), proven)
    return proven * view.in_examples


def _gain(
    view: PlaneStack, proven: Floats, progress: Progress, cancelled: Callable[[], bool]
) -> Halves | None:
    """What one axis adds to the log-odds, (K, C, S, S); None if it does not agree with the first look."""
    change = view.look(view.rows, True, progress, cancelled)
    agreement = view.dice(view.rows, change, ~view.known)
    share = SHARE * proven * _ramp(agreement, AGREEMENT)
    return view.spread(multiplied(change, share[:, None, None])) if share.any() else None


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


def _share(progress: Progress, start: float, size: float) -> Progress:
    """Progress of a part of the work."""
    return lambda part: progress(start + part * size)


def _ramp(values: Floats, limits: tuple[float, float]) -> Floats:
    """0 below the lower limit, 1 above the upper one, linear between."""
    return np.clip((values - limits[0]) / (limits[1] - limits[0]), 0, 1)
