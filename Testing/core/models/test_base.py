"""The containers that every in-context model takes."""

from __future__ import annotations

import torch

from MVGCore.models.base import PromptBatch, PromptMemory, TargetBatch


def a_memory() -> PromptMemory:
    """Two sets of three prompts, for four targets; content in nested tuples."""
    content = (torch.arange(6.0).view(2, 3, 1), (torch.arange(12.0).view(2, 3, 2),))
    return PromptMemory(content, torch.arange(12.0).view(4, 3), torch.ones(4, 3, dtype=torch.bool))


def test_selecting_prompts_takes_them_everywhere() -> None:
    memory = a_memory()
    chosen = memory.select((2, 0))
    first, (second,) = chosen.content
    assert torch.equal(first, memory.content[0][:, [2, 0]])
    assert torch.equal(second, memory.content[1][0][:, [2, 0]])
    assert torch.equal(chosen.distance, memory.distance[:, [2, 0]])
    assert chosen.valid.shape == (4, 2)
    assert memory.distance.shape == (4, 3), "the memory itself is unchanged"


def test_other_targets_bring_their_own_distances() -> None:
    memory = a_memory()
    nearer = memory.with_distance(torch.zeros(8, 3))
    assert nearer.distance.shape == (8, 3) and nearer.valid.all() and nearer.valid.shape == (8, 3)
    assert nearer.content is memory.content
    masked = memory.with_distance(torch.zeros(2, 3), torch.tensor([[True, False, True]] * 2))
    assert masked.valid.sum() == 4


def test_empty_targets_know_nothing() -> None:
    images = torch.rand(2, 3, 4, 4)
    target = TargetBatch.empty(images)
    assert torch.equal(target.images, images)
    assert target.label.shape == (2, 3, 4, 4) and target.known.shape == target.draft.shape == (2, 1, 4, 4)
    assert not (target.label.any() or target.known.any() or target.draft.any())


def test_everything_moves_to_a_device() -> None:
    images = torch.rand(2, 3, 4, 4)
    target = TargetBatch.empty(images).to("meta")
    assert {x.device.type for x in (target.images, target.label, target.known, target.draft)} == {"meta"}
    memory = a_memory().to("meta")
    parts = (memory.content[0], memory.content[1][0], memory.distance, memory.valid)
    assert {x.device.type for x in parts} == {"meta"}
    batch = PromptBatch(images[None], images[None], torch.zeros(1, 2), torch.ones(1, 2)).to("meta")
    assert {x.device.type for x in (batch.images, batch.labels, batch.distance, batch.valid)} == {"meta"}
