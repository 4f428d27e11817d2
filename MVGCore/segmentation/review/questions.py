"""What to ask the user: where a structure ends, if only that is unsure, costs a key and not a minute."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from MVGCore.outcomes import Question
from MVGCore.segmentation.fuse.extents import Doubt

COST = 0.1  # of a question, where drawing a slice costs 1
LEAST_GAIN = 0.002  # of the size of a class; below it nobody is asked

Doubts = Mapping[int, Mapping[int, Doubt]]  # index of a slice -> class id -> what is unsure
Floats = NDArray[np.float64]


def questions(doubts: Doubts, sizes: Mapping[int, float], axis: int) -> tuple[Question, ...]:
    """The best question about each end of each class, the one that gains most first.

    Args:
        doubts: of the generated slices.
        sizes: class id -> pixels that count as all of it.
        axis: array axis of the slices.
    """
    ends: dict[tuple[int, int], list[int]] = defaultdict(list)
    for index, unsure in doubts.items():
        for class_id, doubt in unsure.items():
            ends[class_id, doubt.until].append(index)
    asked = []
    for (class_id, until), indices in ends.items():
        slices = sorted(indices, reverse=until <= min(indices))  # outwards
        in_question = [doubts[index][class_id] for index in slices]
        presence, areas = np.array([(each.presence, each.area) for each in in_question]).T
        gains = answer_gains(presence, areas) / sizes[class_id]
        best = int(gains.argmax())
        if gains[best] >= LEAST_GAIN:
            gain, there = float(gains[best]), float(presence[best])
            asked.append(Question(class_id, axis, slices[best], until, there, gain))
    return tuple(sorted(asked, key=lambda question: -question.gain))


def answer_gains(presence: Floats, areas: Floats) -> Floats:
    """(n,) pixels that are expected to be right once it is known whether a class is on a slice.

    A class that is on a slice is on all before it, and one that is not is on none after it. Each slice is
    labelled as is likelier, so that the smaller of both probabilities of its area is expected to be wrong.

    Args:
        presence: (n,) probabilities that the class is there, outwards.
        areas: (n,) pixels that it covers, if it is.
    """
    lasting = np.minimum.accumulate(presence)
    wrong = float((areas * np.minimum(lasting, 1 - lasting)).sum())
    left = np.empty(len(lasting))
    for place, there in enumerate(lasting):
        if_yes = np.clip(lasting / max(there, 1e-9), 0, 1)
        if_no = np.clip((lasting - there) / max(1 - there, 1e-9), 0, 1)
        if_yes[: place + 1], if_no[place:] = 1, 0
        doubt = [float((areas * np.minimum(each, 1 - each)).sum()) for each in (if_yes, if_no)]
        left[place] = there * doubt[0] + (1 - there) * doubt[1]
    return np.asarray(wrong - left)
