"""A model on a canvas that is larger than its own."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from MVGCore.models.base import InContextModel, PromptBatch, PromptMemory, TargetBatch
from MVGCore.models.tiled import OVERLAP, Tiled, fitted, pixels_generated, tiled_side

SIDE, WHOLE = 32, 60  # two tiles along each side


@dataclass(frozen=True)
class TracingConfig:
    """Nothing to configure."""

    name: str = "tracing"


class Tracing(InContextModel):
    """Answers with the prompt's colours where nothing is drafted, else with the target's; notes the sides."""

    canvas_sides = (16, SIDE)
    config = TracingConfig()

    def __init__(self) -> None:
        super().__init__()
        self.sides: list[int] = []

    def encode_prompts(self, prompts: PromptBatch) -> PromptMemory:
        self.sides.append(prompts.labels.shape[-1])
        return PromptMemory((prompts.labels,), prompts.distance, prompts.valid)

    def generate(self, memory: PromptMemory, target: TargetBatch) -> Tensor:
        self.sides.append(target.images.shape[-1])
        nearest = memory.content[0][0][memory.distance.argmin(1)]
        return torch.where(target.draft > 0, target.label, nearest)

    def textures(self, images: Tensor) -> Tensor:
        return images[:, :1]


@pytest.fixture
def tracing() -> Tracing:
    return Tracing()


def prompts_and_target(side: int) -> tuple[PromptBatch, TargetBatch]:
    """Three prompts and two targets, the upper half of which is drafted."""
    random = torch.Generator().manual_seed(0)
    images, labels = (torch.rand(1, 3, 3, side, side, generator=random) for _ in range(2))
    distance = torch.tensor([[2.0, 1.0, 5.0], [3.0, 4.0, 0.5]])
    draft = torch.zeros(2, 1, side, side)
    draft[:, :, : side // 2] = 1
    target = TargetBatch(
        *(torch.rand(2, 3, side, side, generator=random) for _ in range(2)), torch.zeros_like(draft), draft
    )
    return PromptBatch(images, labels, distance, torch.ones_like(distance, dtype=torch.bool)), target


def test_what_is_known_in_a_place_is_used_in_that_place(tracing: Tracing) -> None:
    prompts, target = prompts_and_target(WHOLE)
    model = fitted(tracing, WHOLE)
    made = model.generate(model.encode_prompts(prompts), target)
    torch.testing.assert_close(made, tracing(prompts, target))
    assert set(tracing.sides[:8]) == {SIDE}  # prompts and targets, four tiles each


def test_a_memory_of_tiles_is_cut_and_joined_like_any_other(tracing: Tracing) -> None:
    prompts, target = prompts_and_target(WHOLE)
    model = Tiled(tracing, WHOLE)
    memory = model.encode_prompts(prompts)
    apart = [memory.select([n]) for n in range(3)]
    joined = PromptMemory.joined(apart).select([1, 2]).with_distance(prompts.distance[:, [1, 2]])
    torch.testing.assert_close(model.generate(joined, target), model.generate(memory, target))


def test_colourings_are_answered_each(tracing: Tracing) -> None:
    (prompts, target), other = prompts_and_target(WHOLE), 1 - prompts_and_target(WHOLE)[1].label
    recoloured = TargetBatch(target.images, other, target.known, target.draft)
    model = Tiled(tracing, WHOLE)
    memory = model.encode_prompts(prompts)
    both = model.generate_all([memory, memory], [target, recoloured])
    torch.testing.assert_close(both[0], model.generate(memory, target))
    torch.testing.assert_close(both[1], model.generate(memory, recoloured))
    assert not torch.equal(*both)


def test_farther_prompts_are_spared_in_every_tile(tracing: Tracing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tracing, "sparing", lambda _, memory: memory.select([0]))
    prompts, _ = prompts_and_target(WHOLE)
    model = Tiled(tracing, WHOLE)
    whole = model.encode_prompts(prompts)
    for spared, tile in zip(model.sparing(whole).content, whole.content, strict=True):
        torch.testing.assert_close(spared[0], tile[0][:, :1])


def test_a_canvas_of_the_models_own_needs_no_tiles(tracing: Tracing) -> None:
    assert fitted(tracing, SIDE) is tracing and fitted(tracing, 16) is tracing


def test_textures_are_those_of_the_model(tracing: Tracing) -> None:
    images = torch.rand(2, 3, WHOLE, WHOLE)
    assert torch.equal(fitted(tracing, WHOLE).textures(images), images[:, :1])


@given(st.integers(4, 128).map(lambda n: 8 * n), st.floats(1, 3000))
def test_tiles_cover_a_tiled_canvas_evenly(largest: int, pixels: float) -> None:
    side = tiled_side(largest, pixels)
    step = int(largest * (1 - OVERLAP))
    assert side >= max(largest, pixels) and (side == largest or side - step < pixels)
    tiles = 1 + (side - largest) // step
    assert side == largest + (tiles - 1) * step
    assert pixels_generated(side, largest) == (tiles * largest) ** 2


def test_smaller_canvases_are_generated_as_they_are() -> None:
    assert pixels_generated(16, 32) == 256 and tiled_side(32, 7) == 32
