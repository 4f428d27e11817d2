"""What a group knows before its slices are generated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from MVGCore.drafts.draft import Draft
from MVGCore.models.base import LEAST_TRUST
from MVGCore.models.device import select_device
from MVGCore.segmentation.cache import ContentCache
from MVGCore.segmentation.plan.plan import make_plan
from MVGCore.segmentation.predict import group_drafts as drafting_module
from MVGCore.segmentation.predict.context import (
    FAR,
    DraftHint,
    GroupContext,
    canvases,
    draw_prompts,
    generate,
    palettes,
)
from MVGCore.segmentation.predict.encodings import Encodings, encode_prompts
from MVGCore.segmentation.predict.group_drafts import GapDraft, GroupDrafts, draft_group, draft_side
from MVGCore.tasks import SegmentationTask
from MVGCore.tasks.palette import predefined_palette


def a_context(tube, prompts) -> GroupContext:
    (group,) = make_plan(prompts, (2.0, 1.0, 1.0), (32,)).groups
    tasks = palettes(group, 2, 0)
    places = np.array([4.0, 9.0, np.nan])
    return GroupContext(group, tasks, (), places, 3.0, *draw_prompts(group, prompts))


def test_the_nearest_prompts_come_first_and_others_last(tube, prompts_of) -> None:
    context = a_context(tube, prompts_of(tube, [4, 9]))
    assert context.prompts_for(0) == (0, 1, 2)
    assert context.prompts_for(5) == context.prompts_for(8) == (0, 1, 2)  # all of a gap the same
    assert context.prompts_for(10) == (1, 0, 2)
    assert replace(context, most=1).prompts_for(12) == (1,)


def test_many_prompts_are_chosen_by_the_gap(tube, prompts_of) -> None:
    context = a_context(tube, prompts_of(tube, [4, 9]))
    context.places = np.array([0.0, 4.0, 10.0, 30.0, 33.0])
    assert {replace(context, most=3).prompts_for(index) for index in (5, 7, 9)} == {(1, 2, 0)}
    assert replace(context, most=3).prompts_for(40) == (4, 3, 2)


def test_distances_are_in_canvas_pixels_and_others_are_far(tube, prompts_of) -> None:
    context = a_context(tube, prompts_of(tube, [4, 9]))
    distance = context.distances([4, 6], (1, 0, 2))
    torch.testing.assert_close(distance, torch.tensor([[15.0, 0.0, FAR], [9.0, 6.0, FAR]]))


def test_without_a_draft_there_is_no_hint(tube, prompts_of) -> None:
    assert a_context(tube, prompts_of(tube, [4, 9])).hint([5, 6]) is None


def a_draft() -> Draft:
    """Six slices of background, of which the fourth is class 1: surely so for one, to 0.8 for the other."""
    geodesic = torch.zeros(3, 6, 16, 16)
    geodesic[0], geodesic[1, 3], geodesic[0, 3] = 1.0, 1.0, 0.0
    diffusion = geodesic.clone()
    diffusion[1, 3], diffusion[0, 3] = 0.8, 0.2
    return Draft(geodesic, diffusion)


def test_the_hint_shows_the_draft_of_its_own_slices(tube, prompts_of) -> None:
    prompts = prompts_of(tube, [4, 9])
    context = a_context(tube, prompts)
    context.drafts = GroupDrafts(tube[0].array, context.group, prompts, 3.0, ContentCache())
    context.drafts._gaps[1] = GapDraft(4, a_draft())
    hint = context.hint([7, 8])
    assert hint is not None
    task = SegmentationTask(predefined_palette(2))
    target = hint.target(torch.rand(2, 3, 32, 32), task)
    assert target.label.shape == (2, 3, 32, 32)
    expected = 0.9 * task.palette[1][:, None, None].expand(3, 32, 32)
    torch.testing.assert_close(target.label[0], expected)
    assert not target.label[1].any()
    assert not target.known.any()
    torch.testing.assert_close(target.draft[0], torch.full((1, 32, 32), 0.8))
    torch.testing.assert_close(target.draft[1], torch.ones(1, 32, 32))


def test_where_the_drafts_disagree_there_is_still_a_hint() -> None:
    one, other = torch.eye(2)[:, :, None, None].expand(2, 2, 4, 4), torch.eye(2).flip(0)[:, :, None, None]
    hint = DraftHint.of(Draft(one, other.expand(2, 2, 4, 4)), [0, 1], 8)
    torch.testing.assert_close(hint.trust, torch.full((2, 1, 8, 8), LEAST_TRUST))


def test_the_answers_of_all_colourings_are_averaged(echo, tube, prompts_of) -> None:
    prompts = prompts_of(tube, [4, 9])
    (group,) = make_plan(prompts, (2.0, 1.0, 1.0), (32,)).groups
    images, positions = draw_prompts(group, prompts)
    tasks = palettes(group, 2, 0)
    device = select_device("cpu")
    memories = tuple(Encodings.of(encode_prompts(echo, device, images, positions, task)) for task in tasks)
    context = GroupContext(group, tasks, memories, np.array([4.0, 9.0]), 2.0, images, positions)
    logs = generate(echo, device, context, images, [5, 8], (0, 1), None)  # copies of the nearest prompts
    assert logs.shape == (2, 3, 32, 32)
    torch.testing.assert_close(logs.exp().sum(1), torch.ones(2, 32, 32))
    assert torch.equal(logs.argmax(1), positions.long())
    mean = sum(task.logits(task.encode(positions)).log_softmax(1) for task in tasks) / 2
    torch.testing.assert_close(logs, mean.log_softmax(1))


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


@pytest.mark.parametrize(("values", "side"), [(1e9, 72), (100_000, 60), (20_000, 32)])
def test_the_draft_has_the_slices_own_pixels_or_as_many_as_it_may(
    tube, prompts_of, monkeypatch: pytest.MonkeyPatch, values: float, side: int
) -> None:
    monkeypatch.setattr(drafting_module, "DRAFT_VALUES", values)
    prompts = prompts_of(tube, [4, 9])[::-1]  # in any order
    (group,) = make_plan(prompts, (2.0, 1.0, 1.0), (96,)).groups
    group = replace(group, canvas=replace(group.canvas, side=96, scale=(0.75, 0.75)))
    assert draft_side(group, 9) == side
    draft = draft_group(tube[0].array, group, prompts, range(3, 12), 2.0, side)
    assert draft.probabilities.shape == (3, 9, side, side)
    truth = group.canvas.resized(side).draw_labels(tube[1].array[3:12], group.ids)
    agree = np.mean(draft.probabilities.argmax(0).numpy() == truth, axis=(1, 2))
    assert agree[[1, 6]].min() == 1 and agree.min() > 0.93
    # Kept in half precision, given out in single.
    assert draft.geodesic.dtype == draft.diffusion.dtype == torch.float16
    hint = DraftHint.of(draft, [1, 6], 96)
    assert hint.geodesic.dtype == hint.diffusion.dtype == hint.trust.dtype == torch.float32
    torch.testing.assert_close(hint.geodesic.sum(1), torch.ones(2, 96, 96), atol=1e-3, rtol=0)


def test_colourings_differ(tube, prompts_of) -> None:
    (group,) = make_plan(prompts_of(tube, [4]), (2.0, 1.0, 1.0), (32,)).groups
    one, other = palettes(group, 2, 0)
    assert one.palette.shape == (3, 3) and not torch.equal(one.palette, other.palette)
