"""A volume to label and what registered ones say of it, as the network sees both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from MVGCore.datasets.atlas.fusion import Vote
from MVGCore.prompts import Prompt
from MVGCore.prompts.prompt import SliceKey
from MVGCore.segmentation.plan.plan import ClassGroup, make_plan
from MVGCore.segmentation.predict.context import MAYBE, PROMPTS_PER_SLICE, DraftHint, canvases
from MVGCore.segmentation.secondlook import THICK
from MVGCore.volume import Geometry, LabelMap, Volume, neighbour_indices
from MVGCore.volume.normalise import Window

TRUST = 0.5  # in the draft, where it is sure
AROUND = 4  # voxels around structures in which contrasts are made equal
PLANNED = 8  # evenly spaced slices by which canvases are laid
SLICES_AT_ONCE = 8
FINE = 3.0  # pixels of a canvas along one of a slice, of which more tell nothing new

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class FusedVolume:
    """A volume to label, with what registered ones say of it; planes are (K, J, I).

    Attributes:
        image: its intensities, 0..1.
        ids: the classes.
        probabilities: (len(ids) + 1, K, J, I) what was fused, of the background first.
        labels: the likeliest of these.
        votes: of the registered volumes, the most similar one first, with the volume's contrast.
    """

    image: Volume
    ids: tuple[int, ...]
    probabilities: Floats
    labels: LabelMap
    votes: tuple[Vote, ...]

    @classmethod
    def of(
        cls, image: Floats, geometry: Geometry, votes: Sequence[Vote], ids: tuple[int, ...], fused: Floats
    ) -> FusedVolume:
        """With the votes' contrast made equal to the volume's, where structures are."""
        near = ndimage.binary_dilation(fused[0] < 1 - MAYBE, iterations=AROUND)
        near = near if near.any() else np.ones_like(near)
        mean, spread = image[near].mean(), image[near].std()

        def alike(vote: Vote) -> Vote:
            there = vote.image[near]
            changed = (vote.image - there.mean()) * (spread / (there.std() + 1e-6)) + mean
            return replace(vote, image=changed.astype(np.float32))

        labels = np.array([0, *ids], np.uint16)[fused.argmax(0)]
        alike_votes = tuple(map(alike, votes))
        return cls(Volume(image, geometry), ids, fused, LabelMap.of(labels, geometry), alike_votes)

    def axes(self, across: bool) -> tuple[int, ...]:
        """Array axes to look along: all, if looking across the slices is wanted and these are not thick; of
        a single slice its own."""
        geometry = self.image.geometry
        if geometry.flat_axis is not None:
            return (geometry.flat_axis,)
        spacing = geometry.array_spacing
        if not across or max(spacing) > THICK * min(spacing):
            return (int(np.argmax(spacing)),)
        return 0, 1, 2

    def voters(self) -> dict[tuple[int, ...], tuple[int, ...]]:
        """Positions of votes -> the classes that these serve as examples of: those that can tell of them."""
        by_voters: dict[tuple[int, ...], tuple[int, ...]] = {}
        for class_id in self.ids:
            able = [n for n, vote in enumerate(self.votes) if class_id in vote.ids]
            chosen = tuple(able[:PROMPTS_PER_SLICE])
            by_voters[chosen] = (*by_voters.get(chosen, ()), class_id)
        return by_voters

    def rows(self, ids: Sequence[int]) -> list[int]:
        """Where the probabilities of some classes are."""
        return [self.ids.index(class_id) + 1 for class_id in ids]

    def views(self, axis: int, sides: tuple[int, ...], small_sides: tuple[int, ...]) -> Iterator[View]:
        """All classes by their slices along an axis, in groups with the same examples and canvas.

        Args:
            axis: array axis.
            sides: that a canvas may have, ascending.
            small_sides: that it may have instead where pixels of slices are few, ascending.
        """
        for voters, ids in self.voters().items():
            yield from _views(self, axis, ids, [self.votes[n] for n in voters], sides, small_sides)


@dataclass(frozen=True)
class View:
    """Slices of a fused volume along an axis, with the canvas of some classes; planes are (K, H, W).

    Attributes:
        group: the classes and their canvas.
        image: of the volume to label.
        fused: (C, K, H, W) what was fused of the classes.
        images, labels: of each registered volume.
    """

    group: ClassGroup
    image: Floats
    fused: Floats
    images: tuple[Floats, ...]
    labels: tuple[NDArray[np.uint16], ...]

    def batches(self) -> Iterator[list[int]]:
        """Those slices that may show something."""
        showing = np.flatnonzero((self.fused.sum(0) > MAYBE).any((1, 2)))
        for start in range(0, len(showing), SLICES_AT_ONCE):
            yield [int(index) for index in showing[start : start + SLICES_AT_ONCE]]

    def drawn(self, indices: Sequence[int]) -> tuple[Tensor, Tensor, Tensor, DraftHint]:
        """Examples (n, N, 3, S, S) and their class positions (n, N, S, S), slices (n, 3, S, S), the draft."""
        group, canvas, here = self.group, self.group.canvas, list(indices)
        around = neighbour_indices(here, len(self.image))
        images = torch.stack([canvases(group, image[around]) for image in self.images], 1)
        positions = np.stack(
            [[canvas.draw_labels(labels[n], group.ids) for labels in self.labels] for n in here]
        )
        fused = torch.from_numpy(canvas.draw_image(np.moveaxis(self.fused[:, here], 1, 0)))
        probabilities = torch.cat(((1 - fused.sum(1, keepdim=True)).clamp(0, 1), fused), 1)
        trust = TRUST * probabilities.amax(1, keepdim=True)
        hint = DraftHint(probabilities, probabilities, trust)
        return images, torch.from_numpy(positions), canvases(group, self.image[around]), hint


def _views(
    volume: FusedVolume,
    axis: int,
    ids: Sequence[int],
    votes: Sequence[Vote],
    sides: tuple[int, ...],
    small_sides: Sequence[int],
) -> Iterator[View]:
    """The classes in groups, each on the canvas that shows it along an axis."""
    labels = np.where(np.isin(volume.labels.array, ids), volume.labels.array, 0).astype(np.uint16)
    places = _planned(np.moveaxis(labels, axis, 0))
    if not places:
        return
    of_ids = LabelMap.of(labels, volume.labels.geometry)
    prompts = [Prompt.of(volume.image, of_ids, SliceKey(axis, index), Window(0.0, 1.0)) for index in places]
    along = _turned(axis)
    for group in make_plan(prompts, volume.image.geometry.array_spacing, sides).groups:
        yield View(
            _no_finer(group, small_sides),
            along(volume.image.array),
            np.moveaxis(volume.probabilities[volume.rows(group.ids)], axis + 1, 1),
            tuple(along(vote.image) for vote in votes),
            tuple(along(vote.labels) for vote in votes),
        )


def _no_finer(group: ClassGroup, small_sides: Sequence[int]) -> ClassGroup:
    """On the smallest canvas that is fine enough."""
    pixels = group.canvas.side * max(group.canvas.scale)
    side = next((side for side in small_sides if side >= FINE * pixels), group.canvas.side)
    return replace(group, canvas=group.canvas.resized(side))


def _turned(axis: int) -> Callable[[NDArray[Any]], NDArray[Any]]:
    return lambda array: np.moveaxis(array, axis, 0)


def _planned(labels: NDArray[np.uint16]) -> list[int]:
    """Slices of labels (K, H, W) by which canvases are laid: evenly spaced ones that show something, and of
    each class the one that shows most."""
    showing = np.flatnonzero(labels.any((1, 2)))
    if not len(showing):
        return []
    evenly = showing[np.linspace(0, len(showing) - 1, PLANNED).round().astype(int)]
    most = [int((labels == each).sum((1, 2)).argmax()) for each in np.unique(labels) if each]
    return sorted({*map(int, evenly), *most})
