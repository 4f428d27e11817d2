"""The plan of a propagation: which classes go together, on which canvas, with which window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from MVGCore.prompts import Prompt
from MVGCore.volume.canvas import Canvas
from MVGCore.volume.contrast import labelled_window
from MVGCore.volume.normalise import Window

GROUP_SIZE = 8  # classes that one palette still tells apart well; what the bundled network was trained with
MARGIN = (
    0.3  # around the labelled pixels, as a share of their extent: structures grow between labelled slices
)


@dataclass(frozen=True)
class ClassGroup:
    """Classes that are generated together.

    Attributes:
        ids: label values.
        canvas: the region of the slices that shows them.
        window: the intensities that show them.
    """

    ids: tuple[int, ...]
    canvas: Canvas
    window: Window


@dataclass(frozen=True)
class Plan:
    """How a volume is propagated along one axis.

    Attributes:
        axis: array axis.
        spacing: millimetres between slices, and along the rows and columns of a slice.
        groups: all classes of the prompts, each in one group.
    """

    axis: int
    spacing: tuple[float, float, float]
    groups: tuple[ClassGroup, ...]


def slice_spacing(spacing: Sequence[float], axis: int) -> tuple[float, float, float]:
    """(along the axis, rows, columns) in millimetres from a spacing in array order."""
    rows, columns = (s for a, s in enumerate(spacing) if a != axis)
    return spacing[axis], rows, columns


def make_plan(prompts: Sequence[Prompt], spacing: Sequence[float], sides: tuple[int, ...]) -> Plan:
    """Plan for prompts that lie across one axis of one volume.

    Args:
        prompts: all of the same axis and shape; at least one label among them.
        spacing: of the volume in array order (k, j, i), millimetres.
        sides: canvas sides that the model offers, ascending.
    """
    axis = prompts[0].axis
    along, rows, columns = slice_spacing(spacing, axis)
    labels = np.stack([prompt.labels for prompt in prompts])
    images = np.stack([prompt.image[1] for prompt in prompts])
    groups = []
    for ids in group_classes(labels):
        mask = np.isin(labels, ids)
        canvas = _fit(mask.any(0), (rows, columns), sides)
        groups.append(ClassGroup(ids, canvas, _window(images, mask, canvas)))
    return Plan(axis, (along, rows, columns), tuple(groups))


def group_classes(labels: NDArray[np.integer], size: int = GROUP_SIZE) -> list[tuple[int, ...]]:
    """Split the classes of labelled slices (n, H, W) into groups of at most `size` that lie near each other.

    The set is halved along its longer in-plane extent until the parts are small enough, so that a group's
    canvas can zoom in on it.
    """
    ids = [int(value) for value in np.unique(labels) if value]
    centers = {value: np.argwhere(labels == value)[:, 1:].mean(0) for value in ids}

    def halve(part: list[int]) -> list[tuple[int, ...]]:
        if len(part) <= size:
            return [tuple(sorted(part))]
        places = np.array([centers[value] for value in part])
        order = np.argsort(places[:, int(np.ptp(places, axis=0).argmax())], kind="stable")
        # Whole groups on the left, so that the number of groups is the smallest possible.
        left = size * max(1, -(-len(part) // size) // 2)
        return halve([part[n] for n in order[:left]]) + halve([part[n] for n in order[left:]])

    return halve(ids)


def _fit(shown: NDArray[np.bool_], spacing: tuple[float, float], sides: tuple[int, ...]) -> Canvas:
    """The canvas around what is shown; as many pixels as the slice has there, if the model offers so many."""
    rows, columns = np.flatnonzero(shown.any(1)), np.flatnonzero(shown.any(0))
    box = (int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1)
    shape = (shown.shape[0], shown.shape[1])
    canvas = Canvas.around(box, shape, spacing, sides[0], MARGIN)
    native = max(sides[0] * scale for scale in canvas.scale)
    side = next((each for each in sides if each >= native), sides[-1])
    return canvas.resized(side)


def _window(images: NDArray[np.float32], labelled: NDArray[np.bool_], canvas: Canvas) -> Window:
    """The window of the labelled structures within the canvas."""
    corners = canvas.to_slice(np.array([[0.0, 0.0], [canvas.side - 1.0, canvas.side - 1.0]]))
    limits = np.clip(np.round(corners).astype(int), 0, np.array(canvas.shape) - 1)
    part = (slice(None), slice(limits[0, 0], limits[1, 0] + 1), slice(limits[0, 1], limits[1, 1] + 1))
    return labelled_window(images[part], labelled[part])
