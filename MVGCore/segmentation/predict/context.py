"""What one group of classes knows before its slices are generated: encoded prompts and the draft."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from MVGCore.drafts.appearance import Appearance
from MVGCore.drafts.draft import Draft
from MVGCore.models.base import LEAST_TRUST, InContextModel, TargetBatch
from MVGCore.models.device import Device, autocast
from MVGCore.models.tiled import fitted
from MVGCore.prompts import Prompt
from MVGCore.segmentation.plan.plan import ClassGroup
from MVGCore.segmentation.predict.encodings import Encodings
from MVGCore.segmentation.predict.group_drafts import GroupDrafts, draw_known
from MVGCore.segmentation.predict.part import CanvasPart
from MVGCore.tasks.palette import colour_probabilities, random_palette
from MVGCore.tasks.segmentation import SegmentationTask
from MVGCore.volume.normalise import normalise

PROMPTS_PER_SLICE = 5  # the nearest ones; more was never trained and never helped
FAR = 128.0  # distance in canvas pixels that stands for "another volume"

# Where the drafts give the classes less than this, the network is not asked. Twelve held-out hippocampi with
# 3 and 5 slices: .8558 and .9024 with .05, .8556 and .9020 with .1, .8543 and .9020 with .15.
MAYBE = 0.1
QUICK_PROMPTS = 2  # of a slice that is shown at once

Learner = Callable[[InContextModel, Device], Appearance]
AppearanceAt = Callable[[Tensor], Tensor]  # (T, S, S) True at n pixels -> their (n, C) log-probabilities


@dataclass
class GroupContext:
    """A class group, ready to generate any slice of its volume.

    Attributes:
        group: what is generated.
        tasks: the group's classes in different random colours, whose answers are averaged.
        memories: the prompts, encoded in those colours; N prompts.
        places: (N,) slice index of each prompt; NaN for a prompt from another volume.
        step: distance of neighbouring slices in canvas pixels.
        images, positions: (N, 3, S, S) and (N, S, S), the prompts on the canvas.
        drafts: of the gaps between labelled slices; None without prompts from this volume.
        appearance: gives what the classes look like on the labelled slices of this volume; learns it, with a
            model on a device, when first asked; None as for drafts.
        small: (C,) how small each class is there, 0 to 1; None as for drafts.
        key: names all that an answer depends on but the model and the volume.
        most: prompts that a slice is generated from at most.
    """

    group: ClassGroup
    tasks: tuple[SegmentationTask, ...]
    memories: tuple[Encodings, ...]
    places: NDArray[np.float64]
    step: float
    images: Tensor
    positions: Tensor
    drafts: GroupDrafts | None = None
    appearance: Learner | None = None
    small: Tensor | None = None
    key: Hashable = None
    most: int = PROMPTS_PER_SLICE

    def quick(self) -> GroupContext:
        """The same with what shows a first guess soonest: few prompts, one colouring, no appearance."""
        once = replace(self, tasks=self.tasks[:1], memories=self.memories[:1], appearance=None)
        return replace(once, key=("quick", self.key), most=QUICK_PROMPTS)

    @cached_property
    def in_examples(self) -> NDArray[np.bool_]:
        """(C - 1,) which classes some prompt shows."""
        return np.isin(np.arange(1, len(self.group.ids) + 1), self.positions.unique().numpy())

    def prompts_for(self, index: int) -> tuple[int, ...]:
        """Positions of the prompts nearest to the gap of a slice, nearest first; other volumes' come last.

        All slices between two labelled ones get the same prompts, whoever else is in their batch.
        """
        places = self.places
        below, above = places[places <= index], places[places >= index]
        ends = [*below[below.argsort()][-1:], *above[above.argsort()][:1]]
        distance = np.abs(places - (np.mean(ends) if ends else index))
        order = np.argsort(np.where(np.isnan(distance), np.inf, distance), kind="stable")
        return tuple(int(n) for n in order[: self.most])

    def appearance_at(
        self,
        model: InContextModel,
        device: Device,
        images: Tensor,
        part: CanvasPart | None = None,
        seen: Tensor | None = None,
    ) -> AppearanceAt | None:
        """Tells log-probabilities by appearance of the pixels of slices (T, 3, S, S) that it is asked for, or
        of a part of them, whose textures may have been seen.

        None if none was learned.
        """
        learned = self.appearance
        if learned is None:
            return None

        def told(where: Tensor) -> Tensor:
            in_part = images if part is None else images[..., part.rows, part.columns]
            place = None if part is None else (part.rows.start, part.columns.start, images.shape[-1])
            there = textures(model, device, in_part) if seen is None else seen
            return learned(model, device).log_probabilities(in_part, where, as_features(there), place)

        return told

    def textures_of(
        self, model: InContextModel, device: Device, images: Tensor, part: CanvasPart | None
    ) -> Tensor | None:
        """The textures of a part of slices (T, 3, S, S) that the network and the appearance both read; None:
        one of them does not, or the network reads whole canvases, perhaps in tiles."""
        if self.appearance is None or part is None or part.empty:
            return None
        return textures(model, device, images[..., part.rows, part.columns])

    def distances(self, slices: Sequence[int], prompts: Sequence[int]) -> Tensor:
        """(T, N) distance of slices to some of the prompts, in canvas pixels."""
        distance = np.abs(np.asarray(slices)[:, None] - self.places[None, list(prompts)]) * self.step
        return torch.from_numpy(np.where(np.isnan(distance), FAR, distance).astype(np.float32))

    def part(self, model: InContextModel, slices: Sequence[int]) -> CanvasPart | None:
        """Where the drafts see something on some slices of a gap; None: all of the canvas is looked at.

        Classes that only other volumes show are in no draft, and models may need whole canvases.
        """
        side = self.group.canvas.side
        if self.drafts is None or np.isnan(self.places).any():
            return None
        gap = self.drafts.around(slices[0])
        draft = gap.draft.rows([index - gap.first for index in slices])
        maybe = ((draft.geodesic[0] + draft.diffusion[0]) / 2 < 1 - MAYBE).any(0)
        filled = F.interpolate(maybe[None, None].float(), size=(side, side))[0, 0] > 0
        return CanvasPart.asked_of(model, filled)

    def hint(self, slices: Sequence[int]) -> DraftHint | None:
        """What the draft says of some slices of one gap; None without a draft."""
        if self.drafts is None:
            return None
        gap = self.drafts.around(slices[0])
        return DraftHint.of(gap.draft, [index - gap.first for index in slices], self.group.canvas.side)


@dataclass(frozen=True)
class DraftHint:
    """What the drafts say of T slices on their canvases: probabilities (T, C, S, S), trust (T, 1, S, S)."""

    geodesic: Tensor
    diffusion: Tensor
    trust: Tensor

    @classmethod
    def of(cls, draft: Draft, rows: Sequence[int], side: int) -> DraftHint:
        """Rows of a draft, enlarged to the canvas."""

        def enlarge(planes: Tensor) -> Tensor:
            return F.interpolate(planes, size=(side, side), mode="bilinear", align_corners=False)

        part = draft.rows(rows)
        trust = enlarge(part.agreement[:, None]).clamp(min=LEAST_TRUST)
        return cls(enlarge(part.geodesic.movedim(1, 0)), enlarge(part.diffusion.movedim(1, 0)), trust)

    def within(self, part: CanvasPart) -> DraftHint:
        """A part of the canvas."""
        parts = (self.geodesic, self.diffusion, self.trust)
        return DraftHint(*(each[..., part.rows, part.columns] for each in parts))

    def target(self, images: Tensor, task: SegmentationTask) -> TargetBatch:
        """Slices (T, 3, S, S) with the draft in the colours of a task."""
        label = colour_probabilities((self.geodesic + self.diffusion) / 2, task.palette)
        return TargetBatch(images, label, torch.zeros_like(self.trust), self.trust)


@dataclass(frozen=True)
class Given:
    """What the user has drawn of T slices that are not finished.

    Attributes:
        positions: (T, S, S) class positions, where known.
        known: (T, 1, S, S) 1 where the label is given, else 0.
    """

    positions: Tensor
    known: Tensor

    def in_colours(self, target: TargetBatch, task: SegmentationTask) -> TargetBatch:
        """The targets with what is given in the colours of a task."""
        label = torch.where(self.known > 0, task.encode(self.positions), target.label)
        return TargetBatch(target.images, label, self.known, target.draft * (1 - self.known))


def generate(
    model: InContextModel,
    device: Device,
    context: GroupContext,
    images: Tensor,
    slices: Sequence[int],
    chosen: Sequence[int],
    hint: DraftHint | None,
    given: Given | None = None,
    part: CanvasPart | None = None,
    seen: Tensor | None = None,
) -> Tensor:
    """Class log-probabilities (T, C, S, S) of slices (T, 3, S, S) from the chosen prompts, over all
    colourings; of a part of the canvas (T, C, h, w), if only that is asked for. Its textures may have been
    seen."""
    if part is not None and part.empty:
        return images.new_zeros(len(images), len(context.group.ids) + 1, 0, 0)
    place, distance = device.torch_device, context.distances(slices, chosen)
    targets = [_target(images, task, hint, given) for task in context.tasks]
    if part is not None:
        targets = [target.within(*part.region) for target in targets]
    targets = [replace(target.to(place), textures=seen) for target in targets]
    memories = [
        memory.select(model, device, chosen).with_distance(distance.to(place)) for memory in context.memories
    ]
    model = fitted(model, context.group.canvas.side)
    if not np.isnan(context.places).any():  # of other volumes' prompts none is nearest
        memories = [model.sparing(memory) for memory in memories]
    with torch.no_grad(), autocast(device):
        colours = model.generate_all(memories, targets)
    logs = [
        F.log_softmax(task.logits(colour.float()), dim=1)
        for task, colour in zip(context.tasks, colours, strict=True)
    ]
    # Logits add up: a colour that two classes share in one colouring tells them apart in another.
    return torch.stack(logs).mean(0).log_softmax(1).cpu()


def _target(
    images: Tensor, task: SegmentationTask, hint: DraftHint | None, given: Given | None
) -> TargetBatch:
    """Slices (T, 3, S, S) with what is known of them in the colours of a task."""
    target = TargetBatch.empty(images) if hint is None else hint.target(images, task)
    return target if given is None else given.in_colours(target, task)


def textures(model: InContextModel, device: Device, images: Tensor) -> Tensor | None:
    """The model's features (n, F, s, s) of the pixels of slices (n, 3, S, S), if it has such; on the
    device."""
    with torch.no_grad(), autocast(device):
        return model.textures(images.to(device.torch_device))


def as_features(seen: Tensor | None) -> Tensor | None:
    """Textures for the appearance, which learns and answers on the CPU in single precision."""
    return None if seen is None else seen.float().cpu()


def canvases(group: ClassGroup, slab: NDArray[np.generic]) -> Tensor:
    """Raw intensities (..., H, W) -> canvases (..., S, S) in 0..1."""
    return torch.from_numpy(normalise(group.canvas.draw_image(slab), group.window))


def draw_prompts(group: ClassGroup, prompts: Sequence[Prompt]) -> tuple[Tensor, Tensor]:
    """Images (N, 3, S, S) in 0..1 and class positions (N, S, S) of prompts of one volume."""
    images = torch.stack([canvases(group, prompt.image) for prompt in prompts])
    labels = np.stack([group.canvas.draw_labels(prompt.labels, group.ids) for prompt in prompts])
    return images, torch.from_numpy(labels)


def draw_given(group: ClassGroup, labels: NDArray[np.uint16], known: NDArray[np.bool_]) -> Given:
    """Labels of slices (T, H, W), known in part, on the group's canvas."""
    positions = torch.from_numpy(draw_known(group.canvas, group.ids, labels, known))
    return Given(positions.clamp(min=0), (positions >= 0)[:, None].float())


def palettes(group: ClassGroup, count: int, seed: int) -> tuple[SegmentationTask, ...]:
    """The group's classes in `count` random colourings; the same for the same classes and seed."""
    rng = np.random.default_rng([seed, *group.ids])
    return tuple(SegmentationTask(random_palette(len(group.ids), rng)) for _ in range(count))
