"""The prompts of a class group as the network keeps them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from MVGCore.models.base import InContextModel, PromptBatch, PromptMemory
from MVGCore.models.device import Device, autocast
from MVGCore.models.tiled import fitted
from MVGCore.tasks.segmentation import SegmentationTask


@dataclass(frozen=True)
class Encodings:
    """The prompts of a group in one colouring, each encoded by itself when it is first needed.

    Attributes:
        encode: encodes the prompt at a position, with a model on a device.
    """

    encode: Callable[[InContextModel, Device, int], PromptMemory]
    _made: dict[tuple[str, int], PromptMemory] = field(default_factory=dict, init=False)

    @classmethod
    def of(cls, memory: PromptMemory) -> Encodings:
        """Prompts that are encoded already."""
        return cls(lambda model, device, prompt: memory.select([prompt]))

    def select(self, model: InContextModel, device: Device, prompts: Sequence[int]) -> PromptMemory:
        """Some of the prompts, by position."""
        return PromptMemory.joined([self._one(model, device, prompt) for prompt in prompts])

    def _one(self, model: InContextModel, device: Device, prompt: int) -> PromptMemory:
        key = device.name, prompt
        if key not in self._made:
            self._made[key] = self.encode(model, device, prompt)
        return self._made[key]


def encode_prompts(
    model: InContextModel, device: Device, images: Tensor, positions: Tensor, task: SegmentationTask
) -> PromptMemory:
    """Encode N prompts, (N, 3, S, S) and (N, S, S), as one set."""
    count = len(images)
    place = device.torch_device
    batch = PromptBatch(
        images[None].to(place),
        task.encode(positions)[None].to(place),
        torch.zeros(1, count, device=place),
        torch.ones(1, count, dtype=torch.bool, device=place),
    )
    with torch.no_grad(), autocast(device):
        return fitted(model, images.shape[-1]).encode_prompts(batch)
