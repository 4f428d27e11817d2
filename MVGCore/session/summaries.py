"""What was computed as results: all but the volumes, which are told slice by slice."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from MVGCore.images import ImageResult, ImageSlice
from MVGCore.outcomes import AdaptReport
from MVGCore.segmentation import Result, SliceResult
from MVGCore.session.results import NO_JOB, ImageMade, Propagated, SliceDone


def labelled_slice(axis: int, done: SliceResult, layer: int = 0) -> SliceDone:
    """A labelled slice."""
    return SliceDone(NO_JOB, axis, done.index, done.labels, done.confidence, done.dice, done.given, layer)


def propagated(result: Result, adaptation: AdaptReport | None, adapted_to: str) -> Propagated:
    """A result without its volumes, and the adaptation that it was made with."""
    return Propagated(
        axis=result.axis,
        prompt_slices=tuple(result.prompt_slices),
        slice_confidence=result.slice_confidence,
        class_confidence=result.class_confidence,
        expected_dice=result.expected_dice,
        slice_dice=result.slice_dice,
        class_dice=result.class_dice,
        next_slice=result.next_slice,
        questions=result.questions,
        next_question=result.next_question,
        kept=result.kept,
        seconds=result.seconds,
        device=result.device,
        notes=tuple(result.notes),
        adaptation=adaptation,
        adapted_to=adapted_to,
    )


def image_slice(done: ImageSlice, given: bool = False) -> SliceDone:
    """A slice of intensities."""
    return SliceDone(NO_JOB, done.axis, done.index, done.values, None, None, given)


def kept_slices(result: ImageResult) -> Iterator[ImageSlice]:
    """The slices that were examples, as they are in the result."""
    planes = np.moveaxis(result.image.array, result.axis, 0)
    for index in result.kept:
        yield ImageSlice(index, planes[index].copy(), result.axis)


def image_made(result: ImageResult) -> ImageMade:
    """A result without its image."""
    return ImageMade(
        axis=result.axis,
        generated=tuple(result.generated),
        kept=tuple(result.kept),
        weight=result.weight,
        dtype=result.image.array.dtype.str,
        fill=result.fill,
        seconds=result.seconds,
        device=result.device,
        notes=tuple(result.notes),
    )
