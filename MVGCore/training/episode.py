"""One episode and a batch of them: what a model sees, and the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from MVGCore.models.base import PromptBatch, TargetBatch
from MVGCore.tasks import Task


@dataclass(frozen=True)
class Episode:
    """One prompt set with its targets.

    Attributes:
        images, labels: (N, 3, S, S) of the prompts.
        distance: (T, N) of targets to prompts in canvas pixels.
        valid: (T, N) prompts that a target may use.
        target: T targets.
        answer: (T, S, S) class positions, or intensities of an image task.
        palette: (C, 3) colours of the classes; None for an image task.
        region: (T, S, S) where the answer of an image task counts; None: everywhere.
    """

    images: Tensor
    labels: Tensor
    distance: Tensor
    valid: Tensor
    target: TargetBatch
    answer: Tensor
    palette: Tensor | None = None
    region: Tensor | None = None


@dataclass(frozen=True)
class EpisodeBatch:
    """Episodes of one task; T = sets * targets.

    Attributes:
        prompts, target: what the model sees.
        task: how answers become colours and what the loss is.
        answer: (T, S, S) class positions, or intensities of an image task.
    """

    prompts: PromptBatch
    target: TargetBatch
    task: Task
    answer: Tensor

    @classmethod
    def of(cls, episodes: Sequence[Episode], task: Task) -> EpisodeBatch:
        """Join episodes with equally many prompts and targets."""
        prompts = PromptBatch(
            torch.stack([e.images for e in episodes]),
            torch.stack([e.labels for e in episodes]),
            torch.cat([e.distance for e in episodes]),
            torch.cat([e.valid for e in episodes]),
        )
        target = TargetBatch(
            torch.cat([e.target.images for e in episodes]),
            torch.cat([e.target.label for e in episodes]),
            torch.cat([e.target.known for e in episodes]),
            torch.cat([e.target.draft for e in episodes]),
        )
        return cls(prompts, target, task, torch.cat([e.answer for e in episodes]))


def padded_prompts(have: int, count: int, targets: int) -> tuple[list[int], Tensor]:
    """Which prompts fill `count` places, and (targets, count) which of them may be used.

    A set with fewer prompts than its batch repeats its first one, which no target may use.
    """
    order = [*range(have), *[0] * (count - have)]
    return order, (torch.arange(count) < have).expand(targets, -1)
