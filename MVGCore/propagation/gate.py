"""Decides by leaving out labelled slices how much weight a draft gets beside the model's correction of it.

Where contrast defines the structures a draft can be nearly right already, elsewhere the model knows better.
Each labelled slice between two others is drafted and generated from the others alone, and the weight that
would have served these slices best is taken.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from MVGCore.models.base import InContextModel
from MVGCore.models.device import Device
from MVGCore.propagation.context import GroupContext, Hint, Weights, blend, generate

# In doubt the first wins: the model, then mixtures, then the drafts by themselves.
CANDIDATES = (
    Weights(1.0),
    Weights(0.75, 0.125, 0.125),
    Weights(0.5, 0.25, 0.25),
    Weights(0.5, 0.5, 0.0),
    Weights(0.5, 0.0, 0.5),
    Weights(0.25, 0.375, 0.375),
    Weights(0.25, 0.75, 0.0),
    Weights(0.25, 0.0, 0.75),
    Weights(0.0, 0.5, 0.5),
    Weights(0.0, 1.0, 0.0),
    Weights(0.0, 0.0, 1.0),
)
UNDECIDED = Weights(0.75, 0.125, 0.125)  # with fewer than three labelled slices there is nothing to leave out
LEFT_OUT = 4  # at most so many slices are tried: each costs a draft of two gaps


def choose_weights(
    model: InContextModel,
    device: Device,
    context: GroupContext,
    count: int,
) -> Weights:
    """The weights that give the best mean Dice on left-out labelled slices.

    Args:
        model, device: what generates.
        context: the group, with drafts and with all its prompts encoded, those of this volume first.
        count: prompts that a slice may use.
    """
    assert context.drafts is not None
    prompts, positions = context.drafts.prompts, context.positions
    inner = [n for n in range(1, len(prompts) - 1) if positions[n].any()]
    if not inner:
        return UNDECIDED
    chosen = [inner[int(n)] for n in np.linspace(0, len(inner) - 1, min(LEFT_OUT, len(inner))).round()]
    scores = []
    for n in chosen:
        index, gap = prompts[n].index, context.drafts.between(prompts[n - 1], prompts[n + 1])
        hint = Hint.of(gap.draft, [index - gap.first], context.group.canvas.side)
        others = context.prompts_for(index, count, but=n)
        generated = generate(model, device, context, context.images[n : n + 1], [index], others, hint)
        scores.append([mean_dice(blend(generated, hint, each), positions[n]) for each in CANDIDATES])
    return CANDIDATES[int(np.mean(scores, axis=0).argmax())]


def mean_dice(logs: Tensor, truth: Tensor) -> float:
    """Mean Dice of log-probabilities (1, C, S, S) over the classes of the truth (S, S)."""
    guess, scores = logs[0].argmax(0), []
    for position in torch.unique(truth):
        if position:
            a, b = guess == position, truth == position
            scores.append(2 * float((a & b).sum()) / float(a.sum() + b.sum()))
    return float(np.mean(scores))
