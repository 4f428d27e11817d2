"""A model that returns what it is shown, and prompts of a small volume."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from MVGCore.models.base import InContextModel, PromptBatch, PromptMemory, TargetBatch
from MVGCore.prompts import Prompt, PromptSet
from MVGCore.volume import Geometry, LabelMap, Volume


@dataclass(frozen=True)
class EchoConfig:
    """Nothing to configure."""

    name: str = "echo"


class Echo(InContextModel):
    """Answers with the draft, or with the colours of the nearest prompt where there is none."""

    canvas_sides = (32, 64)
    config = EchoConfig()

    def encode_prompts(self, prompts: PromptBatch) -> PromptMemory:
        return PromptMemory((prompts.labels,), prompts.distance, prompts.valid)

    def generate(self, memory: PromptMemory, target: TargetBatch) -> Tensor:
        nearest = memory.content[0][0][memory.distance.argmin(1)]
        return torch.where(target.draft > 0, target.label, nearest)


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def prompts_of() -> Callable[[tuple[Volume, LabelMap], list[int]], list[Prompt]]:
    """Labelled slices across k of a volume and its labels."""

    def cut(case: tuple[Volume, LabelMap], slices: list[int]) -> list[Prompt]:
        return PromptSet.from_labelmap(*case, axis=0, slices=slices).prompts

    return cut


@pytest.fixture
def forty() -> tuple[Volume, LabelMap]:
    """Forty blocks of forty intensities in a grid of 8 x 5; (6, 40, 48)."""
    shape = (6, 40, 48)
    labels = np.zeros(shape, np.uint16)
    for n in range(40):
        row, column = divmod(n, 8)
        labels[:, 8 * row + 1 : 8 * row + 7, 6 * column + 1 : 6 * column + 5] = 10 * n + 5
    image = np.random.default_rng(0).normal(0, 0.5, shape).astype(np.float32) + labels / 4
    geometry = Geometry.identity(shape)
    return Volume(image, geometry, "forty"), LabelMap.of(labels, geometry)
