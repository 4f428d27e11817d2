"""Prepares what the slices of a volume are generated from: encoded prompts, drafts, appearance."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from MVGCore.drafts.appearance import Appearance
from MVGCore.models.base import InContextModel, PromptMemory
from MVGCore.models.device import Device
from MVGCore.prompts import Prompt
from MVGCore.segmentation.cache import ContentCache
from MVGCore.segmentation.fuse.mixture import smallness
from MVGCore.segmentation.plan.crossing import Crossing
from MVGCore.segmentation.plan.plan import ClassGroup, Plan, fit_prompt
from MVGCore.segmentation.predict.context import (
    GroupContext,
    Learner,
    as_features,
    draw_prompts,
    palettes,
    textures,
)
from MVGCore.segmentation.predict.encodings import Encodings, encode_prompts
from MVGCore.segmentation.predict.group_drafts import GroupDrafts
from MVGCore.segmentation.timing import Stopwatch
from MVGCore.tasks.segmentation import SegmentationTask

# The answers in several colourings are averaged. A second one costs a third more, and gains nothing beside
# drafts and appearance. Dice with 3 and 5 slices: five held-out hippocampi .8549 and .9023 with one, .8530
# and .9036 with two; a head and neck .578, .752 with one, .571, .747 with two. Nor does a second answer, to
# mirrored slices: nine held-out hippocampi .8520 and .9017 with one, .8525 and .9027 with both in twice the
# time, three hearts .8845 and .8947 with one, .8856 and .8922 with both.
COLOURINGS = 1

Drawn = tuple[Tensor, Tensor]


@dataclass
class Preparation:
    """Makes the contexts of class groups; what the cache still has is not made again.

    Attributes:
        model, device: what generates and where.
        planes: (K, H, W) raw intensities, propagation axis first.
        plan: the groups.
        local: labelled slices of this volume, by index; may be empty.
        foreign: labelled slices of other volumes.
        seed: of the random colours.
        cache: what earlier preparations made for this volume and model.
        watch: takes the time of each stage.
        crossing: slices of this volume that are labelled across other axes.
    """

    model: InContextModel
    device: Device
    planes: NDArray[np.generic]
    plan: Plan
    local: Sequence[Prompt]
    foreign: Sequence[Prompt]
    seed: int
    cache: ContentCache
    watch: Stopwatch = field(default_factory=Stopwatch)
    crossing: Crossing | None = None

    def context(self, group: ClassGroup) -> GroupContext:
        """A group with its prompts drawn; encoded, drafted and learned from they are when first needed."""
        prompts = [*self.local, *self.foreign]
        with self.watch.of("encode examples"):
            names = [self._name(group, prompt) for prompt in prompts]
            drawn = [self._drawn(group, *each) for each in zip(names, prompts, strict=True)]
            tasks = palettes(group, COLOURINGS, self.seed)
        memories = tuple(self._encodings(group, n, task, names, drawn) for n, task in enumerate(tasks))
        step = self.plan.spacing[0] / self._pixel_mm(group)
        known = [prompt.index for prompt in self.local]
        places = np.array([*known, *[np.nan] * len(self.foreign)], dtype=np.float64)
        images, positions = (torch.cat(each) for each in zip(*drawn, strict=True))
        key = (group, tuple(names), self.crossing.digest if self.crossing else ())
        context = GroupContext(group, tasks, memories, places, step, images, positions, key=key)
        own = len(known)
        if positions[:own].any():
            context.drafts = GroupDrafts(self.planes, group, self.local, step, self.cache, self.crossing)
            context.small = smallness(positions[:own], len(group.ids) + 1)
            context.appearance = self._appearance(group, names[:own], images[:own], positions[:own])
        return context

    def _appearance(
        self, group: ClassGroup, names: Sequence[Hashable], images: Tensor, positions: Tensor
    ) -> Learner:
        """Learns a group's appearance from labelled slices when it is first asked for, and keeps it."""

        def learn(model: InContextModel, device: Device) -> Appearance:
            with self.watch.of("learn the appearance"):
                features = as_features(textures(model, device, images))
                return Appearance.learn(images, positions, len(group.ids) + 1, features, self.seed)

        key = ("appearance", group, tuple(names))
        return lambda model, device: self.cache.get(key, lambda: learn(model, device))

    def _name(self, group: ClassGroup, prompt: Prompt) -> Hashable:
        """Names what a prompt shows of a group."""
        labels_digest = prompt.digest(group.ids)
        if any(prompt is each for each in self.local):
            return prompt.index, labels_digest
        return prompt.fingerprint, labels_digest

    def _pixel_mm(self, group: ClassGroup) -> float:
        return group.canvas.pixel_mm(self.plan.spacing[1:])

    def _drawn(self, group: ClassGroup, name: Hashable, prompt: Prompt) -> Drawn:
        def draw() -> Drawn:
            foreign = any(prompt is each for each in self.foreign)
            fitted = fit_prompt(group, prompt, self._pixel_mm(group)) if foreign else group
            return draw_prompts(fitted, [prompt])

        return self.cache.get(("drawn", group, name), draw)

    def _encodings(
        self,
        group: ClassGroup,
        colouring: int,
        task: SegmentationTask,
        names: Sequence[Hashable],
        drawn: Sequence[Drawn],
    ) -> Encodings:
        """All prompts in one colouring; each is encoded by itself, so that a change of one costs one."""

        def encode(model: InContextModel, device: Device, prompt: int) -> PromptMemory:
            def make() -> PromptMemory:
                with self.watch.of("encode examples"):
                    return encode_prompts(model, device, *drawn[prompt], task)

            return self.cache.get(("encoded", group, colouring, names[prompt]), make)

        return Encodings(encode)
