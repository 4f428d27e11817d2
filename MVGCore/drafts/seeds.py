"""Labelled slices as drafts take them: one-hot, and blended in between."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def one_hot(labels: Tensor, classes: int) -> Tensor:
    """(..., H, W) integer labels -> (classes, ..., H, W) float."""
    return torch.stack([(labels == c) for c in range(classes)]).float()


def interpolation_start(seeds: Tensor, known: Sequence[int], depth: int) -> Tensor:
    """Linear blend of the two nearest labelled slices: (C, n, H, W) seeds -> (C, depth, H, W)."""
    known_t = torch.tensor(sorted(known), dtype=torch.float32)
    position = torch.arange(depth, dtype=torch.float32)
    upper = torch.searchsorted(known_t, position).clamp(max=len(known) - 1)
    lower = (upper - 1).clamp(min=0)
    gap = (known_t[upper] - known_t[lower]).clamp(min=1e-6)
    weight = ((position - known_t[lower]) / gap).clamp(0, 1).view(1, -1, 1, 1)
    return seeds[:, lower] * (1 - weight) + seeds[:, upper] * weight


def mean_gap(known: Sequence[int], depth: int) -> float:
    """Slices from one labelled slice to the next, in the mean; of a single one, a quarter of the `depth`."""
    return (max(known) - min(known)) / (len(known) - 1) if len(known) > 1 else depth / 4
