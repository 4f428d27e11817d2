"""Only the part of a canvas is generated where something may be."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from MVGCore.models.base import PromptMemory, TargetBatch
from MVGCore.models.device import Device
from MVGCore.segmentation import Propagator
from MVGCore.segmentation.predict.part import NOTHING, CanvasPart

CPU = Device("cpu", torch.device("cpu"), torch.float32)


def quiet(*_: object) -> None:
    """No progress is wanted."""


def never() -> bool:
    return False


def marks(*places: tuple[int, int], side: int = 64) -> Tensor:
    found = torch.zeros(side, side, dtype=torch.bool)
    for row, column in places:
        found[row, column] = True
    return found


def around(found: Tensor, grid: int, step: int, margin: int | None = None) -> tuple[slice, slice]:
    return CanvasPart.around(found, grid, step, margin).region


def test_a_part_has_sides_of_the_grid_and_begins_at_a_step_with_a_margin_within_the_canvas() -> None:
    assert around(marks((20, 30), (25, 40)), 8, 8, 2) == (slice(16, 32), slice(24, 48))
    assert around(marks((20, 30), (25, 40)), 8, 2, 2) == (slice(16, 32), slice(28, 44))
    assert around(marks((0, 63)), 16, 4, 3) == (slice(0, 16), slice(48, 64))
    assert around(marks((15, 16)), 16, 1, 0) == (slice(8, 24), slice(9, 25))
    assert around(marks((0, 0), (60, 60)), 16, 4) == (slice(0, 64), slice(0, 64))


@pytest.mark.parametrize("step", [1, 2, 4, 8])
def test_whatever_is_found_is_in_the_part_with_its_margin(step: int) -> None:
    for first in range(0, 60, 3):
        for last in range(first, 64, 5):
            rows, columns = around(marks((first, last), (last, first)), 8, step, 3)
            for part in (rows, columns):
                assert part.start % step == 0 and (part.stop - part.start) % 8 == 0
                assert 0 <= part.start <= max(0, first - 3) and min(64, last + 4) <= part.stop <= 64


def test_the_margin_is_wider_on_a_large_canvas() -> None:
    small, large = (around(marks((60, 60), side=side), 4, 4) for side in (128, 160))
    assert small == (slice(52, 72), slice(52, 72))
    assert large == (slice(36, 88), slice(36, 88))


def test_where_nothing_may_be_nothing_is_generated() -> None:
    part = CanvasPart.around(marks(), 16, 4)
    assert part.empty and not CanvasPart.around(marks((1, 1)), 16, 4).empty
    whole = part.spread(torch.zeros(2, 3, 0, 0), 64)
    assert whole.shape == (2, 3, 64, 64) and (whole[:, 0] == 0).all() and (whole[:, 1:] == NOTHING).all()


def test_some_models_generate_whole_canvases_alone(echo, monkeypatch) -> None:
    filled = marks((20, 30))
    assert CanvasPart.asked_of(echo, filled) is None
    monkeypatch.setattr(type(echo), "grid", 8)
    assert CanvasPart.asked_of(echo, filled, 2) == CanvasPart.around(filled, 8, echo.step, 2)
    monkeypatch.setattr(type(echo), "canvas_sides", (32,))
    assert CanvasPart.asked_of(echo, filled) is None  # in tiles


def test_a_part_is_put_back_in_its_place() -> None:
    part, logs = CanvasPart(slice(16, 32), slice(32, 64)), torch.randn(2, 3, 16, 32)
    whole = part.spread(logs, 64)
    assert torch.equal(whole[:, :, 16:32, 32:64], logs)
    assert (whole[:, 0].count_nonzero() == logs[:, 0].count_nonzero()) and whole[0, 1, 0, 0] == NOTHING


@pytest.fixture
def asked(echo, monkeypatch) -> list[tuple[int, ...]]:
    """The sizes of what the model was asked for; it takes parts on a grid of eight pixels."""
    sizes: list[tuple[int, ...]] = []

    def generate(memory: PromptMemory, target: TargetBatch) -> Tensor:
        height, width = target.images.shape[-2:]
        sizes.append((height, width))
        row, column = target.place
        nearest = memory.content[0][0][memory.distance.argmin(1)]
        shown = nearest[..., row : row + height, column : column + width]
        return torch.where(target.draft > 0, target.label, shown)

    monkeypatch.setattr(echo, "generate", generate)
    monkeypatch.setattr(type(echo), "grid", 8)
    return sizes


def test_labels_from_parts_are_those_of_whole_canvases(echo, tube, prompts_of, asked, monkeypatch) -> None:
    def labels() -> dict[int, np.ndarray]:
        propagator = Propagator(echo, CPU, tube[0], prompts_of(tube, [2, 6, 11]), [])
        return {each.index: each.labels for each in propagator.slices([4, 5, 8, 13], quiet, never)}

    parts, sizes = labels(), set(asked)
    assert any(size[0] < 64 or size[1] < 64 for size in sizes)
    monkeypatch.setattr(type(echo), "grid", None)
    asked.clear()
    whole = labels()
    assert len(set(asked)) == 1 and parts.keys() == whole.keys()
    for index, found in parts.items():
        assert (found != whole[index]).mean() < 0.005
        assert np.mean(found == tube[1].array[index]) > 0.95


def test_a_gap_without_a_class_at_either_end_asks_nothing(echo, tube, prompts_of, asked) -> None:
    prompts = prompts_of(tube, [1, 4, 8])
    for prompt in prompts[:2]:
        prompt.labels = np.zeros_like(prompt.labels)
    propagator = Propagator(echo, CPU, tube[0], prompts, [])
    (done,) = propagator.slices([2], quiet, never)
    assert not done.labels.any() and asked == []
    (done,) = propagator.slices([6], quiet, never)
    assert done.labels.any() and asked
