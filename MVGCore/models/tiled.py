"""A model on canvases larger than its own: in overlapping tiles, each by itself.

Mean Dice of rendered heads, five of 20 slices of 360 x 360 pixels labelled, first look only. Two heads:

    one coarse canvas of 192 pixels                                                    .850
    drafts and appearance on 384 pixels, the network on half of them                   .851
    one canvas of 384 pixels: four times the network's time                            .858
    tiles on 384 pixels that share half of their side                                  .860
    the same mixed with the network on half of the pixels                              .858

Four heads: tiles on 336 pixels that share a quarter of their side .794; on 360, which are those of the slice,
that share an eighth .798. One coarse canvas .782.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache

import torch
from torch import Tensor

from MVGCore.models.base import InContextModel, PromptBatch, PromptMemory, TargetBatch
from MVGCore.models.tiling import Tile, Tiling, largest_step

OVERLAP = 0.125  # of a tile's side is shared by neighbouring tiles


def is_tiled(model: InContextModel, side: int) -> bool:
    """Whether canvases of `side` pixels are larger than the model's own."""
    return side > model.canvas_sides[-1]


def fitted(model: InContextModel, side: int) -> InContextModel:
    """The model for canvases of `side` pixels: itself, or in tiles if they are larger than its own."""
    return Tiled(model, side) if is_tiled(model, side) else model


def tiled_side(largest: int, pixels: float) -> int:
    """Pixels along the smallest canvas of at least `pixels` that tiles of side `largest` cover evenly."""
    step, side = largest_step(largest, OVERLAP), largest
    while side < pixels:
        side += step
    return side


def pixels_generated(side: int, largest: int) -> int:
    """How many pixels a model whose largest canvas has the side `largest` generates for one of `side`."""
    return _tiling(side, largest).pixels


def _tiling(side: int, largest: int) -> Tiling:
    return Tiling.of((side, side), (min(side, largest),), OVERLAP)


@lru_cache(maxsize=8)
def _tiles(tiling: Tiling) -> tuple[Tile, ...]:
    """Kept, since every batch and every prompt needs the same weights."""
    return tuple(tiling)


class Tiled(InContextModel):
    """Makes a large canvas from tiles on the largest one of a model.

    A memory's content is a tuple with what the model keeps of each tile.
    """

    def __init__(self, model: InContextModel, side: int) -> None:
        """For canvases of `side` pixels, at least as large as the model's largest."""
        super().__init__()
        self.model, self.config, self.canvas_sides = model, model.config, (side,)
        self._tiling = _tiling(side, model.canvas_sides[-1])
        self._tiles = _tiles(self._tiling)

    def encode_prompts(self, prompts: PromptBatch) -> PromptMemory:
        content = tuple(
            self.model.encode_prompts(self._prompts(prompts, tile)).content for tile in self._tiles
        )
        return PromptMemory(content, prompts.distance, prompts.valid)

    def generate(self, memory: PromptMemory, target: TargetBatch) -> Tensor:
        return self.generate_all([memory], [target])[0]

    def generate_all(self, memories: Sequence[PromptMemory], targets: Sequence[TargetBatch]) -> list[Tensor]:
        wholes = [torch.zeros_like(target.label) for target in targets]
        for number, tile in enumerate(self._tiles):
            parts = self.model.generate_all(
                [replace(memory, content=memory.content[number]) for memory in memories],
                [self._target(target, tile) for target in targets],
            )
            weights = tile.weights.to(wholes[0].device)
            for whole, part in zip(wholes, parts, strict=True):
                self._tiling.crop(whole, tile).add_(part * weights)
        return wholes

    def sparing(self, memory: PromptMemory) -> PromptMemory:
        tiles = (self.model.sparing(replace(memory, content=content)) for content in memory.content)
        return replace(memory, content=tuple(tile.content for tile in tiles))

    def textures(self, images: Tensor) -> Tensor | None:
        return self.model.textures(images)  # of single pixels: no canvas is too large

    def _prompts(self, prompts: PromptBatch, tile: Tile) -> PromptBatch:
        cut = self._cut(tile)
        return PromptBatch(cut(prompts.images), cut(prompts.labels), prompts.distance, prompts.valid)

    def _target(self, target: TargetBatch, tile: Tile) -> TargetBatch:
        cut = self._cut(tile)
        return TargetBatch(cut(target.images), cut(target.label), cut(target.known), cut(target.draft))

    def _cut(self, tile: Tile) -> Callable[[Tensor], Tensor]:
        return lambda planes: self._tiling.crop(planes, tile).contiguous()
