"""Episodes: prompts, targets and the answer, drawn from the stacks of the pool.

Every choice of the hybrid objective is an entry of `EpisodeConfig`: what is known of the targets' labels,
how many prompts there are, how often an image task takes the place of a segmentation, how the loss is made
up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from MVGCore.errors import InputError
from MVGCore.models.base import TargetBatch
from MVGCore.tasks import IMAGE_TASKS, ImageTask, SegmentationLoss, SegmentationTask
from MVGCore.tasks.palette import binary_palette, colour_labels, predefined_palette, random_palette
from MVGCore.training.episode import Episode, EpisodeBatch, padded_prompts
from MVGCore.training.hints import HintMaker, HintShares
from MVGCore.training.image_episodes import ImageEpisodes, ImageShares
from MVGCore.training.planes import Augmentation, Planes
from MVGCore.training.stack import MAX_STACK_CLASSES, SliceStack, StackSource, StoredDraft

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
        empty_targets: how often an unlabelled slice is a target, compared with a labelled one.
        augment: how slices are changed.
        loss: of segmentations; image_weight: of image tasks beside it.
        relative_errors: errors of image tasks count in units of what the target's draft leaves.
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
    empty_targets: float = 0.15
    augment: Augmentation = field(default_factory=Augmentation)
    loss: SegmentationLoss = field(default_factory=SegmentationLoss)
    image_weight: float = 0.3
    relative_errors: bool = True


@dataclass
class EpisodeSampler:
    """Draws batches from stacks; deterministic for a given generator."""

    stacks: Sequence[StackSource]
    config: EpisodeConfig
    side: int
    rng: np.random.Generator
    _pools: dict[str, _Pool] = field(init=False)

    def __post_init__(self) -> None:
        self._pools = {name: _Pool.of(self.stacks, name) for name in ("segmentation", *IMAGE_TASKS)}
        if not (self.segments or self.image_tasks):
            raise InputError("No stack of the pool serves a task that is trained on: give other data sets.")

    @property
    def segments(self) -> bool:
        """Whether segmentation is wanted and some stack serves it."""
        return self.config.image_tasks < 1 and bool(self._pools["segmentation"])

    @property
    def image_tasks(self) -> list[str]:
        """The image tasks that are wanted and that some stack serves."""
        shares = self.config.images if self.config.image_tasks else None
        return [name for name in IMAGE_TASKS if getattr(shares, name, 0) and self._pools[name]]

    def __iter__(self) -> Iterator[EpisodeBatch]:
        while True:
            yield self.batch()

    def batch(self) -> EpisodeBatch:
        """One batch; all its episodes have the same number of prompts and the same task."""
        count = 1 + int(self.rng.choice(len(self.config.prompts), p=self.config.prompts))
        image = self.rng.random() < self.config.image_tasks and self.image_tasks
        if image or not self.segments:
            return self._image_batch(count)
        episodes: list[Episode] = []
        while len(episodes) < self.config.sets:
            episode = self._episode(self._stack("segmentation"), count)
            if episode is not None:
                episodes.append(episode)
        return self._label_batch(episodes)

    def _stack(self, task: str) -> SliceStack:
        real, synthetic = self._pools[task].real, self._pools[task].synthetic
        stacks = real if real and (not synthetic or self.rng.random() < self.config.real) else synthetic
        return stacks[int(self.rng.integers(len(stacks)))].load()

    def _draft(self, stack: SliceStack, count: int) -> StoredDraft:
        """A draft of the stack; where it has none, any other slices of the case as prompts without one."""
        if stack.drafts:
            return stack.drafts[int(self.rng.integers(len(stack.drafts)))]
        labelled = np.flatnonzero(stack.labels.any((1, 2)))
        known = self.rng.permutation(labelled)[: min(count, len(labelled) - 1)]
        return StoredDraft.nothing(sorted(int(k) for k in known), len(stack.labels))

    def _episode(self, stack: SliceStack, count: int) -> Episode | None:
        draft = self._draft(stack, count)
        targets, classes = self._choose_targets(stack, draft.known), self._choose_classes(stack, draft)
        if not targets or len(classes) == 0:
            return None
        near = sorted(draft.known, key=lambda k: abs(k - float(np.mean(targets))))[:count]
        flat, split = bool(self.rng.random() < self.config.flat), len(near)
        planes = Planes.draw(stack, draft, [*near, *targets], self.side, self.rng, flat, self.config.augment)
        lookup = torch.zeros(256, dtype=torch.long)
        lookup[torch.from_numpy(classes.astype(np.int64))] = torch.arange(1, len(classes) + 1)
        positions, palette = lookup[planes.labels], self._palette(len(classes))
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

    def _choose_targets(self, stack: SliceStack, known: tuple[int, ...]) -> list[int]:
        """Mostly labelled slices that are not prompts, some empty ones beyond the structure."""
        labelled = stack.labels.any((1, 2))
        weights = np.where(labelled, 1.0, self.config.empty_targets)
        weights[list(known)] = 0
        if not (weights > 0).any():
            return []
        chosen = self.rng.choice(len(weights), self.config.targets, p=weights / weights.sum())
        return [int(k) for k in chosen]

    def _choose_classes(self, stack: SliceStack, draft: StoredDraft) -> np.ndarray:
        """Classes that the labelled slices show, now and then only some of them; the others become
        background."""
        present = np.unique(stack.labels[list(draft.known)])
        present = present[present > 0]
        if len(present) and self.rng.random() < self.config.binary:
            return self.rng.permutation(present)[:1]
        if len(present) and self.rng.random() < self.config.fewer_classes:
            present = self.rng.permutation(present)[: int(self.rng.integers(1, len(present) + 1))]
        return present

    def _label_batch(self, episodes: list[Episode]) -> EpisodeBatch:
        palettes = [e.palette for e in episodes if e.palette is not None]
        padded = torch.stack([F.pad(p, (0, 0, 0, PALETTE_SIZE - len(p))) for p in palettes])
        used = torch.tensor([[n < len(p) for n in range(PALETTE_SIZE)] for p in palettes])
        repeats = self.config.targets
        task = SegmentationTask(
            padded.repeat_interleave(repeats, 0), used.repeat_interleave(repeats, 0), self.config.loss
        )
        return EpisodeBatch.of(episodes, task)

    def _image_batch(self, count: int) -> EpisodeBatch:
        shares = self.config.images
        names = self.image_tasks
        weights = np.array([getattr(shares, name) for name in names])
        name = str(self.rng.choice(names, p=weights / weights.sum()))
        maker = ImageEpisodes(shares, self.side, self.rng, self.config.augment)
        episodes = [
            maker.draw(name, self._stack(name), count, self.config.targets) for _ in range(self.config.sets)
        ]
        regions = [e.region for e in episodes if e.region is not None]
        region = torch.cat(regions) if regions else None
        task = ImageTask(name, self.config.image_weight, region, beta=shares.beta)
        batch = EpisodeBatch.of(episodes, task)
        if not self.config.relative_errors:
            return batch
        return replace(batch, task=task.relative_to(batch.target, batch.answer))


@dataclass(frozen=True)
class _Pool:
    """The stacks that serve one task."""

    real: list[StackSource]
    synthetic: list[StackSource]

    def __bool__(self) -> bool:
        return bool(self.real or self.synthetic)

    @classmethod
    def of(cls, stacks: Sequence[StackSource], task: str) -> _Pool:
        serving = [stack for stack in stacks if stack.facts.serve(task)]
        real = [stack for stack in serving if stack.facts.real]
        synthetic = [stack for stack in serving if not stack.facts.real]
        if task == "synthesis":
            real, synthetic = _with_contrasts(real), _with_contrasts(synthetic)
        return cls(real, synthetic)


def _with_contrasts(stacks: list[StackSource]) -> list[StackSource]:
    """Those that show two contrasts, if there are any."""
    return [stack for stack in stacks if stack.facts.paired] or stacks
