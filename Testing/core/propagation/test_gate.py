"""How much weight the draft gets, decided on left-out labelled slices."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from MVGCore.models.device import Device
from MVGCore.propagation import gate as gate_module
from MVGCore.propagation.context import GroupContext, Weights, draw_prompts, encode_prompts, palettes
from MVGCore.propagation.drafting import GroupDrafts
from MVGCore.propagation.gate import OTHERS, USUAL, choose_weights
from MVGCore.propagation.memo import Memo
from MVGCore.propagation.plan import make_plan

CPU = Device("cpu", torch.device("cpu"), torch.float32)


def weights_for(model, case, prompts) -> Weights:
    (group,) = make_plan(prompts, case[0].geometry.array_spacing, (64,)).groups
    images, positions = draw_prompts(group, prompts)
    tasks = palettes(group, 1, 0)
    memories = tuple(encode_prompts(model, CPU, images, positions, task) for task in tasks)
    places = np.array([prompt.index for prompt in prompts], dtype=np.float64)
    drafts = GroupDrafts(case[0].array, group, prompts, 2.0, Memo())
    context = GroupContext(group, tasks, memories, places, 2.0, images, positions, drafts)
    return choose_weights(model, CPU, context, 5)


def test_a_model_that_is_wrong_leaves_it_to_the_draft(echo, tube, prompts_of, monkeypatch) -> None:
    """It is sure of the wrong class everywhere, so that no mixture with it can be right."""
    monkeypatch.setattr(
        gate_module, "generate", lambda *_: torch.tensor([0.0, -99, -99])[None, :, None, None]
    )
    assert weights_for(echo, tube, prompts_of(tube, [2, 5, 8, 11])).model == 0


def test_a_model_that_is_right_where_the_diffusion_is_not_does_without_it(
    echo, tube, prompts_of, monkeypatch
) -> None:
    """The classes change places on every second slice: no draft can know, the model does."""
    prompts = prompts_of(tube, [1, 4, 7, 10, 13])
    for prompt in prompts[1::2]:
        prompt.labels = np.choose(np.digitize(prompt.labels, [3, 300]), [0, 300, 3]).astype(np.uint16)
    truth = [prompt.index for prompt in prompts]

    def knowing(model, device, context, images, slices, chosen, hint):
        answer = context.positions[truth.index(slices[0])].long()
        return torch.nn.functional.one_hot(answer, 3).movedim(-1, 0)[None].float().add(1e-6).log()

    monkeypatch.setattr(gate_module, "generate", knowing)
    weights = weights_for(echo, tube, prompts)
    assert weights.model >= 0.5 and weights.diffusion == 0


def test_left_out_slices_that_disagree_change_nothing(echo, tube, prompts_of, monkeypatch) -> None:
    """The network is right on two left-out slices and wrong on the third."""
    prompts = prompts_of(tube, [1, 4, 7, 10, 13])
    for prompt in prompts[1::2]:
        prompt.labels = np.choose(np.digitize(prompt.labels, [3, 300]), [0, 300, 3]).astype(np.uint16)
    places = [prompt.index for prompt in prompts]

    def knowing_two(model, device, context, images, slices, chosen, hint):
        answer = context.positions[places.index(slices[0])].long()
        if slices[0] == 7:
            answer = torch.zeros_like(answer)
        return torch.nn.functional.one_hot(answer, 3).movedim(-1, 0)[None].float().add(1e-6).log()

    monkeypatch.setattr(gate_module, "generate", knowing_two)
    assert weights_for(echo, tube, prompts) == USUAL


def test_where_all_are_right_the_usual_mixture_stays(echo, tube, prompts_of) -> None:
    assert weights_for(echo, tube, prompts_of(tube, [2, 5, 8, 11])) == USUAL


def test_the_slice_that_is_left_out_is_not_among_its_examples(echo, tube, prompts_of, monkeypatch) -> None:
    seen: list[int] = []
    generate = echo.generate

    def counting(memory, target):
        seen.append(memory.distance.shape[1])
        assert (memory.distance > 0).all()
        return generate(memory, target)

    monkeypatch.setattr(echo, "generate", counting)
    weights_for(echo, tube, prompts_of(tube, [2, 5, 8, 11]))
    assert seen == [3, 3]


@pytest.mark.parametrize("slices", [[5], [2, 10], [2, 6, 10]])
def test_one_left_out_slice_is_no_evidence(echo, tube, prompts_of, slices: list[int]) -> None:
    assert weights_for(echo, tube, prompts_of(tube, slices)) == USUAL


def test_the_weights_that_are_tried_sum_to_one() -> None:
    for each in (USUAL, *OTHERS):
        assert each.model + each.geodesic + each.diffusion == 1
