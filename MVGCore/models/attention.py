"""How the compact network reads its prompts: cosine attention that knows where and how far things are.

The penalties are products too: with places measured from the middle, -d |q - k|^2 is 2 d q.k - d |k|^2, but
for what all keys of a query share. So they are further channels of queries and keys, and a fused attention
does the rest, which never writes the table of all pairs down.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from MVGCore.models.base import PromptMemory

CHANNELS = 8  # queries, keys and values are filled up to a multiple of so many: what fused attention likes


class Read(nn.Module):
    """Cosine attention from target tokens to prompt tokens.

    There are penalties for displacement and slice distance.
    """

    def __init__(self, width: int, heads: int, key_dim: int, stride: int) -> None:
        super().__init__()
        self.heads, self.key_dim, self.stride = heads, key_dim, stride
        self.query = nn.Conv2d(width, heads * key_dim, 1)
        self.key = nn.Conv2d(width, heads * key_dim, 1)
        self.value = nn.Conv2d(width, width, 1)
        self.out = nn.Conv2d(width, width, 1)
        self.temperature = nn.Parameter(torch.full((heads,), 2.3))  # exp: 10
        # Fixed slopes per head, from none to steep (the idea of ALiBi, Press et al. 2022): learning them
        # would cost two reductions over all logits in every training step.
        many = heads > 1
        self.register_buffer(
            "displacement", torch.linspace(0.0, 5.0, heads).exp() if many else torch.tensor([55.0]), False
        )
        self.register_buffer(
            "slice_slope", torch.linspace(0.3, 1.5, heads) if many else torch.tensor([1.0]), False
        )

    def tokens(self, x: Tensor) -> Tensor:
        """(n, heads * d, h, w) -> (n, heads, h * w, d), normalised."""
        n, _, h, w = x.shape
        x = x.reshape(n, self.heads, self.key_dim, h * w).transpose(-1, -2)
        return F.normalize(x.float(), dim=-1).to(x.dtype)

    def penalty(self, memory: PromptMemory, count: int) -> Tensor:
        """(T, heads, count) additive bias of each of the first prompts for each target."""
        bias = -self.slice_slope[None, :, None] * torch.log1p(memory.distance[:, None, :count])
        return bias.masked_fill(~memory.valid[:, None, :count], -1e4)

    displacement: Tensor
    slice_slope: Tensor

    def attend(
        self,
        queries: Tensor,
        query_places: Tensor,
        keys: Tensor,
        key_places: Tensor,
        values: Tensor,
        penalty: Tensor,
        side: int,
        outside: Tensor | None = None,
    ) -> Tensor:
        """What M targets read of N prompts: (B, G, M, q, V), for G heads or blocks.

        Args:
            queries: (B, G, M, q, d), with the temperature in them.
            query_places: (q, 2) from the middle, in tokens.
            keys: (B, G, N, k, d).
            key_places: (k, 2), likewise.
            values: (B, G, N, k, V).
            penalty: (B, heads, M, N) of each prompt for each target; one head serves all blocks.
            side: of the canvas in tokens.
            outside: (G, k) added to the keys' logits; None: nothing.
        """
        slopes = self.displacement.view(-1, 1, 1) / side**2
        there = -slopes[..., 0] * key_places.square().sum(-1)  # (heads, k)
        there = there if outside is None else there + outside
        groups, kind, width = keys.shape[1], keys.dtype, values.shape[-1]
        pull = _split(2 * slopes * query_places, kind)
        constant = _split(there.expand(groups, -1), kind)
        distant = _split(penalty.expand(-1, groups, -1, -1), kind)
        used = queries.shape[-1] + len(pull) * 2 + len(constant) + len(distant) * keys.shape[2]
        full = -(-max(used, width) // CHANNELS) * CHANNELS
        q = _with_channels(
            full,
            queries,
            *(each[:, None] for each in pull),
            queries.new_ones(len(constant)),
            *(each[..., None, :] for each in distant),
        )
        own = torch.eye(keys.shape[2], dtype=kind, device=keys.device)[:, None]
        k = _with_channels(
            full,
            keys,
            *(key_places.to(kind) for _ in pull),
            *(each[:, None, :, None] for each in constant),
            *(own for _ in distant),
        )
        v = _with_channels(full, values.to(kind))
        q, k, v = (each.flatten(2, 3) for each in (q, k, v))
        read = F.scaled_dot_product_attention(q, k, v, scale=1.0)[..., :width]
        return read.unflatten(2, queries.shape[2:4])


def _with_channels(full: int, tokens: Tensor, *more: Tensor) -> Tensor:
    """Tokens (..., d) with further channels, each of a shape that expands to (..., any), and with zeros up to
    `full` channels: all of them copied once."""
    whole = tokens.shape[:-1]
    parts = [tokens, *(each.expand(*whole, each.shape[-1]) for each in more)]
    rest = full - sum(part.shape[-1] for part in parts)
    return torch.cat([*parts, tokens.new_zeros(1).expand(*whole, rest)], -1)


def _split(exact: Tensor, kind: torch.dtype) -> list[Tensor]:
    """Tensors of a type whose sum is a tensor of single precision; half precision takes two."""
    first = exact.to(kind)
    return [first] if kind == exact.dtype else [first, (exact - first).to(kind)]


def _places(
    side: int, height: int, width: int, device: torch.device, first: Sequence[float] = (0, 0)
) -> Tensor:
    """(height * width, 2) places of tokens from the middle of a square of side * side; half precision holds
    them exactly. The first one is so many tokens away from the first one of the square."""
    starts = (start - (side - 1) / 2 for start in first)
    sizes = zip((height, width), starts, strict=True)
    along = [torch.arange(size, device=device) + start for size, start in sizes]
    return torch.stack(torch.meshgrid(*along, indexing="ij"), -1).reshape(-1, 2)


def _part(places: Tensor, height: int, width: int, first: Sequence[int]) -> Tensor:
    """Of places (side * side, ...) those of a part of the square: (height * width, ...)."""
    side = math.isqrt(len(places))
    rows, columns = (slice(start, start + size) for start, size in zip(first, (height, width), strict=True))
    return places.unflatten(0, (side, side))[rows, columns].flatten(0, 1)


class FullRead(Read):
    """Every target token sees every prompt token (strides 8 and 16)."""

    def encode(self, features: Tensor, values: Tensor, sets: int) -> tuple[Tensor, Tensor]:
        """Features and values (B * N, C, h, w) -> keys and values (B, N, heads, hw, d)."""
        k = self.tokens(self.key(features))
        v = self.value(values)
        v = v.reshape(v.shape[0], self.heads, -1, v.shape[2] * v.shape[3]).transpose(-1, -2)
        return k.unflatten(0, (sets, -1)), v.unflatten(0, (sets, -1))

    def forward(
        self,
        features: Tensor,
        memory: PromptMemory,
        keys: Tensor,
        values: Sequence[Tensor],
        place: tuple[int, int] = (0, 0),
    ) -> list[Tensor]:
        """(T, C, h, w) of each of the values; `place` is that of the features on the canvas, in pixels. Keys
        and values may be those of the first prompts of the memory alone."""
        total, _, h, w = features.shape
        sets, count = keys.shape[:2]
        keys, joined = (x.transpose(1, 2) for x in (keys, torch.cat(list(values), -1)))
        q = self.tokens(self.query(features)) * self.temperature.exp().view(-1, 1, 1)
        q = q.to(keys.dtype).unflatten(0, (sets, -1)).transpose(1, 2)  # (B, heads, M, hw, d)
        penalty = self.penalty(memory, count).view(sets, -1, self.heads, count).transpose(1, 2)
        side = math.isqrt(keys.shape[3])
        places = _places(side, side, side, q.device)
        here = _places(side, h, w, q.device, [each / self.stride for each in place])
        read = self.attend(q, here, keys, places, joined, penalty, side)
        return [
            self.out(part.permute(0, 2, 1, 4, 3).reshape(total, -1, h, w))
            for part in read.chunk(len(values), -1)
        ]


class LocalRead(Read):
    """Blocks of queries see the prompts' tokens of the same place and a halo (stride 4).

    Also reads the plain colour.
    """

    def __init__(self, width: int, heads: int, key_dim: int, window: int) -> None:
        super().__init__(width, heads, key_dim, 4)
        if heads != 1:
            raise ValueError("the local read has one head, so that its colour is one average")
        self.window = window
        self.value = nn.Conv2d(width, width // 2, 1)
        self.out = nn.Conv2d(width // 2 + 3, width, 1)

    def _windows(self, x: Tensor) -> Tensor:
        """(n, C, h, w) -> (n, blocks, keys, C): each block with its halo."""
        s = self.window
        n, c, h, w = x.shape
        x = F.pad(x, (s // 2,) * 4).unfold(2, 2 * s, s).unfold(3, 2 * s, s)  # (n, C, bh, bw, 2s, 2s)
        return x.permute(0, 2, 3, 4, 5, 1).reshape(n, (h // s) * (w // s), 4 * s * s, c)

    def _blocks(self, x: Tensor) -> Tensor:
        """(n, C, h, w) -> (n, blocks, s * s, C)."""
        s = self.window
        n, c, h, w = x.shape
        x = x.view(n, c, h // s, s, w // s, s).permute(0, 2, 4, 3, 5, 1)
        return x.reshape(n, (h // s) * (w // s), s * s, c)

    def encode(self, features: Tensor, values: Tensor, colours: Tensor, sets: int) -> tuple[Tensor, Tensor]:
        """-> keys and values (B, N, blocks, keys, C); the last three value channels are the colour."""
        k = F.normalize(self.key(features).float(), dim=1).to(features.dtype)
        v = torch.cat((self.value(values), colours.to(values.dtype)), 1)
        return self._windows(k).unflatten(0, (sets, -1)), self._windows(v).unflatten(0, (sets, -1))

    def _outside(self, side: int, device: torch.device) -> Tensor:
        """(blocks, keys) large negative where a halo leaves the canvas."""
        inside = self._windows(torch.ones(1, 1, side, side, device=device))[0, ..., 0]
        return (inside - 1) * 1e4

    def forward(
        self,
        features: Tensor,
        memory: PromptMemory,
        keys: Tensor,
        values: Sequence[Tensor],
        place: tuple[int, int] = (0, 0),
    ) -> list[tuple[Tensor, Tensor]]:
        """(T, C, h, w) features and the averaged colour (T, 3, h, w), of each of the values; `place` as of
        `FullRead`. Blocks that the features fill in part are filled up with zeros."""
        total, _, rows, columns = features.shape
        (sets, count), s = keys.shape[:2], self.window
        side = s * math.isqrt(keys.shape[2])
        (first_row, top), (first_column, left) = (divmod(each // self.stride, s) for each in place)
        first = first_row, first_column
        bottom, right = -(top + rows) % s, -(left + columns) % s
        h, w = top + rows + bottom, left + columns + right

        def near(blocks: Tensor) -> Tensor:
            """Of all blocks (b, ...) those of the features."""
            return blocks if (h, w) == (side, side) else _part(blocks, h // s, w // s, first)

        keys, joined = (near(x.movedim(2, 0)).movedim(0, 1) for x in (keys, torch.cat(list(values), -1)))
        q = F.normalize(self.query(features).float(), dim=1) * self.temperature.exp()
        q = F.pad(q, (left, right, top, bottom))
        q = self._blocks(q.to(keys.dtype)).unflatten(0, (sets, -1)).transpose(1, 2)  # (B, blocks, M, s*s, d)
        penalty = self.penalty(memory, count).view(sets, 1, -1, count)
        here, around = (_places(size, size, size, q.device) for size in (s, 2 * s))
        outside = near(self._outside(side, q.device))
        read = self.attend(q, here, keys, around, joined, penalty, side, outside)
        read = read.unflatten(3, (s, s)).transpose(1, 2)  # (B, M, blocks, s, s, V)
        read = (
            read.reshape(total, h // s, w // s, s, s, -1).permute(0, 5, 1, 3, 2, 4).reshape(total, -1, h, w)
        )
        read = read[..., top : top + rows, left : left + columns]
        return [(self.out(part), part[:, -3:]) for part in read.chunk(len(values), 1)]
