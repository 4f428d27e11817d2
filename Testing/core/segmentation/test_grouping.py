"""Which classes go together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from MVGCore.models.tiled import pixels_generated
from MVGCore.segmentation.plan import grouping
from MVGCore.segmentation.plan.grouping import (
    COARSE,
    FEW_CLASSES,
    LARGE_CLASSES,
    MANY_CLASSES,
    class_centers,
    framed_groups,
    group_classes,
    label_values,
)
from MVGCore.segmentation.plan.plan import fit_canvas
from MVGCore.volume.canvas import Canvas

SIDES = (32, 64, 96)


def scattered(count: int, seed: int, side: int = 60) -> np.ndarray:
    """(1, side, side) labels with `count` classes of one pixel at random places."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((1, side, side), np.uint16)
    labels.ravel()[rng.choice(side**2, count, replace=False)] = rng.choice(60000, count, replace=False) + 1
    return labels


def framed(labels: np.ndarray, depth: int = 20) -> list[tuple[tuple[int, ...], Canvas]]:
    """The groups as a plan makes them."""

    def frame(ids: tuple[int, ...], tiled: bool) -> Canvas:
        return fit_canvas(np.isin(labels, ids), (1.0, 1.0), SIDES, tiled)

    return framed_groups(labels, frame, SIDES, depth)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 70), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_every_class_is_in_one_of_the_fewest_groups(count: int, size: int, seed: int) -> None:
    labels = scattered(count, seed)
    groups = group_classes(class_centers(labels), size)
    assert sorted(value for group in groups for value in group) == list(label_values(labels))
    assert max(len(group) for group in groups) <= size
    assert len(groups) == -(-count // size)


def test_no_class_makes_no_group() -> None:
    assert group_classes({}, MANY_CLASSES) == []


@pytest.mark.parametrize(("side", "size"), [(32, FEW_CLASSES), (64, MANY_CLASSES)])
def test_groups_are_smaller_where_their_canvases_are(side: int, size: int) -> None:
    labels = scattered(8, 0)
    groups = framed_groups(labels, lambda ids, _: Canvas.whole((30, 30), (1.0, 1.0), side), SIDES, 20)
    assert [ids for ids, _ in groups] == group_classes(class_centers(labels), size)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_small_classes_of_a_large_slice_are_seen_in_its_own_pixels(count: int, seed: int) -> None:
    labels = scattered(count, seed, side=500)
    groups = framed(labels)
    assert sorted(value for ids, _ in groups for value in ids) == list(label_values(labels))
    for ids, canvas in groups:
        assert len(ids) <= MANY_CLASSES and max(canvas.scale) <= COARSE


def framed_and_filled() -> np.ndarray:
    """Six classes of one pixel among 500 x 500, and frames in one another, each wider than any canvas."""
    labels = scattered(6, 1, side=500)
    for value in range(LARGE_CLASSES + 1):
        labels[0, 20 + 9 * value : 480 - 9 * value, [20 + 9 * value, 480 - 9 * value]] = 60001 + value
    return labels


def test_what_fills_a_canvas_is_kept_apart_and_seen_in_tiles() -> None:
    labels = framed_and_filled()
    groups = framed(labels)
    tiled = [(ids, canvas) for ids, canvas in groups if canvas.side > SIDES[-1]]
    assert sorted(value for ids, _ in tiled for value in ids) == [60001 + n for n in range(LARGE_CLASSES + 1)]
    assert max(len(ids) for ids, _ in tiled) <= LARGE_CLASSES
    assert all(max(canvas.scale) <= COARSE for _, canvas in groups)
    small = sorted(value for ids, canvas in groups if canvas.side <= SIDES[-1] for value in ids)
    assert small == [value for value in label_values(labels) if value < 60001]


def test_the_deeper_a_volume_the_coarser_it_may_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = framed_and_filled()
    usual = group_classes(class_centers(labels), MANY_CLASSES)
    pixels = {
        depth: sum(pixels_generated(canvas.side, SIDES[-1]) for _, canvas in framed(labels, depth))
        for depth in (20, 10_000)
    }
    monkeypatch.setattr(grouping, "MOST_PIXELS", 100 * pixels[20] // len(label_values(labels)) + 1)
    assert max(canvas.side for _, canvas in framed(labels, 100)) > SIDES[-1]
    assert max(canvas.side for _, canvas in framed(labels, 101)) == SIDES[-1]
    assert len(framed(labels, 101)) > len(usual)
    assert [ids for ids, _ in framed(labels, 10_000)] == usual and pixels[10_000] < pixels[20]
