"""In-context colouring: classes become colours, colours become class probabilities.

Three schemes of the paper: *binary* (one class white on black), *predefined* (a fixed colour per position)
and *random* (colours drawn anew, the same for prompts and target). Background is always black.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import torch
from torch import Tensor

MAX_CLASSES = 12
TEMPERATURE = 0.1  # of the squared distance in colour: half-way between two colours the odds are even
# 19 bright colours on the surface of the cube, at least 0.5 apart.
_CORNERS = np.array([c for c in product((0.0, 0.5, 1.0), repeat=3) if max(c) == 1.0], dtype=np.float32)


def binary_palette() -> Tensor:
    """(2, 3): black background, one white class."""
    return torch.tensor([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])


def predefined_palette(classes: int) -> Tensor:
    """(classes + 1, 3): a fixed sequence of well separated colours, black first.

    Raises:
        ValueError: for more than `MAX_CLASSES` classes; colour them in groups.
    """
    return torch.from_numpy(np.vstack((np.zeros(3, np.float32), _spread(classes, 0))))


def random_palette(classes: int, rng: np.random.Generator) -> Tensor:
    """(classes + 1, 3): well separated colours in random order, black first.

    Raises:
        ValueError: for more than `MAX_CLASSES` classes; colour them in groups.
    """
    colours = _spread(classes, int(rng.integers(len(_CORNERS))))
    colours = np.clip(colours + rng.uniform(-0.08, 0.08, colours.shape), 0, 1).astype(np.float32)
    return torch.from_numpy(np.vstack((np.zeros(3, np.float32), rng.permutation(colours))))


def _spread(count: int, first: int) -> np.ndarray:
    """`count` bright colours, each the farthest from black and from those before it."""
    if count > MAX_CLASSES:
        raise ValueError(f"{count} classes do not fit one palette of {MAX_CLASSES}; colour them in groups")
    chosen = [np.zeros(3, np.float32), _CORNERS[first]]
    while len(chosen) <= count:
        distance = np.linalg.norm(_CORNERS[:, None] - np.stack(chosen)[None], axis=-1).min(1)
        chosen.append(_CORNERS[int(distance.argmax())])
    return np.stack(chosen[1 : count + 1])


def colour_labels(labels: Tensor, palette: Tensor) -> Tensor:
    """Class positions (T, H, W) with a palette (C, 3), or one each (T, C, 3) -> colours (T, 3, H, W)."""
    palette = palette.to(labels.device)
    if palette.ndim == 2:
        return palette[labels.long()].movedim(-1, -3)
    rows = torch.arange(len(palette), device=labels.device)[:, None, None]
    return palette[rows, labels.long()].movedim(-1, -3)


def colour_probabilities(probabilities: Tensor, palette: Tensor) -> Tensor:
    """Class probabilities (T, C, H, W) with a palette (C, 3) -> the expected colours (T, 3, H, W)."""
    return torch.einsum("tchw,cd->tdhw", probabilities, palette.to(probabilities))


def class_logits(colours: Tensor, palette: Tensor) -> Tensor:
    """Negative squared distance of colours to a palette.

    Colours (T, 3, H, W) with a palette (C, 3) or (T, C, 3) -> logits (T, C, H, W).
    """
    palettes = palette.to(colours.device, torch.float32).expand(len(colours), -1, -1)
    # |x - p|^2 without |x|^2, which is common to all classes and cancels in a softmax.
    cross = torch.einsum("tdhw,tcd->tchw", colours.float(), palettes)
    return (2 * cross - palettes.square().sum(-1)[..., None, None]) / TEMPERATURE
