"""Peers that grow the labelled slices through the image: random walker and GrowCut.

Both get the labelled slices as seeds, label 0 of a labelled slice included, in the box of the labels plus a
margin.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from MVGCore.evaluation.peers import in_volume_order, itk_with, optional_module, sorted_slices
from MVGCore.volume import CT_WINDOWS, LabelMap, Volume, normalise, robust_window

# The crop's margin: what is between two labelled slices may be larger than both show.
MARGIN_VOXELS = 8
MARGIN_SHARE = 0.25


@dataclass(frozen=True)
class Seeds:
    """The cropped problem that a seeded method solves, slices along axis 0.

    Attributes:
        image: (S, H, W) float32 in 0..1: CT in the abdominal window, else between robust percentiles.
        seeds: (S, H, W) int32: 0 where nothing is known, n for the (n - 1)-th of `ids`.
        ids: The label values that the labelled slices show, background first.
        spacing: Millimetres along (slice, row, column).
        box: Where the crop lies in a plane of the volume.
    """

    image: np.ndarray
    seeds: np.ndarray
    ids: np.ndarray
    spacing: tuple[float, float, float]
    box: tuple[slice, slice]

    @classmethod
    def of(cls, image: Volume, few: LabelMap, axis: int, slices: Sequence[int]) -> Seeds:
        """Crops the volume to the labels plus a margin in the plane; all slices are kept."""
        given = sorted_slices(slices)
        planes = np.moveaxis(few.array, axis, 0)
        edges = image.geometry.array_spacing
        rows, columns = (edge for a, edge in enumerate(edges) if a != axis)
        box = _box(planes[given].any(axis=0))
        window = CT_WINDOWS["abdomen"] if image.modality.upper() == "CT" else robust_window(image.array)
        intensities = normalise(np.moveaxis(image.array, axis, 0)[:, box[0], box[1]], window)
        labels = planes[given][:, box[0], box[1]]
        ids = np.union1d(labels, [0])
        seeds = np.zeros(intensities.shape, dtype=np.int32)
        seeds[given] = np.searchsorted(ids, labels) + 1
        return cls(intensities, seeds, ids, (edges[axis], rows, columns), box)

    def paste(self, winners: np.ndarray, few: LabelMap, axis: int, slices: Sequence[int]) -> np.ndarray:
        """Turns (S, H, W) positions in `ids` into labels of the whole volume, labelled slices as given."""
        planes = np.moveaxis(few.array, axis, 0)
        filled = np.zeros_like(planes)
        filled[:, self.box[0], self.box[1]] = self.ids[winners]
        given = sorted_slices(slices)
        filled[given] = planes[given]
        return in_volume_order(filled, axis)


@dataclass(frozen=True)
class GrowCut:
    """Fast GrowCut as in 3D Slicer's "Grow from seeds" (Zhu et al., 2014), through `itk-growcut`.

    Attributes:
        locality: Slicer's "seed locality": the cost of a step of one voxel edge (the shortest) against that
            of crossing the whole intensity window. Without it the front crosses flat regions at no cost, and
            which seed wins there is arbitrary. Of 0, 0.01, 0.03, 0.05, 0.1 and 0.3 the best on seven training
            cases. 0, Slicer's default, cost 0.056 Dice there, the mean of head and neck (0.397 -> 0.341 with
            3 labelled slices, 0.614 -> 0.447 with 5) and hippocampus (0.678 -> 0.691, 0.778 -> 0.763).
    """

    name: str = "GrowCut"
    extra: str | None = "peers"
    locality: float = 0.05

    def __call__(
        self, image: Volume, few: LabelMap, axis: int, slices: Sequence[int], seed: int = 0
    ) -> np.ndarray:
        """See `Peer`."""
        itk = itk_with("FastGrowCut", "itk-growcut")
        problem = Seeds.of(image, few, axis, slices)
        edge = min(problem.spacing)
        spacing = [float(step / edge) for step in reversed(problem.spacing)]
        intensities = _itk_image(itk, problem.image, spacing)
        seeds = _itk_image(itk, problem.seeds.astype(np.uint8), spacing)
        grower = itk.FastGrowCut.New(intensities, SeedImage=seeds)
        grower.SetDistancePenalty(self.locality)
        grower.Update()
        grown = itk.array_from_image(grower.GetOutput()).astype(np.intp)
        return problem.paste(np.maximum(grown, 1) - 1, few, axis, slices)


@dataclass(frozen=True)
class RandomWalker:
    """Random walker (Grady, 2006) of scikit-image, solved by conjugate gradients with algebraic multigrid.

    Attributes:
        beta: How strongly an edge holds the walker back, for intensities of unit standard deviation. Of 130
            (scikit-image's default), 300, 600, 1000 and 4000 the best on seven training cases.
        max_unknowns: Voxels times labels. Above it the walk takes place on a copy averaged over blocks in the
            plane, and each label's probability is interpolated back; it would take minutes otherwise.
    """

    name: str = "random walker"
    extra: str | None = "peers"
    beta: float = 300.0
    max_unknowns: int = 30_000_000

    def __call__(
        self, image: Volume, few: LabelMap, axis: int, slices: Sequence[int], seed: int = 0
    ) -> np.ndarray:
        """See `Peer`."""
        problem = Seeds.of(image, few, axis, slices)
        factor = int(np.ceil(np.sqrt(problem.image.size * len(problem.ids) / self.max_unknowns)))
        if factor == 1:
            winners = self._walk(problem.image, problem.seeds) - 1
        else:
            winners = self._walk_coarsely(problem, factor)
        return problem.paste(winners, few, axis, slices)

    def _walk(self, image: np.ndarray, seeds: np.ndarray, probabilities: bool = False) -> np.ndarray:
        """(S, H, W) seeds -> the same, complete; or (labels, S, H, W) probabilities in the seeds' order."""
        segmentation = optional_module("skimage.segmentation", "scikit-image")
        mode = "cg_mg" if _has_pyamg() else "cg_j"
        # No spacing: scikit-image divides differences by it, which would bind thick slices more, not less.
        standardised = (image - image.mean()) / max(float(image.std()), 1e-6)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # solver chatter about tolerances, and seeds that are cut off
            return np.asarray(
                segmentation.random_walker(
                    standardised, seeds, beta=self.beta, mode=mode, return_full_prob=probabilities
                )
            )

    def _walk_coarsely(self, problem: Seeds, factor: int) -> np.ndarray:
        measure = optional_module("skimage.measure", "scikit-image")
        transform = optional_module("skimage.transform", "scikit-image")
        shape = problem.image.shape
        padding = [(0, 0), *((0, -size % factor) for size in shape[1:])]
        image, seeds = (np.pad(array, padding, mode="edge") for array in (problem.image, problem.seeds))
        padded = image.shape
        image = measure.block_reduce(image, (1, factor, factor), np.mean)
        seeds = seeds[:, factor // 2 :: factor, factor // 2 :: factor]
        known, ranks = np.unique(np.append(seeds, 0), return_inverse=True)
        consecutive = ranks[:-1].reshape(seeds.shape).astype(np.int32)
        probabilities = self._walk(image, consecutive, probabilities=True)
        winners, best = np.zeros(shape, np.intp), np.full(shape, -1.0, np.float32)
        for label, probability in zip(known[1:], probabilities, strict=True):
            fine = transform.resize(probability, padded, order=1, mode="edge", anti_aliasing=False)
            fine = fine[:, : shape[1], : shape[2]].astype(np.float32)
            wins = fine > best
            winners[wins], best[wins] = label - 1, fine[wins]
        return winners


def _box(mask: np.ndarray) -> tuple[slice, slice]:
    """The rectangle of a mask with its margin; the whole plane when the mask is empty."""
    if not mask.any():
        return slice(None), slice(None)
    sides = []
    for axis in (0, 1):
        where = np.flatnonzero(mask.any(axis=1 - axis))
        first, last = int(where[0]), int(where[-1]) + 1
        margin = max(MARGIN_VOXELS, round(MARGIN_SHARE * (last - first)))
        sides.append(slice(max(first - margin, 0), last + margin))
    return sides[0], sides[1]


def _has_pyamg() -> bool:
    from importlib.util import find_spec

    return find_spec("pyamg") is not None


def _itk_image(itk: Any, array: np.ndarray, spacing: Sequence[float]) -> Any:
    image = itk.image_from_array(np.ascontiguousarray(array))
    image.SetSpacing(spacing)
    return image
