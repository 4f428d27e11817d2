"""The penalties that attention folds into its channels are those that a table of all pairs would have."""

from __future__ import annotations

import pytest
import torch

from MVGCore.models.attention import FullRead, _places

SIDE, HEADS, WIDTH = 6, 2, 4
CPU = torch.device("cpu")


def by_table(
    read: FullRead, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, penalty: torch.Tensor
) -> torch.Tensor:
    """(B, heads, M, hw, V), every pair written down."""
    y, x = torch.meshgrid(torch.arange(SIDE) / SIDE, torch.arange(SIDE) / SIDE, indexing="ij")
    grid = torch.stack((y, x), -1).reshape(-1, 2)
    squared = (grid[:, None] - grid[None]).square().sum(-1)
    logits = torch.einsum("bhmqd,bhnkd->bhmqnk", queries, keys)
    logits = logits - (read.displacement[:, None, None] * squared)[None, :, None, :, None]
    logits = logits + penalty[:, :, :, None, :, None]
    weights = logits.flatten(-2).softmax(-1).unflatten(-1, logits.shape[-2:])
    return torch.einsum("bhmqnk,bhnkv->bhmqv", weights, values)


@pytest.mark.parametrize(("kind", "near"), [(torch.float32, 1e-5), (torch.bfloat16, 0.03)])
def test_penalties_are_those_of_all_pairs(kind: torch.dtype, near: float) -> None:
    generator = torch.Generator().manual_seed(0)
    read = FullRead(HEADS * WIDTH, HEADS, WIDTH, 8)
    queries = torch.randn(2, HEADS, 3, SIDE**2, WIDTH, generator=generator).to(kind)
    keys, values = (torch.randn(2, HEADS, 4, SIDE**2, WIDTH, generator=generator).to(kind) for _ in range(2))
    penalty = -3 * torch.rand(2, HEADS, 3, 4, generator=generator)
    penalty[0, :, 1, 2] = -1e4  # a prompt that this target may not use
    y, x = torch.meshgrid(*(torch.arange(SIDE) - (SIDE - 1) / 2,) * 2, indexing="ij")
    places = torch.stack((y, x), -1).reshape(-1, 2)
    found = read.attend(queries, places, keys, places, values, penalty, SIDE)
    expected = by_table(read, queries.float(), keys.float(), values.float(), penalty)
    assert (found.float() - expected).abs().max() < near


def test_places_are_measured_from_the_middle_of_the_canvas_wherever_a_part_begins() -> None:
    whole = _places(4, 4, 4, CPU)
    assert torch.equal(whole[0], -whole[-1]) and torch.equal(whole.mean(0), torch.zeros(2))
    assert torch.equal(_places(4, 2, 3, CPU, (1, 0)), whole.view(4, 4, 2)[1:3, :3].reshape(-1, 2))
    between = _places(4, 1, 1, CPU, (0.25, 1.5))
    assert torch.equal(between, torch.tensor([[-1.25, 0.0]]))
