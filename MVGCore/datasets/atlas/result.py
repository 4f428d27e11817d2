"""From fused probabilities to a result like that of a session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from MVGCore.prompts import PromptSet
from MVGCore.segmentation import Result, ResultCanvas, SliceResult
from MVGCore.segmentation.fuse.merge import Areas
from MVGCore.segmentation.review.expected_dice import (
    DiceLines,
    class_estimates,
    slice_estimate,
    summed,
    volume_estimate,
)
from MVGCore.volume import SegmentClass, Volume


def result_of(
    image: Volume,
    ids: Sequence[int],
    probabilities: NDArray[np.float32],
    axis: int,
    classes: Sequence[SegmentClass],
    lines: DiceLines,
    seconds: dict[str, float],
    notes: Sequence[str],
    own: Result | None = None,
) -> Result:
    """The likeliest labels, how sure they are, and the Dice that the probabilities let expect.

    Args:
        image: the volume.
        ids: the classes, ascending.
        probabilities: (len(ids) + 1, K, J, I), those of the background first.
        axis: array axis along which slices are reported.
        classes: names and colours.
        lines: what a stated Dice is worth.
        seconds: time per stage.
        notes: what the user should know.
        own: what was propagated from slices of the volume along that axis: these stay as they are there.
    """
    values = np.array([0, *ids], np.uint16)
    planes = np.moveaxis(probabilities, axis + 1, 1)
    known = () if own is None else own.prompt_slices
    canvas = ResultCanvas.of(image, axis, (), known)
    for index in range(planes.shape[1]):
        if own is not None and index in known:
            np.moveaxis(canvas.labels, axis, 0)[index] = own.labels.array.take(index, axis)
            continue
        plane = planes[:, index]
        labels = values[plane.argmax(0)]
        areas = slice_areas(plane, labels, ids)
        canvas.put(SliceResult(index, labels, plane.max(0), slice_estimate(areas, lines), areas))
    result = canvas.result(PromptSet([], tuple(classes)), known, seconds, "cpu", notes)
    total = summed(canvas.areas.values())
    return replace(
        result, expected_dice=volume_estimate(total, lines), class_dice=class_estimates(total, lines)
    )


def slice_areas(
    plane: NDArray[np.float32], labels: NDArray[np.uint16], ids: Sequence[int]
) -> dict[int, Areas]:
    """What a slice of probabilities (classes + 1, H, W) lets expect of each class."""
    areas = {}
    for n, class_id in enumerate(ids, 1):
        chosen = labels == class_id
        expected = float(plane[n].sum())
        if chosen.any() or expected >= 0.5:
            areas[class_id] = Areas(float(chosen.sum()), expected, float(plane[n][chosen].sum()))
    return areas
