"""Overlapping segments as examples: each group of segments that do not overlap is propagated by itself."""

from __future__ import annotations

import numpy as np

from MVGCore.errors import InputError
from MVGCore.prompts.prompt import Prompt
from MVGCore.prompts.promptset import PromptSet
from MVGCore.volume import LabelMap, Segmentation, SegmentClass, Volume, match_slices, robust_window
from MVGCore.volume.labelmap import present_ids


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
        shown = {value for prompt in prompts for value in present_ids(prompt.labels)}
        if shown:
            sets.append(PromptSet(prompts, tuple(each for each in labels.classes if each.id in shown)))
    return sets
