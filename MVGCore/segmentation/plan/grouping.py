"""Which classes are generated together: the fewer and the closer they are, the more their canvas zooms in.

Mean Dice on held-out training cases with 3 and 5 slices, one colouring, in groups of 8 and of 2: organs of
head and neck (5 cases) .649 and .658, rendered scenes of up to 8 classes (10) .803 and .813. But each group
takes its time: where there are many classes, groups are larger.

Where the pixels of a canvas would be coarser than those of the slices, what is small is lost. Classes that
fill a canvas by themselves are kept apart there, on one in tiles, and the others are split until they are
seen as finely as they were drawn. Four rendered heads, 20 slices of 360 x 360 pixels, 25 to 43 classes, 5
slices labelled:

    groups of 8, margins around the labels beyond the slice as well       .742    305 s
    split until pixels are at most 1.5 times as large                     .775    576 s
    at most 1.25 times                                                    .775    640 s
    margins within the slice (see `plan.fit_canvas`), at most 1.5 times   .784
    at most 1.25 times                                                    .787

Without the second look: .782, and with large classes in tiles (see `MVGCore.models.tiled`) .798.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from MVGCore.models.tiled import pixels_generated
from MVGCore.volume.canvas import Canvas

# Classes of a group at most; 8 are those that one palette still tells apart well.
FEW_CLASSES, MANY_CLASSES = 2, 8
# Small canvases that groups of `FEW_CLASSES` may take together; time and memory go by their pixels.
AFFORDABLE_CANVASES = 4
COARSE = 1.25  # pixels of the slice along one of the canvas from which on classes are split
LARGE_CLASSES = 4  # classes of a group at most that fill a coarse canvas, each by itself
# Pixels of all canvases through the volume, for each class, up to which canvases are tiled, or at least
# classes split. Who has labelled many classes waits longer; four of 512 x 512 x 200 voxels stay together.
MOST_PIXELS = 5_000_000
AT_LEAST = 4  # classes that are waited for, even if there are fewer: one of 512 x 512 x 60 voxels is tiled

Ids = tuple[int, ...]
Places = Mapping[int, NDArray[np.float64]]  # class -> its centre in the slice
Frame = Callable[[Ids, bool], Canvas]  # of some classes, in tiles or not
Framed = list[tuple[Ids, Canvas]]


def framed_groups(labels: NDArray[np.integer], frame: Frame, sides: Sequence[int], depth: int) -> Framed:
    """The classes of labelled slices (n, H, W) in groups with their canvases.

    Args:
        labels: the slices.
        frame: gives the canvas of some classes: on the best of these sides, or in tiles.
        sides: canvas sides that the model offers, ascending.
        depth: slices of the volume.
    """
    centers = class_centers(labels)
    framed = _by_number(centers, frame, sides)
    if not any(_is_coarse(canvas) for _, canvas in framed):
        return framed
    finer = _by_detail(centers, frame)
    tiled = [(ids, frame(ids, True) if _is_coarse(canvas) else canvas) for ids, canvas in finer]
    for choice in (tiled, finer):
        if depth * _pixels(choice, sides[-1]) <= MOST_PIXELS * max(AT_LEAST, len(centers)):
            return choice
    return framed


def label_values(labels: NDArray[np.integer]) -> Ids:
    """All label values but the background, ascending."""
    return tuple(int(value) for value in np.unique(labels) if value)


def class_centers(labels: NDArray[np.integer]) -> Places:
    """Mean row and column of each class of labelled slices (n, H, W), in the order of the classes."""
    return {value: np.argwhere(labels == value)[:, 1:].mean(0) for value in label_values(labels)}


def group_classes(centers: Places, size: int) -> list[Ids]:
    """Split classes into groups of at most `size` that lie near each other.

    The set is halved along its longer in-plane extent until the parts are small enough, so that a group's
    canvas can zoom in on it.
    """

    def halve(part: Sequence[int]) -> list[Ids]:
        if len(part) <= size:
            return [tuple(sorted(part))]
        places = np.array([centers[value] for value in part])
        order = np.argsort(places[:, int(np.ptp(places, axis=0).argmax())], kind="stable")
        # Whole groups on the left, so that the number of groups is the smallest possible.
        left = size * max(1, -(-len(part) // size) // 2)
        return halve([part[n] for n in order[:left]]) + halve([part[n] for n in order[left:]])

    return halve(list(centers)) if centers else []


def _by_number(centers: Places, frame: Frame, sides: Sequence[int]) -> Framed:
    """Groups of few classes, as far as their canvases take little time; else of many."""
    few = group_classes(centers, FEW_CLASSES)
    if len(few) <= AFFORDABLE_CANVASES:  # no canvas is smaller than the smallest one
        framed = [(ids, frame(ids, False)) for ids in few]
        if _pixels(framed, sides[-1]) <= AFFORDABLE_CANVASES * sides[0] ** 2:
            return framed
    return [(ids, frame(ids, False)) for ids in group_classes(centers, MANY_CLASSES)]


def _by_detail(centers: Places, frame: Frame) -> Framed:
    """Groups that are seen as finely as they were drawn, and those of classes that cannot be."""
    large = {value: center for value, center in centers.items() if _is_coarse(frame((value,), False))}
    small = {value: center for value, center in centers.items() if value not in large}

    def split(ids: Ids) -> Framed:
        canvas = frame(ids, False)
        if not _is_coarse(canvas):
            return [(ids, canvas)]
        halves = group_classes({value: centers[value] for value in ids}, -(-len(ids) // 2))
        return [part for half in halves for part in split(half)]

    fine = [part for ids in group_classes(small, MANY_CLASSES) for part in split(ids)]
    return fine + [(ids, frame(ids, False)) for ids in group_classes(large, LARGE_CLASSES)]


def _is_coarse(canvas: Canvas) -> bool:
    return max(canvas.scale) > COARSE


def _pixels(framed: Framed, largest: int) -> int:
    """That a model whose largest canvas has the side `largest` generates for one slice."""
    return sum(pixels_generated(canvas.side, largest) for _, canvas in framed)
