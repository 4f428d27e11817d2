"""What a group knows before its slices are generated."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from MVGCore.drafts import Draft
from MVGCore.models.base import LEAST_TRUST
from MVGCore.models.device import select_device
from MVGCore.propagation import context as context_module
from MVGCore.propagation.context import (
    FAR,
    GroupContext,
    canvases,
    draft_group,
    draw_prompts,
    encode_prompts,
    palettes,
)
from MVGCore.propagation.plan import make_plan
from MVGCore.tasks import SegmentationTask
from MVGCore.tasks.palette import predefined_palette


def a_context(tube, prompts, draft: Draft | None, first: int = 0) -> GroupContext:
    (group,) = make_plan(prompts, (2.0, 1.0, 1.0), (32,)).groups
    tasks = palettes(group, 2, np.random.default_rng(0))
    return GroupContext(group, tasks, (), np.array([4.0, 9.0, np.nan]), draft, first, step=3.0)


def test_the_nearest_prompts_come_first_and_others_last(tube, prompts_of) -> None:
    context = a_context(tube, prompts_of(tube, [4, 9]), None)
    assert context.prompts_for(0, 5) == (0, 1, 2)
    assert context.prompts_for(8, 5) == (1, 0, 2)
    assert context.prompts_for(8, 1) == (1,)


def test_distances_are_in_canvas_pixels_and_others_are_far(tube, prompts_of) -> None:
    context = a_context(tube, prompts_of(tube, [4, 9]), None)
    distance = context.distances([4, 6], (1, 0, 2))
    torch.testing.assert_close(distance, torch.tensor([[15.0, 0.0, FAR], [9.0, 6.0, FAR]]))


def test_without_a_draft_the_target_is_empty(tube, prompts_of) -> None:
    context = a_context(tube, prompts_of(tube, [4, 9]), None)
    target = context.target(torch.rand(2, 3, 32, 32), [5, 6], context.tasks[0])
    assert not (target.label.any() or target.known.any() or target.draft.any())


def test_the_target_shows_the_draft_of_its_own_slices(tube, prompts_of) -> None:
    probabilities = torch.zeros(3, 6, 16, 16)
    probabilities[0], probabilities[1, 3], probabilities[0, 3] = 1.0, 1.0, 0.0
    agreement = torch.zeros(6, 16, 16)
    agreement[3] = 0.8
    context = a_context(tube, prompts_of(tube, [4, 9]), Draft(probabilities, agreement), first=4)
    task = SegmentationTask(predefined_palette(2))
    target = context.target(torch.rand(2, 3, 32, 32), [7, 8], task)
    assert target.label.shape == (2, 3, 32, 32)
    torch.testing.assert_close(target.label[0], task.palette[1][:, None, None].expand(3, 32, 32))
    assert not target.label[1].any()
    assert not target.known.any()
    torch.testing.assert_close(target.draft[0], torch.full((1, 32, 32), 0.8))
    torch.testing.assert_close(target.draft[1], torch.full((1, 32, 32), LEAST_TRUST))


def test_canvases_are_in_the_window(tube, prompts_of) -> None:
    prompts = prompts_of(tube, [4, 9])
    (group,) = make_plan(prompts, (2.0, 1.0, 1.0), (32,)).groups
    drawn = canvases(group, tube[0].array[:2])
    assert drawn.shape == (2, 32, 32) and drawn.dtype == torch.float32
    assert 0 <= drawn.min() < 0.3 < 0.7 < drawn.max() <= 1


def test_prompts_are_drawn_as_images_and_positions(tube, prompts_of) -> None:
    prompts = prompts_of(tube, [4, 9])
    (group,) = make_plan(prompts, (2.0, 1.0, 1.0), (32,)).groups
    images, positions = draw_prompts(group, prompts)
    assert images.shape == (2, 3, 32, 32) and positions.shape == (2, 32, 32)
    torch.testing.assert_close(images[1], canvases(group, tube[0].array[8:11]))
    assert positions.unique().tolist() == [0, 1, 2]


def test_prompts_are_encoded_as_one_set_in_the_colours_of_the_task(echo) -> None:
    images, positions = torch.rand(3, 3, 32, 32), torch.randint(3, (3, 32, 32))
    task = SegmentationTask(predefined_palette(2))
    memory = encode_prompts(echo, select_device("cpu"), images, positions, task)
    torch.testing.assert_close(memory.content[0], task.encode(positions)[None])
    assert memory.valid.all() and memory.valid.shape == (1, 3)


@pytest.mark.parametrize("values", [context_module.DRAFT_VALUES, 20_000])
def test_the_draft_keeps_to_its_size_and_its_slices(
    tube, prompts_of, monkeypatch: pytest.MonkeyPatch, values: int
) -> None:
    monkeypatch.setattr(context_module, "DRAFT_VALUES", values)
    prompts = prompts_of(tube, [4, 9])[::-1]  # in any order
    (group,) = make_plan(prompts, (2.0, 1.0, 1.0), (128,)).groups
    _, positions = draw_prompts(group, prompts)
    draft = draft_group(tube[0].array, group, prompts, positions, range(3, 12), 2.0)
    side = draft.probabilities.shape[-1]
    assert draft.probabilities.shape == (3, 9, side, side)
    assert side == (64 if values > 100_000 else 32)
    truth = group.canvas.resized(side).draw_labels(tube[1].array[3:12], group.ids)
    agree = np.mean(draft.probabilities.argmax(0).numpy() == truth, axis=(1, 2))
    assert agree[[1, 6]].min() > 0.98 and agree.min() > 0.93


def test_colourings_differ(tube, prompts_of) -> None:
    (group,) = make_plan(prompts_of(tube, [4]), (2.0, 1.0, 1.0), (32,)).groups
    one, other = palettes(group, 2, np.random.default_rng(0))
    assert one.palette.shape == (3, 3) and not torch.equal(one.palette, other.palette)
