from __future__ import annotations

from dataclasses import fields, replace

import pytest
import torch
from timm.models.vision_transformer_sam import get_decomposed_rel_pos_bias
from torch import Tensor
from torch.nn import functional as F

from MVGCore.errors import InputError
from MVGCore.models import create
from MVGCore.models.base import PromptBatch, TargetBatch
from MVGCore.models.vit import Attention, ViT, ViTConfig

SIDE = 64


def documented_shapes() -> dict[str, tuple[int, ...]]:
    """The checkpoint layout of the 24-block network, written out from its documentation."""
    block = {
        "norm1.weight": (1024,),
        "norm1.bias": (1024,),
        "attn.qkv.weight": (3072, 1024),
        "attn.qkv.bias": (3072,),
        "attn.proj.weight": (1024, 1024),
        "attn.proj.bias": (1024,),
        "attn.rel_pos_h": (111, 64),
        "attn.rel_pos_w": (55, 64),
        "norm2.weight": (1024,),
        "norm2.bias": (1024,),
        "mlp.fc1.weight": (4096, 1024),
        "mlp.fc1.bias": (4096,),
        "mlp.fc2.weight": (1024, 4096),
        "mlp.fc2.bias": (1024,),
    }
    return {
        "mask_token": (1, 1, 1, 1024),
        "segment_token_x": (1, 1, 1, 1024),
        "segment_token_y": (1, 1, 1, 1024),
        "pos_embed": (1, 197, 1024),
        "patch_embed.proj.weight": (1024, 3, 16, 16),
        "patch_embed.proj.bias": (1024,),
        "norm.weight": (1024,),
        "norm.bias": (1024,),
        "decoder_embed.weight": (16384, 4096),
        "decoder_embed.bias": (16384,),
        "decoder_pred.0.weight": (64, 64, 3, 3),
        "decoder_pred.0.bias": (64,),
        "decoder_pred.1.weight": (64,),
        "decoder_pred.1.bias": (64,),
        "decoder_pred.3.weight": (3, 64, 1, 1),
        "decoder_pred.3.bias": (3,),
        **{f"blocks.{index}.{key}": shape for index in range(24) for key, shape in block.items()},
    }


@pytest.fixture(scope="module")
def model() -> ViT:
    """A shallow ViT whose every part matters: what starts at zero is made random."""
    torch.manual_seed(0)
    model = create("vit-tiny", width=48, depth=4)
    assert isinstance(model, ViT)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "rel_pos" in name or "token" in name or "pos_embed" in name:
                parameter.normal_(std=0.5)
    return model.eval()


def repeated(prompts: PromptBatch, count: int) -> PromptBatch:
    return PromptBatch(
        images=prompts.images.repeat(1, count, 1, 1, 1),
        labels=prompts.labels.repeat(1, count, 1, 1, 1),
        distance=prompts.distance.repeat(1, count),
        valid=prompts.valid.repeat(1, count),
    )


def picked(prompts: PromptBatch, order: list[int]) -> PromptBatch:
    return PromptBatch(*(getattr(prompts, field.name)[:, order] for field in fields(prompts)))


def make_prompts(count: int = 1, side: int = SIDE, batch: int = 1) -> PromptBatch:
    return PromptBatch(
        images=torch.rand(batch, count, 3, side, side),
        labels=torch.rand(batch, count, 3, side, side),
        distance=torch.ones(batch, count),
        valid=torch.ones(batch, count, dtype=torch.bool),
    )


def make_target(side: int = SIDE, batch: int = 1) -> TargetBatch:
    return TargetBatch.empty(torch.rand(batch, 3, side, side))


@torch.no_grad()
def generate(model: ViT, prompts: PromptBatch, target: TargetBatch) -> Tensor:
    return model.generate(model.encode_prompts(prompts), target)


def test_large_is_the_documented_network() -> None:
    with torch.device("meta"):
        large = create("vit-large")
    assert sum(parameter.numel() for parameter in large.parameters()) == 370_721_155
    assert {key: tuple(value.shape) for key, value in large.state_dict().items()} == documented_shapes()


def test_features_are_taken_at_every_quarter() -> None:
    assert ViTConfig(depth=24).feature_blocks == (5, 11, 17, 23)
    assert ViTConfig(depth=12).feature_blocks == (2, 5, 8, 11)


@pytest.mark.parametrize("sizes", [{"depth": 6}, {"depth": 0}, {"width": 100, "heads": 3}, {"heads": 0}])
def test_impossible_sizes_are_refused(sizes: dict[str, int]) -> None:
    with pytest.raises(InputError):
        ViTConfig(**sizes)


@pytest.mark.parametrize("grid", [(56, 28), (8, 4), (6, 5)])
def test_attention_equals_explicit_position_bias(grid: tuple[int, int]) -> None:
    torch.manual_seed(0)
    attention = Attention(width=24, heads=2)
    torch.nn.init.normal_(attention.rel_pos_h)
    torch.nn.init.normal_(attention.rel_pos_w)
    tokens = torch.randn(2, *grid, 24)

    qkv = attention.qkv(tokens.flatten(1, 2)).unflatten(2, (3, 2, 12)).permute(2, 0, 3, 1, 4)
    query, key, value = qkv.flatten(1, 2)
    bias = get_decomposed_rel_pos_bias(query, attention.rel_pos_h, attention.rel_pos_w, grid, grid)
    weights = torch.softmax(query @ key.mT / 12**0.5 + bias, dim=-1)
    heads = (weights @ value).unflatten(0, (2, 2)).transpose(1, 2).flatten(2)
    expected = attention.proj(heads).unflatten(1, grid)

    torch.testing.assert_close(attention(tokens), expected)


def test_answer_is_a_picture_of_the_target(model: ViT) -> None:
    answer = generate(model, make_prompts(2, batch=2), make_target(batch=2))
    assert answer.shape == (2, 3, SIDE, SIDE)
    assert bool(answer.isfinite().all())


@torch.no_grad()
def test_one_prompt_is_the_stitched_network() -> None:
    """Against the network as its paper draws it, run on two pictures of prompt above target."""
    model = create("vit-tiny", width=24, drop_path=0.0)
    assert isinstance(model, ViT)
    prompts, target = make_prompts(side=48), make_target(48)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    mean, std = mean[:, None, None], std[:, None, None]

    image = torch.cat([prompts.images[0, 0, 1:2], target.images[0, 1:2]], dim=1).expand(3, -1, -1)
    label = torch.cat([prompts.labels[0, 0], torch.zeros(3, 48, 48)], dim=1)
    image_tokens, label_tokens = model.patch_embed((torch.stack([image, label]) - mean) / std)
    label_tokens[3:] = model.mask_token
    position = model._positions(6, 3)
    streams = [
        image_tokens + model.segment_token_x[0] + position,
        label_tokens + model.segment_token_y[0] + position,
    ]
    tokens, features = torch.stack(streams), []
    for index, block in enumerate(model.blocks):
        tokens = block(tokens)
        if index == 2:
            tokens = tokens.mean(0, keepdim=True)
        if index in (2, 5, 8, 11):
            features.append(model.norm(tokens))
    patches = model.decoder_embed(torch.cat(features, dim=-1)).reshape(6, 3, 16, 16, 64)
    painted = model.decoder_pred(patches.permute(4, 0, 2, 1, 3).reshape(1, 64, 96, 48)) * std + mean

    torch.testing.assert_close(generate(model, prompts, target), painted[:, :, 48:])


def test_decoder_sees_the_prompt_above_the_target(model: ViT) -> None:
    """Decoding only the lower half must give what decoding the whole stitched canvas gives there."""
    features = torch.randn(1, 8, 4, 4 * 48)
    with torch.no_grad():
        whole = model._decode(features)[:, :, SIDE:]
        lower = model._decode(features[:, 3:])[:, :, 16:]
    torch.testing.assert_close(lower, whole)


@pytest.mark.parametrize("side", [32, 96])
def test_other_canvas_sizes(model: ViT, side: int) -> None:
    assert generate(model, make_prompts(side=side), make_target(side)).shape == (1, 3, side, side)


def test_positions_are_interpolated_to_the_canvas(model: ViT) -> None:
    with torch.no_grad():
        own, other = model._positions(14, 14), model._positions(28, 14)
    torch.testing.assert_close(own.flatten(0, 1), model.pos_embed[0, 1:])
    plain = F.interpolate(own.permute(2, 0, 1)[None], (28, 14), mode="bicubic")
    torch.testing.assert_close(other, plain[0].permute(1, 2, 0))


def test_canvas_that_does_not_fit_is_refused(model: ViT) -> None:
    with pytest.raises(InputError, match="multiples of 16"):
        generate(model, make_prompts(side=40), make_target(40))
    with pytest.raises(InputError, match="use one size"):
        generate(model, make_prompts(side=32), make_target(64))


@pytest.mark.parametrize("changed", ["images", "labels"])
def test_prompt_matters(model: ViT, changed: str) -> None:
    prompts, target = make_prompts(), make_target()
    before = generate(model, prompts, target)
    other = replace(prompts, **{changed: 1 - getattr(prompts, changed)})
    assert not torch.allclose(generate(model, other, target), before, atol=1e-4)


def test_identical_prompts_equal_one(model: ViT) -> None:
    one, target = make_prompts(), make_target()
    torch.testing.assert_close(generate(model, repeated(one, 3), target), generate(model, one, target))


@pytest.mark.parametrize("index", [1, 2, 3])
def test_prompts_share_the_target_tokens_after_every_block(model: ViT, index: int) -> None:
    inputs: list[Tensor] = []
    hook = model.blocks[index].register_forward_pre_hook(lambda _, given: inputs.append(given[0]))
    generate(model, make_prompts(2), make_target())
    hook.remove()
    first, second = inputs[0].unflatten(0, (-1, 2)).unbind(1)  # (streams, 2h, w, C) each
    assert torch.equal(first[:, 4:], second[:, 4:])
    assert not torch.allclose(first[:, :4], second[:, :4], atol=1e-4)


def test_order_of_prompts_does_not_matter(model: ViT) -> None:
    prompts, target = make_prompts(3), make_target()
    turned = picked(prompts, [2, 0, 1])
    torch.testing.assert_close(generate(model, turned, target), generate(model, prompts, target))


def test_invalid_prompts_are_not_seen(model: ViT) -> None:
    prompts, target = make_prompts(2), make_target()
    prompts.valid[:, 0] = False
    alone = picked(prompts, [1])
    torch.testing.assert_close(generate(model, prompts, target), generate(model, alone, target))


def test_no_valid_prompt_is_refused(model: ViT) -> None:
    prompts = make_prompts(2)
    prompts.valid[:] = False
    with pytest.raises(InputError, match="add a prompt"):
        generate(model, prompts, make_target())


@torch.no_grad()
def test_targets_read_their_own_prompts_and_distances(model: ViT) -> None:
    """Two prompt sets of two prompts, three targets each: target t belongs to set t // 3."""
    prompts, targets = make_prompts(2, batch=2), make_target(batch=6)
    valid = torch.tensor([[1, 1], [1, 0], [0, 1], [1, 0], [0, 1], [1, 1]], dtype=torch.bool)
    memory = model.encode_prompts(prompts).with_distance(torch.ones(6, 2), valid)
    together = model.generate(memory, targets)
    for index in range(6):
        own = PromptBatch(*(getattr(prompts, field.name)[index // 3][None] for field in fields(prompts)))
        alone = model.encode_prompts(own).with_distance(torch.ones(1, 2), valid[index : index + 1])
        expected = model.generate(alone, TargetBatch.empty(targets.images[index : index + 1]))
        torch.testing.assert_close(together[index : index + 1], expected)


def test_hidden_label_has_no_influence(model: ViT) -> None:
    prompts, target = make_prompts(), make_target()
    target.known[:, :, :16, :16] = 1
    target.known[:, :, 16:31, 16:32] = 1  # one row short of a patch
    before = generate(model, prompts, target)
    label = torch.full_like(target.label, float("nan"))
    label[:, :, :16, :16] = 0
    changed = replace(target, label=label, draft=torch.ones_like(target.draft))
    torch.testing.assert_close(generate(model, prompts, changed), before, rtol=0, atol=0)


def test_known_patch_is_seen(model: ViT) -> None:
    prompts, target = make_prompts(), make_target()
    target.known[:, :, :16, :16] = 1
    before = generate(model, prompts, target)
    target.label[:, :, :16, :16] = 1
    assert not torch.allclose(generate(model, prompts, target), before, atol=1e-4)


def test_neighbour_slices_are_an_option(model: ViT) -> None:
    aware = create("vit-tiny", width=48, depth=4, neighbour_slices=True).eval()
    aware.load_state_dict(model.state_dict())
    assert isinstance(aware, ViT)
    prompts, target = make_prompts(), make_target()
    other = replace(target, images=target.images.clone())
    other.images[:, 0] = 1 - other.images[:, 0]
    torch.testing.assert_close(
        generate(model, prompts, other), generate(model, prompts, target), rtol=0, atol=0
    )
    assert not torch.allclose(generate(aware, prompts, other), generate(aware, prompts, target), atol=1e-4)


def test_distance_is_ignored(model: ViT) -> None:
    memory, target = model.encode_prompts(make_prompts(2)), make_target()
    far = memory.with_distance(torch.full((1, 2), 9.0))
    with torch.no_grad():
        torch.testing.assert_close(
            model.generate(far, target), model.generate(memory, target), rtol=0, atol=0
        )


def test_every_parameter_learns() -> None:
    model = create("vit-tiny", width=48, depth=4)
    model(make_prompts(2), make_target()).square().mean().backward()
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []


def test_bfloat16_agrees(model: ViT) -> None:
    prompts, target = make_prompts(2), make_target()
    exact = generate(model, prompts, target)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = generate(model, prompts, target)
    torch.testing.assert_close(rounded.float(), exact, rtol=0.1, atol=0.1)
