"""Labelled slices as training material: each is a target, the others are its prompts and make its draft."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from MVGCore.augment import change_contrast, random_warp, spoil
from MVGCore.models.base import LEAST_TRUST, InContextModel, PromptBatch, TargetBatch
from MVGCore.models.device import Device
from MVGCore.prompts import Prompt
from MVGCore.segmentation import (
    USUAL_SHARES,
    DraftHint,
    Encodings,
    GroupContext,
    blend,
    encode_prompts,
    generate,
)
from MVGCore.tasks.palette import colour_labels, colour_probabilities, random_palette
from MVGCore.tasks.segmentation import SegmentationTask

DRAFTED = 0.75  # share of targets that are shown with their draft; of the others nothing is known
MOST_PROMPTS = 4


@dataclass(frozen=True)
class Lesson:
    """One batch: what the model sees, and the answer (T, S, S) with its loss."""

    prompts: PromptBatch
    target: TargetBatch
    task: SegmentationTask
    positions: Tensor


@dataclass
class Lessons:
    """The labelled slices of one class group.

    Attributes:
        context: the group, with drafts; its first prompts are those of this volume.
        largest: pixels along a side of a batch at most; of a larger canvas cuts are learned.
    """

    context: GroupContext
    largest: int
    _hints: dict[tuple[int, int | None, int | None], DraftHint] = field(default_factory=dict, init=False)

    @property
    def count(self) -> int:
        """How many slices of this volume are labelled."""
        return len(self._prompts)

    @property
    def _prompts(self) -> Sequence[Prompt]:
        assert self.context.drafts is not None
        return self.context.drafts.prompts

    def shows(self, n: int) -> bool:
        """Whether slice n has any of the group's classes."""
        return bool(self.context.positions[n].any())

    def hint(self, n: int, allowed: Sequence[int]) -> DraftHint | None:
        """The draft of slice n from its nearest neighbours among `allowed`, itself excluded."""
        lower = max((each for each in allowed if each < n), default=None)
        upper = min((each for each in allowed if each > n), default=None)
        if lower is None and upper is None:
            return None
        key = (n, lower, upper)
        if key not in self._hints:
            assert self.context.drafts is not None
            prompts = self._prompts
            gap = self.context.drafts.between(
                None if lower is None else prompts[lower], None if upper is None else prompts[upper]
            )
            self._hints[key] = DraftHint.of(
                gap.draft, [prompts[n].index - gap.first], self.context.group.canvas.side
            )
        return self._hints[key]

    def score(self, model: InContextModel, device: Device, n: int) -> float:
        """Mean Dice of slice n, generated from the others as a propagation does it, but for the appearance,
        which knows all labelled slices."""
        context, others = self.context, [each for each in range(self.count) if each != n]
        index = self._prompts[n].index
        memories = tuple(
            Encodings.of(
                encode_prompts(model, device, context.images[others], context.positions[others], task)
            )
            for task in context.tasks
        )
        rest = replace(context, memories=memories, places=context.places[others])
        hint, chosen = self.hint(n, others), rest.prompts_for(index)
        logs = generate(model, device, rest, context.images[n : n + 1], [index], chosen, hint)
        if hint is not None:
            logs = blend(logs, hint, None, USUAL_SHARES)
        return mean_dice(logs, context.positions[n])

    def draw(self, allowed: Sequence[int], sets: int, rng: np.random.Generator) -> Lesson:
        """A batch of `sets` targets among the allowed slices, each with its own prompts, warp and colours."""
        most = int(rng.integers(1, min(MOST_PROMPTS, len(allowed) - 1) + 1))
        with_classes = [n for n in allowed if self.shows(n)] or list(allowed)
        drawn = [
            self._one(with_classes[int(rng.integers(len(with_classes)))], allowed, most, rng)
            for _ in range(sets)
        ]
        classes = len(self.context.group.ids)
        palette = torch.stack([random_palette(classes, rng) for _ in range(sets)])
        images = torch.stack([each.images for each in drawn])
        labels = torch.stack(
            [
                colour_labels(each.positions[:-1], colours)
                for each, colours in zip(drawn, palette, strict=True)
            ]
        )
        draft = torch.stack(
            [
                colour_probabilities(each.draft[None], colours)[0]
                for each, colours in zip(drawn, palette, strict=True)
            ]
        )
        trust = torch.stack([each.trust for each in drawn])
        distance = torch.stack([each.distance for each in drawn])
        return Lesson(
            PromptBatch(images[:, :-1], labels, distance, torch.ones_like(distance, dtype=torch.bool)),
            TargetBatch(images[:, -1], draft * (trust > 0), torch.zeros_like(trust), trust),
            SegmentationTask(palette),
            torch.stack([each.positions[-1] for each in drawn]),
        )

    def _one(self, n: int, allowed: Sequence[int], most: int, rng: np.random.Generator) -> _Drawn:
        others = [each for each in allowed if each != n]
        near = rng.random() < 0.5
        order = sorted(others, key=lambda each: abs(each - n)) if near else list(rng.permutation(others))
        chosen = [int(each) for each in order[:most]]
        context, side = self.context, self.context.group.canvas.side
        reach = float(np.exp(rng.uniform(-0.2, 0.2)))
        grid = random_warp(side, reach, rng, shift=0.1)
        flips = [axis + 2 for axis in range(2) if rng.random() < 0.5]

        def warp(planes: Tensor, mode: str) -> Tensor:
            """(n, C, S, S), all alike."""
            grids = grid.expand(len(planes), -1, -1, -1)
            out = F.grid_sample(planes, grids, mode=mode, padding_mode="border", align_corners=False)
            return out.flip(flips) if flips else out

        slices = [*chosen, n]
        images = change_contrast(warp(context.images[slices], "bilinear"), rng)
        positions = warp(context.positions[slices][:, None].float(), "nearest")[:, 0].long()
        hint = self.hint(n, allowed) if rng.random() < DRAFTED else None
        if hint is None:
            draft = torch.zeros(len(context.group.ids) + 1, side, side)
            trust = torch.zeros(1, side, side)
        else:
            draft = warp((hint.geodesic + hint.diffusion) / 2, "bilinear")[0]
            trust = warp(hint.trust, "bilinear")[0].clamp(min=LEAST_TRUST)
        places = torch.from_numpy(context.places[chosen] - context.places[n]).float()
        drawn = _Drawn(spoil(images, rng), positions, draft, trust, places.abs() * context.step / reach)
        return drawn.cut(self.largest, rng) if side > self.largest else drawn


@dataclass(frozen=True)
class _Drawn:
    """Prompts and, last, their target: (n, 3, S, S), (n, S, S); draft (C, S, S), trust (1, S, S)."""

    images: Tensor
    positions: Tensor
    draft: Tensor
    trust: Tensor
    distance: Tensor

    def cut(self, side: int, rng: np.random.Generator) -> _Drawn:
        """A square of `side` pixels, around some pixel of what the target shows if it shows anything."""
        whole = self.positions.shape[-1]
        labelled = torch.nonzero(self.positions[-1])
        center = (
            labelled[int(rng.integers(len(labelled)))] if len(labelled) else torch.tensor([whole // 2] * 2)
        )
        row, column = (center - side // 2).clamp(0, whole - side).tolist()

        def part(planes: Tensor) -> Tensor:
            return planes[..., row : row + side, column : column + side]

        return _Drawn(
            part(self.images), part(self.positions), part(self.draft), part(self.trust), self.distance
        )


def mean_dice(logs: Tensor, truth: Tensor) -> float:
    """Mean Dice of log-probabilities (1, C, S, S) over the classes of the truth (S, S)."""
    guess, scores = logs[0].argmax(0), []
    for position in torch.unique(truth):
        if position:
            a, b = guess == position, truth == position
            scores.append(2 * float((a & b).sum()) / float(a.sum() + b.sum()))
    return float(np.mean(scores))
