"""The geodesic draft: every voxel takes the class whose seeds are nearest along paths that avoid edges."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from MVGCore.drafts.draft import DraftConfig
from MVGCore.drafts.seeds import one_hot

UNREACHED = 1e4  # distance of what no path has reached yet


AT_ONCE = 500_000  # costs that are computed at a time: they stay in the processor's cache


def _sweep(distance: Tensor, image: Tensor, lengths: Tensor, edge: float, reverse: bool) -> None:
    """Relax distances in place, plane after plane, each from nine pixels of the plane before.

    Args:
        distance: (C, D, H + 2, W + 2), a frame of `UNREACHED` around each plane.
        image: (D, H, W).
        lengths: (9, 1, 1) those of the nine steps from plane to plane.
        edge: see `DraftConfig`.
        reverse: from the last plane to the first.
    """
    (depth, height, width), classes = image.shape, len(distance)
    step = -1 if reverse else 1
    order = range(1, depth) if step > 0 else range(depth - 2, -1, -1)
    windows, planes = _nine(distance), distance[..., 1:-1, 1:-1]
    paths = distance.new_empty(classes, 3, 3, height, width)
    at_once = max(1, AT_ONCE // (9 * height * width))
    for start in range(0, len(order), at_once):
        block = list(order[start : start + at_once])
        before = F.pad(image[[d - step for d in block]], (1, 1, 1, 1), mode="replicate")
        costs = image.new_empty(len(block), 3, 3, height, width)
        torch.sub(_nine(before), image[block][:, None, None], out=costs)
        costs.abs_().mul_(edge).add_(lengths.view(3, 3, 1, 1))
        for d, cost in zip(block, costs, strict=True):
            torch.add(windows[:, d - step], cost, out=paths)
            here = planes[:, d]
            torch.minimum(here, paths.flatten(1, 2).amin(1), out=here)


def _nine(padded: Tensor) -> Tensor:
    """(..., H + 2, W + 2) -> (..., 3, 3, H, W), a view: each pixel's neighbourhood."""
    height, width = padded.shape[-2] - 2, padded.shape[-1] - 2
    return padded.unfold(-2, height, 1).unfold(-2, width, 1)


def geodesic_distances(
    image: Tensor,
    seeds: Tensor,
    known: Sequence[int],
    step: float,
    config: DraftConfig,
    known_voxels: Tensor | None = None,
) -> Tensor:
    """Geodesic distance of every voxel to each class, (C, K, H, W); arguments as of `make_draft`.

    Raster sweeps along all six directions over the 26 neighbours (the scheme of generalised distance
    transforms, Toivanen 1996). Diagonal steps matter: with the six face neighbours alone a thin oblique
    structure costs an edge at every second step, and the demo's Dice falls from .94 to .86. With the axis of
    each sweep outermost in memory, and in place, they take a third of the time.
    """
    distance = torch.full((seeds.shape[0], *image.shape), UNREACHED)
    for n, k in enumerate(sorted(known)):
        distance[:, k] = torch.where(seeds[:, n] > 0.5, 0.0, UNREACHED)
    if known_voxels is not None:
        distance.masked_fill_(one_hot(known_voxels, len(seeds)) > 0, 0.0)
    spacing = torch.tensor((step, 1.0, 1.0))
    for _ in range(config.rounds):
        for axis in range(3):
            planes = F.pad(distance.movedim(axis + 1, 1).contiguous(), (1, 1, 1, 1), value=UNREACHED)
            intensities = image.movedim(axis, 0).contiguous()
            lengths = _step_lengths(*spacing[[axis, *(other for other in range(3) if other != axis)]])
            for reverse in (False, True):
                _sweep(planes, intensities, lengths, config.edge, reverse)
            distance = planes[..., 1:-1, 1:-1].movedim(1, axis + 1)
    return distance


def _step_lengths(across: Tensor, down: Tensor, aside: Tensor) -> Tensor:
    """(9, 1, 1) lengths of the steps to the next plane, from the nine pixels around the same place."""
    offsets = torch.tensor([-1.0, 0.0, 1.0])
    within = (offsets[:, None] * down) ** 2 + (offsets[None] * aside) ** 2
    return (across**2 + within).sqrt().reshape(9, 1, 1)


def geodesic_draft(distance: Tensor, config: DraftConfig) -> Tensor:
    """Probabilities (C, K, H, W) by geodesic distances (C, K, H, W)."""
    nearest = distance.amin(0, keepdim=True)
    # The margin counts relative to the length of the path: far from all seeds nobody is sure.
    return torch.softmax(-(distance - nearest) / (config.temperature * (1 + 0.1 * nearest)), dim=0)
