"""Brings an existing segmentation onto an image, and its classes to those of the examples."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from MVGCore.prompts import Prompt
from MVGCore.volume import Geometry, LabelMap, SegmentClass, match_labels
from MVGCore.volume.labelmap import present_ids
from MVGCore.volume.segmentation import free_id

_NO_NAME = re.compile(r"(class|segment|label)?[ _]*\d*", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class MatchedDraft:
    """An existing segmentation in terms of an image and its examples.

    Attributes:
        array: (K, J, I) class ids.
        classes: what these stand for.
        notes: what the user should know of it.
    """

    array: NDArray[np.uint16]
    classes: tuple[SegmentClass, ...]
    notes: tuple[str, ...] = ()


def match_draft(draft: LabelMap, image: Geometry, classes: Sequence[SegmentClass]) -> MatchedDraft:
    """An existing segmentation on the grid of an image, with the ids of the examples' classes.

    A class of the same name is the same class, whatever its number; so is one of the same number if either
    has no name of its own. All others keep their numbers, if these are free.

    Args:
        draft: on any grid in the same patient coordinates.
        image: the grid of the image.
        classes: those of the examples.

    Raises:
        GeometryMismatchError, InputError: as `MVGCore.volume.match_labels`.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        matched = match_labels(draft, image)
    notes = tuple(f"Of the draft: {each.message}" for each in caught)
    table = np.zeros(65536, np.uint16)
    used = {each.id for each in classes}
    matched_classes: dict[int, SegmentClass] = {}
    for own in matched.classes:
        same = _same_class(own, classes)
        number = same.id if same is not None else free_id(own.id, used)
        used.add(number)
        table[own.id] = number
        matched_classes[number] = same or SegmentClass(number, own.name, own.color, own.terminology)
    array = table[matched.array]
    present = set(present_ids(array))
    return MatchedDraft(array, tuple(matched_classes[each] for each in sorted(present)), notes)


def draft_notes(draft: MatchedDraft, ids: Sequence[int], labelled: Sequence[Prompt]) -> list[str]:
    """What becomes of the classes of an existing segmentation.

    Args:
        draft: it.
        ids: the classes that are propagated.
        labelled: the labelled slices of the image.
    """
    notes = list(draft.notes)
    kept = [each.name for each in draft.classes if each.id not in ids]
    if kept:
        notes.append(
            f"No example shows these classes of the draft, which are kept as they were except on labelled "
            f"slices: {', '.join(kept)}."
        )
    if not any(each.id in ids for each in draft.classes):
        notes.append(
            "The draft shows none of the examples' classes, so it changed nothing: check their names."
        )
    elif not labelled:
        notes.append(
            "No slice of this volume is labelled, so nothing tells how good the draft is: label one."
        )
    return notes


def _same_class(own: SegmentClass, classes: Sequence[SegmentClass]) -> SegmentClass | None:
    named = [each for each in classes if _word(each.name) == _word(own.name)]
    numbered = [each for each in classes if each.id == own.id and (_nameless(each) or _nameless(own))]
    if named and not _nameless(own):
        return named[0]
    return numbered[0] if numbered else None


def _word(name: str) -> str:
    """A name without case and signs: "Left kidney" and "left_kidney" are the same."""
    return re.sub(r"[\W_]+", " ", name).strip().casefold()


def _nameless(each: SegmentClass) -> bool:
    return _NO_NAME.fullmatch(each.name.strip()) is not None
