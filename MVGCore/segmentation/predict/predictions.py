"""What the class groups say of a batch of slices: the network, the drafts and the appearance, mixed."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.models.base import InContextModel
from MVGCore.models.device import Device
from MVGCore.segmentation.cache import ContentCache
from MVGCore.segmentation.fuse.assemble import GroupPredictions, Known
from MVGCore.segmentation.fuse.merge import average
from MVGCore.segmentation.fuse.mixture import COMPLETING, USUAL_SHARES, blend
from MVGCore.segmentation.halves import halved
from MVGCore.segmentation.predict.context import GroupContext, canvases, draw_given, generate
from MVGCore.segmentation.timing import Stopwatch
from MVGCore.volume import neighbour_indices


def predict_batch(
    model: InContextModel,
    device: Device,
    contexts: Sequence[Sequence[GroupContext]],
    planes: NDArray[np.generic],
    batch: Sequence[int],
    block: Sequence[int],
    known: Callable[[int], Known | None],
    watch: Stopwatch,
    cache: ContentCache,
    in_part: bool = False,
) -> list[GroupPredictions]:
    """The answer of every slice of a batch: per group (C - 1, S, S) probabilities of its classes.

    What a group has said of a slice it is not asked again while its own examples stay as they are: who
    corrects one structure waits for its group alone.

    Args:
        model, device: what generates and where.
        contexts: per group what it is generated from, in each telling; their answers are averaged.
        planes: (K, H, W) the volume, its slices first.
        batch: indices of the slices.
        block: those of all slices that the parts of canvases are to show, so that these do not depend on
            who else is in the batch.
        known: what is drawn of a slice and where; None: nothing.
        watch: takes the time of each stage.
        cache: keeps the answers, unless the slices are drawn in part.
        in_part: the slices are drawn in part; the network sees that, and the others count less.

    Raises:
        torch.cuda.OutOfMemoryError: the GPU is full.
    """

    def averaged(example_sets: Sequence[GroupContext], slices: Sequence[int]) -> NDArray[np.float16]:
        slab = planes[neighbour_indices(slices, len(planes))]
        drawn = [each for index in slices if (each := known(index)) is not None]
        labels = tuple(np.stack(part) for part in zip(*drawn, strict=True))
        told = [
            _group_probabilities(model, device, context, slab, slices, block, labels, watch, in_part)
            for context in example_sets
        ]
        return halved(average(told, [context.in_examples for context in example_sets]))

    def kept(example_sets: Sequence[GroupContext]) -> list[NDArray[np.float16]]:
        new = [index for index in batch if answer_key(example_sets, index) not in cache]
        told = dict(zip(new, averaged(example_sets, new), strict=True)) if new else {}

        def answer(index: int) -> NDArray[np.float16]:
            # What was kept until now may have had to go.
            return told[index] if index in told else averaged(example_sets, [index])[0]

        return [cache.get(answer_key(example_sets, index), partial(answer, index)) for index in batch]

    groups = [averaged(each, batch) if in_part else kept(each) for each in contexts]
    return list(zip(*groups, strict=True))


def prediction_key(example_sets: Sequence[GroupContext]) -> Hashable:
    """Names all that the answers of a group depend on but the model and the volume."""
    return tuple(context.key for context in example_sets)


def answer_key(example_sets: Sequence[GroupContext], index: int) -> Hashable:
    """Names the answer of a group to a slice."""
    return "answer", prediction_key(example_sets), index


def _group_probabilities(
    model: InContextModel,
    device: Device,
    context: GroupContext,
    slab: NDArray[np.generic],
    batch: Sequence[int],
    block: Sequence[int],
    known: tuple[NDArray[Any], ...],
    watch: Stopwatch,
    in_part: bool,
) -> NDArray[np.float32]:
    """(T, C - 1, S, S) foreground probabilities.

    `known` are labels (T, H, W) and where they are known (T, H, W); empty where nothing is.
    """
    with watch.of("draft"):
        hint = context.hint(batch)
        part = None if in_part else context.part(model, block)
    chosen = context.prompts_for(batch[len(batch) // 2])
    for memory in context.memories:  # before the time of generating is taken
        memory.select(model, device, chosen)
    with watch.of("generate"):
        images = canvases(context.group, slab)
        given = draw_given(context.group, *known) if known else None
        seen = None if in_part else context.textures_of(model, device, images, part)
        logs = generate(model, device, context, images, batch, chosen, hint, given, part, seen)
    with watch.of("mix"):
        if hint is not None and in_part:
            logs = blend(logs, hint, None, COMPLETING)
        elif hint is not None and not (part and part.empty):
            appearance_at = context.appearance_at(model, device, images, part, seen)
            hint_within = hint if part is None else hint.within(part)
            logs = blend(logs, hint_within, appearance_at, USUAL_SHARES, context.small)
        whole = logs if part is None else part.spread(logs, context.group.canvas.side)
    return whole.exp()[:, 1:].numpy()
