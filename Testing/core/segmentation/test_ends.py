"""Structures end beyond the outermost labelled slices, each side by itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from MVGCore.segmentation.fuse.ends import EndTracker
from MVGCore.segmentation.fuse.merge import Areas, MergedSlice


def a_slice(*widths: int) -> np.ndarray:
    """(8, 40) with class n + 1 on row n, as many pixels wide as said."""
    labels = np.zeros((8, 40), np.uint16)
    for row, width in enumerate(widths):
        labels[row, :width] = row + 1
    return labels


def merged(*widths: int) -> MergedSlice:
    labels = a_slice(*widths)
    areas = {n + 1: Areas(width, width, width) for n, width in enumerate(widths)}
    return MergedSlice(labels, np.full(labels.shape, 0.9, np.float32), areas)


def tracker(tube, prompts_of, *slices: tuple[int, ...]) -> EndTracker:
    prompts = prompts_of(tube, list(range(2, 2 + len(slices))))
    for prompt, widths in zip(prompts, slices, strict=True):
        prompt.labels = a_slice(*widths)
    return EndTracker(prompts)


def shown(done: MergedSlice) -> set[int]:
    return set(np.unique(done.labels).tolist()) - {0}


def test_a_class_below_a_share_of_its_labelled_area_is_gone_for_good(tube, prompts_of) -> None:
    ends = tracker(tube, prompts_of, (30, 30), (30, 10))
    assert shown(ends.ended(1, 9, merged(7, 3))) == {1, 2}  # 6 and 2 pixels are the limits
    assert shown(ends.ended(1, 9, merged(5, 3))) == {2}
    assert shown(ends.ended(1, 9, merged(30, 10))) == {2}


def test_a_class_ends_by_its_likeliest_pixels_however_it_was_favoured(tube, prompts_of) -> None:
    ends = tracker(tube, prompts_of, (30, 30), (30, 10))
    favoured = [replace(merged(20, 10), likeliest=merged(first, 3).labels) for first in (7, 5)]
    assert shown(ends.ended(1, 9, favoured[0])) == {1, 2}
    assert shown(ends.ended(1, 9, favoured[1])) == {2}


def test_the_two_sides_end_by_themselves(tube, prompts_of) -> None:
    ends = tracker(tube, prompts_of, (30,), (20,))
    assert shown(ends.ended(1, 9, merged(1))) == set()
    assert shown(ends.ended(-1, 1, merged(29))) == {1}


def test_what_is_not_on_the_outermost_slice_has_ended_there(tube, prompts_of) -> None:
    ends = tracker(tube, prompts_of, (30, 30), (30, 0))
    assert shown(ends.ended(1, 9, merged(30, 30))) == {1}
    assert shown(ends.ended(-1, 1, merged(30, 30))) == {1, 2}


def test_a_class_that_no_labelled_slice_shows_is_left_alone(tube, prompts_of) -> None:
    ends = tracker(tube, prompts_of, (30,), (30,))
    assert shown(ends.ended(1, 9, merged(30, 1))) == {1, 2}


def test_where_a_class_was_removed_background_is_unsure(tube, prompts_of) -> None:
    ends, given = tracker(tube, prompts_of, (30, 30), (30, 30)), merged(30, 2)
    done = ends.ended(1, 9, given)
    assert (done.confidence[1, :2] == 0.5).all() and (done.confidence[0] == np.float32(0.9)).all()
    assert set(done.areas) == {1} and done.labels.dtype == np.uint16
    assert shown(given) == {1, 2}


def test_a_class_does_not_end_before_what_a_crossing_slice_shows(tube, prompts_of) -> None:
    (prompt,) = prompts_of(tube, [5])
    prompt.labels = a_slice(30, 30)
    ends = EndTracker([prompt], {1: (4, 8)})
    assert shown(ends.ended(1, 7, merged(1, 1))) == {1}
    assert shown(ends.ended(1, 8, merged(30, 30))) == {1}
    assert shown(ends.ended(1, 9, merged(1, 30))) == set()
    first, last = prompts_of(tube, [4, 5])
    first.labels, last.labels = a_slice(30), a_slice(0)
    ends = EndTracker([first, last], {1: (4, 8)})
    assert shown(ends.ended(1, 7, merged(30))) == {1}
    assert shown(ends.ended(1, 9, merged(30))) == set()
