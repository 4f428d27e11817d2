"""Cheap 3-D drafts: what the labelled slices say about the volume before any network is asked.

A draft is a probability per class and voxel, made from the image and the labelled slices alone. The network
receives it as the target's label input and corrects it. Two classical propagators are mixed because their
errors differ:

* a *geodesic* draft (the idea behind GrowCut and geodesic segmentation): every voxel takes the class whose
  seeds are nearest along paths that avoid intensity edges. Strong where contrast defines the structure.
* a *diffusion* draft (the random walker of Grady, 2006): class probabilities are harmonic on a graph whose
  edges are weak across intensity edges. Strong where position and smoothness define the structure.

All classes are solved together on arrays (C, K, H, W) with torch operations.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

from MVGCore.drafts.diffusion import balance, diffusion_draft
from MVGCore.drafts.draft import Draft, DraftConfig
from MVGCore.drafts.geodesic import geodesic_distances, geodesic_draft
from MVGCore.drafts.seeds import interpolation_start, one_hot


def make_draft(
    image: Tensor,
    seeds: Tensor,
    known: Sequence[int],
    step: float,
    config: DraftConfig | None = None,
    reach: float | None = None,
    known_voxels: Tensor | None = None,
) -> Draft:
    """Propagate labelled slices through a stack.

    Args:
        image: (K, H, W) intensities in 0..1; H and W even.
        seeds: (C, n, H, W) one-hot labels of the known slices, background first, in the order of sorted
            `known`.
        known: indices of the labelled slices.
        step: distance of neighbouring slices in in-plane pixels.
        config: settings.
        reach: see `balance`.
        known_voxels: (K, H, W) class positions that are known on other slices too, -1 where none is.
    """
    config = config or DraftConfig()
    geodesic = geodesic_draft(geodesic_distances(image, seeds, known, step, config, known_voxels), config)
    # The diffusion is smooth by nature: half the in-plane resolution costs it nothing (Dice .842 against .845
    # on hippocampus with 5 slices) and is ten times faster.
    fixed_voxels = None if known_voxels is None else _halve(one_hot(known_voxels, len(seeds)))
    small = diffusion_draft(_halve(image), _halve(seeds), known, step / 2, config, fixed_voxels)
    diffusion = F.interpolate(small, scale_factor=2.0, mode="bilinear", align_corners=False)
    expected = interpolation_start(seeds, known, len(image))
    diffusion = balance(diffusion, expected, known, config.keep_area, reach)
    for draft in (geodesic, diffusion):
        if known_voxels is not None:
            draft[:, known_voxels >= 0] = one_hot(known_voxels[known_voxels >= 0], len(seeds))
        draft[:, sorted(known)] = seeds
    return Draft(geodesic, diffusion)


def _halve(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 2)
