"""Existing segmentations of the volumes of a data set, as drafts: whose they are, and how far they count."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from MVGCore.datasets.atlas.fusion import share_out
from MVGCore.datasets.atlas.judge import SHARES, Told
from MVGCore.datasets.catalogue import Item
from MVGCore.datasets.examples import ExampleSource, alike
from MVGCore.errors import InputError
from MVGCore.prompts import Prompt
from MVGCore.segmentation import Result
from MVGCore.segmentation.existing.matching import MatchedDraft
from MVGCore.volume import Geometry, LabelMap, SegmentClass, read_labelmap
from MVGCore.volume.formats import format_by_name, stem

Floats = NDArray[np.float32]


def with_drafts(items: Sequence[Item], folder: Path) -> tuple[Item, ...]:
    """The items, each with the draft of the folder that is called like it; some may have none.

    A draft is a file, called like the image as labels of examples are, or a folder called like the image
    that holds a mask for each class, called like the class.

    Raises:
        InputError: there is no such folder, no draft in it is called like an image, or two are.
    """
    if not folder.is_dir():
        raise InputError(f"There is no folder '{folder}' of drafts; check the name.")
    paths = sorted(each for each in folder.rglob("*") if not each.name.startswith("."))
    labels = [each for each in paths if each.is_file() and format_by_name(each) is not None]
    masks = {each.relative_to(folder).as_posix(): each for each in paths if each.is_dir() and _masks_in(each)}
    chosen = tuple(
        replace(item, draft=_draft_of(item, folder, labels, masks) or item.draft) for item in items
    )
    if not any(each.draft for each in chosen):
        raise InputError(f"No draft in '{folder}' is called like an image of the data set; rename them.")
    return chosen


def examples_with_drafts(
    examples: Iterable[ExampleSource], items: Iterable[Item]
) -> tuple[ExampleSource, ...]:
    """The examples, each with the draft of its image: results depend on it as they do on the example."""
    drafts = {item.image.resolve(): item.draft for item in items if item.draft is not None}
    return tuple(
        replace(each, draft=drafts.get(each.image.resolve())) if each.image is not None else each
        for each in examples
    )


def read_draft(path: Path, grid: Geometry) -> LabelMap:
    """A label map, or a folder of masks as one; where masks overlap the last one counts.

    Raises:
        InputError: a file is missing or damaged, or the masks lie on different grids.
    """
    masks = _masks_in(path) if path.is_dir() else []
    if not masks:
        return read_labelmap(path, grid)
    first = read_labelmap(masks[0], grid)
    array = np.zeros(first.geometry.shape, np.uint16)
    classes = []
    for number, each in enumerate(masks, start=1):
        mask = read_labelmap(each, grid)
        if mask.geometry.shape != array.shape or not mask.geometry.is_close(first.geometry):
            raise InputError(f"'{each}' lies on another grid than '{masks[0].name}'; resample the masks.")
        array[mask.array > 0] = number
        classes.append(replace(SegmentClass.default(number), name=stem(each)))
    return LabelMap.of(array, first.geometry, classes)


def shares_of_drafts(
    told: Sequence[Told], drawn: Sequence[Sequence[Prompt]], drafts: Sequence[MatchedDraft | None]
) -> dict[int, float]:
    """How much of the say drafts have in volumes of which nothing is drawn, by class.

    That is the share with which the drawn slices of the examples' volumes come out best. If nothing else was
    said of these, since there is a single example, it is the Dice of the draft on its slices.

    Args:
        told: what the examples say of each other's volumes; of fewer volumes, or none.
        drawn: slices of each volume that were labelled by hand.
        drafts: of each volume; None: it has none.
    """
    scores: dict[int, dict[float, list[float]]] = {}
    for number, (prompts, draft) in enumerate(zip(drawn, drafts, strict=True)):
        if draft is None:
            continue
        said = told[number] if number < len(told) else None
        for class_id in {each.id for each in draft.classes} & _ids_drawn(prompts):
            for share in SHARES if said is not None else (1.0,):
                dice = _dice_of_mixture(said, prompts, draft, class_id, share)
                scores.setdefault(class_id, {}).setdefault(share, []).append(dice)
    return {class_id: _best(each, bool(told)) for class_id, each in sorted(scores.items())}


def mixed(
    ids: Sequence[int], probabilities: Floats, draft: MatchedDraft, shares: Mapping[int, float]
) -> Floats:
    """(len(ids) + 1, K, J, I) probabilities, those of the background first, in which a draft has its say."""
    mixture = probabilities.copy()
    for row, class_id in enumerate(ids, start=1):
        share = shares.get(class_id, 0.0)
        if share:
            mixture[row] = (1 - share) * mixture[row] + share * (draft.array == class_id)
    share_out(mixture)
    return mixture


def with_drafts_heard(
    told: Sequence[Told], drafts: Sequence[MatchedDraft | None], shares: Mapping[int, float]
) -> list[Told]:
    """What is said of volumes with the say of their drafts in it."""
    return [
        said if draft is None else Told(said.ids, mixed(said.ids, said.probabilities, draft, shares))
        for said, draft in zip(told, drafts, strict=False)
    ]


def with_kept_classes(result: Result, draft: MatchedDraft) -> Result:
    """A result with the classes of a draft that no example shows, where no class of the examples is."""
    shown = set(result.labels.ids) | {each.id for each in result.labels.classes}
    kept = tuple(each for each in draft.classes if each.id not in shown)
    if not kept:
        return result
    added = np.isin(draft.array, [each.id for each in kept]) & (result.labels.array == 0)
    array = np.where(added, draft.array, result.labels.array)
    labels = LabelMap.of(array, result.labels.geometry, (*result.labels.classes, *kept))
    return replace(result, labels=labels, kept=kept)


def share_note(draft: MatchedDraft, shares: Mapping[int, float]) -> str:
    """One sentence: how far the draft of a volume without labelled slices counts."""
    parts = [f"{each.name} {shares[each.id]:.0%}" for each in draft.classes if each.id in shares]
    if not parts:
        return "No labelled volume tells how good the draft is: label a slice of one that has a draft."
    return f"Of the say the draft has, as the drawn slices of other volumes bear out: {', '.join(parts)}."


def read_quietly(path: Path, grid: Geometry) -> tuple[LabelMap, tuple[str, ...]]:
    """A draft, and what is to be told of its reading."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        labels = read_draft(path, grid)
    return labels, tuple(f"Of the draft: {each.message}" for each in caught)


def _masks_in(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if each.is_file() and format_by_name(each) is not None)


def _draft_of(item: Item, folder: Path, labels: Sequence[Path], masks: Mapping[str, Path]) -> Path | None:
    last = PurePosixPath(item.name).name
    if item.name in masks or last in masks:
        return masks.get(item.name) or masks[last]
    for name in (item.name, last):
        found = [each for each in labels if alike(_called(each, folder), name)]
        found = [each for each in found if _called(each, folder) == name] or found
        if len(found) > 1:
            raise InputError(f"'{found[0]}' and '{found[1]}' may be the draft of '{item.name}'; leave one.")
        if found:
            return found[0]
    return None


def _called(path: Path, folder: Path) -> str:
    relative = PurePosixPath(path.relative_to(folder).as_posix())
    return str(relative.with_name(stem(relative.name)))


def _ids_drawn(prompts: Sequence[Prompt]) -> set[int]:
    return {int(value) for each in prompts for value in np.unique(each.labels)} - {0}


def _dice_of_mixture(
    said: Told | None, prompts: Sequence[Prompt], draft: MatchedDraft, class_id: int, share: float
) -> float:
    """Dice of a class on drawn slices, where a draft has so much of the say."""
    overlap = size = 0
    for each in prompts:
        value = share * (draft.array.take(each.index, each.axis) == class_id)
        if said is not None and class_id in said.ids:
            row = said.ids.index(class_id) + 1
            value = value + (1 - share) * said.probabilities[row].take(each.index, each.axis)
        chosen, true = value > 0.5, each.labels == class_id
        overlap += int((chosen & true).sum())
        size += int(chosen.sum() + true.sum())
    return 2 * overlap / size if size else 1.0


def _best(scores: Mapping[float, Sequence[float]], compared: bool) -> float:
    means = {share: float(np.mean(each)) for share, each in scores.items()}
    return max(means, key=lambda share: means[share]) if compared else means[1.0]
