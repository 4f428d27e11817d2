"""Results of a session as messages: all but the volumes, which went over slice by slice."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from MVGCore.images import ImageResult, ImageSlice
from MVGCore.session import Result, SliceResult
from MVGCore.session.results import ImageMade, Propagated, SliceDone


def labelled_slice(job: int, axis: int, done: SliceResult) -> SliceDone:
    """The event of a labelled slice."""
    return SliceDone(job, axis, done.index, done.labels, done.confidence, done.dice)


def propagated(result: Result) -> Propagated:
    """A result without its volumes."""
    return Propagated(
        axis=result.axis,
        prompt_slices=tuple(result.prompt_slices),
        slice_confidence=result.slice_confidence,
        class_confidence=result.class_confidence,
        expected_dice=result.expected_dice,
        slice_dice=result.slice_dice,
        class_dice=result.class_dice,
        next_slice=result.next_slice,
        seconds=result.seconds,
        device=result.device,
        notes=tuple(result.notes),
    )


def image_slice(job: int, done: ImageSlice) -> SliceDone:
    """The event of a slice of intensities."""
    return SliceDone(job, done.axis, done.index, done.values, None, None)


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
