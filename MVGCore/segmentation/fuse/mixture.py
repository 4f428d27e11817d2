"""The mixture of what is known of a slice: the network's answer, both drafts, the appearance.

A weighted geometric mean, since their errors differ: each may veto. One mixture serves all volumes. Mean Dice
on held-out training cases with 3 and 5 labelled slices (hippocampus, organs of head and neck, structures
found in CTs by intensity, rendered heads with 24 and with 3 classes; three cases of each of the first, two of
the last):

                          hippocampus  head, neck   found       24 classes   3 classes   all
    network alone         .803  .871   .506  .642   .353  .365  .543  .575   .536  .556  .575
    appearance            .657  .729   .350  .458   .364  .333  .383  .437   .539  .568  .482
    all, the same shares  .798  .868   .533  .698   .426  .403  .618  .635   .586  .619  .618
    this                  .799  .868   .531  .693   .428  .403  .630  .656   .594  .623  .623

Small structures are left to the geodesic draft: of those that cover less than 30 pixels of the canvas on the
slices that show them it finds .28, the network .22, the diffusion .06, the appearance .16. With the weights
before these, the network alone had .548 and the mixture .577 without appearance, .605 with it. With those of
the seventh run of training it is the best again (24 cases of four kinds): .729; .726 with half of it left to
the network, .707 with the network alone, which would be .006 better on hippocampus and .02 to .05 worse on
all others.

Mixtures chosen anew for each volume were tried and given up: on left-out labelled slices (the gap around one
is twice as wide as those to be filled), and by a small network for each pixel (.575 on kinds of cases that it
was not fitted to, where one mixture for all had .598). Had the truth itself chosen among seven mixtures for
each case, .011 were gained.

A fifth voice, labels carried from slice to slice by the deformation of neighbouring images (demons), is
alone about as good as the network but gains .001 on hippocampus, head and neck, and found structures: where
the labelled slices are far apart it drifts (head and neck, 3 slices: .533 -> .521). Walking, that is taking
results a quarter of a gap away, if they predict the labelled slice back, as further examples for the
network, is worth nothing either (nine propagations of hippocampus and head and neck: .818 -> .818; .811
when drafts and appearance learn from them too).
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass

import torch
from torch import Tensor

from MVGCore.segmentation.predict.context import AppearanceAt, DraftHint

LEAST_OPINION = 1e-3  # no opinion counts as surer than this


@dataclass(frozen=True)
class Weights:
    """Shares of the model, the two drafts and the appearance in the result; they sum to one."""

    model: float
    geodesic: float = 0.0
    diffusion: float = 0.0
    appearance: float = 0.0


USUAL_SHARES = Weights(0.3, 0.35, 0.1, 0.25)
# Where the geodesic draft sees a small structure; between both areas (pixels of the canvas) it is mixed.
OF_SMALL = Weights(0.1, 0.9)
SMALL_AREA, LARGE_AREA = 50.0, 300.0
# On a slice that is drawn in part the network sees what is drawn and the others do not.
COMPLETING = Weights(0.75, 0.1, 0.15)


def smallness(positions: Tensor, classes: int) -> Tensor:
    """(C,) how small each class is, 0 to 1, by its mean area on the slices (N, S, S) that show it."""
    areas = torch.stack([(positions == c).sum((1, 2)) for c in range(classes)]).float()
    mean = areas.sum(1) / (areas > 0).sum(1).clamp(min=1)
    reach = math.log(LARGE_AREA / SMALL_AREA)
    small = ((LARGE_AREA / mean.clamp(min=1)).log() / reach).clamp(0, 1)
    small[0] = 0
    return small


def blend(
    generated: Tensor,
    hint: DraftHint,
    appearance_at: AppearanceAt | None,
    weights: Weights,
    small: Tensor | None = None,
) -> Tensor:
    """Weighted geometric mean: log-probabilities (T, C, S, S).

    Args:
        generated: (T, C, S, S) log-probabilities, the model's answer.
        hint: what the drafts say.
        appearance_at: what the appearance says; None: left out, the others count as much more. It is asked
            only where it could change the likeliest class: elsewhere it is taken to agree.
        weights: the shares.
        small: (C,) see `smallness`; None: no class is.
    """
    opinions = [
        generated,
        *(draft.clamp(min=LEAST_OPINION).log() for draft in (hint.geodesic, hint.diffusion)),
    ]
    shares = torch.tensor(astuple(weights)).view(-1, 1, 1, 1, 1)
    if small is not None:
        of_small = (hint.geodesic * small.view(-1, 1, 1)).sum(1, keepdim=True)
        shares = torch.lerp(shares, torch.tensor(astuple(OF_SMALL)).view(-1, 1, 1, 1, 1), of_small)
    *others, own = shares
    told = sum(share * opinion for share, opinion in zip(others, opinions, strict=True))
    share = own.expand_as(told[:, :1])[:, 0]
    mixed = told / (1 - share[:, None])
    if appearance_at is not None:
        first, second = told.topk(2, 1).values.unbind(1)
        undecided = first - second < -share * math.log(LEAST_OPINION)
        if undecided.any():
            said = appearance_at(undecided).exp().clamp(min=LEAST_OPINION).log()
            # A view, so that what is written arrives in the mixture.
            mixed.movedim(1, -1)[undecided] = (
                told.movedim(1, -1)[undecided] + share[undecided][:, None] * said
            )
    return mixed.log_softmax(1)
