"""The paper's network: one plain vision transformer over a stitched canvas.

Prompt image over target image, prompt label over target label; the two streams run through the first blocks
separately, are averaged, and a light decoder paints the target's label as an image.

Papers:
    MVG (medical in-context generation): https://arxiv.org/abs/2406.05565
    Painter (the layout and the checkpoint keys): https://arxiv.org/abs/2212.02499
    SegGPT (several prompts by feature ensemble): https://arxiv.org/abs/2304.03284
    MViTv2 (decomposed relative positions): https://arxiv.org/abs/2112.01526
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from timm.layers import DropPath, LayerNorm2d, Mlp, PatchEmbed, resample_abs_pos_embed
from timm.models.vision_transformer_sam import get_rel_pos
from torch import Tensor, nn

from MVGCore.errors import InputError
from MVGCore.models.base import InContextModel, PromptBatch, PromptMemory, TargetBatch

PATCH = 16
CANVAS_GRID = (56, 28)  # patches of the paper's 896x448 canvas; sets the size of the relative position tables
POSITION_GRID = 14  # patches per side of the 224x224 pre-training images that pos_embed comes from
MERGE_BLOCK = 2  # image and label streams are averaged after this block
DECODER_CHANNELS = 64
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class ViTConfig:
    """Size of the transformer; the defaults are the paper's.

    Attributes:
        name: name under which the registry knows the model.
        width: channels of a token.
        depth: number of blocks, a multiple of 4 (features are taken at each quarter).
        heads: attention heads; must divide `width`.
        drop_path: stochastic depth of the last block (rises linearly from 0); used in training only.
        neighbour_slices: whether the image channels are the previous, this and the next slice; in the paper
            this slice fills all three.
    """

    name: str = "vit-large"
    width: int = 1024
    depth: int = 24
    heads: int = 16
    drop_path: float = 0.1
    neighbour_slices: bool = False

    def __post_init__(self) -> None:
        if self.depth < 4 or self.depth % 4:
            raise InputError(f"A ViT depth of {self.depth} is not possible: give a multiple of 4.")
        if self.heads < 1 or self.width % self.heads:
            raise InputError(
                f"A ViT width of {self.width} is no multiple of its {self.heads} heads: change one."
            )

    @property
    def feature_blocks(self) -> tuple[int, ...]:
        """Indices of the four blocks whose output the decoder reads, e.g. (5, 11, 17, 23) of 24."""
        quarter = self.depth // 4
        return tuple(quarter * (i + 1) - 1 for i in range(4))


class Attention(nn.Module):
    """Global multi-head attention with decomposed relative position bias.

    The bias of query q at (y, x) for a key at (v, u) is `q . rel_pos_h[y - v] + q . rel_pos_w[x - u]`.
    That is a dot product: extend the query by its bias for every row and every column, and the key by the
    one-hot row and column it sits in. Exact, and the (heads, tokens, tokens) bias is never built. Measured on
    a CPU at the paper's canvas against an `attn_mask`: a third of the memory and 15 % less time, although the
    values have to be padded to the width of the queries to reach the fused kernel.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        head_width = width // heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.rel_pos_h = nn.Parameter(torch.zeros(2 * CANVAS_GRID[0] - 1, head_width))
        self.rel_pos_w = nn.Parameter(torch.zeros(2 * CANVAS_GRID[1] - 1, head_width))

    def forward(self, x: Tensor) -> Tensor:
        """Tokens (B, h, w, C) -> (B, h, w, C)."""
        batch, rows, columns, width = x.shape
        qkv = self.qkv(x).reshape(batch, rows * columns, 3, self.heads, width // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        places = _one_hot_places(rows, columns, key).expand(*key.shape[:3], -1)
        out = F.scaled_dot_product_attention(
            torch.cat([query * query.shape[-1] ** -0.5, self._bias(query, rows, columns)], dim=-1),
            torch.cat([key, places], dim=-1),
            F.pad(value, (0, rows + columns)),
            scale=1.0,
        )
        out = out[..., : value.shape[-1]].transpose(1, 2).reshape(batch, rows, columns, width)
        return self.proj(out)

    def _bias(self, query: Tensor, rows: int, columns: int) -> Tensor:
        """Queries (B, heads, h*w, c) -> their bias for every row and every column (B, heads, h*w, h + w)."""
        grid = query.unflatten(2, (rows, columns))
        row_table = get_rel_pos(rows, rows, self.rel_pos_h).to(query.dtype)
        column_table = get_rel_pos(columns, columns, self.rel_pos_w).to(query.dtype)
        by_row = torch.einsum("bnyxc,yvc->bnyxv", grid, row_table)
        by_column = torch.einsum("bnyxc,xuc->bnyxu", grid, column_table)
        return torch.cat([by_row, by_column], dim=-1).flatten(2, 3)


def _one_hot_places(rows: int, columns: int, like: Tensor) -> Tensor:
    """(h*w, h + w): the row and the column of each token, one-hot."""
    row = torch.eye(rows, dtype=like.dtype, device=like.device).repeat_interleave(columns, dim=0)
    column = torch.eye(columns, dtype=like.dtype, device=like.device).repeat(rows, 1)
    return torch.cat([row, column], dim=1)


class Block(nn.Module):
    """Pre-norm transformer block on tokens (B, h, w, C)."""

    def __init__(self, width: int, heads: int, drop_path: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = Mlp(width, 4 * width)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """Tokens (B, h, w, C) -> (B, h, w, C)."""
        x = x + self.drop_path(self.attn(self.norm1(x)))
        return x + self.drop_path(self.mlp(self.norm2(x)))


class ViT(InContextModel):
    """In-context ViT with the parameter names and shapes of the Painter family of checkpoints.

    Every token sees the target, so nothing but the patch embedding of the prompts can be cached; distances to
    the prompts are not used. Several prompts are ensembled by their features: each gets its own stitched
    canvas, and the target half of the tokens is averaged over the prompts after every block. The cost of a
    target is linear in the number of prompts.

    Of the target's label only whole 16x16 patches of `known` pixels are seen; the rest is the mask token.
    Drafts are ignored: the network was defined without them, and a draft shown as truth would be copied.
    """

    canvas_sides = (448,)
    mean: Tensor
    std: Tensor

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.config: ViTConfig = config
        width = config.width
        self.patch_embed = PatchEmbed(img_size=None, patch_size=PATCH, embed_dim=width, output_fmt="NHWC")
        self.mask_token = nn.Parameter(torch.zeros(1, 1, 1, width))
        self.segment_token_x = nn.Parameter(torch.zeros(1, 1, 1, width))
        self.segment_token_y = nn.Parameter(torch.zeros(1, 1, 1, width))
        # the first position is that of a class token, kept for the checkpoints and unused
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + POSITION_GRID**2, width))
        depths = [config.drop_path * i / (config.depth - 1) for i in range(config.depth)]
        self.blocks = nn.ModuleList(Block(width, config.heads, drop) for drop in depths)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.decoder_embed = nn.Linear(4 * width, PATCH * PATCH * DECODER_CHANNELS)
        self.decoder_pred = nn.Sequential(
            nn.Conv2d(DECODER_CHANNELS, DECODER_CHANNELS, 3, padding=1),
            LayerNorm2d(DECODER_CHANNELS),
            nn.GELU(),
            nn.Conv2d(DECODER_CHANNELS, 3, 1),
        )
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(3, 1, 1), persistent=False)
        self.apply(_initialise)
        for token in (self.mask_token, self.segment_token_x, self.segment_token_y, self.pos_embed):
            nn.init.normal_(token, std=0.02)

    def encode_prompts(self, prompts: PromptBatch) -> PromptMemory:
        """Embed the patches of the prompts: image and label tokens, (B, N, h, w, C) each."""
        content = self._embed_images(prompts.images), self._embed(prompts.labels)
        return PromptMemory(content, prompts.distance, prompts.valid)

    def generate(self, memory: PromptMemory, target: TargetBatch) -> Tensor:
        """Paint the labels of the targets.

        Args:
            memory: what `encode_prompts` of this model gave.
            target: T targets with images (T, 3, H, W), H and W multiples of 16.

        Returns:
            Colours (T, 3, H, W), about 0..1 and not clamped.

        Raises:
            InputError: the canvas is not a multiple of 16, prompts and targets differ in size, or a target
                has no valid prompt.
        """
        prompt_images, prompt_labels = memory.content
        height, width = target.images.shape[-2:]
        _check_canvas((height, width), prompt_images.shape[2:4])
        weight = _prompt_weights(memory.valid)
        position = self._positions(2 * height // PATCH, width // PATCH)
        images = _stitch(prompt_images, self._embed_images(target.images)) + self.segment_token_x + position
        labels = _stitch(prompt_labels, self._embed_target_label(target)) + self.segment_token_y + position
        return self._decode(self._transform(images, labels, weight))[:, :, PATCH:]

    def _embed(self, colours: Tensor) -> Tensor:
        """Colours 0..1 (..., 3, H, W) -> tokens (..., h, w, C)."""
        tokens = self.patch_embed((colours.flatten(0, -4) - self.mean) / self.std)
        return tokens.unflatten(0, colours.shape[:-3])

    def _embed_images(self, images: Tensor) -> Tensor:
        if not self.config.neighbour_slices:
            images = images[..., 1:2, :, :].expand_as(images)
        return self._embed(images)

    def _embed_target_label(self, target: TargetBatch) -> Tensor:
        """Tokens of the patches that are wholly known, the mask token everywhere else: (T, h, w, C)."""
        visible = F.max_pool2d(1.0 - target.known, PATCH) == 0
        tokens = self._embed(target.label)
        return torch.where(visible.permute(0, 2, 3, 1), tokens, self.mask_token.to(tokens.dtype))

    def _positions(self, rows: int, columns: int) -> Tensor:
        """Position of each patch of the stitched canvas (h, w, C), without the class token's."""
        # antialias=False: checkpoints were trained with the plain bicubic kernel; the antialiased one differs
        position = resample_abs_pos_embed(self.pos_embed, [rows, columns], antialias=False)
        return position[0, 1:].unflatten(0, (rows, columns))

    def _transform(self, images: Tensor, labels: Tensor, weight: Tensor) -> Tensor:
        """Streams (T, N, 2h, w, C) -> features (T, h + 1, w, 4C): the target's rows and one above.

        That one, the prompt's last, is what the 3x3 convolution of the decoder sees above the target.
        """
        rows = images.shape[2] // 2
        tokens = torch.stack([images, labels])
        features = []
        for index, block in enumerate(self.blocks):
            tokens = block(tokens.flatten(0, 2)).unflatten(0, tokens.shape[:3])
            tokens = _share_target(tokens, weight)
            if index == MERGE_BLOCK:
                tokens = tokens.mean(dim=0, keepdim=True)
            if index in self.config.feature_blocks:
                features.append(self.norm(_average(tokens.mean(dim=0)[:, :, rows - 1 :], weight)))
        return torch.cat(features, dim=-1)

    def _decode(self, features: Tensor) -> Tensor:
        """Features (T, h, w, 4C) -> colours (T, 3, 16h, 16w)."""
        batch, rows, columns, _ = features.shape
        patches = self.decoder_embed(features).reshape(batch, rows, columns, PATCH, PATCH, DECODER_CHANNELS)
        pixels = patches.permute(0, 5, 1, 3, 2, 4).flatten(4, 5).flatten(2, 3)
        return self.decoder_pred(pixels) * self.std + self.mean


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.02)
        nn.init.zeros_(module.bias)


def _check_canvas(size: tuple[int, int], prompt_grid: tuple[int, int]) -> None:
    if any(side % PATCH for side in size):
        raise InputError(f"A ViT canvas of {size} pixels does not fit its patches: use multiples of {PATCH}.")
    prompt_size = tuple(PATCH * side for side in prompt_grid)
    if size != prompt_size:
        raise InputError(f"The prompts' canvas is {prompt_size}, the targets' {size}: use one size for both.")


def _prompt_weights(valid: Tensor) -> Tensor:
    """Which prompts count (T, N) bool -> their share in the average (T, N)."""
    weight = valid.float()
    total = weight.sum(dim=1, keepdim=True)
    if not bool(total.all()):
        raise InputError("The ViT needs at least one labelled slice for every target: add a prompt.")
    return weight / total


def _stitch(prompts: Tensor, target: Tensor) -> Tensor:
    """Tokens (B, N, h, w, C) above those of their targets (T, h, w, C) -> (T, N, 2h, w, C)."""
    above = prompts.repeat_interleave(len(target) // len(prompts), dim=0)
    below = target[:, None].expand_as(above)
    return torch.cat([above, below], dim=2)


def _average(tokens: Tensor, weight: Tensor) -> Tensor:
    """Tokens (..., T, N, h, w, C) -> (..., T, h, w, C)."""
    if tokens.shape[-4] == 1:
        return tokens.squeeze(-4)
    return torch.einsum("...tnhwc,tn->...thwc", tokens, weight.to(tokens.dtype))


def _share_target(tokens: Tensor, weight: Tensor) -> Tensor:
    """Give every prompt's canvas (S, T, N, 2h, w, C) the same target half, the average over the prompts."""
    if tokens.shape[2] == 1:
        return tokens
    above, below = tokens.chunk(2, dim=3)
    shared = _average(below, weight).unsqueeze(2).expand_as(below)
    return torch.cat([above, shared], dim=3)
