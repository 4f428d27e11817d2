"""Training of a specialist: on the examples, then in rounds on its own most confident labels of others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from MVGCore.datasets.specialist.lessons import SpecialistLesson, Teacher
from MVGCore.datasets.specialist.material import Material
from MVGCore.datasets.specialist.network import UNet, halvings
from MVGCore.errors import stop_if
from MVGCore.models.device import Device, autocast

WIDTH = 16
MOST_VOXELS = 110_000  # of a lesson
RATE, WEIGHT_DECAY = 3e-3, 1e-3
LAST_RATE = 0.05  # of the first one
STEEPEST = 1.0  # norm of a gradient
DRAWN_EVERY = 4  # lessons of which one is of a volume with labels, once there are guessed ones
UNIT = 8  # the sides of a lesson are multiples of it: of what all levels shrink them by


@dataclass(frozen=True)
class Design:
    """All that a network needs beside its weights.

    Attributes:
        classes: label values, ascending.
        voxel: size of its grid along (k, j, i), mm.
        size: (K, J, I) voxels of a lesson, and the least that it is shown.
    """

    classes: tuple[int, ...]
    voxel: tuple[float, float, float]
    size: tuple[int, int, int]

    @classmethod
    def of(cls, classes: Sequence[int], voxel: Sequence[float], materials: Sequence[Material]) -> Design:
        """A lesson shows all that is labelled in a volume of middling size, if that is not too much."""
        typical = np.median([each.image.shape[1:] for each in materials], axis=0)
        share = min(1.0, (MOST_VOXELS / float(np.prod(typical))) ** (1 / np.count_nonzero(typical > 1)))
        k, j, i = (int(np.ceil(max(n * share, UNIT) / UNIT) * UNIT) if n > 1 else 1 for n in typical)
        x, y, z = voxel
        return cls(tuple(classes), (float(x), float(y), float(z)), (k, j, i))

    @property
    def flat(self) -> bool:
        """Of single slices."""
        return self.size[0] == 1

    def network(self) -> UNet:
        """With random weights."""
        return UNet(len(self.classes), WIDTH, halvings(self.size, self.voxel), self.flat)


def train(
    network: UNet,
    teacher: Teacher,
    materials: Sequence[Material],
    guessed: Sequence[Material],
    steps: int,
    device: Device,
    cancelled: Callable[[], bool] = lambda: False,
    shown: Callable[[int], object] = lambda step: None,
) -> None:
    """Train in place, on volumes with labels and, if there are any, more often on those with guessed ones.

    Args:
        network: to train.
        teacher: draws the lessons.
        materials: with labels.
        guessed: with labels that may be wrong.
        steps: lessons.
        device: whose precision convolutions have.
        cancelled: asked before each lesson.
        shown: called with the number of lessons so far.

    Raises:
        Cancelled: `cancelled()` was true.
    """
    optimiser = torch.optim.AdamW(network.parameters(), RATE, weight_decay=WEIGHT_DECAY)
    network.train()
    for step in range(steps):
        stop_if(cancelled)
        wave = 0.5 * (1 + np.cos(np.pi * step / steps))
        for group in optimiser.param_groups:
            group["lr"] = RATE * (LAST_RATE + (1 - LAST_RATE) * wave)
        pool, turn = materials, step
        if guessed:
            turn, rest = divmod(step, DRAWN_EVERY)
            if rest:
                pool, turn = guessed, turn * (DRAWN_EVERY - 1) + rest - 1
        lesson = teacher.lesson(pool[turn % len(pool)])
        optimiser.zero_grad()
        with autocast(device):
            logits = network(lesson.shown)
        loss(logits.float(), lesson).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), STEEPEST)
        optimiser.step()
        shown(step + 1)
    network.eval()


def loss(logits: Tensor, lesson: SpecialistLesson) -> Tensor:
    """Cross-entropy and Dice; classes of which nothing is known may be background as well."""
    known = lesson.known[:, :, None, None, None]
    shares = logits.softmax(1)
    background = shares[:, :1] + (shares * (1 - known)).sum(1, keepdim=True)
    shares = torch.cat((background, shares[:, 1:] * known[:, 1:]), 1)
    weight = lesson.weight
    entropy = -(lesson.labels * torch.log(shares.clamp_min(1e-6))).sum(1, keepdim=True)
    entropy = (entropy * weight).sum() / weight.sum().clamp_min(1e-6)
    overlap = (shares * lesson.labels * weight).sum((0, 2, 3, 4))
    total = ((shares + lesson.labels) * weight).sum((0, 2, 3, 4))
    return entropy + 1 - ((2 * overlap + 1) / (total + 1))[1:].mean()


@torch.no_grad()
def answer(network: UNet, material: Material, design: Design) -> Tensor:
    """(classes + 1, K, J, I) probabilities on the grid of a volume."""
    network.eval()
    seen = torch.cat((material.image, material.draft))[None]
    shape = seen.shape[2:]
    padded = [
        max(least, -(-n // UNIT) * UNIT) if least > 1 else n
        for n, least in zip(shape, design.size, strict=True)
    ]
    padding = [side for n, w in zip(reversed(shape), reversed(padded), strict=True) for side in (0, w - n)]
    probabilities = network(functional.pad(seen, padding, mode="replicate")).softmax(1)[0]
    return probabilities[:, : shape[0], : shape[1], : shape[2]]
