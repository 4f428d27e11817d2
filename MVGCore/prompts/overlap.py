"""Overlapping segments as examples: each group of segments that do not overlap is propagated by itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.prompts.prompt import Prompt
from MVGCore.prompts.promptset import PromptSet
from MVGCore.volume import LabelMap, Segmentation, SegmentClass, Volume, match_slices, robust_window
from MVGCore.volume.labelmap import present_ids


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
    groups: list[tuple[np.ndarray, list[SegmentClass]]] = []
    for each in segmentation.segments:
        mask = segmentation.layers[each.layer] == each.label_value
        if not mask.any():
            continue
        free = next((group for group in groups if not group[0][mask].any()), None)
        if free is None:
            free = np.zeros(segmentation.geometry.shape, np.uint16), []
            groups.append(free)
        free[0][mask] = each.class_.id
        free[1].append(each.class_)
    return [LabelMap.of(array, segmentation.geometry, classes) for array, classes in groups]


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
    met = {pair for each in slices for pair in _meetings(each.planes)}
    present = {value for each in slices for plane in each.planes for value in present_ids(plane)}
    groups: list[list[SegmentClass]] = []
    for each in classes:
        if each.id in present:
            free = (group for group in groups if not any((other.id, each.id) in met for other in group))
            _first_or_new(free, groups).append(each)
    return [
        PromptSet(
            [replace(each.prompt, labels=_labels_of(each.planes, group)) for each in slices], tuple(group)
        )
        for group in groups
    ]


def fewest_planes(planes: Sequence[NDArray[np.uint16]]) -> tuple[NDArray[np.uint16], ...]:
    """The same labels of a slice in as few planes as they come to, however they were divided before.

    Args:
        planes: (H, W) class ids each; at least one.
    """
    if not _meetings(planes):
        return (np.maximum.reduce(planes),)
    chosen: list[NDArray[np.uint16]] = []
    for class_id in sorted({value for plane in planes for value in present_ids(plane)}):
        mask = np.logical_or.reduce([plane == class_id for plane in planes])
        free = next((plane for plane in chosen if not plane[mask].any()), None)
        if free is None:
            free = np.zeros_like(planes[0])
            chosen.append(free)
        free[mask] = class_id
    return tuple(chosen)


def _meetings(planes: Sequence[NDArray[np.uint16]]) -> set[tuple[int, int]]:
    """Pairs of classes, both ways, that share pixels."""
    pairs = set[tuple[int, int]]()
    for number, plane in enumerate(planes):
        for other in planes[number + 1 :]:
            both = (plane > 0) & (other > 0) & (plane != other)
            meetings = (
                np.unique(np.stack([plane[both], other[both]]), axis=1) if both.any() else np.zeros((2, 0))
            )
            pairs |= {(int(a), int(b)) for a, b in meetings.T}
    return pairs | {(b, a) for a, b in pairs}


def _first_or_new(free: Iterable[list[SegmentClass]], groups: list[list[SegmentClass]]) -> list[SegmentClass]:
    free_plane = next(iter(free), None)
    if free_plane is None:
        free_plane = []
        groups.append(free_plane)
    return free_plane


def _labels_of(planes: Sequence[NDArray[np.uint16]], group: Sequence[SegmentClass]) -> NDArray[np.uint16]:
    """(H, W), the classes of a group, which do not overlap."""
    ids = [each.id for each in group]
    return np.maximum.reduce([np.where(np.isin(plane, ids), plane, np.uint16(0)) for plane in planes])
