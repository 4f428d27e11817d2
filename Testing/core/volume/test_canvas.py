"""Slices on the canvas and back: positions, intensities and labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from MVGCore.volume.canvas import Canvas

SHAPES = st.tuples(st.integers(2, 30), st.integers(2, 30))
SPACINGS = st.tuples(st.floats(0.2, 6.0), st.floats(0.2, 6.0))
IDS = (2, 7, 300)
FEW = settings(max_examples=25, deadline=None)


@st.composite
def canvases(draw: st.DrawFn) -> tuple[Canvas, tuple[float, float]]:
    """A canvas around a box of some slice, and the spacing it was made for."""
    shape, spacing = draw(SHAPES), draw(SPACINGS)
    first = [draw(st.integers(0, size - 1)) for size in shape]
    end = [draw(st.integers(a + 1, size)) for a, size in zip(first, shape, strict=True)]
    box = (first[0], end[0], first[1], end[1])
    return Canvas.around(box, shape, spacing, draw(st.integers(4, 48)), draw(st.floats(0, 1))), spacing


def aligned(shape: tuple[int, int], zoom: int) -> Canvas:
    """The whole slice on zoom x zoom pixels per slice pixel, aligned to their edges."""
    side = zoom * max(shape)
    center = ((max(shape) - 1) / 2, (max(shape) - 1) / 2)
    return Canvas(shape, side, center, (1 / zoom, 1 / zoom))


def round_trip(canvas: Canvas, labels: np.ndarray) -> np.ndarray:
    """Draws labels, reads one plane per class back, and takes the largest."""
    drawn = canvas.draw_labels(labels, IDS)
    planes = np.stack([drawn == position for position in range(1, len(IDS) + 1)])
    shares = canvas.read_back(planes)
    # What lies outside the canvas is background, and so is what no class covers.
    shares = np.concatenate((1 - shares.sum(0, keepdims=True), shares))
    return np.array([0, *IDS])[shares.argmax(0)]


def label_maps(shape: tuple[int, int]) -> st.SearchStrategy[np.ndarray]:
    return hnp.arrays(np.uint16, shape, elements=st.sampled_from((0, *IDS)))


@FEW
@given(canvases(), st.integers(0, 2**32 - 1))
def test_the_way_back_is_exact(made: tuple[Canvas, tuple[float, float]], seed: int) -> None:
    canvas, _ = made
    points = np.random.default_rng(seed).uniform(-50, 50, (5, 2))
    np.testing.assert_allclose(canvas.to_canvas(canvas.to_slice(points)), points, atol=1e-8)
    np.testing.assert_allclose(canvas.to_slice(canvas.to_canvas(points)), points, atol=1e-8)


@FEW
@given(canvases())
def test_pixels_are_square_in_millimetres(made: tuple[Canvas, tuple[float, float]]) -> None:
    canvas, spacing = made
    corner, down, right = canvas.to_slice(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
    assert (down - corner)[0] * spacing[0] == pytest.approx(canvas.pixel_mm(spacing))
    assert (right - corner)[1] * spacing[1] == pytest.approx(canvas.pixel_mm(spacing))


@FEW
@given(SHAPES, SPACINGS, st.integers(8, 64))
def test_the_whole_slice_fills_the_canvas_along_its_longer_side(
    shape: tuple[int, int], spacing: tuple[float, float], side: int
) -> None:
    canvas = Canvas.whole(shape, spacing, side)
    ends = canvas.to_canvas(np.array([[-0.5, -0.5], [shape[0] - 0.5, shape[1] - 0.5]]))
    assert np.max(ends[1] - ends[0]) == pytest.approx(side)
    np.testing.assert_allclose(ends.mean(0), (side - 1) / 2, atol=1e-6)


@FEW
@given(canvases())
def test_the_box_is_shown_with_its_margin(made: tuple[Canvas, tuple[float, float]]) -> None:
    canvas, spacing = made
    box = Canvas.around((1, 3, 0, 1), (4, 3), spacing, canvas.side, margin=0.5)
    extent = max(2 * spacing[0], spacing[1])
    assert box.pixel_mm(spacing) * box.side == pytest.approx(2 * extent)
    np.testing.assert_allclose(box.to_slice(np.full(2, (box.side - 1) / 2)), (1.5, 0.0), atol=1e-9)


@FEW
@given(canvases(), st.integers(4, 64))
def test_resizing_keeps_the_region(made: tuple[Canvas, tuple[float, float]], side: int) -> None:
    canvas, _ = made
    other = canvas.resized(side)
    for edge in (0.0, 1.0):
        ends = [c.to_slice(np.full(2, edge * c.side - 0.5)) for c in (canvas, other)]
        np.testing.assert_allclose(ends[0], ends[1], atol=1e-8)


@FEW
@given(canvases())
def test_within_the_slice_all_is_shown_that_was_and_as_finely(
    made: tuple[Canvas, tuple[float, float]],
) -> None:
    canvas, spacing = made
    inside = canvas.within_slice()
    corners = np.array([[-0.5, -0.5], [canvas.side - 0.5] * 2])
    edge = np.array(canvas.shape) - 0.5
    (low, high), (top, end) = canvas.to_slice(corners), inside.to_slice(corners)
    shown_low, shown_high = np.maximum(low, -0.5), np.minimum(high, edge)
    assert (top <= shown_low + 1e-6).all() and (end >= shown_high - 1e-6).all()
    assert inside.pixel_mm(spacing) <= canvas.pixel_mm(spacing) * (1 + 1e-9)
    extent = (shown_high - shown_low) * spacing
    assert inside.pixel_mm(spacing) * inside.side == pytest.approx(extent.max())
    assert inside.scale[1] * spacing[1] == pytest.approx(inside.pixel_mm(spacing))


@FEW
@given(canvases(), st.floats(-1000, 1000, width=32, allow_subnormal=False))
def test_a_constant_stays_that_constant(made: tuple[Canvas, tuple[float, float]], value: float) -> None:
    canvas, _ = made
    drawn = canvas.draw_image(np.full((2, *canvas.shape), value, np.float32))
    assert drawn.shape == (2, canvas.side, canvas.side)
    np.testing.assert_allclose(drawn, np.float32(value), rtol=1e-5)


@FEW
@given(canvases(), st.floats(-3, 3), st.floats(-3, 3))
def test_a_ramp_stays_that_ramp_inside(
    made: tuple[Canvas, tuple[float, float]], down: float, right: float
) -> None:
    canvas, _ = made
    rows, columns = np.indices(canvas.shape)
    drawn = canvas.draw_image(down * rows + right * columns)
    points = canvas.to_slice(np.moveaxis(np.indices((canvas.side, canvas.side)), 0, -1))
    reach = np.maximum(1.0, canvas.scale)  # the kernel must not leave the slice
    inside = ((points >= reach - 1) & (points <= np.array(canvas.shape) - reach)).all(-1)
    # A kernel wider than a pixel is sampled at pixel centres and may be lopsided by a fraction of a pixel.
    tolerance = 1e-3 + 0.5 * sum(abs(s) for s, k in zip((down, right), canvas.scale, strict=True) if k > 1)
    np.testing.assert_allclose(drawn[inside], (points @ [down, right])[inside], atol=tolerance)


@FEW
@given(canvases(), st.integers(0, 2**32 - 1))
def test_a_turned_slice_gives_a_turned_canvas(made: tuple[Canvas, tuple[float, float]], seed: int) -> None:
    canvas, _ = made
    image = np.random.default_rng(seed).normal(size=canvas.shape).astype(np.float32)
    turned = Canvas(canvas.shape[::-1], canvas.side, canvas.center[::-1], canvas.scale[::-1])
    np.testing.assert_allclose(turned.draw_image(image.T), canvas.draw_image(image).T, atol=1e-4)
    flipped = (canvas.shape[0] - 1 - canvas.center[0], canvas.center[1])
    upside_down = Canvas(canvas.shape, canvas.side, flipped, canvas.scale)
    np.testing.assert_allclose(upside_down.draw_image(image[::-1]), canvas.draw_image(image)[::-1], atol=1e-4)


@FEW
@given(st.data(), canvases())
def test_labels_are_those_that_were_asked_for(
    data: st.DataObject, made: tuple[Canvas, tuple[float, float]]
) -> None:
    canvas, _ = made
    labels = data.draw(label_maps(canvas.shape))
    drawn = canvas.draw_labels(labels, (7, 300))  # 2 is not asked for: it is background here
    present = {position for position, value in ((1, 7), (2, 300)) if (labels == value).any()}
    assert set(np.unique(drawn).tolist()) <= {0} | present
    every = canvas.draw_labels(np.full_like(labels, 7), IDS)
    assert set(np.unique(every).tolist()) <= {0, 2}


@FEW
@given(canvases())
def test_beyond_the_slice_is_background(made: tuple[Canvas, tuple[float, float]]) -> None:
    canvas, _ = made
    drawn = canvas.draw_labels(np.full(canvas.shape, 7, np.uint16), IDS)
    points = canvas.to_slice(np.moveaxis(np.indices((canvas.side, canvas.side)), 0, -1))
    distance = np.maximum(-0.5 - points, points - (np.array(canvas.shape) - 0.5)).max(-1)
    assert not drawn[distance > 1e-6].any()
    assert (drawn[distance < -1e-6] == 2).all()


@FEW
@given(canvases())
def test_beyond_the_canvas_nothing_is_read_back(made: tuple[Canvas, tuple[float, float]]) -> None:
    canvas, _ = made
    read = canvas.read_back(np.ones((3, canvas.side, canvas.side)))
    assert read.shape == (3, *canvas.shape)
    points = canvas.to_canvas(np.moveaxis(np.indices(canvas.shape), 0, -1))
    distance = np.maximum(-0.5 - points, points - (canvas.side - 0.5)).max(-1)
    assert not read[:, distance > 1e-6].any()
    np.testing.assert_allclose(read[:, distance < -1e-6], 1, rtol=1e-5)


@FEW
@given(st.data(), SHAPES)
def test_labels_survive_one_pixel_per_pixel_and_two(data: st.DataObject, shape: tuple[int, int]) -> None:
    labels = data.draw(label_maps(shape))
    for zoom in (1, 2):
        np.testing.assert_array_equal(round_trip(aligned(shape, zoom), labels), labels)


@FEW
@given(st.data(), st.integers(3, 6))
def test_labels_two_pixels_thick_survive_any_whole_zoom(data: st.DataObject, zoom: int) -> None:
    shape = (data.draw(st.integers(1, 8)), data.draw(st.integers(1, 8)))
    labels = np.kron(data.draw(label_maps(shape)), np.ones((2, 2), np.uint16))
    np.testing.assert_array_equal(round_trip(aligned(labels.shape, zoom), labels), labels)


@FEW
@given(st.data(), st.floats(2.0, 6.0), st.floats(-0.5, 0.5), st.floats(-0.5, 0.5))
def test_labels_of_straight_edges_survive_any_zoom_and_alignment(
    data: st.DataObject, zoom: float, down: float, right: float
) -> None:
    lines = data.draw(hnp.arrays(np.uint16, 9, elements=st.sampled_from((0, *IDS))))
    canvas = Canvas((9, 9), int(11 * zoom) + 1, (4 + down, 4 + right), (1 / zoom, 1 / zoom))
    centers = canvas.to_slice(np.repeat(np.arange(canvas.side)[:, None], 2, 1))
    assume((abs(centers % 1 - 0.5) > 1e-4).all())  # half-way between two pixels it is a tie
    for labels in (np.repeat(lines[:, None], 9, 1), np.repeat(lines[None], 9, 0)):
        canvas = Canvas((9, 9), int(11 * zoom) + 1, (4 + down, 4 + right), (1 / zoom, 1 / zoom))
        again = round_trip(canvas, labels)
        np.testing.assert_array_equal(again[1:-1, 1:-1], labels[1:-1, 1:-1])
