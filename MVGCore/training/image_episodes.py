"""Episodes of the image tasks: slices of a stack spoiled, or shown in another contrast.

Drafts, holes and hints are made exactly as they are when a user asks (`MVGCore.drafts.image`,
`MVGCore.tasks.image.image_target`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from MVGCore.drafts.image import SynthesisDraft, denoise_draft, inpaint_draft
from MVGCore.models.base import TargetBatch
from MVGCore.tasks.image import image_target, random_curve
from MVGCore.training.corruption import EpisodeNoise, HoleKind
from MVGCore.training.episode import Episode, padded_prompts
from MVGCore.training.hints import Patches
from MVGCore.training.planes import Augmentation, Warp
from MVGCore.training.stack import SliceStack
from MVGCore.volume import neighbour_indices

SAMPLES = 4096  # pixels that a synthesis draft is fitted to: half of what a user's is, for time


@dataclass(frozen=True)
class ImageShares:
    """Shares of the image tasks, and of what is known of their targets.

    Attributes:
        denoising, inpainting, synthesis: shares of the tasks.
        hidden: targets of which nothing is known (the paper's autoregressive case).
        partial: targets of which patches are known (masked modelling); all others have a draft.
        patches: which patches those are.
        outside_known: share of inpaintings whose targets are known outside of their holes, as they are for a
            user; of the others as much is known as of the other tasks (the paper's way).
        hidden_only: the loss counts where nothing of the answer was known.
        beta: where the loss turns from quadratic to linear.
        own_examples: share of denoising episodes whose clean examples are only the cheap draft, as when a
            user gives none.
        curve: share of syntheses that ask for an intensity curve although there is another contrast.
    """

    denoising: float = 0.34
    inpainting: float = 0.33
    synthesis: float = 0.33
    hidden: float = 0.1
    partial: float = 0.1
    patches: Patches = field(default_factory=Patches)
    outside_known: float = 1.0
    hidden_only: bool = False
    beta: float = 0.05
    own_examples: float = 0.6
    curve: float = 0.15

    @property
    def drafts(self) -> bool:
        """Whether some targets have a draft."""
        return self.hidden + self.partial < 1 - 1e-6


@dataclass(frozen=True)
class ImageEpisodes:
    """Draws episodes of one image task.

    Attributes:
        shares: see `ImageShares`.
        side: of the canvas.
        rng: source of randomness.
        augment: how slices are changed.
    """

    shares: ImageShares
    side: int
    rng: np.random.Generator
    augment: Augmentation

    def draw(self, task: str, stack: SliceStack, prompts: int, targets: int) -> Episode:
        """One episode of a task with up to `prompts` prompts."""
        usable = self._usable(task, stack)
        asked = [int(k) for k in usable[self.rng.integers(0, len(usable), targets)]]
        free = [int(k) for k in usable if k not in asked] or [asked[0]]
        shown = sorted(
            (int(k) for k in self.rng.choice(free, min(prompts, len(free)), replace=False)),
            key=lambda k: abs(k - float(np.mean(asked))),
        )
        warp = Warp.draw(stack.image.shape[-1], self.side, self.rng, self.augment)
        maker: Callable[[SliceStack, Warp, list[int], list[int]], _Parts] = {
            "denoising": self._noisy_pairs if _is_pair(stack) else self._denoising,
            "inpainting": self._given_holes if stack.task == "inpainting" else self._inpainting,
            "synthesis": self._synthesis,
        }[task]
        parts = maker(stack, warp, shown, asked)
        order, valid = padded_prompts(len(shown), prompts, targets)
        step = stack.step * warp.zoom
        distance = torch.tensor([[abs(t - k) * step for k in shown] for t in asked], dtype=torch.float32)
        labels = parts.labels[:, None].expand(-1, 3, -1, -1)
        return Episode(
            parts.images[order],
            labels[order],
            distance[:, order],
            valid,
            parts.target,
            parts.answer,
            region=self._region(parts),
        )

    @staticmethod
    def _usable(task: str, stack: SliceStack) -> NDArray[np.intp]:
        """The slices that can be asked for and shown."""
        if task == "inpainting" and stack.task == task:
            return np.flatnonzero((stack.labels == 1).any((1, 2)))
        return np.arange(len(stack.image))

    def _region(self, parts: _Parts) -> Tensor | None:
        if not self.shares.hidden_only:
            return parts.region
        hidden = parts.target.known[:, 0] == 0
        return hidden if parts.region is None else hidden & parts.region

    def _denoising(self, stack: SliceStack, warp: Warp, shown: list[int], asked: list[int]) -> _Parts:
        rng, count = self.rng, len(shown)
        clean = self.augment.contrasted(warp.with_neighbours(stack.image, [*shown, *asked]), rng)
        noise = EpisodeNoise.draw(rng)
        noisy, answer = noise.add(clean, rng), clean[count:, 1]
        labels = clean[:count, 1]
        if rng.random() < self.shares.own_examples:
            planes = noisy[:count].flatten(0, 1)[:, None]
            guess = noise.draft(planes).clamp(0, 1).unflatten(0, (count, 3))
            noisy, labels = torch.cat((noise.add(guess, rng), noisy[count:])), guess[:, 1]
        target = self._target(noisy[count:], lambda: noise.draft(noisy[count:]), answer)
        return _Parts(noisy[:count], labels, target, answer)

    def _noisy_pairs(self, stack: SliceStack, warp: Warp, shown: list[int], asked: list[int]) -> _Parts:
        """Denoising of real noise: the noisy image of the pair is given, the clean one is wanted."""
        assert stack.other is not None
        count, indices = len(shown), [*shown, *asked]
        both = torch.stack([warp.with_neighbours(image, indices) for image in (stack.image, stack.other)])
        clean, noisy = self.augment.contrasted(both, self.rng)
        answer = clean[count:, 1]
        target = self._target(noisy[count:], lambda: denoise_draft(noisy[count:]), answer)
        return _Parts(noisy[:count], clean[:count, 1], target, answer)

    def _inpainting(self, stack: SliceStack, warp: Warp, shown: list[int], asked: list[int]) -> _Parts:
        rng, depth = self.rng, len(stack.image)
        kind = HoleKind.draw(rng)
        indices = [*shown, *asked]
        # Of each slice: the nearest intact ones before and after its hole, and its neighbours.
        around = [[k - kind.before - 1, k - 1, k, k + 1, k + kind.after + 1] for k in indices]
        unique, place = np.unique(np.clip(around, 0, depth - 1), return_inverse=True)
        planes = self.augment.contrasted(warp.sample(stack.image[unique]) / 255, rng)
        stacks = planes[torch.from_numpy(place.reshape(-1))].unflatten(0, (len(indices), 5))
        count, seen, guesses, regions = len(shown), [], [], []
        for n, k in enumerate(indices):
            hole = kind.mask(self.side, rng)
            # Beyond the border of the volume a slice stands for its neighbour, hole and all.
            missing = [False, kind.before > 0 or k == 0, True, kind.after > 0 or k == depth - 1, False]
            holes = torch.stack([hole & there for there in missing])
            seen.append((stacks[n] * ~holes)[1:4])
            if n >= count:
                rows = [row for row in range(5) if 0 <= around[n][row] < depth]
                places = [float(around[n][row]) for row in rows]
                guesses.append(inpaint_draft(stacks[n, rows], holes[rows], places, [rows.index(2)])[0])
                regions.append(hole)
        images, region = torch.stack(seen), torch.stack(regions)
        return self._inpainted(images, stacks[:, 2], count, region, region, torch.stack(guesses))

    def _given_holes(self, stack: SliceStack, warp: Warp, shown: list[int], asked: list[int]) -> _Parts:
        """Inpainting of the stack's own holes; what is missing without an answer is shown to nobody."""
        count, indices = len(shown), [*shown, *asked]
        around = neighbour_indices(indices, len(stack.image))
        planes = self.augment.contrasted(warp.with_neighbours(stack.image, indices), self.rng)
        labels = warp.sample(stack.labels[around.reshape(-1)], "nearest").unflatten(0, (len(indices), 3))
        holes, region = labels > 0, labels[count:, 1] == 1
        guesses = [inpaint_draft(planes[n], holes[n], [-1, 0, 1], [1])[0] for n in range(count, len(indices))]
        truth = torch.where(labels[:, 1] == 2, 0, planes[:, 1])
        missing = holes[count:, 1]
        return self._inpainted(planes * ~holes, truth, count, missing, region, torch.stack(guesses))

    def _inpainted(
        self, images: Tensor, truth: Tensor, count: int, missing: Tensor, region: Tensor, guess: Tensor
    ) -> _Parts:
        """Prompts and targets of an inpainting; the first `count` slices are prompts.

        Images (n, 3, S, S) with holes, answers (n, S, S); of the targets what is missing, where its answer
        counts, and drafts (T, S, S).
        """
        answer = truth[count:]
        if self.rng.random() < self.shares.outside_known:
            hidden = self.rng.random() < self.shares.hidden
            target = image_target(images[count:], None if hidden else guess, ~missing)
            return _Parts(images[:count], truth[:count], target, answer, region)
        target = self._target(images[count:], lambda: guess, answer)
        return _Parts(images[:count], truth[:count], target, answer, region | ~missing)

    def _synthesis(self, stack: SliceStack, warp: Warp, shown: list[int], asked: list[int]) -> _Parts:
        rng, count, indices = self.rng, len(shown), [*shown, *asked]
        source, other = stack.image, stack.other
        if other is not None and rng.random() < 0.5:
            source, other = other, source
        images = self.augment.contrasted(warp.with_neighbours(source, indices), rng)
        if other is None or rng.random() < self.shares.curve:
            labels = random_curve(images[:, 1], rng)
        else:
            labels = self.augment.contrasted(warp.sample(other[indices]) / 255, rng)

        def guess() -> Tensor:
            draft = SynthesisDraft.fit(images[:count], labels[:count], samples=SAMPLES)
            return draft.predict(images[count:])

        target = self._target(images[count:], guess, labels[count:])
        return _Parts(images[:count], labels[:count], target, labels[count:])

    def _target(self, images: Tensor, guess: Callable[[], Tensor], answer: Tensor) -> TargetBatch:
        """With the draft, with patches of the answer, or with nothing."""
        kind = self.rng.random()
        if kind < self.shares.hidden:
            return TargetBatch.empty(images)
        if kind >= self.shares.hidden + self.shares.partial and self.shares.drafts:
            return image_target(images, guess())
        known = torch.stack([self.shares.patches.mask(self.side, self.rng) for _ in images])
        if self.shares.drafts:
            return image_target(images, torch.where(known > 0, answer, guess()), known)
        target = TargetBatch.empty(images)
        label = (answer * known)[:, None].expand_as(images).contiguous()
        return replace(target, label=label, known=known[:, None])


def _is_pair(stack: SliceStack) -> bool:
    return stack.task == "denoising" and stack.other is not None


@dataclass(frozen=True)
class _Parts:
    """Prompts (N, 3, S, S) and (N, S, S), targets, answers (T, S, S) and where they count."""

    images: Tensor
    labels: Tensor
    target: TargetBatch
    answer: Tensor
    region: Tensor | None = None
