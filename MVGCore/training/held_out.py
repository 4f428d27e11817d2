"""Scores on held-out stacks: the only ground on which a training decision is made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from MVGCore.models.base import InContextModel, TargetBatch
from MVGCore.models.device import Device, autocast
from MVGCore.tasks.palette import batched_class_logits
from MVGCore.training.episodes import Batch


@dataclass(frozen=True)
class HeldOutScore:
    """Mean Dice over targets and classes with the hints as drawn, without any hint, and of the drafts themselves;
    mean absolute error of image tasks."""

    corrected: float
    hidden: float
    draft: float
    draft_corrected: float
    image_error: float


def hard_dice(colours: Tensor, batch: Batch) -> Tensor:
    """(T,) mean Dice over the foreground classes that a target holds; NaN where it holds none."""
    assert batch.positions is not None
    logits = batched_class_logits(colours, batch.palette).masked_fill(~batch.used[..., None, None], -1e9)
    guess = logits.argmax(1)
    scores = []
    for position in range(1, batch.palette.shape[1]):
        a, b = guess == position, batch.positions == position
        size, truth = a.sum((1, 2)) + b.sum((1, 2)), b.sum((1, 2))
        dice = 2 * (a & b).sum((1, 2)) / size.clamp(min=1)
        scores.append(torch.where(truth > 0, dice, torch.nan))
    return torch.stack(scores).nanmean(0)


@torch.no_grad()
def score_held_out(model: InContextModel, batches: Iterable[Batch], device: Device) -> HeldOutScore:
    """Score a model on prepared batches."""
    model.eval()
    rows: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
    errors: list[float] = []
    for batch in batches:
        with autocast(device):
            memory = model.encode_prompts(batch.prompts)
            out = model.generate(memory, batch.target).float()
        if batch.positions is None:
            errors.append(float((out - batch.answer).abs().mean()))
            continue
        blank = torch.zeros_like(batch.target.known)
        with autocast(device):
            hidden = model.generate(
                memory, TargetBatch(batch.target.images, batch.answer * 0, blank, blank)
            ).float()
        has_draft = (batch.target.draft.amax((1, 2, 3)) > 0) & (batch.target.known.amax((1, 2, 3)) == 0)
        corrected, draft = hard_dice(out, batch), hard_dice(batch.target.label, batch)
        rows.append(
            (
                corrected,
                hard_dice(hidden, batch),
                draft.where(has_draft, torch.nan),
                corrected.where(has_draft, torch.nan),
            )
        )
    model.train()
    means = [float(torch.cat(column).nanmean()) for column in zip(*rows, strict=True)]
    return HeldOutScore(*means, image_error=sum(errors) / max(1, len(errors)))


def score_row(score: HeldOutScore) -> dict[str, float]:
    """The scores rounded, for the log."""
    return {name: round(value, 4) for name, value in vars(replace(score)).items()}
