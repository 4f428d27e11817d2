"""Episodes: prompts, targets and the answer, drawn from the stacks of the pool.

Every choice of the hybrid objective is an entry of `EpisodeConfig`: which share of the targets is fully hidden
(autoregressive), partly visible (masked modelling) or comes with a draft to correct, how many prompts there are, and how often an
image task takes the place of a segmentation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from MVGCore.models.base import PromptBatch, TargetBatch
from MVGCore.tasks.image import corrupted_pair
from MVGCore.tasks.palette import colour_labels, predefined_palette, random_palette
from MVGCore.training.stack import STACK_SIDE, Stack, StoredDraft

PALETTE_SIZE = 9  # background and MAX_STACK_CLASSES


@dataclass(frozen=True)
class EpisodeConfig:
    """What an episode looks like.

    Attributes:
        sets: prompt sets in a batch.
        targets: targets of each prompt set.
        prompts: how often 1, 2, ... prompts are shown.
        hidden, draft, corrupted, partial: shares of targets of which nothing is known, with a real draft, with a
            draft made by damaging the truth, and with a part of the truth shown.
        image_tasks: share of batches that denoise, inpaint or change the contrast.
        random_colours: share of episodes with a random palette, the others use the predefined one.
        real: share of episodes from real volumes.
        flat: share of episodes without neighbour slices (all three channels alike).
    """

    sets: int = 4
    targets: int = 4
    prompts: tuple[float, ...] = (0.15, 0.25, 0.25, 0.2, 0.15)
    hidden: float = 0.2
    draft: float = 0.6
    corrupted: float = 0.12
    partial: float = 0.08
    image_tasks: float = 0.1
    random_colours: float = 0.9
    real: float = 0.5
    flat: float = 0.15


@dataclass(frozen=True)
class Batch:
    """Episodes of one batch; T = sets * targets.

    Attributes:
        prompts, target: what the model sees.
        answer: (T, 3, S, S) colours to generate.
        positions: (T, S, S) class positions to generate, or None for an image task.
        palette: (T, PALETTE_SIZE, 3); used: (T, PALETTE_SIZE) True for the classes of the episode.
    """

    prompts: PromptBatch
    target: TargetBatch
    answer: Tensor
    positions: Tensor | None
    palette: Tensor
    used: Tensor


@dataclass(frozen=True)
class _Episode:
    prompt_images: Tensor
    prompt_labels: Tensor
    distance: Tensor
    valid: Tensor
    images: Tensor
    positions: Tensor
    palette: Tensor
    used: Tensor
    hint: Tensor
    known: Tensor
    trust: Tensor


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
        count = 1 + int(self.rng.choice(len(self.config.prompts), p=self.config.prompts))
        image_task = bool(self.rng.random() < self.config.image_tasks)
        episodes: list[_Episode] = []
        while len(episodes) < self.config.sets:
            episode = self._episode(self._stack(), count)
            if episode is not None:
                episodes.append(episode)
        return self._image_batch(episodes) if image_task else _label_batch(episodes)

    def _stack(self) -> Stack:
        real = self._real and (not self._synthetic or self.rng.random() < self.config.real)
        stacks = self._real if real else self._synthetic
        return stacks[int(self.rng.integers(len(stacks)))]

    def _episode(self, stack: Stack, count: int) -> _Episode | None:
        rng, draft = self.rng, stack.drafts[int(self.rng.integers(len(stack.drafts)))]
        targets = self._choose_targets(stack, draft.known)
        shown = np.unique(stack.labels[list(draft.known)])
        shown = shown[shown > 0]
        if len(targets) == 0 or len(shown) == 0:
            return None
        if rng.random() < 0.35:
            shown = rng.permutation(shown)[: int(rng.integers(1, len(shown) + 1))]
        lookup = torch.zeros(256, dtype=torch.long)
        lookup[torch.from_numpy(shown.astype(np.int64))] = torch.arange(1, len(shown) + 1)
        near = sorted(draft.known, key=lambda k: abs(k - float(np.mean(targets))))[:count]
        planes = _Planes.draw(
            stack, draft, [*near, *targets], self.side, rng, flat=rng.random() < self.config.flat
        )
        prompts, palette = len(near), self._palette(len(shown))
        positions = lookup[planes.labels]
        hint, known, trust = self._hints(planes, positions, lookup, palette, prompts)
        scale = stack.step * planes.zoom
        distance = torch.tensor([[abs(t - k) * scale for k in near] for t in targets], dtype=torch.float32)
        valid = torch.ones(len(targets), count, dtype=torch.bool)
        valid[:, prompts:] = False
        padding = [0] * (count - prompts)
        order = [*range(prompts), *padding]
        used = torch.zeros(PALETTE_SIZE, dtype=torch.bool)
        used[: len(shown) + 1] = True
        return _Episode(
            planes.images[order],
            colour_labels(positions[order], palette),
            distance[:, order],
            valid,
            planes.images[prompts:],
            positions[prompts:],
            F.pad(palette, (0, 0, 0, PALETTE_SIZE - len(palette))),
            used,
            hint,
            known,
            trust,
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
        if not (weights > 0).any() or not labelled.any():
            return []
        chosen = self.rng.choice(len(weights), self.config.targets, p=weights / weights.sum())
        return [int(k) for k in chosen]

    def _hints(
        self, planes: _Planes, positions: Tensor, lookup: Tensor, palette: Tensor, prompts: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Per target: colours (3, S, S), given mask and draft confidence (1, S, S)."""
        c = self.config
        kinds = self.rng.choice(4, len(positions) - prompts, p=[c.hidden, c.draft, c.corrupted, c.partial])
        hint = torch.zeros(len(kinds), 3, self.side, self.side)
        known, trust = (
            torch.zeros(len(kinds), 1, self.side, self.side),
            torch.zeros(len(kinds), 1, self.side, self.side),
        )
        for n, kind in enumerate(kinds):
            truth, index = positions[prompts + n], prompts + n
            if kind == 1:
                share = planes.weight[index]
                both = (
                    colour_labels(lookup[planes.first[index]], palette),
                    colour_labels(lookup[planes.second[index]], palette),
                )
                hint[n], trust[n, 0] = (
                    both[0] * share + both[1] * (1 - share),
                    planes.agreement[index].clamp(min=0.02),
                )
            elif kind == 2:
                hint[n] = colour_labels(damaged(truth, self.rng), palette)
                trust[n] = float(self.rng.uniform(0.3, 1))
            elif kind == 3:
                visible = _patch_mask(self.side, self.rng)
                hint[n], known[n, 0] = colour_labels(truth, palette) * visible, visible
        return hint, known, trust

    def _image_batch(self, episodes: list[_Episode]) -> Batch:
        """Replace the segmentation of every episode by one image task, the same for prompts and targets."""
        batch = _label_batch(episodes)
        shape = batch.target.images.shape[0] // len(episodes)
        prompts, answers, images, hidden = [], [], [], []
        for n, episode in enumerate(episodes):
            everything = torch.cat((episode.prompt_images, episode.images))
            shown, wanted = corrupted_pair(everything, self.rng)
            split = len(episode.prompt_images)
            prompts.append((shown[:split], wanted[:split]))
            images.append(shown[split:])
            answers.append(wanted[split:])
            hidden.append(torch.zeros(shape, 1, self.side, self.side))
        target = TargetBatch(
            torch.cat(images), torch.zeros_like(batch.answer), torch.cat(hidden), torch.cat(hidden)
        )
        sets = PromptBatch(
            torch.stack([p[0] for p in prompts]),
            torch.stack([p[1] for p in prompts]),
            batch.prompts.distance,
            batch.prompts.valid,
        )
        return Batch(sets, target, torch.cat(answers), None, batch.palette, batch.used)


@dataclass(frozen=True)
class _Planes:
    """Augmented slices: images (n, 3, S, S), labels (n, S, S), the draft's planes (n, S, S)."""

    images: Tensor
    labels: Tensor
    first: Tensor
    second: Tensor
    weight: Tensor
    agreement: Tensor
    zoom: float

    @classmethod
    def draw(
        cls,
        stack: Stack,
        draft: StoredDraft,
        slices: list[int],
        side: int,
        rng: np.random.Generator,
        flat: bool,
    ) -> _Planes:
        depth = len(stack.image)
        unique, place = np.unique(
            np.clip([k + d for k in slices for d in (-1, 0, 1)], 0, depth - 1), return_inverse=True
        )
        grid, zoom = _warp(side, rng)
        flips = [d + 1 for d in range(2) if rng.random() < 0.5]

        def sample(planes: np.ndarray, mode: str) -> Tensor:
            source = torch.from_numpy(planes).float()[None]
            out = F.grid_sample(source, grid, mode=mode, padding_mode="border", align_corners=False)[0]
            return out.flip(flips) if flips else out

        images = sample(stack.image[unique], "bilinear") / 255
        images = change_contrast(images, rng)[torch.from_numpy(place)].view(len(slices), 3, side, side)
        if flat:
            images = images[:, 1:2].expand(-1, 3, -1, -1)
        images = _spoil(images, rng)
        nearest = [sample(p[slices], "nearest").long() for p in (stack.labels, draft.first, draft.second)]
        smooth = [sample(p[slices], "bilinear") / 255 for p in (draft.weight, draft.agreement)]
        return cls(images, *nearest, *smooth, zoom=zoom)


def _warp(side: int, rng: np.random.Generator) -> tuple[Tensor, float]:
    """A sampling grid (1, side, side, 2) with rotation, scale, shear and bending; and canvas pixels per stack pixel."""
    reach = (
        128 / STACK_SIDE * float(np.exp(rng.uniform(-0.25, 0.2)))
    )  # share of the stack's side that is seen
    angle = float(rng.normal(0, 0.25))
    stretch = np.exp(rng.normal(0, 0.08, 2))
    cos, sin = np.cos(angle), np.sin(angle)
    matrix = reach * np.array([[cos * stretch[0], -sin], [sin, cos * stretch[1]]])
    shift = rng.uniform(-1, 1, 2) * max(0.0, 1 - reach) * 0.6
    theta = torch.tensor(np.column_stack((matrix, shift)), dtype=torch.float32)[None]
    grid = F.affine_grid(theta, [1, 1, side, side], align_corners=False)
    if rng.random() < 0.6:
        bend = torch.from_numpy(rng.normal(0, rng.uniform(0, 0.035), (1, 2, 5, 5)).astype(np.float32))
        grid = grid + F.interpolate(bend, size=(side, side), mode="bicubic", align_corners=True).movedim(
            1, -1
        )
    return grid, side / (STACK_SIDE * reach)


def change_contrast(images: Tensor, rng: np.random.Generator) -> Tensor:
    """One smooth intensity curve for all slices of an episode, now and then inverted, with a bias field."""
    if rng.random() < 0.5:
        images = images.clamp(0, 1) ** float(np.exp(rng.normal(0, 0.3)))
    if rng.random() < 0.15:
        images = 1 - images
    if rng.random() < 0.5:
        low, high = rng.uniform(-0.1, 0.25), rng.uniform(0.75, 1.1)
        images = low + images * (high - low)
    if rng.random() < 0.3:
        field = torch.from_numpy(rng.normal(0, 0.15, (1, 1, 3, 3)).astype(np.float32))
        images = (
            images * F.interpolate(field, size=images.shape[-2:], mode="bicubic", align_corners=True)[0].exp()
        )
    return images.clamp(0, 1)


def _spoil(images: Tensor, rng: np.random.Generator) -> Tensor:
    """Noise of each slice and, now and then, blur."""
    if rng.random() < 0.25:
        images = F.avg_pool2d(images, 3, 1, 1, count_include_pad=False)
    if rng.random() < 0.4:
        noise = torch.from_numpy(rng.standard_normal(images.shape, dtype=np.float32))
        images = images + noise * float(rng.uniform(0, 0.08))
    return images.clamp(0, 1)


def damaged(truth: Tensor, rng: np.random.Generator) -> Tensor:
    """A draft as a bad propagator makes it: the truth warped, shifted, with patches of one class lost."""
    side = truth.shape[-1]
    theta = torch.eye(2, 3)[None]
    theta[0, :, 2] = torch.from_numpy(rng.normal(0, 0.04, 2).astype(np.float32))
    theta[0, :, :2] *= float(np.exp(rng.normal(0, 0.1)))
    bend = torch.from_numpy(rng.normal(0, 0.05, (1, 2, 7, 7)).astype(np.float32))
    grid = F.affine_grid(theta, [1, 1, side, side], align_corners=False)
    grid = grid + F.interpolate(bend, size=(side, side), mode="bicubic", align_corners=True).movedim(1, -1)
    out = F.grid_sample(
        truth[None, None].float(), grid, mode="nearest", padding_mode="border", align_corners=False
    )[0, 0].long()
    if rng.random() < 0.4:
        lost = int(rng.integers(0, int(truth.max()) + 1))
        out[(out == lost) & (_patch_mask(side, rng) > 0)] = int(rng.integers(0, int(truth.max()) + 1))
    return out


def _patch_mask(side: int, rng: np.random.Generator) -> Tensor:
    """(side, side) of zeros and ones in patches of random size."""
    cells = int(rng.integers(2, 9))
    coarse = torch.from_numpy((rng.random((1, 1, cells, cells)) < rng.uniform(0.2, 0.8)).astype(np.float32))
    return F.interpolate(coarse, size=(side, side), mode="nearest")[0, 0]


def _label_batch(episodes: list[_Episode]) -> Batch:
    stack = {f.name: [getattr(e, f.name) for e in episodes] for f in fields(_Episode)}
    repeats = len(episodes[0].images)
    palette = torch.stack(stack["palette"]).repeat_interleave(repeats, 0)
    positions = torch.cat(stack["positions"])
    prompts = PromptBatch(
        torch.stack(stack["prompt_images"]),
        torch.stack(stack["prompt_labels"]),
        torch.cat(stack["distance"]),
        torch.cat(stack["valid"]),
    )
    target = TargetBatch(
        torch.cat(stack["images"]),
        torch.cat(stack["hint"]),
        torch.cat(stack["known"]),
        torch.cat(stack["trust"]),
    )
    one_hot = F.one_hot(positions, PALETTE_SIZE).movedim(-1, 1).float()
    answer = torch.einsum("tchw,tcd->tdhw", one_hot, palette)
    return Batch(
        prompts, target, answer, positions, palette, torch.stack(stack["used"]).repeat_interleave(repeats, 0)
    )
