"""Asks the in-context model for whole slices, tile by tile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from MVGCore.errors import stop_if
from MVGCore.models.base import PromptBatch, PromptMemory
from MVGCore.models.device import autocast
from MVGCore.models.fallback import OnDevice
from MVGCore.models.tiling import Tile, Tiling
from MVGCore.tasks.image import ImageTask, image_target

SLICES_AT_ONCE = 8
_TASK = ImageTask("image")


@dataclass(frozen=True)
class ImageQuestion:
    """T slices to generate and N examples of how; all intensities in 0..1.

    Attributes:
        images: (T, 3, H, W) previous, this and next slice of what is given.
        draft: (T, H, W) a guess of the answer; where `known` the answer itself.
        prompt_images: (N, 3, H, W).
        prompt_labels: (N, H, W) the wanted slices.
        distance: (T, N) from slices to examples, in pixels.
        known: (T, H, W) bool, where the answer is known; None: nowhere.
    """

    images: Tensor
    draft: Tensor
    prompt_images: Tensor
    prompt_labels: Tensor
    distance: Tensor
    known: Tensor | None = None


@dataclass
class Engine(OnDevice):
    """What generates, and where.

    Attributes:
        batch: slices at a time; halved when memory runs out.
    """

    batch: int = SLICES_AT_ONCE

    def answer(self, question: ImageQuestion, cancelled: Callable[[], bool]) -> Tensor:
        """Generate the slices: (T, H, W), near 0..1. Tiles in which all is known are left as they are.

        Raises:
            Cancelled: as soon as `cancelled()` is true between two tiles.
        """
        height, width = question.images.shape[-2:]
        tiling = Tiling.of((height, width), self.model.canvas_sides)
        known = question.known
        padded = ImageQuestion(
            tiling.pad(question.images),
            tiling.pad(question.draft),
            tiling.pad(question.prompt_images),
            tiling.pad(question.prompt_labels),
            question.distance,
            None if known is None else tiling.pad(known),
        )
        total = torch.zeros_like(padded.draft)
        for tile in tiling:
            stop_if(cancelled)
            part = _cut(padded, tiling, tile)
            values = part.draft.clone()
            asked = torch.arange(len(values))
            if part.known is not None:
                asked = torch.nonzero(~part.known.flatten(1).all(1)).flatten()
            if len(asked):
                values[asked] = self._tile(_of_targets(part, asked))
            tiling.crop(total, tile).add_(values * tile.weights)
        return tiling.unpad(total)

    def _tile(self, part: ImageQuestion) -> Tensor:
        """(T, side, side); on a full GPU in smaller batches, then on the CPU."""

        def generated() -> Tensor:
            memory = self._encode(part)
            batches = torch.arange(len(part.images)).split(self.batch)
            return torch.cat([self._generate(memory, _of_targets(part, rows)) for rows in batches])

        return self.with_memory(generated, self._halve)

    def _halve(self) -> bool:
        halved, self.batch = self.batch > 1, self.batch // 2 if self.batch > 1 else SLICES_AT_ONCE
        return halved

    def _encode(self, part: ImageQuestion) -> PromptMemory:
        place, count = self.device.torch_device, len(part.prompt_images)
        batch = PromptBatch(
            part.prompt_images[None],
            _TASK.encode(part.prompt_labels)[None],
            torch.zeros(1, count),
            torch.ones(1, count, dtype=torch.bool),
        )
        with torch.inference_mode(), autocast(self.device):
            return self.model.encode_prompts(batch.to(place))

    def _generate(self, memory: PromptMemory, part: ImageQuestion) -> Tensor:
        place = self.device.torch_device
        target = image_target(part.images, part.draft, None if part.known is None else part.known.float())
        with torch.inference_mode(), autocast(self.device):
            colours = self.model.generate(memory.with_distance(part.distance.to(place)), target.to(place))
        return _TASK.decode(colours.float())[:, 0].cpu()


def _cut(question: ImageQuestion, tiling: Tiling, tile: Tile) -> ImageQuestion:
    return ImageQuestion(
        tiling.crop(question.images, tile),
        tiling.crop(question.draft, tile),
        tiling.crop(question.prompt_images, tile),
        tiling.crop(question.prompt_labels, tile),
        question.distance,
        None if question.known is None else tiling.crop(question.known, tile),
    )


def _of_targets(question: ImageQuestion, rows: Tensor) -> ImageQuestion:
    """Only some of the T slices."""
    return ImageQuestion(
        question.images[rows],
        question.draft[rows],
        question.prompt_images,
        question.prompt_labels,
        question.distance[rows],
        None if question.known is None else question.known[rows],
    )
