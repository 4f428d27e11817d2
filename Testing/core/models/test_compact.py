"""The compact network as a function of prompts and targets."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.overrides import TorchFunctionMode

from MVGCore.models.base import PromptBatch, PromptMemory, TargetBatch
from MVGCore.models.blocks import Norm
from MVGCore.models.compact import READ_IN_DETAIL, Compact, CompactConfig, Fuse

SMALL = CompactConfig(widths=(16, 16, 16, 16), blocks=(1, 1, 1, 1), heads=(1, 2, 2), key_dim=8)
SIDE = 64


@pytest.fixture(scope="module")
def model() -> Compact:
    """A small network whose every part matters: what starts at zero is made random."""
    torch.manual_seed(0)
    network = Compact(SMALL).eval()
    for name, parameter in network.named_parameters():
        if (parameter == 0).all() or name.startswith("head"):
            torch.nn.init.normal_(parameter, std=0.1)
    return network


def prompt_batch(
    sets: int = 1, count: int = 3, targets: int = 2, side: int = SIDE, seed: int = 0
) -> PromptBatch:
    generator = torch.Generator().manual_seed(seed)
    images, labels = (torch.rand(sets, count, 3, side, side, generator=generator) for _ in range(2))
    distance = torch.rand(targets, count, generator=generator) * 20
    return PromptBatch(images, labels, distance, torch.ones(targets, count, dtype=torch.bool))


def target_batch(targets: int = 2, side: int = SIDE, seed: int = 1) -> TargetBatch:
    """Targets that are known at the top, drafted in the middle and unknown at the bottom."""
    generator = torch.Generator().manual_seed(seed)
    images, label = (torch.rand(targets, 3, side, side, generator=generator) for _ in range(2))
    known, draft = torch.zeros(2, targets, 1, side, side)
    known[:, :, : side // 4] = 1
    draft[:, :, side // 4 : side // 2] = 0.7
    return TargetBatch(images, label, known, draft)


def target_rows(target: TargetBatch, rows: slice) -> TargetBatch:
    return TargetBatch(target.images[rows], target.label[rows], target.known[rows], target.draft[rows])


def memory_rows(memory: PromptMemory, rows: slice) -> PromptMemory:
    return memory.with_distance(memory.distance[rows], memory.valid[rows])


def only(prompts: PromptBatch, chosen: list[int]) -> PromptBatch:
    return PromptBatch(
        prompts.images[:, chosen],
        prompts.labels[:, chosen],
        prompts.distance[:, chosen],
        prompts.valid[:, chosen],
    )


def same(one: torch.Tensor, other: torch.Tensor) -> None:
    torch.testing.assert_close(one, other, atol=2e-5, rtol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("side", [96, 128, 160])
def test_a_canvas_of_any_size_gives_colours_of_that_size(model: Compact, side: int) -> None:
    made = model(prompt_batch(count=1, targets=1, side=side), target_batch(1, side))
    assert made.shape == (1, 3, side, side) and made.dtype == torch.float32
    assert torch.isfinite(made).all()


@torch.no_grad()
def test_prompts_encoded_once_serve_every_target(model: Compact) -> None:
    prompts, target = prompt_batch(), target_batch()
    together = model(prompts, target)
    memory = model.encode_prompts(prompts)
    for n in range(2):
        rows = slice(n, n + 1)
        same(model.generate(memory_rows(memory, rows), target_rows(target, rows)), together[rows])
    assert not torch.allclose(together[0], together[1], atol=1e-2)


@torch.no_grad()
def test_targets_of_a_batch_do_not_see_each_other(model: Compact) -> None:
    prompts, target = prompt_batch(), target_batch()
    images = target.images.clone()
    images[1] = 1 - images[1]
    made = model(prompts, replace(target, images=images))
    same(made[0], model(prompts, target)[0])


@torch.no_grad()
def test_the_order_of_prompts_does_not_matter(model: Compact) -> None:
    prompts, target = prompt_batch(), target_batch()
    same(model(only(prompts, [2, 0, 1]), target), model(prompts, target))


@torch.no_grad()
def test_prompts_matter(model: Compact) -> None:
    prompts, target = prompt_batch(), target_batch()
    made = model(prompts, target)
    for changed in (
        replace(prompts, labels=1 - prompts.labels),
        replace(prompts, images=prompts.images.flip(-1)),
        replace(prompts, distance=prompts.distance.flip(1)),
    ):
        assert (model(changed, target) - made).abs().max() > 1e-2


@torch.no_grad()
def test_a_prompt_that_may_not_be_used_has_no_influence(model: Compact) -> None:
    prompts, target = prompt_batch(), target_batch()
    valid = prompts.valid.clone()
    valid[:, 1] = False
    same(model(replace(prompts, valid=valid), target), model(only(prompts, [0, 2]), target))
    images = prompts.images.clone()
    images[:, 1] = 0
    masked = replace(prompts, valid=valid)
    same(model(replace(masked, images=images), target), model(masked, target))


@torch.no_grad()
def test_validity_is_a_matter_of_each_target(model: Compact) -> None:
    prompts, target = prompt_batch(), target_batch()
    valid = torch.tensor([[True, False, True], [True, True, True]])
    made = model(replace(prompts, valid=valid), target)
    same(made[1], model(prompts, target)[1])
    assert (made[0] - model(prompts, target)[0]).abs().max() > 1e-3


@torch.no_grad()
def test_selecting_from_memory_equals_encoding_only_those(model: Compact) -> None:
    prompts, target = prompt_batch(), target_batch()
    selected = model.encode_prompts(prompts).select([2, 0])
    same(model.generate(selected, target), model(only(prompts, [2, 0]), target))


@torch.no_grad()
def test_farther_prompts_are_read_coarsely_alone(model: Compact) -> None:
    prompts, target = prompt_batch(count=READ_IN_DETAIL + 1), target_batch()
    memory = model.encode_prompts(prompts)
    spared = model.sparing(memory)
    counts = [keys.shape[1] for keys, _ in spared.content]
    assert counts == [READ_IN_DETAIL, READ_IN_DETAIL, READ_IN_DETAIL + 1]
    made = model.generate(spared, target)
    assert (made - model.generate(memory, target)).abs().max() > 1e-3
    assert (made - model(only(prompts, list(range(READ_IN_DETAIL))), target)).abs().max() > 1e-3
    few = model.encode_prompts(only(prompts, [0, 1]))
    same(model.generate(model.sparing(few), target), model.generate(few, target))


@torch.no_grad()
def test_sets_of_prompts_in_one_batch_do_not_mix(model: Compact) -> None:
    prompts, target = prompt_batch(sets=2, targets=4), target_batch(4)
    together = model(prompts, target)
    for n in range(2):
        rows = slice(2 * n, 2 * n + 2)
        own = PromptBatch(
            prompts.images[n : n + 1], prompts.labels[n : n + 1], prompts.distance[rows], prompts.valid[rows]
        )
        same(model(own, target_rows(target, rows)), together[rows])


@torch.no_grad()
def test_a_hidden_label_has_no_influence(model: Compact) -> None:
    prompts, target = prompt_batch(), target_batch()
    hidden = (target.known + target.draft) == 0
    other = torch.where(hidden, 1 - target.label, target.label)
    same(model(prompts, replace(target, label=other)), model(prompts, target))
    shown = torch.where(hidden, target.label, 1 - target.label)
    assert (model(prompts, replace(target, label=shown)) - model(prompts, target)).abs().max() > 1e-2


@torch.no_grad()
def test_images_draft_and_known_matter(model: Compact) -> None:
    prompts, target = prompt_batch(), target_batch()
    made = model(prompts, target)
    for changed in (
        replace(target, images=target.images.flip(-1)),
        replace(target, draft=target.draft * 0.3),
        replace(target, known=target.draft, draft=target.known),
    ):
        assert (model(prompts, changed) - made).abs().max() > 1e-3


@torch.no_grad()
def test_the_colour_that_is_read_is_a_mean_of_prompt_colours_up_to_the_border(model: Compact) -> None:
    prompts, target = prompt_batch(), target_batch()
    memory = model.encode_prompts(replace(prompts, labels=torch.ones_like(prompts.labels)))
    features = model.image_encoder(target.images)[1]
    keys, values = memory.content[0]
    ((_, colour),) = model.read4(features, memory, keys, [values])
    same(colour, torch.ones_like(colour))


@torch.no_grad()
def test_colourings_at_once_are_as_one_by_one(model: Compact) -> None:
    prompts, target = prompt_batch(), target_batch()
    other = replace(prompts, labels=1 - prompts.labels), replace(target, label=1 - target.label)
    memories = [model.encode_prompts(each) for each in (prompts, other[0])]
    both = model.generate_all(memories, [target, other[1]])
    same(both[0], model(prompts, target))
    same(both[1], model(*other))
    assert (both[0] - both[1]).abs().max() > 1e-2


@torch.no_grad()
@pytest.mark.parametrize(("top", "left"), [(32, 0), (16, 32), (0, 16)])
def test_a_part_of_the_canvas_reads_the_prompts_at_its_own_place(model: Compact, top: int, left: int) -> None:
    """Features alike, what a part reads is what the whole reads there; also if it begins within a block."""
    prompts, target = prompt_batch(), target_batch()
    memory = model.encode_prompts(prompts)
    same(model.generate(memory, target.within(slice(0, SIDE), slice(0, SIDE))), model(prompts, target))
    rows, columns = slice(top, top + 32), slice(left, left + 32)
    levels = model.image_encoder(target.images)
    for read, level, content in zip(
        (model.read4, model.read8, model.read16), levels[1:], memory.content, strict=True
    ):
        here = [slice(each.start // read.stride, each.stop // read.stride) for each in (rows, columns)]
        (whole,) = read(level, memory, content[0], [content[1]])
        (part,) = read(level[..., here[0], here[1]], memory, content[0], [content[1]], (top, left))
        pairs = zip(whole, part, strict=True) if read is model.read4 else [(whole, part)]
        for one, other in pairs:
            same(one[..., here[0], here[1]], other)
    assert model.generate(memory, target.within(rows, columns)).shape == (len(target.images), 3, 32, 32)


@torch.no_grad()
def test_sources_are_joined_as_if_they_lay_side_by_side() -> None:
    torch.manual_seed(0)
    level, sources = Fuse(8, (6, 4, 5), 1), [torch.rand(2, n, 8, 8) for n in (4, 5)]
    coarser, condition = torch.rand(2, 6, 4, 4), torch.rand(2, 16)
    enlarged = torch.nn.functional.interpolate(coarser, scale_factor=2.0)
    scale, shift = condition[..., None, None].chunk(2, 1)
    together = level.join(torch.cat([enlarged, *sources], 1)) * (1 + scale) + shift
    same(level(sources, condition, coarser), level.refine(together))


@torch.no_grad()
@pytest.mark.parametrize("side", [4, 32, 40])
def test_planes_of_any_size_are_normalised_alike_in_half_precision(side: int) -> None:
    x = torch.rand(2, 16, side, side).bfloat16().to(memory_format=torch.channels_last)
    norm = Norm(16)
    torch.testing.assert_close(norm(x).float(), norm(x.float()), atol=2e-2, rtol=1e-2)


def test_the_gradient_reaches_every_parameter(model: Compact) -> None:
    model.zero_grad()
    model(prompt_batch(), target_batch()).square().mean().backward()
    idle = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert not idle
    model.zero_grad()


@torch.no_grad()
def test_untrained_it_starts_from_the_draft() -> None:
    torch.manual_seed(0)
    network, prompts, target = Compact(SMALL).eval(), prompt_batch(), target_batch()
    drafted = replace(target, draft=torch.ones_like(target.draft))
    unknown = TargetBatch.empty(target.images)
    error = (network(prompts, drafted) - target.label).abs().mean()
    assert error < 0.5 * (network(prompts, unknown) - target.label).abs().mean() + 0.1


@torch.no_grad()
def test_the_bundled_sizes_accept_every_canvas_they_offer() -> None:
    assert all(side % 32 == 0 for side in Compact.canvas_sides)
    assert list(Compact.canvas_sides) == sorted(Compact.canvas_sides)


def test_a_local_read_of_several_heads_is_refused() -> None:
    with pytest.raises(ValueError, match="one head"):
        Compact(replace(SMALL, heads=(2, 2, 2)))


def test_textures_are_the_encoders_finest_level() -> None:
    model = Compact(CompactConfig(widths=(8, 16, 24, 32)))
    images = torch.rand(2, 3, 64, 64)
    textures = model.textures(images)
    assert textures.shape == (2, 8, 32, 32)
    torch.testing.assert_close(textures, model.image_encoder(images)[0])


@torch.no_grad()
def test_textures_that_are_known_are_not_seen_again(model: Compact) -> None:
    prompts, target = prompt_batch(), target_batch()
    memory, textures = model.encode_prompts(prompts), model.textures(target.images)
    expected = model.generate(memory, target)
    seen: list[bool] = []
    model.image_encoder.pyramid.stem.register_forward_hook(lambda *_: seen.append(True))
    assert torch.equal(model.generate(memory, replace(target, textures=textures)), expected)
    assert not seen


class Elsewhere(TorchFunctionMode):
    """Whatever is computed within is not on the CPU."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        assert not isinstance(made, torch.Tensor) or made.device.type != "cpu", function
        return made


@torch.no_grad()
def test_nothing_goes_back_and_forth_while_slices_are_generated() -> None:
    """Here on a device that computes nothing, but knows what is its own."""
    away = Compact(SMALL).to("meta")
    prompts, target = prompt_batch().to("meta"), target_batch().to("meta")
    with Elsewhere():
        memory = away.sparing(away.encode_prompts(prompts))
        (colours,) = away.generate_all([memory], [target.within(slice(16, 48), slice(0, 64))])
    assert colours.shape == (2, 3, 32, 64) and colours.device.type == "meta"
