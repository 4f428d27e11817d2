"""What the class groups say of a batch of slices: the network, the drafts and the appearance, mixed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.models.base import InContextModel
from MVGCore.models.device import Device
from MVGCore.propagation.assemble import Answer, Known
from MVGCore.propagation.context import GroupContext, canvases, draw_given, generate
from MVGCore.propagation.merge import average
from MVGCore.propagation.mixture import COMPLETING, USUAL, blend
from MVGCore.propagation.stopwatch import Stopwatch
from MVGCore.volume import neighbour_indices


def answer_batch(
    model: InContextModel,
    device: Device,
    contexts: Sequence[Sequence[GroupContext]],
    planes: NDArray[np.generic],
    batch: Sequence[int],
    known: Callable[[int], Known | None],
    watch: Stopwatch,
    in_part: bool = False,
) -> list[Answer]:
    """The answer of every slice of a batch: per group (C - 1, S, S) probabilities of its classes.

    Args:
        model, device: what generates and where.
        contexts: per group what it is generated from, in each telling; their answers are averaged.
        planes: (K, H, W) the volume, its slices first.
        batch: indices of the slices.
        known: what is drawn of a slice and where; None: nothing.
        watch: takes the time of each stage.
        in_part: the slices are drawn in part; the network sees that, and the others count less.

    Raises:
        torch.cuda.OutOfMemoryError: the GPU is full.
    """
    slab = planes[neighbour_indices(batch, len(planes))]
    drawn = [each for index in batch if (each := known(index)) is not None]
    labels = tuple(np.stack(part) for part in zip(*drawn, strict=True))

    def told(context: GroupContext) -> NDArray[np.float32]:
        return _group_probabilities(model, device, context, slab, batch, labels, watch, in_part)

    groups = [
        average([told(context) for context in tellings], [context.shown for context in tellings])
        for tellings in contexts
    ]
    return list(zip(*groups, strict=True))


def _group_probabilities(
    model: InContextModel,
    device: Device,
    context: GroupContext,
    slab: NDArray[np.generic],
    batch: Sequence[int],
    known: tuple[NDArray[Any], ...],
    watch: Stopwatch,
    in_part: bool,
) -> NDArray[np.float32]:
    """(T, C - 1, S, S) foreground probabilities.

    `known` are labels (T, H, W) and where they are known (T, H, W); empty where nothing is.
    """
    with watch.of("draft"):
        hint = context.hint(batch)
    with watch.of("generate"):
        images = canvases(context.group, slab)
        chosen = context.prompts_for(batch[len(batch) // 2])
        given = draw_given(context.group, *known) if known else None
        logs = generate(model, device, context, images, batch, chosen, hint, given)
    if hint is not None:
        with watch.of("mix"):
            if in_part:
                logs = blend(logs, hint, None, COMPLETING)
            else:
                logs = blend(logs, hint, context.looks(model, device, images), USUAL, context.small)
    return logs.exp()[:, 1:].numpy()
