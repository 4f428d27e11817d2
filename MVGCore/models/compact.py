"""The compact in-context network: small enough for a CPU, prompts encoded once and read by attention.

A shared convolutional encoder sees prompts and targets; the prompts' labels are encoded into values at
strides 16, 8 and 4; each target reads them by cosine attention with learned penalties for in-plane
displacement and for the distance between slices (slices of one volume are aligned); a U-Net-like decoder
joins the target's features, what was read, and what is already known of the target's label. The output mixes
the known label, the colour read from the prompts and the raw image, plus a correction, so that copying (where
a draft is right, or where an image task asks for the image) costs the network nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from MVGCore.models.attention import FullRead, LocalRead
from MVGCore.models.base import InContextModel, PromptBatch, PromptMemory, TargetBatch
from MVGCore.models.blocks import ResidualBlock, pixelwise

# Of the prompts of a slice so many, the nearest, are read at strides 4 and 8 as well; the others at 16 alone.
# Dice of held-out cases with 3 and 5 labelled slices, single precision:
#
#                          all five       three at stride 4   three at 4 and 8
#     hippocampus (12)     .8560  .9026   .8562  .9032         .8558  .9024
#     head and neck (6)    .6123  .7206   .6125  .7203         .6121  .7206
#     heart (3)            .8845  .8947                        .8845  .8941
#
# With five slices they take 8, 7 and 3 % less time (three at both strides).
READ_IN_DETAIL = 3


@dataclass(frozen=True)
class CompactConfig:
    """Shape of the network.

    Attributes:
        widths: channels at strides 2, 4, 8 and 16.
        blocks: residual blocks of the encoder at those strides.
        heads: attention heads at strides 4, 8 and 16.
        key_dim: channels of a query or key per head.
        window: side of a block of queries at stride 4, in tokens; its keys reach half a block further on
            every side.
    """

    name: str = "compact"
    widths: tuple[int, int, int, int] = (32, 64, 128, 192)
    blocks: tuple[int, int, int, int] = (1, 2, 2, 2)
    heads: tuple[int, int, int] = (1, 4, 4)
    key_dim: int = 32
    window: int = 8


class Pyramid(nn.Module):
    """Features at strides 2, 4, 8, 16 of a canvas with `channels` planes."""

    def __init__(self, channels: int, widths: tuple[int, ...], blocks: tuple[int, ...]) -> None:
        super().__init__()
        self.stem = nn.Conv2d(4 * channels, widths[0], 3, padding=1)
        self.down = nn.ModuleList(
            nn.Conv2d(a, b, 2, stride=2) for a, b in zip(widths, widths[1:], strict=False)
        )
        self.stages = nn.ModuleList(
            nn.Sequential(*(ResidualBlock(w) for _ in range(n))) for w, n in zip(widths, blocks, strict=True)
        )

    def finest(self, x: Tensor) -> Tensor:
        """The level of stride 2 alone."""
        return self.stages[0](self.stem(F.pixel_unshuffle(x, 2)))

    def forward(self, x: Tensor, finest: Tensor | None = None) -> list[Tensor]:
        levels = [self.finest(x) if finest is None else finest]
        for down, stage in zip(self.down, self.stages[1:], strict=True):
            levels.append(stage(down(levels[-1])))
        return levels


class ImageEncoder(nn.Module):
    """Pyramid of the image with a top-down path, so that fine features know their surroundings."""

    def __init__(self, config: CompactConfig) -> None:
        super().__init__()
        w = config.widths
        self.pyramid = Pyramid(3, w, config.blocks)
        self.top_down = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in zip(w[1:], w[2:], strict=False))
        self.refine = nn.ModuleList(ResidualBlock(a) for a in w[1:-1])

    @staticmethod
    def _centered(image: Tensor) -> Tensor:
        return image * 4 - 2

    def finest(self, image: Tensor) -> Tensor:
        """The level of stride 2 alone, which does not depend on the others."""
        return self.pyramid.finest(self._centered(image))

    def forward(self, image: Tensor, finest: Tensor | None = None) -> list[Tensor]:
        """All levels; the finest one may be known."""
        levels = self.pyramid(self._centered(image), finest)
        for n in (1, 0):
            upper = F.interpolate(self.top_down[n](levels[n + 2]), scale_factor=2.0)
            levels[n + 1] = self.refine[n](levels[n + 1] + upper)
        return levels


class LabelEncoder(nn.Module):
    """Values that targets read, at strides 4, 8, 16.

    They are the prompt labels in the context of the prompt's image features.
    """

    def __init__(self, config: CompactConfig) -> None:
        super().__init__()
        w = config.widths
        self.pyramid = Pyramid(3, w, (0, 1, 1, 1))
        self.image = nn.ModuleList(nn.Conv2d(c, c, 1) for c in w[1:])
        self.mix = nn.ModuleList(ResidualBlock(c) for c in w[1:])

    def forward(self, label: Tensor, image_levels: list[Tensor]) -> list[Tensor]:
        levels = self.pyramid(label * 2 - 1)[1:]
        return [
            mix(x + image(f))
            for x, f, image, mix in zip(levels, image_levels[1:], self.image, self.mix, strict=True)
        ]


class HintEncoder(nn.Module):
    """What is known of the target's label (colours, given mask, draft confidence) at all four strides."""

    def __init__(self, config: CompactConfig) -> None:
        super().__init__()
        self.pyramid = Pyramid(5, config.widths, (1, 1, 1, 0))

    def forward(self, target: TargetBatch) -> list[Tensor]:
        given = ((target.known + target.draft) > 0).to(target.label.dtype)
        return self.pyramid(torch.cat(((target.label * 2 - 1) * given, target.known, target.draft), 1))


class Fuse(nn.Module):
    """One decoder level.

    The coarser level, target features, what was read and the hint, joined and refined. What they are
    multiplied with is that of all of them side by side; but the coarser level is multiplied before it is
    enlarged, which is a quarter of the work, and nothing is copied to lie side by side.
    """

    def __init__(self, width: int, sources: tuple[int, ...], blocks: int) -> None:
        super().__init__()
        self.join = nn.Conv2d(sum(sources), width, 1)
        self.refine = nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))

    def forward(self, sources: list[Tensor], condition: Tensor, coarser: Tensor | None = None) -> Tensor:
        below = [] if coarser is None else [coarser]
        parts = [*below, *sources]
        weights = self.join.weight.flatten(1).split([part.shape[1] for part in parts], 1)
        x = pixelwise(parts[0], weights[0], self.join.bias)
        x = x if coarser is None else _double(x)
        for part, weight in zip(parts[1:], weights[1:], strict=True):
            x = x.add_(pixelwise(part, weight))
        scale, shift = condition[..., None, None].chunk(2, 1)
        return self.refine(torch.addcmul(shift, x, 1 + scale))


class Compact(InContextModel):
    """The bundled network. See the module's docstring; canvases are squares with a side divisible by 32."""

    canvas_sides = (128, 160, 192)
    small_sides = (64, 96)
    grid = 16
    step = 4

    def __init__(self, config: CompactConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or CompactConfig()
        w = config.widths
        self.image_encoder = ImageEncoder(config)
        self.label_encoder = LabelEncoder(config)
        self.hint_encoder = HintEncoder(config)
        self.read4 = LocalRead(w[1], config.heads[0], config.key_dim, config.window)
        self.read8 = FullRead(w[2], config.heads[1], config.key_dim, 8)
        self.read16 = FullRead(w[3], config.heads[2], config.key_dim, 16)
        self.decode16 = Fuse(w[3], (w[3], w[3], w[3]), 1)
        self.decode8 = Fuse(w[2], (w[3], w[2], w[2], w[2]), 1)
        self.decode4 = Fuse(w[1], (w[2], w[1], w[1], w[1]), 2)
        self.decode2 = Fuse(w[0], (w[1], w[0], w[0]), 2)
        scale_and_shift = nn.Linear(64, 2 * sum(w))
        nn.init.zeros_(scale_and_shift.weight)
        nn.init.zeros_(scale_and_shift.bias)
        self.condition = nn.Sequential(nn.Linear(3, 64), nn.GELU(), scale_and_shift)
        self.head = nn.Conv2d(w[0], 4 * 6, 3, padding=1)
        nn.init.normal_(self.head.weight, std=1e-3)

    def encode_prompts(self, prompts: PromptBatch) -> PromptMemory:
        sets = prompts.images.shape[0]
        images, labels = prompts.images.flatten(0, 1), prompts.labels.flatten(0, 1)
        levels = self.image_encoder(images)
        values = self.label_encoder(labels, levels)
        colours = F.avg_pool2d(labels, 4)
        content = (
            self.read4.encode(levels[1], values[0], colours, sets),
            self.read8.encode(levels[2], values[1], sets),
            self.read16.encode(levels[3], values[2], sets),
        )
        return PromptMemory(content, prompts.distance, prompts.valid)

    def _conditions(self, memory: PromptMemory) -> tuple[Tensor, ...]:
        """Scale and shift of every decoder level.

        They come from how far the nearest prompts are and how many there are.
        """
        far = memory.distance.masked_fill(~memory.valid, 1e3)
        nearest = far.sort(1).values
        second = nearest[:, 1] if nearest.shape[1] > 1 else torch.full_like(nearest[:, 0], 1e3)
        facts = torch.stack((nearest[:, 0], second, memory.valid.sum(1).to(far.dtype)), 1)
        return self.condition(torch.log1p(facts) / 3).split([2 * c for c in self.config.widths], 1)

    def sparing(self, memory: PromptMemory) -> PromptMemory:
        """Prompts, nearest first, of which only some are read in detail (see `READ_IN_DETAIL`)."""
        *detailed, coarse = memory.content
        few = (tuple(tokens[:, :READ_IN_DETAIL] for tokens in level) for level in detailed)
        return replace(memory, content=(*few, coarse))

    def generate(self, memory: PromptMemory, target: TargetBatch) -> Tensor:
        return self.generate_all([memory], [target])[0]

    def generate_all(self, memories: Sequence[PromptMemory], targets: Sequence[TargetBatch]) -> list[Tensor]:
        # Where to look does not depend on the colours: two at once take .65 of the time of one by one.
        levels = self.image_encoder(targets[0].images, targets[0].textures)
        conditions = self._conditions(memories[0])
        contents = zip(*(memory.content for memory in memories), strict=True)
        modules = (self.read4, self.read8, self.read16)
        read4, read8, read16 = (
            read(level, memories[0], content[0][0], [values for _, values in content], targets[0].place)
            for read, level, content in zip(modules, levels[1:], contents, strict=True)
        )
        reads = zip(read4, read8, read16, strict=True)
        return [
            self._decode(levels, read, self.hint_encoder(target), conditions, target)
            for read, target in zip(reads, targets, strict=True)
        ]

    def _decode(
        self,
        levels: list[Tensor],
        read: tuple[tuple[Tensor, Tensor], Tensor, Tensor],
        hints: list[Tensor],
        conditions: tuple[Tensor, ...],
        target: TargetBatch,
    ) -> Tensor:
        """Colours from features at strides 2 to 16, what was read at 4 to 16, and what is known."""
        (f2, f4, f8, f16), (h2, h4, h8, h16), (c2, c4, c8, c16) = levels, hints, conditions
        (read4, colour), read8, read16 = read
        x = self.decode16([f16, read16, h16], c16)
        x = self.decode8([f8, read8, h8], c8, x)
        x = self.decode4([f4, read4, h4], c4, x)
        x = self.decode2([f2, h2], c2, x)
        correction, choice = F.pixel_shuffle(self.head(x).float(), 2).split(3, 1)
        return correction + self._mixture(choice, target, colour)

    def textures(self, images: Tensor) -> Tensor:
        """The features of stride 2: what is seen within some pixels, before any prompt is read."""
        return self.image_encoder.finest(images)

    @staticmethod
    def _mixture(choice: Tensor, target: TargetBatch, colour: Tensor) -> Tensor:
        """Convex mix of the known or draft label, the colour read from the prompts, and the image itself."""
        given = (target.known + target.draft) > 0
        hint, read, image = choice.split(1, 1)
        weights = torch.cat((hint.masked_fill(~given, -1e4) + 1, read, image - 1), 1).softmax(1)
        colour = F.interpolate(colour.float(), scale_factor=4.0, mode="bilinear", align_corners=False)
        return (
            weights[:, :1] * target.label + weights[:, 1:2] * colour + weights[:, 2:] * target.images[:, 1:2]
        )


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0)
