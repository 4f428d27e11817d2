"""Brush, polygon and filling against slow but obvious definitions."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from MVGDesktop.editing.shapes import Region, VoxelGrid, brush, fill, polygon, slice_region

SHAPE = (7, 9, 8)
number = st.floats(-8, 30, allow_nan=False)
point = st.tuples(number, number, number).map(np.array)
spacing = st.floats(0.4, 3.0)


@st.composite
def grids(draw) -> VoxelGrid:
    """Turned about z and stretched."""
    angle = draw(st.floats(0, 6.2))
    turn = np.array(
        [[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0], [0, 0, 1]]
    )
    matrix = np.eye(4)
    matrix[:3, :3] = turn @ np.diag([draw(spacing), draw(spacing), draw(spacing)])
    matrix[:3, 3] = draw(point)
    return VoxelGrid(SHAPE, matrix)


def whole(region: Region) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[region.box] = region.mask
    return mask


def centres(grid: VoxelGrid) -> np.ndarray:
    return grid.world_of(tuple(slice(0, size) for size in SHAPE))


def distance(points: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    way = end - start
    length = float(way @ way)
    along = np.clip((points - start) @ way / length, 0, 1) if length > 1e-12 else np.zeros(points.shape[:-1])
    return np.linalg.norm(points - start - along[..., None] * way, axis=-1)


def voxel_under(grid: VoxelGrid, place: np.ndarray) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    index = tuple(np.floor(grid.index(place) + 0.5).astype(int)[::-1])
    if all(0 <= value < size for value, size in zip(index, SHAPE, strict=True)):
        mask[index] = True
    return mask


@settings(deadline=None)
@given(grids(), point, point, st.floats(0.3, 6))
def test_a_ball_covers_what_is_near_its_way(grid: VoxelGrid, start, end, radius: float) -> None:
    found = whole(brush(grid, start, end, radius, None))
    far = distance(centres(grid), start, end)
    expected = (far <= radius) | voxel_under(grid, end)
    unsure = np.abs(far - radius) < 1e-6  # rounding may decide either way
    assert np.array_equal(found[~unsure], expected[~unsure])


@settings(deadline=None)
@given(grids(), st.integers(0, 2), st.integers(0, 6), point, point, st.floats(0.3, 6))
def test_a_flat_brush_stays_on_the_slice_it_is_on(grid: VoxelGrid, axis, index, start, end, radius) -> None:
    normal = grid.to_world[:3, 2 - axis] / np.linalg.norm(grid.to_world[:3, 2 - axis])
    on = grid.index([start, end])
    on[:, 2 - axis] = index  # the view lies on the middle of a slice
    start, end = grid.position(on)
    found = whole(brush(grid, start, end, radius, normal))
    layer = np.zeros(SHAPE, bool)
    layer[(slice(None),) * axis + (slice(index, index + 1),)] = True
    assert not found[~layer].any()
    far = distance(centres(grid), start, end)
    expected = ((far <= radius) & layer) | (voxel_under(grid, end) & layer)
    unsure = np.abs(far - radius) < 1e-6
    assert np.array_equal(found[~unsure], expected[~unsure])


@settings(deadline=None)
@given(grids(), point, st.floats(0, 6.2), st.floats(0.3, 4))
def test_parallel_slices_share_no_voxel(grid: VoxelGrid, place, angle, radius) -> None:
    """Also where the view is turned against the grid, or lies exactly between two slices."""
    normal = grid.to_world[:3, 2] / np.linalg.norm(grid.to_world[:3, 2])
    step = grid.thickness(normal) * normal
    one, two = (whole(brush(grid, each, each, radius, normal)) for each in (place, place + step))
    assert not (one & two).any()


def inside(corners: list[tuple[float, float]], row: float, column: float) -> bool:
    """The angle under which a point sees the outline is a full turn where it is inside (convex outlines)."""
    total = 0.0
    for (r1, c1), (r2, c2) in zip(corners, corners[1:] + corners[:1], strict=True):
        a, b = math.atan2(r1 - row, c1 - column), math.atan2(r2 - row, c2 - column)
        total += math.remainder(b - a, 2 * math.pi)
    return abs(total) > math.pi


@settings(deadline=None)
@given(
    st.tuples(st.floats(1, 7), st.floats(1, 6)),
    st.lists(st.floats(0.01, 6.27), min_size=3, max_size=8, unique=True),
    st.floats(1.1, 5),
    st.integers(0, 6),
)
def test_a_polygon_fills_its_inside(middle, angles, radius, index) -> None:
    corners = [
        (middle[0] + radius * math.sin(each), middle[1] + radius * math.cos(each)) for each in sorted(angles)
    ]
    grid = VoxelGrid(SHAPE, np.diag([2.0, 1.5, 3.0, 1.0]))
    world = grid.position([(column, row, index) for row, column in corners])
    found = whole(polygon(grid, world, np.array([0.0, 0.0, 1.0])))
    assert not np.delete(found, index, axis=0).any()
    for row in range(SHAPE[1]):
        for column in range(SHAPE[2]):
            if min(edge_distance(corners, row, column)) > 1e-6:
                assert found[index, row, column] == inside(corners, row, column)


def edge_distance(corners: list[tuple[float, float]], row: float, column: float) -> list[float]:
    place = np.array([[float(row), float(column)]])
    ends = zip(corners, corners[1:] + corners[:1], strict=True)
    return [float(distance(place, np.array(a), np.array(b))[0]) for a, b in ends]


@given(st.integers(0, 2**16))
def test_fill_is_the_smallest_set_closed_under_neighbours(seed: int) -> None:
    values = np.random.default_rng(seed).integers(0, 2, (6, 7))
    found = fill(values, (3, 3))
    assert found[3, 3] and (values[found] == values[3, 3]).all()
    for axis in (0, 1):
        a, b = np.moveaxis(found, axis, 0)[:-1], np.moveaxis(found, axis, 0)[1:]
        same = np.diff(values, axis=axis) == 0
        assert np.array_equal(a[np.moveaxis(same, axis, 0)], b[np.moveaxis(same, axis, 0)])
    reached = {(3, 3)}
    while True:
        more = {
            (r + dr, c + dc)
            for r, c in reached
            for dr, dc in ((0, 1), (1, 0), (0, -1), (-1, 0))
            if 0 <= r + dr < 6 and 0 <= c + dc < 7 and found[r + dr, c + dc]
        }
        if more <= reached:
            break
        reached |= more
    assert len(reached) == found.sum()


def test_the_axis_that_a_view_looks_along() -> None:
    grid = VoxelGrid(SHAPE, np.diag([-1.0, -1.0, 2.0, 1.0]))
    assert slice_region(grid, np.array([0.0, 0.0, 5.0]), np.array([0.0, 0.0, -1.0])) == (0, 3)
    assert slice_region(grid, np.array([-4.0, 0.0, 5.0]), np.array([1.0, 0.1, 0.0])) == (2, 4)
