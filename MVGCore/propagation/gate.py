"""How much weight the drafts get beside the model's correction of them.

One mixture serves nearly everywhere, since the errors of the network and of the two drafts differ. Left-out
labelled slices overrule it only when each of them prefers the same other candidate, by a margin on average:
the gap around a left-out slice is twice as wide as those that are to be filled, which flatters the network on
organs; but where contrast defines the structures (brain tissue) they agree that the diffusion is to be left
out. Mean Dice on held-out training cases with 3 and 5 labelled slices, and on heads rendered from label maps:

                         head and neck   hippocampus    brain tissue
    network alone        .457  .631      .785  .866     .747  .784
    best of left-out     .479  .672      .762  .864     (the weights before these)
    both drafts          .325  .613      .772  .847     .736  .751
    this                 .520  .694      .796  .868     .748  .790
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from MVGCore.models.base import InContextModel
from MVGCore.models.device import Device
from MVGCore.propagation.context import GroupContext, Hint, Weights, blend, generate

USUAL = Weights(0.25, 0.375, 0.375)
OTHERS = (Weights(0.5, 0.5, 0.0), Weights(1.0), Weights(0.0, 0.5, 0.5))
MARGIN = 0.03  # mean Dice by which the left-out slices have to prefer another candidate
LEFT_OUT = 3  # at most so many slices are tried: each costs a draft of two gaps
LEAST_LEFT_OUT = 2  # one slice is no evidence


def choose_weights(
    model: InContextModel,
    device: Device,
    context: GroupContext,
    count: int,
) -> Weights:
    """The usual mixture, or another one that all left-out labelled slices prefer.

    Args:
        model, device: what generates.
        context: the group, with drafts and with all its prompts encoded, those of this volume first.
        count: prompts that a slice may use.
    """
    assert context.drafts is not None
    prompts, positions = context.drafts.prompts, context.positions
    inner = [n for n in range(1, len(prompts) - 1) if positions[n].any()]
    if len(inner) < LEAST_LEFT_OUT:
        return USUAL
    chosen = [inner[int(n)] for n in np.linspace(0, len(inner) - 1, min(LEFT_OUT, len(inner))).round()]
    gains = []
    for n in chosen:
        index, gap = prompts[n].index, context.drafts.between(prompts[n - 1], prompts[n + 1])
        hint = Hint.of(gap.draft, [index - gap.first], context.group.canvas.side)
        others = context.prompts_for(index, count, but=n)
        generated = generate(model, device, context, context.images[n : n + 1], [index], others, hint)
        usual, *rest = (mean_dice(blend(generated, hint, each), positions[n]) for each in (USUAL, *OTHERS))
        gains.append([dice - usual for dice in rest])
    # Where one slice is against it, nothing is gained by it.
    agreed = np.where(np.min(gains, axis=0) > 0, np.mean(gains, axis=0), 0.0)
    best = int(agreed.argmax())
    return OTHERS[best] if agreed[best] > MARGIN else USUAL


def mean_dice(logs: Tensor, truth: Tensor) -> float:
    """Mean Dice of log-probabilities (1, C, S, S) over the classes of the truth (S, S)."""
    guess, scores = logs[0].argmax(0), []
    for position in torch.unique(truth):
        if position:
            a, b = guess == position, truth == position
            scores.append(2 * float((a & b).sum()) / float(a.sum() + b.sum()))
    return float(np.mean(scores))
