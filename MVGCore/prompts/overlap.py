"""Overlapping segments as examples: each group of segments that do not overlap is propagated by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.prompts.prompt import Prompt
from MVGCore.prompts.promptset import PromptSet
from MVGCore.volume import (
    Geometry,
    LabelMap,
    Segmentation,
    SegmentClass,
    Volume,
    match_slices,
    read_segmentation,
    robust_window,
)
from MVGCore.volume.labelmap import present_ids
from MVGCore.volume.reading import holds_segments


@dataclass(frozen=True, eq=False)
class LayeredPrompt:
    """A labelled slice whose classes may overlap.

    Attributes:
        prompt: the slice; its own labels do not count.
        planes: (H, W) uint16 each, class ids; classes of one plane do not overlap.
    """

    prompt: Prompt
    planes: tuple[NDArray[np.uint16], ...]


def without_overlap(segmentation: Segmentation) -> list[LabelMap]:
    """The segments of a segmentation in as few groups as they come to, without overlap within a group.

    A segment goes into the first group in which it meets none; empty ones are left out.
    """
    layers = segmentation.with_ids_as_values().layers
    groups = _divided([each.class_ for each in segmentation.segments], [layers])
    return [LabelMap.of(_labels_of(layers, group), segmentation.geometry, group) for group in groups]


def read_overlapping(path: Path, grid: Geometry) -> Segmentation | None:
    """The segments of a file, if some of them overlap; errors as of `read_segmentation`."""
    if not holds_segments(path):
        return None
    segmentation = read_segmentation(path, grid)
    overlap = len(segmentation.layers) > 1 and len(without_overlap(segmentation)) > 1
    return segmentation if overlap else None


def passes_of(
    image: Volume, segmentation: Segmentation, axis: int | None = None, source: str = ""
) -> list[PromptSet]:
    """Labelled slices of segments that may overlap, as sets of examples: one for each pass.

    All sets have the same slices: where a set shows nothing on one of them, none of its classes is there.

    Args:
        image, axis, source: As of `PromptSet.from_labelmap`.
        segmentation: On the grid of the image, or one in the same patient coordinates.

    Returns:
        One set where nothing overlaps.

    Raises:
        InputError, GeometryMismatchError: As `PromptSet.from_labelmap`.
    """
    groups = without_overlap(segmentation)
    if not groups:
        raise InputError("The segmentation is empty; label at least one slice.")
    if len(groups) == 1:
        return [PromptSet.from_labelmap(image, groups[0], axis, source=source)]
    whole = LabelMap.of(np.maximum.reduce([each.array for each in groups]), segmentation.geometry)
    places = match_slices(whole, image.geometry, axis).places
    window, sets = robust_window(image.array), []
    for group in groups:
        labels = match_slices(group, image.geometry, places[0].axis).labels
        prompts = [Prompt.of(image, labels, place, window, source) for place in places]
        present = {value for prompt in prompts for value in present_ids(prompt.labels)}
        if present:
            sets.append(PromptSet(prompts, tuple(each for each in labels.classes if each.id in present)))
    return sets


def passes_of_slices(slices: Sequence[LayeredPrompt], classes: Sequence[SegmentClass]) -> list[PromptSet]:
    """Labelled slices whose classes may overlap, as sets of examples: one for each pass (see `passes_of`).

    Args:
        slices: of this and of other images.
        classes: all that their planes show; each goes into the first set in which it meets none, in this
            order.

    Returns:
        One set where nothing overlaps; each has the classes that its labels show.
    """
    return [
        PromptSet(
            [replace(each.prompt, labels=_labels_of(each.planes, group)) for each in slices], tuple(group)
        )
        for group in _divided(classes, [each.planes for each in slices])
    ]


def fewest_planes(planes: Sequence[NDArray[np.uint16]]) -> tuple[NDArray[np.uint16], ...]:
    """The same labels of a slice in as few planes as they come to, however they were divided before.

    Args:
        planes: (H, W) class ids each; at least one.
    """
    if len(planes) == 1:
        return tuple(planes)
    ids = sorted({value for plane in planes for value in present_ids(plane)})
    groups = _divided([SegmentClass.default(each) for each in ids], [planes])
    return tuple(_labels_of(planes, group) for group in groups) or (np.zeros_like(planes[0]),)


def _divided(
    classes: Sequence[SegmentClass], together: Sequence[Sequence[NDArray[Any]]]
) -> list[list[SegmentClass]]:
    """Classes in groups without overlap: each goes into the first in which it meets none.

    Those that no plane shows are left out.

    Args:
        classes: in their order.
        together: planes of class ids that may overlap, of each slice or volume.
    """
    met = {pair for planes in together for pair in _meetings(planes)}
    present = {value for planes in together for plane in planes for value in present_ids(plane)}
    groups: list[list[SegmentClass]] = []
    for each in classes:
        if each.id not in present:
            continue
        free = (group for group in groups if not any((other.id, each.id) in met for other in group))
        group = next(free, None)
        if group is None:
            groups.append(group := [])
        group.append(each)
    return groups


def _meetings(planes: Sequence[NDArray[Any]]) -> set[tuple[int, int]]:
    """Pairs of classes, both ways, that share pixels."""
    pairs = set[tuple[int, int]]()
    for first, second in combinations(planes, 2):
        both = (first > 0) & (second > 0) & (first != second)
        codes = np.unique(first[both].astype(np.uint32) << 16 | second[both])
        pairs |= {(int(code >> 16), int(code & 0xFFFF)) for code in codes}
    return pairs | {(b, a) for a, b in pairs}


def _labels_of(planes: Sequence[NDArray[Any]], group: Sequence[SegmentClass]) -> NDArray[np.uint16]:
    """The classes of a group, which do not overlap."""
    ids = [each.id for each in group]
    return np.maximum.reduce([np.where(np.isin(plane, ids), plane, np.uint16(0)) for plane in planes])
