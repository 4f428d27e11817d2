"""How the compact network reads its prompts: cosine attention that knows where and how far things are."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from MVGCore.models.base import PromptMemory

# At once; above 32 MB the C library returns memory to the system after each use, and getting it back takes
# longer than the softmax itself.
MOST_LOGITS = 8_000_000


class Read(nn.Module):
    """Cosine attention from target tokens to prompt tokens.

    There are penalties for displacement and slice distance.
    """

    def __init__(self, width: int, heads: int, key_dim: int) -> None:
        super().__init__()
        self.heads, self.key_dim = heads, key_dim
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

    def penalty(self, memory: PromptMemory) -> Tensor:
        """(T, heads, N) additive bias of each prompt for each target."""
        bias = -self.slice_slope[None, :, None] * torch.log1p(memory.distance)[:, None, :]
        return bias.masked_fill(~memory.valid[:, None, :], -1e4)

    displacement: Tensor
    slice_slope: Tensor

    def spatial(self, queries: Tensor, keys: Tensor) -> Tensor:
        """(heads, q, k) bias for canvas positions (q, 2) and (k, 2) in 0..1."""
        squared = (queries[:, None] - keys[None]).square().sum(-1)
        return -self.displacement[:, None, None] * squared


def _grid(side_h: int, side_w: int) -> Tensor:
    y, x = torch.meshgrid(
        (torch.arange(side_h) + 0.5) / side_h, (torch.arange(side_w) + 0.5) / side_w, indexing="ij"
    )
    return torch.stack((y, x), -1).reshape(-1, 2)


class FullRead(Read):
    """Every target token sees every prompt token (strides 8 and 16)."""

    def encode(self, features: Tensor, values: Tensor, sets: int) -> tuple[Tensor, Tensor]:
        """Features and values (B * N, C, h, w) -> keys and values (B, N, heads, hw, d)."""
        k = self.tokens(self.key(features))
        v = self.value(values)
        v = v.reshape(v.shape[0], self.heads, -1, v.shape[2] * v.shape[3]).transpose(-1, -2)
        return k.unflatten(0, (sets, -1)), v.unflatten(0, (sets, -1))

    def forward(
        self, features: Tensor, memory: PromptMemory, keys: Tensor, values: Sequence[Tensor]
    ) -> list[Tensor]:
        """(T, C, h, w) of each of the values."""
        total, _, h, w = features.shape
        sets, count = keys.shape[:2]
        joined = torch.cat(list(values), -1)
        keys, joined = (x.transpose(1, 2).flatten(2, 3) for x in (keys, joined))  # (B, heads, N * hw, d)
        q = self.tokens(self.query(features)) * self.temperature.exp().view(-1, 1, 1)
        q = q.to(keys.dtype).unflatten(0, (sets, -1)).transpose(1, 2)  # (B, heads, M, hw, d)
        bias = self.penalty(memory).view(sets, -1, self.heads, count).transpose(1, 2)  # (B, heads, M, N)
        grid = _grid(h, w)
        spatial = self.spatial(grid, grid).to(keys.dtype)
        few = max(1, MOST_LOGITS // (sets * self.heads * h * w * keys.shape[2]))
        parts = zip(q.split(few, 2), bias.to(keys.dtype).split(few, 2), strict=True)
        read = torch.cat([self._attend(*part, spatial, keys, joined) for part in parts], 2)
        return [
            self.out(part.permute(0, 2, 1, 4, 3).reshape(total, -1, h, w))
            for part in read.chunk(len(values), -1)
        ]

    @staticmethod
    def _attend(q: Tensor, bias: Tensor, spatial: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Queries (B, heads, M, hw, d) and biases of their prompts (B, heads, M, N) -> what they read."""
        pixels, count = q.shape[3], bias.shape[-1]
        logits = (q.flatten(2, 3) @ keys.transpose(-1, -2)).view(*q.shape[:4], count, pixels)
        logits += spatial[None, :, None, :, None, :]  # in place: a new tensor costs more than the sum
        logits += bias[:, :, :, None, :, None]
        weights = logits.flatten(-2).softmax(-1).flatten(2, 3)
        return (weights.to(values.dtype) @ values).unflatten(2, q.shape[2:4])


class LocalRead(Read):
    """Blocks of queries see the prompts' tokens of the same place and a halo (stride 4).

    Also reads the plain colour.
    """

    def __init__(self, width: int, heads: int, key_dim: int, window: int) -> None:
        super().__init__(width, heads, key_dim)
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

    def _outside(self, h: int, w: int) -> Tensor:
        """(blocks, keys) large negative where a halo leaves the canvas."""
        inside = self._windows(torch.ones(1, 1, h, w))[0, ..., 0]
        return (inside - 1) * 1e4

    def forward(
        self, features: Tensor, memory: PromptMemory, keys: Tensor, values: Sequence[Tensor]
    ) -> list[tuple[Tensor, Tensor]]:
        """(T, C, h, w) features and the averaged colour (T, 3, h, w), of each of the values."""
        total, _, h, w = features.shape
        (sets, count), s = keys.shape[:2], self.window
        joined = torch.cat(list(values), -1)
        keys, joined = (x.transpose(1, 2).flatten(2, 3) for x in (keys, joined))  # (B, blocks, N * keys, C)
        q = F.normalize(self.query(features).float(), dim=1) * self.temperature.exp()
        q = self._blocks(q.to(keys.dtype)).unflatten(0, (sets, -1)).transpose(1, 2)  # (B, blocks, M, s*s, d)
        blocks, per_set = q.shape[1:3]
        logits = (q.flatten(2, 3) @ keys.transpose(-1, -2)).view(
            sets, blocks, per_set, s * s, count, 4 * s * s
        )
        local = _grid(s, s) * s / h, (_grid(2 * s, 2 * s) * 2 * s - s / 2) / h
        static = self.spatial(*local)[0][None, :, :] + self._outside(h, w)[:, None, :]
        bias = self.penalty(memory).view(sets, 1, per_set, 1, count, 1)
        logits += static.to(logits.dtype)[None, :, None, :, None, :]
        logits += bias.to(logits.dtype)
        weights = logits.flatten(-2).softmax(-1).flatten(2, 3).to(joined.dtype)
        read = (weights @ joined).view(sets, blocks, per_set, s, s, -1).transpose(1, 2)
        read = (
            read.reshape(total, h // s, w // s, s, s, -1).permute(0, 5, 1, 3, 2, 4).reshape(total, -1, h, w)
        )
        return [(self.out(part), part[:, -3:]) for part in read.chunk(len(values), 1)]
