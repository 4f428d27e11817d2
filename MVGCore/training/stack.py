"""Stacks: the training material, one region of one volume as neighbouring canvases with its labels and
drafts.

Drafts cost more than everything else of an episode, so they are made once per stack and kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from MVGCore.drafts import Draft, make_draft, one_hot

Bytes = NDArray[np.uint8]
STACK_SIDE = 160
MAX_SLICES = 40
MAX_STACK_CLASSES = 8


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


def _bytes(x: torch.Tensor) -> Bytes:
    return x.round().clamp(0, 255).to(torch.uint8).numpy()


@dataclass(frozen=True)
class Stack:
    """One region of one volume.

    Attributes:
        source: where it comes from, e.g. the id of a case.
        image: (K, S, S) intensities times 255.
        labels: (K, S, S) class positions 0..classes, 0 is background.
        step: distance of neighbouring slices in pixels of the stack.
        drafts: drafts for some choices of labelled slices.
        other: (K, S, S) the same anatomy in another contrast, where there is one.
    """

    source: str
    image: Bytes
    labels: Bytes
    step: float
    drafts: tuple[StoredDraft, ...]
    other: Bytes | None = None

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
    labels: Bytes,
    step: float,
    rng: np.random.Generator,
    drafts: int = 2,
    other: NDArray[np.float32] | None = None,
) -> Stack | None:
    """A stack with drafts from an image in 0..1 and class positions (K, S, S); None if nothing is labelled.

    `other` is the image in a second contrast, for synthesis.
    """
    if np.count_nonzero(labels.any((1, 2))) < 2:
        return None
    pixels = torch.from_numpy(image)
    small = F.avg_pool2d(pixels[None], 2)[0]
    stored = []
    for _ in range(drafts):
        known = choose_known(
            labels, int(rng.choice([1, 2, 3, 4, 5, 6], p=[0.1, 0.2, 0.25, 0.2, 0.15, 0.1])), rng
        )
        seeds = one_hot(torch.from_numpy(labels[list(known)]), int(labels.max()) + 1)
        stored.append(StoredDraft.of(make_draft(small, F.avg_pool2d(seeds, 2), known, step / 2), known))
    second = None if other is None else _bytes(torch.from_numpy(other) * 255)
    return Stack(source, _bytes(pixels * 255), labels, step, tuple(stored), second)


def save_stack(stack: Stack, path: Path) -> None:
    arrays = {
        "image": stack.image,
        "labels": stack.labels,
        "step": np.float32(stack.step),
        "source": np.array(stack.source),
    }
    if stack.other is not None:
        arrays["other"] = stack.other
    for n, draft in enumerate(stack.drafts):
        arrays[f"known{n}"] = np.array(draft.known)
        arrays[f"draft{n}"] = np.stack((draft.first, draft.second, draft.weight, draft.agreement))
    temporary = path.with_suffix(".part.npz")
    np.savez_compressed(temporary, **arrays)
    temporary.replace(path)


def load_stack(path: Path) -> Stack:
    with np.load(path, allow_pickle=False) as arrays:
        count = sum(name.startswith("known") for name in arrays.files)
        drafts = tuple(
            StoredDraft(tuple(int(k) for k in arrays[f"known{n}"]), *arrays[f"draft{n}"])
            for n in range(count)
        )
        other = arrays["other"] if "other" in arrays.files else None
        step = float(arrays["step"])
        return Stack(str(arrays["source"]), arrays["image"], arrays["labels"], step, drafts, other)
