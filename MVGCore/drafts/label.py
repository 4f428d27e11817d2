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

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

UNREACHED = 1e4  # distance of what no path has reached yet


@dataclass(frozen=True)
class DraftConfig:
    """Settings of the drafts; lengths are in pixels of the in-plane grid that is given.

    Attributes:
        edge: cost of a path step per unit of intensity difference (image in 0..1), against 1 per pixel of
            length.
        rounds: raster sweeps over the six directions for the geodesic distances; a second one changes the
            Dice of this draft by .0003 to -.002, and the final one not at all (four hippocampi).
        temperature: difference of path lengths at which the nearer class is about e times likelier.
        beta: contrast sensitivity of the diffusion, weight = exp(-beta * difference**2).
        iterations: conjugate-gradient steps of the diffusion.
        keep_area: how strictly the diffusion keeps the areas of the labelled slices, 0 (not at all) to 1.
    """

    edge: float = 120.0
    rounds: int = 1
    temperature: float = 2.0
    beta: float = 300.0
    iterations: int = 30
    keep_area: float = 0.75


@dataclass(frozen=True)
class Draft:
    """A guess for every slice, by both propagators; labelled slices hold their labels.

    Attributes:
        geodesic, diffusion: (C, K, H, W) probabilities, summing to one over the classes; of single precision
            as they are made, of half precision where they are kept.
    """

    geodesic: Tensor
    diffusion: Tensor

    @property
    def probabilities(self) -> Tensor:
        """(C, K, H, W) mean of both."""
        return (self.geodesic + self.diffusion) / 2

    @property
    def agreement(self) -> Tensor:
        """(K, H, W) overlap of their opinions, 0..1: how far the mean may be trusted."""
        return torch.minimum(self.geodesic, self.diffusion).sum(0)

    def rows(self, rows: Sequence[int]) -> Draft:
        """Only some of the slices, in single precision."""
        return Draft(self.geodesic[:, rows].float(), self.diffusion[:, rows].float())


def one_hot(labels: Tensor, classes: int) -> Tensor:
    """(..., H, W) integer labels -> (classes, ..., H, W) float."""
    return torch.stack([(labels == c) for c in range(classes)]).float()


def interpolation_start(seeds: Tensor, known: Sequence[int], depth: int) -> Tensor:
    """Linear blend of the two nearest labelled slices: (C, n, H, W) seeds -> (C, depth, H, W)."""
    known_t = torch.tensor(sorted(known), dtype=torch.float32)
    position = torch.arange(depth, dtype=torch.float32)
    upper = torch.searchsorted(known_t, position).clamp(max=len(known) - 1)
    lower = (upper - 1).clamp(min=0)
    gap = (known_t[upper] - known_t[lower]).clamp(min=1e-6)
    weight = ((position - known_t[lower]) / gap).clamp(0, 1).view(1, -1, 1, 1)
    return seeds[:, lower] * (1 - weight) + seeds[:, upper] * weight


def _sweep(distance: Tensor, image: Tensor, lengths: Tensor, edge: float, reverse: bool) -> None:
    """Relax distances (C, D, H, W) in place, plane after plane, each from nine pixels of the plane before.

    `image` is (D, H, W); `lengths` (9, 1, 1) those of the nine steps from plane to plane.
    """
    depth = len(image)
    step = -1 if reverse else 1
    for d in range(1, depth) if step > 0 else range(depth - 2, -1, -1):
        costs = _nine(F.pad(image[None, d - step], (1, 1, 1, 1), mode="replicate"))[0]
        costs.sub_(image[d]).abs_().mul_(edge).add_(lengths)
        paths = _nine(F.pad(distance[:, d - step], (1, 1, 1, 1), value=UNREACHED)).add_(costs)
        here = distance[:, d]
        torch.minimum(here, paths.amin(1), out=here)


def _nine(padded: Tensor) -> Tensor:
    """(n, H + 2, W + 2) -> (n, 9, H, W), a copy: each pixel's neighbourhood."""
    count, height, width = len(padded), padded.shape[1] - 2, padded.shape[2] - 2
    return padded.unfold(1, height, 1).unfold(2, width, 1).reshape(count, 9, height, width)


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
            planes = distance.movedim(axis + 1, 1).contiguous()
            shown = image.movedim(axis, 0).contiguous()
            lengths = _step_lengths(*spacing[[axis, *(other for other in range(3) if other != axis)]])
            for reverse in (False, True):
                _sweep(planes, shown, lengths, config.edge, reverse)
            distance = planes.movedim(1, axis + 1)
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


def diffusion_draft(
    image: Tensor,
    seeds: Tensor,
    known: Sequence[int],
    step: float,
    config: DraftConfig,
    fixed_voxels: Tensor | None = None,
) -> Tensor:
    """The harmonic probabilities. `pinned` (C, K, H, W): shares of known labels, 0 where none is known."""
    depth = image.shape[0]
    lengths = (step, 1.0, 1.0)
    weights = [
        torch.exp(-config.beta * image.diff(dim=d) ** 2).add_(1e-3).div_(lengths[d] ** 2) for d in range(3)
    ]
    diagonal = torch.full(image.shape, 1e-6)
    for d, w in enumerate(weights):
        diagonal.narrow(d, 0, w.shape[d]).add_(w)
        diagonal.narrow(d, 1, w.shape[d]).add_(w)
    start = interpolation_start(seeds, known, depth)
    free = torch.ones(depth, 1, 1)
    free[sorted(known)] = 0.0
    if fixed_voxels is not None:
        share = fixed_voxels.sum(0)
        start = torch.where((share > 0) & (free > 0), fixed_voxels / share.clamp(min=1e-6), start)
        free = free * (share == 0)

    def laplacian(x: Tensor) -> Tensor:
        out = diagonal * x
        for d, w in enumerate(weights):
            n = w.shape[d]
            out.narrow(d + 1, 0, n).addcmul_(w, x.narrow(d + 1, 1, n), value=-1)
            out.narrow(d + 1, 1, n).addcmul_(w, x.narrow(d + 1, 0, n), value=-1)
        return out.mul_(free)

    solution = (
        conjugate_gradient(laplacian, -laplacian(start), diagonal, config.iterations).add_(start).clamp_(0, 1)
    )
    return solution / solution.sum(0, keepdim=True).clamp(min=1e-6)


def balance(
    probabilities: Tensor, expected: Tensor, known: Sequence[int], power: float, reach: float | None = None
) -> Tensor:
    """Raise the odds of classes that a diffusion has drowned in background.

    Between labelled slices a small structure's probability falls below one half everywhere, although it is
    there: per class and slice its odds are raised until it covers the interpolated area of the labelled
    slices (to a power below one, since the interpolated area may be wrong). Beyond the first and last
    labelled slice this fades within one gap, because structures end. Measured on 8 head-neck and 8
    hippocampus training cases with the mean of both drafts, power 0, .75, 1: Dice .43, .50, .55 and .75,
    .73, .72 with 3 slices.

    Args:
        probabilities: (C, K, H, W), background first.
        expected: (C, K, H, W) labels interpolated between the labelled slices.
        known: indices of the labelled slices.
        power: how much of the correction is applied, 0..1.
        reach: slices beyond the first and last labelled one within which the correction fades; None: the
            mean gap.
    """
    odds = probabilities[1:] / (probabilities[:1] + 1e-6)
    area = expected[1:].sum((2, 3))
    factor = torch.ones_like(area)
    for c, k in (area >= 1).nonzero().tolist():
        plane, covered = odds[c, k].flatten(), int(area[c, k].round())
        last = plane.kthvalue(len(plane) + 1 - covered).values  # of those that it should cover
        factor[c, k] = 1 / last.clamp(0.02, 1.0)
    factor **= power * _near_known(probabilities.shape[1], known, reach)
    raised = torch.cat((probabilities[:1], probabilities[1:] * factor[..., None, None]))
    return raised / raised.sum(0, keepdim=True)


def _near_known(depth: int, known: Sequence[int], reach: float | None = None) -> Tensor:
    """(depth,) 1 between the labelled slices, falling to 0 within `reach` (one mean gap) beyond them."""
    first, last = min(known), max(known)
    gap = (last - first) / (len(known) - 1) if len(known) > 1 else depth / 4
    gap = gap if reach is None else reach
    position = torch.arange(depth)
    beyond = torch.maximum(first - position, position - last).clamp(min=0)
    return (1 - beyond / max(gap, 1.0)).clamp(min=0)


def conjugate_gradient(
    apply: Callable[[Tensor], Tensor], rhs: Tensor, diagonal: Tensor, iterations: int
) -> Tensor:
    """Jacobi-preconditioned conjugate gradients for several right-hand sides (C, ...) at once, from zero."""
    dims = tuple(range(1, rhs.ndim))
    x, r = torch.zeros_like(rhs), rhs.clone()
    z = r / diagonal
    p = z.clone()
    rz = (r * z).sum(dims, keepdim=True)
    for _ in range(iterations):
        ap = apply(p)
        alpha = rz / (p * ap).sum(dims, keepdim=True).clamp(min=1e-20)
        x += alpha * p
        r -= alpha * ap
        z = r / diagonal
        rz_new = (r * z).sum(dims, keepdim=True)
        p.mul_(rz_new / rz.clamp(min=1e-20)).add_(z)
        rz = rz_new
    return x


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
        pins: (K, H, W) class positions that are known on other slices too, -1 where none is.
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
