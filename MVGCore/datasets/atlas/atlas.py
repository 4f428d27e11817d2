"""Atlases: labelled volumes of the data set, registered to the volume to label and fused there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from MVGCore.datasets.atlas.fused_volume import FusedVolume
from MVGCore.datasets.atlas.fusion import Vote, fuse
from MVGCore.datasets.atlas.generation import Generator
from MVGCore.datasets.atlas.registration import (
    Registered,
    affine,
    deformed,
    warped_image,
    warped_labels,
)
from MVGCore.datasets.atlas.scan import Scan, region_around
from MVGCore.errors import InputError, stop_if
from MVGCore.volume import LabelMap, Volume, normalise, read_labelmap, read_volume, robust_window
from MVGCore.volume.labelmap import present_ids

# Labels are a small part of many a scan: they and what lies around them are registered once more, at a finer
# scale. What is around an atlas's labels is more than that, so that the two need not match yet.
MARGIN_MM, ATLAS_MARGIN_MM, MOST_ATLAS_VOXELS = 25.0, 50.0, 500_000
MOST_ATLASES = 7  # atlases that are deformed to a volume: the most similar ones after an affine registration


@dataclass(frozen=True)
class Atlas:
    """A volume with labels in all of its slices.

    Attributes:
        image: the volume.
        labels: on its grid.
        repeats: whether most of its labels are what other atlases said: these would vote twice.
    """

    image: Volume
    labels: LabelMap
    repeats: bool = False

    @classmethod
    def read(cls, image: Path, labels: Path, repeats: bool = False) -> Atlas:
        """Reads both.

        Raises:
            InputError: a file is missing or damaged.
        """
        return cls(read_volume(image), read_labelmap(labels), repeats)

    @cached_property
    def coarse(self) -> Scan:
        """As it is registered."""
        return Scan.of(self.image)

    @cached_property
    def near(self) -> Scan:
        """What lies around the labels, as it is registered."""
        region = region_around(self.labels.array, self.image.geometry.array_spacing, ATLAS_MARGIN_MM)
        return Scan.of(self.image, region, MOST_ATLAS_VOXELS)

    @cached_property
    def ids(self) -> tuple[int, ...]:
        """The classes that it shows: of one that was not labelled in it nothing is known."""
        return present_ids(self.labels.array)


def label_by_atlases(
    image: Volume,
    atlases: Sequence[Atlas],
    generator: Generator | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[tuple[int, ...], NDArray[np.float32]]:
    """The classes, and (classes + 1, K, J, I) probabilities of the background and of each.

    Args:
        image: the volume to label.
        atlases: of the same data set; of many the most similar ones are used, and those that show a class
            that these do not. Those that repeat others are asked for such a class alone.
        generator: corrects what was fused from them; None: nothing does.
        cancelled: asked between registrations, and between batches of slices.

    Raises:
        InputError: no atlas shows a class, or none is of the image's dimension.
        Cancelled: `cancelled()` was true.
    """
    coarse = Scan.of(image)
    placed = []
    for atlas in _asked(_of_dimension(atlases, coarse.dimension)):
        stop_if(cancelled)
        placed.append((atlas, affine(coarse, atlas.coarse)))
    chosen = list(_most_similar(placed))
    ids = tuple(sorted({class_id for atlas, _ in chosen for class_id in atlas.ids}))
    if not ids:
        raise InputError("No example shows a class; label some slices.")

    votes = []
    for atlas, start in chosen:
        stop_if(cancelled)
        votes.append(_vote(image, atlas, _deformed(image, coarse, atlas, start)))
    own = normalise(image.array, robust_window(image.array)).astype(np.float32)
    fused = fuse(own, image.geometry.array_spacing, votes, ids)
    if generator is None:
        return ids, fused
    return ids, generator.corrected(FusedVolume.of(own, image.geometry, votes, ids, fused), cancelled)


def _of_dimension(atlases: Sequence[Atlas], dimension: int) -> list[Atlas]:
    """Slices tell nothing of volumes, nor the other way round."""
    registered = [atlas for atlas in atlases if atlas.coarse.dimension == dimension]
    if atlases and not registered:
        here, there = ("single slice", "volumes") if dimension == 2 else ("volume", "single slices")
        raise InputError(f"It is a {here} and the examples are {there}; label some slices of its kind.")
    return registered


def _asked(atlases: Sequence[Atlas]) -> list[Atlas]:
    """Those with labels of their own, and of those that repeat them the ones that show another class."""
    first = [atlas for atlas in atlases if not atlas.repeats]
    shown = {class_id for atlas in first for class_id in atlas.ids}
    return [*first, *(atlas for atlas in atlases if atlas.repeats and set(atlas.ids) - shown)]


def _most_similar(placed: Sequence[tuple[Atlas, Registered]]) -> Iterator[tuple[Atlas, Registered]]:
    shown: set[int] = set()
    for n, (atlas, start) in enumerate(sorted(placed, key=lambda each: -each[1].likeness)):
        if n < MOST_ATLASES or set(atlas.ids) - shown:
            yield atlas, start
        shown |= set(atlas.ids)


def _deformed(image: Volume, coarse: Scan, atlas: Atlas, start: Registered) -> Registered:
    """An atlas deformed to a volume: the whole, or what lies around its labels if that is a part."""
    if coarse.dimension == 3:
        placed = warped_labels(atlas.labels, image.geometry, start)
        region = region_around(placed, image.geometry.array_spacing, MARGIN_MM)
        if region is not None:
            part = Scan.of(image, region)
            return deformed(part, atlas.near, affine(part, atlas.near, start.transform))
    return deformed(coarse, atlas.coarse, start)


def _vote(image: Volume, atlas: Atlas, registered: Registered) -> Vote:
    return Vote(
        warped_labels(atlas.labels, image.geometry, registered),
        warped_image(atlas.image, image.geometry, registered),
        atlas.ids,
    )
