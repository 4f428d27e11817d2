"""Scores on held-out stacks: the only ground on which a training decision is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from MVGCore.errors import InputError
from MVGCore.models.base import InContextModel, TargetBatch
from MVGCore.models.device import Device, autocast
from MVGCore.tasks import SegmentationTask
from MVGCore.training.episodes import Batch


@dataclass(frozen=True)
class HeldOutScore:
    """Means over held-out targets.

    Attributes:
        hinted: Dice with whatever the episodes tell of the targets' labels.
        hidden: Dice when nothing is told.
        draft: Dice of the drafts where there is one, and `corrected`: of what the model makes of them.
        image_error: mean absolute error of image tasks.
    """

    hinted: float
    hidden: float
    draft: float
    corrected: float
    image_error: float


def hard_dice(task: SegmentationTask, colours: Tensor, positions: Tensor) -> Tensor:
    """(T,) mean Dice over the foreground classes that a target holds; NaN where it holds none."""
    guess = task.logits(colours).argmax(1)
    scores = []
    for position in range(1, task.palette.shape[-2]):
        a, b = guess == position, positions == position
        truth = b.sum((1, 2))
        dice = 2 * (a & b).sum((1, 2)) / (a.sum((1, 2)) + truth).clamp(min=1)
        scores.append(torch.where(truth > 0, dice, torch.nan))
    return torch.stack(scores).nanmean(0)


@torch.no_grad()
def score_held_out(model: InContextModel, batches: Sequence[Batch], device: Device) -> HeldOutScore:
    """Score a model on prepared batches, which lie on the device."""
    model.eval()
    rows: list[tuple[Tensor, ...]] = []
    errors: list[Tensor] = []
    for batch in batches:
        with autocast(device):
            memory = model.encode_prompts(batch.prompts)
            generated = model.generate(memory, batch.target).float()
            hidden = model.generate(memory, TargetBatch.empty(batch.target.images)).float()
        if isinstance(batch.task, SegmentationTask):
            rows.append(_label_scores(batch.task, batch, generated, hidden))
        else:
            errors.append((batch.task.decode(generated)[:, 0] - batch.answer).abs().mean())
    model.train()
    if not rows:
        raise InputError("The held-out batches hold no segmentation; raise held_out_batches.")
    hinted, hidden_dice, draft, corrected = (
        torch.cat(each).nanmean().item() for each in zip(*rows, strict=True)
    )
    image_error = float(torch.stack(errors).mean()) if errors else 0.0
    return HeldOutScore(hinted, hidden_dice, draft, corrected, image_error)


def _label_scores(
    task: SegmentationTask, batch: Batch, generated: Tensor, hidden: Tensor
) -> tuple[Tensor, ...]:
    """(T,) Dice hinted, hidden, of the draft, corrected; the last two NaN without a draft."""
    has_draft = batch.target.draft.amax((1, 2, 3)) > 0
    hinted, draft = (hard_dice(task, x, batch.answer) for x in (generated, batch.target.label))
    return (
        hinted,
        hard_dice(task, hidden, batch.answer),
        draft.where(has_draft, torch.nan),
        hinted.where(has_draft, torch.nan),
    )
