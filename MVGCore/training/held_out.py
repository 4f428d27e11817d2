"""Scores on held-out stacks: the only ground on which a training decision is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, nan

import torch
from torch import Tensor

from MVGCore.models.base import InContextModel, TargetBatch
from MVGCore.models.device import Device, autocast
from MVGCore.tasks import ImageTask, SegmentationTask
from MVGCore.training.episode import EpisodeBatch


@dataclass(frozen=True)
class HeldOutScore:
    """Means over held-out targets.

    Attributes:
        hinted: Dice with whatever the episodes tell of the targets' labels.
        hidden: Dice when nothing is told.
        draft: Dice of the drafts where there is one, and `corrected`: of what the model makes of them.
        images: PSNR (dB) of each image task, and of its drafts under "<task>_draft", over targets with one;
            over all targets where none has one.
    """

    hinted: float
    hidden: float
    draft: float
    corrected: float
    images: dict[str, float]

    def values(self) -> dict[str, float]:
        """All numbers by name; what could not be scored is left out."""
        labels = {name: value for name, value in vars(self).items() if name != "images"}
        return {name: value for name, value in {**labels, **self.images}.items() if not isnan(value)}


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
def score_held_out(model: InContextModel, batches: Sequence[EpisodeBatch], device: Device) -> HeldOutScore:
    """Score a model on prepared batches, which lie on the device."""
    model.eval()
    rows: list[tuple[Tensor, ...]] = []
    images: dict[str, list[Tensor]] = {}
    drafts: dict[str, list[Tensor]] = {}
    for batch in batches:
        with autocast(device):
            memory = model.encode_prompts(batch.prompts)
            generated = model.generate(memory, batch.target).float()
        if isinstance(batch.task, SegmentationTask):
            with autocast(device):
                hidden = model.generate(memory, TargetBatch.empty(batch.target.images)).float()
            rows.append(_label_scores(batch.task, batch, generated, hidden))
        elif isinstance(batch.task, ImageTask):
            for name, colours in (("", generated), ("_draft", batch.target.label)):
                images.setdefault(batch.task.name + name, []).append(_psnr(batch.task, batch, colours))
            drafts.setdefault(batch.task.name, []).append(batch.target.draft.amax((1, 2, 3)) > 0)
    model.train()
    hinted, hidden_dice, draft, corrected = (
        (torch.cat(each).nanmean().item() for each in zip(*rows, strict=True)) if rows else [nan] * 4
    )
    scores = {}
    for task, flags in drafts.items():
        has_draft, ours = torch.cat(flags), torch.cat(images[task])
        scores[task] = (ours[has_draft] if has_draft.any() else ours).mean().item()
        scores[f"{task}_draft"] = torch.cat(images[f"{task}_draft"])[has_draft].mean().item()
    return HeldOutScore(hinted, hidden_dice, draft, corrected, scores)


def _psnr(task: ImageTask, batch: EpisodeBatch, colours: Tensor) -> Tensor:
    """(T,) peak signal-to-noise ratio of intensities in 0..1 within the region."""
    error = (task.decode(colours)[:, 0] - batch.answer).square()
    region = torch.ones_like(error) if task.region is None else task.region.to(error)
    mean = (error * region).sum((1, 2)) / region.sum((1, 2)).clamp(min=1)
    return -10 * mean.clamp(min=1e-10).log10()


def _label_scores(
    task: SegmentationTask, batch: EpisodeBatch, generated: Tensor, hidden: Tensor
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
