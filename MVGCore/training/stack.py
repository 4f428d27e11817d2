"""Stacks: the training material, one region of one volume as neighbouring canvases with its labels and
drafts.

Drafts cost more than everything else of an episode, so they are made once per stack and kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from MVGCore.drafts.draft import Draft
from MVGCore.drafts.label import make_draft
from MVGCore.drafts.seeds import one_hot

Bytes = NDArray[np.uint8]
STACK_SIDE = 160
MAX_SLICES = 40
MAX_STACK_CLASSES = 8


@dataclass(frozen=True)
class StackConfig:
    """How stacks are cut out of the cases.

    Attributes:
        side: of a stack in pixels.
        whole: whole slices along the case's own axis; otherwise regions around some structures, along any.
        drafts: drafts kept of each stack; 0 where nothing is trained that needs them.
        ct_window: HU that become 0 and 1 in every CT; None: drawn anew for each stack.
    """

    side: int = STACK_SIDE
    whole: bool = False
    drafts: int = 2
    ct_window: tuple[float, float] | None = None


@dataclass(frozen=True)
class StoredDraft:
    """A draft from some labelled slices, two likeliest classes per pixel, at half the side of the stack.

    Attributes:
        known: indices of the labelled slices.
        first, second: (K, s, s) positions of the likeliest and second likeliest class.
        weight: (K, s, s) share of `first` among both, times 255.
        agreement: (K, s, s) times 255.
    """

    known: tuple[int, ...]
    first: Bytes
    second: Bytes
    weight: Bytes
    agreement: Bytes

    @classmethod
    def of(cls, draft: Draft, known: Sequence[int]) -> StoredDraft:
        top = draft.probabilities.topk(2, dim=0)
        share = top.values[0] / top.values.sum(0).clamp(min=1e-6)
        return cls(
            tuple(known),
            *(_bytes(x) for x in (top.indices[0], top.indices[1], share * 255, draft.agreement * 255)),
        )

    @classmethod
    def nothing(cls, known: Sequence[int], depth: int) -> StoredDraft:
        """Labelled slices of a stack of `depth` slices for which no draft was made: one pixel of background
        stands for all."""
        blank = np.zeros((depth, 1, 1), np.uint8)
        return cls(tuple(known), blank, blank, blank, blank)


def _bytes(x: torch.Tensor) -> Bytes:
    return x.round().clamp(0, 255).to(torch.uint8).numpy()


@dataclass(frozen=True)
class StackFacts:
    """What decides whether a stack is drawn.

    Attributes:
        source, task: as in `Stack`.
        depth: number of slices.
        labelled: whether it has labels.
        paired: whether it has a second image.
    """

    source: str
    task: str
    depth: int
    labelled: bool
    paired: bool

    @property
    def real(self) -> bool:
        """Whether it comes from a case."""
        return not self.source.startswith("synthetic")

    def serve(self, task: str) -> bool:
        """Whether episodes of a task may show it."""
        return self.task in ("", task) and (task != "segmentation" or self.labelled)


class StackSource(Protocol):
    """A stack, wherever it is."""

    @property
    def facts(self) -> StackFacts:
        """What decides whether it is drawn."""

    def load(self) -> SliceStack:
        """The stack in memory."""


@dataclass(frozen=True)
class SliceStack:
    """One region of one volume.

    Attributes:
        source: where it comes from, e.g. the id of a case.
        image: (K, S, S) intensities times 255.
        labels: (K, S, S) class positions 0..classes, 0 is background.
        step: distance of neighbouring slices in pixels of the stack.
        drafts: drafts for some choices of labelled slices.
        other: (K, S, S) the same anatomy in another contrast, or the noisy image of a denoising stack; None
            where there is none.
        task: the one task that it serves; empty: all that it allows. The labels of an inpainting stack are
            holes: 1 to be filled, 2 missing without an answer.
    """

    source: str
    image: Bytes
    labels: Bytes
    step: float
    drafts: tuple[StoredDraft, ...]
    other: Bytes | None = None
    task: str = ""

    def load(self) -> SliceStack:
        """Itself: it is in memory."""
        return self

    @property
    def facts(self) -> StackFacts:
        """What is known of it without looking at its slices."""
        depth, labelled = len(self.image), bool(self.labels.any())
        return StackFacts(self.source, self.task, depth, labelled, self.other is not None)

    @property
    def classes(self) -> int:
        return int(self.labels.max())


def choose_known(labels: Bytes, count: int, rng: np.random.Generator) -> tuple[int, ...]:
    """`count` slices as a user would choose them: spread over the labelled range, some better some worse."""
    labelled = np.flatnonzero(labels.any((1, 2)))
    count = min(count, len(labelled))
    jitter = rng.uniform(0, 1) ** 2
    places = (np.arange(count) + 0.5 + jitter * rng.uniform(-0.5, 0.5, count)) / count
    return tuple(sorted({int(labelled[int(p * len(labelled))]) for p in places.clip(0, 0.999)}))


def build_stack(
    source: str,
    image: NDArray[np.float32],
    labels: Bytes | None,
    step: float,
    rng: np.random.Generator,
    drafts: int = 2,
    other: NDArray[np.float32] | None = None,
    task: str = "",
) -> SliceStack | None:
    """A stack with drafts from an image in 0..1 and class positions (K, S, S); None if nothing is labelled.

    Args:
        labels: None for a case that has none; it can serve image tasks.
        other: the image in a second contrast, or noisy.
        task: see `Stack`.
    """
    if labels is None:
        labels, drafts = np.zeros(image.shape, np.uint8), 0
    elif np.count_nonzero(labels.any((1, 2))) < 2:
        return None
    pixels = torch.from_numpy(image)
    small = F.avg_pool2d(pixels[None], 2)[0] if drafts else pixels
    stored = []
    for _ in range(drafts):
        known = choose_known(
            labels, int(rng.choice([1, 2, 3, 4, 5, 6], p=[0.1, 0.2, 0.25, 0.2, 0.15, 0.1])), rng
        )
        seeds = one_hot(torch.from_numpy(labels[list(known)]), int(labels.max()) + 1)
        stored.append(StoredDraft.of(make_draft(small, F.avg_pool2d(seeds, 2), known, step / 2), known))
    second = None if other is None else _bytes(torch.from_numpy(other) * 255)
    return SliceStack(source, _bytes(pixels * 255), labels, step, tuple(stored), second, task)


def save_stack(stack: SliceStack, path: Path) -> None:
    arrays = {
        "image": stack.image,
        "labels": stack.labels,
        "step": np.float32(stack.step),
        "source": np.array(stack.source),
        "task": np.array(stack.task),
        "facts": np.array([stack.facts.depth, stack.facts.labelled]),
    }
    if stack.other is not None:
        arrays["other"] = stack.other
    for n, draft in enumerate(stack.drafts):
        arrays[f"known{n}"] = np.array(draft.known)
        arrays[f"draft{n}"] = np.stack((draft.first, draft.second, draft.weight, draft.agreement))
    temporary = path.with_suffix(".part.npz")
    np.savez_compressed(temporary, **arrays)
    temporary.replace(path)


def load_stack(path: Path) -> SliceStack:
    with np.load(path, allow_pickle=False) as arrays:
        count = sum(name.startswith("known") for name in arrays.files)
        drafts = tuple(
            StoredDraft(tuple(int(k) for k in arrays[f"known{n}"]), *arrays[f"draft{n}"])
            for n in range(count)
        )
        other = arrays["other"] if "other" in arrays.files else None
        step = float(arrays["step"])
        task = str(arrays["task"]) if "task" in arrays.files else ""
        return SliceStack(str(arrays["source"]), arrays["image"], arrays["labels"], step, drafts, other, task)


@dataclass(frozen=True)
class StackFile:
    """A stack on disk that is read whenever it is drawn."""

    path: Path
    facts: StackFacts

    @classmethod
    def of(cls, path: Path) -> StackFile:
        """Look at a file; its slices are read only if it does not tell its facts, as older ones do not."""
        with np.load(path, allow_pickle=False) as arrays:
            if "facts" in arrays.files:
                depth, labelled = (int(x) for x in arrays["facts"])
                source, task, paired = str(arrays["source"]), str(arrays["task"]), "other" in arrays.files
                return cls(path, StackFacts(source, task, depth, bool(labelled), paired))
        return cls(path, load_stack(path).facts)

    def load(self) -> SliceStack:
        """The stack in memory."""
        return load_stack(self.path)
