"""The engine asks tile by tile and puts the answers together."""

from __future__ import annotations

import pytest
import torch

from MVGCore.errors import CancelledError
from MVGCore.images import Engine
from MVGCore.images.engine import ImageQuestion
from MVGCore.models.base import TargetBatch
from MVGCore.models.device import Device, select_device
from Testing.core.images.helpers import Repeater


def question(rows: int = 70, columns: int = 50, known: torch.Tensor | None = None) -> ImageQuestion:
    generator = torch.Generator().manual_seed(1)

    def some(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=generator)

    return ImageQuestion(
        some(9, 3, rows, columns),
        some(9, rows, columns),
        some(2, 3, rows, columns),
        some(2, rows, columns),
        torch.arange(18.0).view(9, 2),
        known,
    )


def never() -> bool:
    return False


def test_a_model_that_repeats_the_draft_gives_it_back_without_seams(repeater: Engine) -> None:
    asked = question()
    assert torch.allclose(repeater.answer(asked, never), asked.draft, atol=1e-5)
    assert len(repeater.model.prompts) == 2  # tiles of 64 pixels


def test_the_model_sees_examples_of_the_same_place_and_the_distances(repeater: Engine) -> None:
    asked = question(30, 20)
    repeater.answer(asked, never)
    prompts, targets = repeater.model.prompts[0], repeater.model.targets
    assert torch.equal(prompts.images[0, :, :, 17:47, 22:42], asked.prompt_images)
    assert torch.equal(prompts.labels[0, :, 2, 17:47, 22:42], asked.prompt_labels)
    assert [len(target.images) for target in targets] == [8, 1]
    assert torch.equal(torch.cat([t.images for t in targets])[:, :, 17:47, 22:42], asked.images)
    assert all((target.known == 0).all() and (target.draft == 0.5).all() for target in targets)


def test_what_is_known_is_told_and_tiles_without_a_hole_are_not_asked(repeater: Engine) -> None:
    known = torch.ones(9, 70, 50, dtype=torch.bool)
    known[3, 1:5, 8:12] = False
    asked = question(known=known)
    repeater.model.change = 0.25
    answer = repeater.answer(asked, never)
    (target,) = repeater.model.targets  # one tile of one slice
    assert len(target.images) == 1
    assert int((target.known == 0).sum()) == int((target.draft == 0.5).sum()) == 16
    assert torch.allclose(answer[3, 1:5, 8:12], asked.draft[3, 1:5, 8:12] + 0.25, atol=1e-5)
    assert torch.allclose(answer[0], asked.draft[0], atol=1e-5)


def test_cancel_is_asked_between_tiles(repeater: Engine) -> None:
    answers = iter([False, True])
    with pytest.raises(CancelledError):
        repeater.answer(question(), lambda: next(answers))
    assert len(repeater.model.prompts) == 1


def test_a_full_gpu_halves_the_batch_and_then_gives_way_to_the_cpu() -> None:
    class Full(Repeater):
        sizes: list[int] = []

        def generate(self, memory: object, target: TargetBatch) -> torch.Tensor:
            self.sizes.append(len(target.images))
            if engine.device.name != "cpu":
                raise torch.cuda.OutOfMemoryError
            return target.label

    gpu = Device("cuda:0", torch.device("cpu"), torch.float32)  # called a GPU, computes on the CPU
    engine = Engine(Full(), gpu)
    asked = question(20, 20)
    assert torch.allclose(engine.answer(asked, never), asked.draft, atol=1e-5)
    assert engine.model.sizes == [8, 4, 2, 1, 8, 1]
    assert engine.device == select_device("cpu")
    assert engine.notes == ["cuda:0 ran out of memory; the rest was computed on the CPU."]
