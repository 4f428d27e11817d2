"""Episodes: prompts, targets and the answer, drawn from the stacks of the pool.

Every choice of the hybrid objective is an entry of `EpisodeConfig`: what is known of the targets' labels,
how many prompts there are, how often an image task takes the place of a segmentation, how the loss is made
up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from MVGCore.models.base import PromptBatch, TargetBatch
from MVGCore.tasks import IMAGE_TASKS, ImageTask, SegmentationLoss, SegmentationTask, Task
from MVGCore.tasks.image import make_example
from MVGCore.tasks.palette import predefined_palette, random_palette
from MVGCore.training.hints import Hint, HintMaker, HintShares
from MVGCore.training.planes import Planes
from MVGCore.training.stack import MAX_STACK_CLASSES, Stack, StoredDraft

PALETTE_SIZE = MAX_STACK_CLASSES + 1


@dataclass(frozen=True)
class EpisodeConfig:
    """What an episode looks like.

    Attributes:
        sets: prompt sets in a batch.
        targets: targets of each prompt set.
        prompts: how often 1, 2, ... prompts are shown.
        hints: what is known of the targets' labels.
        image_tasks: share of batches that denoise, inpaint or change the contrast.
        random_colours: share of episodes with a random palette, the others use the predefined one.
        fewer_classes: share of episodes that show only some of the classes.
        real: share of episodes from real volumes.
        flat: share of episodes without neighbour slices (all three channels alike).
        loss: of segmentations; image_weight: of image tasks beside it.
    """

    sets: int = 4
    targets: int = 4
    prompts: tuple[float, ...] = (0.15, 0.25, 0.25, 0.2, 0.15)
    hints: HintShares = field(default_factory=HintShares)
    image_tasks: float = 0.1
    random_colours: float = 0.9
    fewer_classes: float = 0.35
    real: float = 0.5
    flat: float = 0.15
    loss: SegmentationLoss = field(default_factory=SegmentationLoss)
    image_weight: float = 4.0


@dataclass(frozen=True)
class Batch:
    """Episodes of one batch; T = sets * targets.

    Attributes:
        prompts, target: what the model sees.
        task: how answers become colours and what the loss is.
        answer: (T, S, S) class positions, or intensities of an image task.
    """

    prompts: PromptBatch
    target: TargetBatch
    task: Task
    answer: Tensor


@dataclass(frozen=True)
class _Episode:
    """One prompt set with its targets: (N, 3, S, S) prompts, (T, 3, S, S) targets, (N, S, S) and (T, S, S)
    classes."""

    prompt_images: Tensor
    prompt_positions: Tensor
    distance: Tensor
    valid: Tensor
    images: Tensor
    positions: Tensor
    palette: Tensor
    hints: tuple[Hint, ...]


@dataclass
class EpisodeSampler:
    """Draws batches from stacks; deterministic for a given generator."""

    stacks: Sequence[Stack]
    config: EpisodeConfig
    side: int
    rng: np.random.Generator
    _real: list[Stack] = field(init=False)
    _synthetic: list[Stack] = field(init=False)

    def __post_init__(self) -> None:
        self._real = [s for s in self.stacks if not s.source.startswith("synthetic")]
        self._synthetic = [s for s in self.stacks if s.source.startswith("synthetic")]

    def __iter__(self) -> Iterator[Batch]:
        while True:
            yield self.batch()

    def batch(self) -> Batch:
        """One batch; all its episodes have the same number of prompts and the same kind of task."""
        count = 1 + int(self.rng.choice(len(self.config.prompts), p=self.config.prompts))
        of_images = bool(self.rng.random() < self.config.image_tasks)
        episodes: list[_Episode] = []
        while len(episodes) < self.config.sets:
            episode = self._episode(self._stack(), count)
            if episode is not None:
                episodes.append(episode)
        return self._image_batch(episodes) if of_images else self._label_batch(episodes)

    def _stack(self) -> Stack:
        real = self._real and (not self._synthetic or self.rng.random() < self.config.real)
        stacks = self._real if real else self._synthetic
        return stacks[int(self.rng.integers(len(stacks)))]

    def _episode(self, stack: Stack, count: int) -> _Episode | None:
        draft = stack.drafts[int(self.rng.integers(len(stack.drafts)))]
        targets, shown = self._choose_targets(stack, draft.known), self._choose_classes(stack, draft)
        if not targets or len(shown) == 0:
            return None
        near = sorted(draft.known, key=lambda k: abs(k - float(np.mean(targets))))[:count]
        flat = bool(self.rng.random() < self.config.flat)
        planes = Planes.draw(stack, draft, [*near, *targets], self.side, self.rng, flat)
        lookup = torch.zeros(256, dtype=torch.long)
        lookup[torch.from_numpy(shown.astype(np.int64))] = torch.arange(1, len(shown) + 1)
        positions, palette = lookup[planes.labels], self._palette(len(shown))
        maker = HintMaker(planes, positions, lookup, palette)
        hints = tuple(
            maker.make(n, self.config.hints, self.rng) for n in range(len(near), len(near) + len(targets))
        )
        step = stack.step * planes.zoom
        distance = torch.tensor([[abs(t - k) * step for k in near] for t in targets], dtype=torch.float32)
        # A set with fewer prompts than the batch repeats its first one, which no target may use.
        order = [*range(len(near)), *[0] * (count - len(near))]
        valid = (torch.arange(count) < len(near)).expand(len(targets), -1)
        return _Episode(
            planes.images[order],
            positions[order],
            distance[:, order],
            valid,
            planes.images[len(near) :],
            positions[len(near) :],
            palette,
            hints,
        )

    def _palette(self, classes: int) -> Tensor:
        if self.rng.random() < self.config.random_colours:
            return random_palette(classes, self.rng)
        return predefined_palette(classes)

    def _choose_targets(self, stack: Stack, known: tuple[int, ...]) -> list[int]:
        """Mostly labelled slices that are not prompts, some empty ones beyond the structure."""
        labelled = stack.labels.any((1, 2))
        weights = np.where(labelled, 1.0, 0.15)
        weights[list(known)] = 0
        if not (weights > 0).any():
            return []
        chosen = self.rng.choice(len(weights), self.config.targets, p=weights / weights.sum())
        return [int(k) for k in chosen]

    def _choose_classes(self, stack: Stack, draft: StoredDraft) -> np.ndarray:
        """Classes that the labelled slices show, now and then only some of them; the others become
        background."""
        shown = np.unique(stack.labels[list(draft.known)])
        shown = shown[shown > 0]
        if len(shown) and self.rng.random() < self.config.fewer_classes:
            shown = self.rng.permutation(shown)[: int(self.rng.integers(1, len(shown) + 1))]
        return shown

    def _label_batch(self, episodes: list[_Episode]) -> Batch:
        palettes = torch.stack([F.pad(e.palette, (0, 0, 0, PALETTE_SIZE - len(e.palette))) for e in episodes])
        used = torch.tensor([[n < len(e.palette) for n in range(PALETTE_SIZE)] for e in episodes])
        shown = torch.stack(
            [
                SegmentationTask(palette).encode(e.prompt_positions)
                for e, palette in zip(episodes, palettes, strict=True)
            ]
        )
        repeats = self.config.targets
        task = SegmentationTask(
            palettes.repeat_interleave(repeats, 0), used.repeat_interleave(repeats, 0), self.config.loss
        )
        hints = [hint for e in episodes for hint in e.hints]
        target = TargetBatch(
            torch.cat([e.images for e in episodes]),
            torch.stack([hint.colours for hint in hints]),
            torch.stack([hint.known for hint in hints]),
            torch.stack([hint.trust for hint in hints]),
        )
        images = torch.stack([e.prompt_images for e in episodes])
        return Batch(
            _prompts(episodes, images, shown), target, task, torch.cat([e.positions for e in episodes])
        )

    def _image_batch(self, episodes: list[_Episode]) -> Batch:
        """Each episode shows one image task by its prompts and asks it of its targets."""
        images, labels, asked, answers = [], [], [], []
        for episode in episodes:
            everything = torch.cat((episode.prompt_images, episode.images))
            shown, wanted = make_example(str(self.rng.choice(IMAGE_TASKS)), everything, self.rng)
            split = len(episode.prompt_images)
            images.append(shown[:split])
            labels.append(ImageTask("synthesis").encode(wanted[:split]))
            asked.append(shown[split:])
            answers.append(wanted[split:])
        prompts = _prompts(episodes, torch.stack(images), torch.stack(labels))
        task = ImageTask("image", self.config.image_weight)
        return Batch(prompts, TargetBatch.empty(torch.cat(asked)), task, torch.cat(answers))


def _prompts(episodes: list[_Episode], images: Tensor, labels: Tensor) -> PromptBatch:
    distance, valid = (torch.cat([getattr(e, name) for e in episodes]) for name in ("distance", "valid"))
    return PromptBatch(images, labels, distance, valid)
