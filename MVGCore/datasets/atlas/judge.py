"""How far the Dice that fused probabilities state is true in this data set, by the slices drawn by hand.

Each volume with such slices is labelled by the others, and its slices are compared with what a person drew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from MVGCore.datasets.atlas.atlas import Atlas, label_by_atlases
from MVGCore.datasets.atlas.generation import Generator
from MVGCore.datasets.atlas.result import slice_areas
from MVGCore.prompts import Prompt
from MVGCore.segmentation.review.expected_dice import DiceLine, DiceLines, stated_dice, summed

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)  # of the say that a voice beside registration may have
MOST_JUDGED = 5  # volumes that are left out, one after the other
LEAST_ERROR = 0.05
UNKNOWN = DiceLine(0.0, 0.9, 0.15)  # of a single example, which none can judge


@dataclass(frozen=True)
class Judgement:
    """What came of labelling volumes by the others.

    Attributes:
        lines: what a stated Dice is worth.
        dice: mean Dice of the left-out slices over all classes; None if nothing could be left out.
        draft_shares: class id -> how much of the say drafts have where nothing is drawn.
    """

    lines: DiceLines
    dice: float | None
    draft_shares: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Told:
    """What others say of a volume.

    Attributes:
        ids: the classes, ascending.
        probabilities: (len(ids) + 1, K, J, I) of the background and of each.
    """

    ids: tuple[int, ...]
    probabilities: NDArray[np.float32]


def told_by_others(
    atlases: Sequence[Atlas],
    most: int = MOST_JUDGED,
    generator: Generator | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> list[Told]:
    """What the other atlases say of each of the first `most`; nothing if there is a single one.

    Raises:
        Cancelled: `cancelled()` was true.
    """
    if len(atlases) < 2:
        return []
    told = []
    for n, atlas in enumerate(atlases[:most]):
        others = [*atlases[:n], *atlases[n + 1 :]]
        told.append(Told(*label_by_atlases(atlas.image, others, generator, cancelled)))
    return told


def judge(told: Sequence[Told], drawn: Sequence[Sequence[Prompt]]) -> Judgement:
    """Compare what was said of labelled slices with what was drawn.

    Args:
        told: of volumes.
        drawn: slices of each of them that were labelled by hand; of more volumes if there are.
    """
    stated, true, volumes = [], [], 0
    for said, prompts in zip(told, drawn, strict=False):
        pairs = _compared(said, prompts) if prompts else []
        volumes += bool(pairs)
        for one, other in pairs:
            stated.append(one)
            true.append(other)
    if not true:
        return Judgement(DiceLines(UNKNOWN, UNKNOWN, UNKNOWN), None)
    worth = float(np.sum(true) / max(np.sum(stated), 1e-6))
    errors = np.array(true) - worth * np.array(stated)
    spread = max(LEAST_ERROR, float(np.sqrt(np.mean(errors**2))))
    line = DiceLine(0.0, worth, spread)
    classes = max(1, len(true) // volumes)
    return Judgement(
        DiceLines(line, line, DiceLine(0.0, worth, max(LEAST_ERROR, spread / np.sqrt(classes)))),
        float(np.mean(true)),
    )


def _compared(told: Told, prompts: Sequence[Prompt]) -> list[tuple[float, float]]:
    """Stated and true Dice of each class over the labelled slices of a volume."""
    ids, axis = told.ids, prompts[0].axis
    planes = np.moveaxis(told.probabilities, axis + 1, 1)
    values = np.array([0, *ids], np.uint16)
    labels = {prompt.index: values[planes[:, prompt.index].argmax(0)] for prompt in prompts}
    areas = summed([slice_areas(planes[:, index], plane, ids) for index, plane in labels.items()])
    pairs = []
    for class_id in ids:
        overlap = sum(int(((labels[p.index] == class_id) & (p.labels == class_id)).sum()) for p in prompts)
        size = sum(int((labels[p.index] == class_id).sum() + (p.labels == class_id).sum()) for p in prompts)
        if class_id in areas and size and any((prompt.labels == class_id).any() for prompt in prompts):
            pairs.append((stated_dice(areas[class_id]), 2 * overlap / size))
    return pairs
