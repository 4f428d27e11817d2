"""What one group of classes knows before its slices are generated: encoded prompts and the draft."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from MVGCore.drafts import Draft, make_draft, one_hot
from MVGCore.models.base import LEAST_TRUST, InContextModel, PromptBatch, PromptMemory, TargetBatch
from MVGCore.models.device import Device, autocast
from MVGCore.prompts import Prompt
from MVGCore.propagation.plan import ClassGroup
from MVGCore.tasks.palette import colour_probabilities, random_palette
from MVGCore.tasks.segmentation import SegmentationTask
from MVGCore.volume.normalise import normalise

DRAFT_VALUES = 40_000_000  # numbers in a draft; above it the draft is made on fewer pixels
FAR = 128.0  # distance in canvas pixels that stands for "another volume"


@dataclass
class GroupContext:
    """A class group, ready to generate any slice of its volume.

    Attributes:
        group: what is generated.
        tasks: the group's classes in different random colours, whose answers are averaged.
        memories: the encoded prompts, in those colours; N prompts.
        places: (N,) slice index of each prompt; NaN for a prompt from another volume.
        draft: for the slices first, first + 1, ...; None without prompts from this volume.
        step: distance of neighbouring slices in canvas pixels.
    """

    group: ClassGroup
    tasks: tuple[SegmentationTask, ...]
    memories: tuple[PromptMemory, ...]
    places: NDArray[np.float64]
    draft: Draft | None
    first: int
    step: float

    def prompts_for(self, index: int, count: int) -> tuple[int, ...]:
        """Positions of the prompts nearest to a slice, nearest first; those of other volumes come last."""
        distance = np.abs(self.places - index)
        return tuple(
            int(n) for n in np.argsort(np.where(np.isnan(distance), np.inf, distance), kind="stable")[:count]
        )

    def distances(self, slices: Sequence[int], prompts: Sequence[int]) -> Tensor:
        """(T, N) distance of slices to some of the prompts, in canvas pixels."""
        distance = np.abs(np.asarray(slices)[:, None] - self.places[None, list(prompts)]) * self.step
        return torch.from_numpy(np.where(np.isnan(distance), FAR, distance).astype(np.float32))

    def target(self, images: Tensor, slices: Sequence[int], task: SegmentationTask) -> TargetBatch:
        """Slices (T, 3, S, S) with their drafts in the colours of a task."""
        if self.draft is None:
            return TargetBatch.empty(images)
        rows = [index - self.first for index in slices]
        colours = colour_probabilities(self.draft.probabilities[:, rows], task.palette)
        trust = self.draft.agreement[rows][:, None]
        side = images.shape[-1]
        label = F.interpolate(colours, size=(side, side), mode="bilinear", align_corners=False)
        draft = F.interpolate(trust, size=(side, side), mode="bilinear", align_corners=False).clamp(
            min=LEAST_TRUST
        )
        return TargetBatch(images, label, torch.zeros_like(draft), draft)


def canvases(group: ClassGroup, slab: NDArray[np.generic]) -> Tensor:
    """Raw intensities (..., H, W) -> canvases (..., S, S) in 0..1."""
    return torch.from_numpy(normalise(group.canvas.draw_image(slab), group.window))


def draw_prompts(group: ClassGroup, prompts: Sequence[Prompt]) -> tuple[Tensor, Tensor]:
    """Images (N, 3, S, S) in 0..1 and class positions (N, S, S) of prompts of one volume."""
    images = torch.stack([canvases(group, prompt.image) for prompt in prompts])
    labels = np.stack([group.canvas.draw_labels(prompt.labels, group.ids) for prompt in prompts])
    return images, torch.from_numpy(labels)


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
    with torch.inference_mode(), autocast(device):
        return model.encode_prompts(batch)


def draft_group(
    image: NDArray[np.generic],
    group: ClassGroup,
    prompts: Sequence[Prompt],
    positions: Tensor,
    slices: range,
    step: float,
) -> Draft:
    """The draft of a group for consecutive slices, at half the side of its canvas or less.

    Args:
        image: (K, H, W) raw intensities of all slices, propagation axis first.
        group: what is drafted.
        prompts: labelled slices of this volume within `slices`.
        positions: (N, S, S) their class positions on the canvas.
        slices: which slices to draft.
        step: distance of neighbouring slices in canvas pixels.
    """
    classes, side = len(group.ids) + 1, group.canvas.side // 2
    while classes * len(slices) * side * side > DRAFT_VALUES and side > 32:
        side //= 2
    side -= side % 2
    small = group.canvas.resized(side)
    stack = torch.from_numpy(normalise(small.draw_image(image[slices.start : slices.stop]), group.window))
    order = np.argsort([prompt.index for prompt in prompts])
    known = [prompts[n].index - slices.start for n in order]
    seeds = F.adaptive_avg_pool2d(one_hot(positions[torch.from_numpy(order)], classes), side)
    return make_draft(stack, seeds, known, step * side / group.canvas.side)


def palettes(group: ClassGroup, count: int, rng: np.random.Generator) -> tuple[SegmentationTask, ...]:
    """The group's classes in `count` random colourings."""
    return tuple(SegmentationTask(random_palette(len(group.ids), rng)) for _ in range(count))
