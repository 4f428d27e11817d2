"""Decides how much of the network's answer goes into the result, beside the classical draft that it
corrects.

One share serves a whole volume. It is the one that would have served best where the answer is known: on
examples that are left out, on holes moved over intact places, on noise made for the purpose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
EQUAL = 1e-4  # errors that differ by less are equal
LEFT_OUT = 4  # at most so many slices are tried: each costs as much as a slice of the result


@dataclass(frozen=True)
class Trial:
    """Slices whose answer is known: draft, network's answer and truth (T, H, W), and where to compare."""

    draft: Tensor
    generated: Tensor
    truth: Tensor
    region: Tensor | None = None


def mix(draft: Tensor, generated: Tensor, share: float) -> Tensor:
    """The draft, moved by a share of what the network changed of it.

    The network sees intensities clipped to 0..1; what the draft knows beyond stays.
    """
    return draft + share * (generated - draft.clamp(0, 1))


def best_share(trials: Sequence[Trial], power: int, undecided: float, margin: float = 0.0) -> float:
    """The share of `SHARES` with the smallest mean error; of equal ones the smallest.

    Args:
        trials: each weighs the same; without any, `undecided` is the answer.
        power: 1 for the mean absolute error, 2 for the mean square error.
        undecided: what to do without a trial.
        margin: by how much of the draft's error the network alone must be better, mixtures by their share of
            that.
    """
    errors = [[_error(trial, share, power) for share in SHARES] for trial in trials]
    errors = [each for each in errors if np.isfinite(each).all()]
    if not errors:
        return undecided
    scaled = [np.array(each) / max(each[0], 1e-12) for each in errors]  # against the draft alone
    means = np.mean(scaled, axis=0) + margin * np.array(SHARES)
    return SHARES[int(np.argmax(means <= means.min() + EQUAL))]


def spread(candidates: Sequence[int], count: int = LEFT_OUT) -> list[int]:
    """At most `count` of the candidates, evenly spread."""
    if len(candidates) <= count:
        return list(candidates)
    return [candidates[int(n)] for n in np.linspace(0, len(candidates) - 1, count).round()]


def _error(trial: Trial, share: float, power: int) -> float:
    error = (mix(trial.draft, trial.generated, share) - trial.truth).abs() ** power
    region = torch.ones_like(error, dtype=torch.bool) if trial.region is None else trial.region
    return float(error[region].mean())
