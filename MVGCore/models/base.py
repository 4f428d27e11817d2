"""The one interface of all in-context models: encode the prompts once, then generate targets.

Everything is an image: labels come and go as three colour channels, so a model never knows which task it
runs.
Shapes: B batch of prompt sets, N prompts of a set, T targets (a multiple of B: target t belongs to prompt set
``t // (T // B)``), H = W the canvas side in pixels.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

LEAST_TRUST = 0.02  # a draft nobody trusts is still there: zero would mean that there is none


@dataclass(frozen=True)
class PromptBatch:
    """Prompt slices of B prompt sets.

    Attributes:
        images: (B, N, 3, H, W) intensities in 0..1; channels are the previous, this and the next slice.
        labels: (B, N, 3, H, W) colours in 0..1.
        distance: (T, N) distance of each target to each prompt in canvas pixels, T a multiple of B.
        valid: (T, N) bool; prompts that a target may use.
    """

    images: Tensor
    labels: Tensor
    distance: Tensor
    valid: Tensor

    def to(self, device: torch.device | str) -> PromptBatch:
        """The same on another device."""
        return PromptBatch(
            self.images.to(device), self.labels.to(device), self.distance.to(device), self.valid.to(device)
        )


@dataclass(frozen=True)
class TargetBatch:
    """Target slices with what is known of their labels.

    Attributes:
        images: (T, 3, H, W) intensities in 0..1; channels are the previous, this and the next slice.
        label: (T, 3, H, W) colours: the truth where ``known``, a guess where ``draft``, ignored elsewhere.
        known: (T, 1, H, W) 1 where the label is given (a partly drawn slice), else 0.
        draft: (T, 1, H, W) how much a draft colour is trusted, 0 (no draft) to 1.
        place: first row and column on the prompts' canvas; a model with a `grid` takes parts of one.
        textures: what the model's `textures` says of the images, if it has been asked; it is not asked again.
    """

    images: Tensor
    label: Tensor
    known: Tensor
    draft: Tensor
    place: tuple[int, int] = (0, 0)
    textures: Tensor | None = None

    @staticmethod
    def empty(images: Tensor) -> TargetBatch:
        """Targets of which nothing is known but the image (the autoregressive case of the paper)."""
        blank = torch.zeros_like(images[:, :1])
        return TargetBatch(images, torch.zeros_like(images), blank, blank)

    def to(self, device: torch.device | str) -> TargetBatch:
        """The same on another device."""
        return self._with(lambda planes: planes.to(device), self.place)

    def within(self, rows: slice, columns: slice) -> TargetBatch:
        """A part of the canvas."""
        return self._with(lambda planes: planes[..., rows, columns], (rows.start, columns.start))

    def _with(self, change: Callable[[Tensor], Tensor], place: tuple[int, int]) -> TargetBatch:
        images, label, known, draft = map(change, (self.images, self.label, self.known, self.draft))
        return TargetBatch(images, label, known, draft, place)


@dataclass(frozen=True)
class PromptMemory:
    """Prompts as a model keeps them.

    Attributes:
        content: tensors of the model's own, each (B, N, ...), in nested tuples.
        distance, valid: as in `PromptBatch`; may be refreshed per target.
    """

    content: Any
    distance: Tensor
    valid: Tensor

    def with_distance(self, distance: Tensor, valid: Tensor | None = None) -> PromptMemory:
        """The same prompts for other targets: distance (T, N) in canvas pixels, valid (T, N) bool."""
        valid = torch.ones_like(distance, dtype=torch.bool) if valid is None else valid
        return replace(self, distance=distance, valid=valid)

    def select(self, prompts: Sequence[int]) -> PromptMemory:
        """Only some of the N prompts, by position."""
        index = torch.as_tensor(prompts, device=self.distance.device)
        content = _map(self.content, lambda x: x.index_select(1, index))
        return PromptMemory(content, self.distance[:, index], self.valid[:, index])

    @classmethod
    def joined(cls, memories: Sequence[PromptMemory]) -> PromptMemory:
        """The prompts of several memories, of equal B and T, as one memory."""
        content = _joined([memory.content for memory in memories])
        distance, valid = (
            torch.cat([getattr(memory, name) for memory in memories], 1) for name in ("distance", "valid")
        )
        return cls(content, distance, valid)

    def to(self, device: torch.device | str) -> PromptMemory:
        """The same on another device."""
        return PromptMemory(
            _map(self.content, lambda x: x.to(device)), self.distance.to(device), self.valid.to(device)
        )


def _map(content: Any, change: Callable[[Tensor], Tensor]) -> Any:
    if isinstance(content, tuple):
        return tuple(_map(each, change) for each in content)
    return change(content)


def _joined(contents: Sequence[Any]) -> Any:
    if isinstance(contents[0], tuple):
        return tuple(_joined(each) for each in zip(*contents, strict=True))
    return torch.cat(list(contents), 1)


class InContextModel(nn.Module):
    """An image-to-image model that is told its task by examples.

    Attributes:
        config: a frozen dataclass with a `name`.
        canvas_sides: sides in pixels that the model works well with, ascending.
        small_sides: sides below those, ascending, for what is known to lie close around what shows.
        grid: parts of a canvas can be generated whose sides are multiples of so many pixels; None: whole
            canvases only.
        step: parts of a canvas begin at multiples of so many pixels.
    """

    config: Any
    canvas_sides: tuple[int, ...]
    small_sides: tuple[int, ...] = ()
    grid: int | None = None
    step: int = 1

    @abstractmethod
    def encode_prompts(self, prompts: PromptBatch) -> PromptMemory:
        """Read the prompts once; the result serves any number of targets."""

    @abstractmethod
    def generate(self, memory: PromptMemory, target: TargetBatch) -> Tensor:
        """Colours (T, 3, H, W) of the targets' labels; near 0..1, not clipped."""

    def generate_all(self, memories: Sequence[PromptMemory], targets: Sequence[TargetBatch]) -> list[Tensor]:
        """`generate` for several colourings of the same slices.

        Args:
            memories: the same prompts, in each colouring.
            targets: the same images, with what is known of their labels in each colouring.
        """
        return [self.generate(*each) for each in zip(memories, targets, strict=True)]

    def sparing(self, memory: PromptMemory) -> PromptMemory:
        """Prompts, nearest first, without what the farther ones may be spared of; here it is nothing."""
        return memory

    def textures(self, images: Tensor) -> Tensor | None:
        """(n, F, h, w) what pixels of slices (n, 3, H, W) look like, at any stride; None: it has nothing to
        say of single pixels."""
        return None

    def forward(self, prompts: PromptBatch, target: TargetBatch) -> Tensor:
        return self.generate(self.encode_prompts(prompts), target)
