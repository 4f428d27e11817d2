"""What the optimiser is told of each parameter: weight decay, and a learning rate by its depth."""

from __future__ import annotations

import re
from typing import Any

from torch import nn

from MVGCore.errors import InputError

BLOCK = re.compile(r"blocks\.(\d+)\.")
BEFORE_BLOCKS = ("patch_embed.", "mask_token", "segment_token_", "pos_embed")


def parameter_groups(model: nn.Module, weight_decay: float, layer_decay: float = 1.0) -> list[dict[str, Any]]:
    """Groups for AdamW; each has a "scale", by which the learning rate of the run is multiplied.

    Args:
        model: the network.
        weight_decay: for matrices and kernels; biases, norms and single numbers have none.
        layer_decay: a block learns by this factor slower than the next one (the embedding slowest); 1: all
            learn alike.

    Raises:
        InputError: a layer decay for a model that has no blocks.
    """
    named = dict(model.named_parameters())
    blocks = [int(match.group(1)) for name in named if (match := BLOCK.match(name))]
    if layer_decay != 1.0 and not blocks:
        raise InputError("Only the vit models have blocks for a layer_decay; set it to 1 for this one.")
    last = max(blocks, default=-1) + 2
    groups: dict[tuple[int, bool], dict[str, Any]] = {}
    for name, parameter in named.items():
        layer, large = _layer(name, last), parameter.ndim > 1
        if layer_decay == 1.0:
            layer = last
        group = {
            "params": [],
            "weight_decay": weight_decay if large else 0.0,
            "scale": layer_decay ** (last - layer),
        }
        groups.setdefault((layer, large), group)["params"].append(parameter)
    # Matrices first, by which checkpoints of former versions are known.
    return [groups[key] for key in sorted(groups, key=lambda key: (key[0], not key[1]))]


def _layer(name: str, last: int) -> int:
    """0 for the embedding, n + 1 for block n, `last` for what comes after the blocks."""
    match = BLOCK.match(name)
    if match:
        return int(match.group(1)) + 1
    return 0 if name.startswith(BEFORE_BLOCKS) else last
