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

from MVGCore.models.base import TargetBatch
from MVGCore.tasks import IMAGE_TASKS, ImageTask, SegmentationLoss, SegmentationTask
from MVGCore.tasks.palette import binary_palette, colour_labels, predefined_palette, random_palette
from MVGCore.training.episode import Batch, Episode, padded_prompts
from MVGCore.training.hints import HintMaker, HintShares
from MVGCore.training.image_episodes import ImageEpisodes, ImageShares
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
        images: which image tasks those are, and what is known of their targets.
        random_colours: share of episodes with a random palette, the others use the predefined one.
        binary: share of episodes that show one class, white on black.
        fewer_classes: share of episodes that show only some of the classes.
        real: share of episodes from real volumes.
        flat: share of episodes without neighbour slices (all three channels alike).
        loss: of segmentations; image_weight: of image tasks beside it.
    """

    sets: int = 4
    targets: int = 4
    prompts: tuple[float, ...] = (0.15, 0.25, 0.25, 0.2, 0.15)
    hints: HintShares = field(default_factory=HintShares)
    image_tasks: float = 0.3
    images: ImageShares = field(default_factory=ImageShares)
    random_colours: float = 0.9
    binary: float = 0.0
    fewer_classes: float = 0.35
    real: float = 0.5
    flat: float = 0.15
    loss: SegmentationLoss = field(default_factory=SegmentationLoss)
    image_weight: float = 4.0


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
        """One batch; all its episodes have the same number of prompts and the same task."""
        count = 1 + int(self.rng.choice(len(self.config.prompts), p=self.config.prompts))
        if self.rng.random() < self.config.image_tasks:
            return self._image_batch(count)
        episodes: list[Episode] = []
        while len(episodes) < self.config.sets:
            episode = self._episode(self._stack(self._real, self._synthetic), count)
            if episode is not None:
                episodes.append(episode)
        return self._label_batch(episodes)

    def _stack(self, real: list[Stack], synthetic: list[Stack]) -> Stack:
        stacks = real if real and (not synthetic or self.rng.random() < self.config.real) else synthetic
        return stacks[int(self.rng.integers(len(stacks)))]

    def _episode(self, stack: Stack, count: int) -> Episode | None:
        draft = stack.drafts[int(self.rng.integers(len(stack.drafts)))]
        targets, shown = self._choose_targets(stack, draft.known), self._choose_classes(stack, draft)
        if not targets or len(shown) == 0:
            return None
        near = sorted(draft.known, key=lambda k: abs(k - float(np.mean(targets))))[:count]
        flat, split = bool(self.rng.random() < self.config.flat), len(near)
        planes = Planes.draw(stack, draft, [*near, *targets], self.side, self.rng, flat)
        lookup = torch.zeros(256, dtype=torch.long)
        lookup[torch.from_numpy(shown.astype(np.int64))] = torch.arange(1, len(shown) + 1)
        positions, palette = lookup[planes.labels], self._palette(len(shown))
        maker = HintMaker(planes, positions, lookup, palette)
        hints = [maker.make(split + n, self.config.hints, self.rng) for n in range(len(targets))]
        step = stack.step * planes.zoom
        distance = torch.tensor([[abs(t - k) * step for k in near] for t in targets], dtype=torch.float32)
        order, valid = padded_prompts(split, count, len(targets))
        target = TargetBatch(
            planes.images[split:],
            torch.stack([hint.colours for hint in hints]),
            torch.stack([hint.known for hint in hints]),
            torch.stack([hint.trust for hint in hints]),
        )
        labels = colour_labels(positions[:split], palette)
        return Episode(
            planes.images[order],
            labels[order],
            distance[:, order],
            valid,
            target,
            positions[split:],
            palette,
        )

    def _palette(self, classes: int) -> Tensor:
        if classes == 1 and self.rng.random() < self.config.binary:
            return binary_palette()
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
        if len(shown) and self.rng.random() < self.config.binary:
            return self.rng.permutation(shown)[:1]
        if len(shown) and self.rng.random() < self.config.fewer_classes:
            shown = self.rng.permutation(shown)[: int(self.rng.integers(1, len(shown) + 1))]
        return shown

    def _label_batch(self, episodes: list[Episode]) -> Batch:
        palettes = [e.palette for e in episodes if e.palette is not None]
        padded = torch.stack([F.pad(p, (0, 0, 0, PALETTE_SIZE - len(p))) for p in palettes])
        used = torch.tensor([[n < len(p) for n in range(PALETTE_SIZE)] for p in palettes])
        repeats = self.config.targets
        task = SegmentationTask(
            padded.repeat_interleave(repeats, 0), used.repeat_interleave(repeats, 0), self.config.loss
        )
        return Batch.of(episodes, task)

    def _image_batch(self, count: int) -> Batch:
        shares = self.config.images
        weights = np.array([getattr(shares, name) for name in IMAGE_TASKS])
        name = str(self.rng.choice(IMAGE_TASKS, p=weights / weights.sum()))
        real, synthetic = self._real, self._synthetic
        if name == "synthesis":
            real, synthetic = (_with_contrasts(stacks) for stacks in (real, synthetic))
        maker = ImageEpisodes(shares, self.side, self.rng)
        episodes = [
            maker.draw(name, self._stack(real, synthetic), count, self.config.targets)
            for _ in range(self.config.sets)
        ]
        regions = [e.region for e in episodes if e.region is not None]
        region = torch.cat(regions) if regions else None
        return Batch.of(episodes, ImageTask(name, self.config.image_weight, region))


def _with_contrasts(stacks: list[Stack]) -> list[Stack]:
    """Those that show two contrasts, if there are any."""
    return [stack for stack in stacks if stack.other is not None] or stacks
