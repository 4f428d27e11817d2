"""Slices are shown in radiological convention, whatever the order and direction of the axes."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest

from MVGCore.report.orientation import SliceOrientation, nearest_anatomical_axes
from MVGCore.volume import Geometry

# In an axis-aligned volume whose i, j, k grow to the left, the back and the head.
PLAIN = Geometry.identity((4, 5, 6), (1.0, 2.0, 3.0))
RELABELLINGS = list(product(permutations(range(3)), product((False, True), repeat=3)))


def marked_volume() -> np.ndarray:
    """(K, J, I) with value 1 at the patient's left, 2 at the back, 4 at the head, sums at the corners."""
    array = np.zeros((4, 5, 6), np.uint8)
    array[:, :, -1] += 1
    array[:, -1, :] += 2
    array[-1, :, :] += 4
    return array


@pytest.mark.parametrize(("axes", "flips"), RELABELLINGS)
def test_pictures_do_not_depend_on_the_storage_order(axes: tuple[int, ...], flips: tuple[bool, ...]) -> None:
    array, geometry = marked_volume().transpose(axes), PLAIN.permuted(axes)
    for axis in range(3):
        if flips[axis]:
            array, geometry = np.flip(array, axis), geometry.flipped(axis)
    for anatomical, plane in ((0, "axial"), (1, "coronal"), (2, "sagittal")):
        axis = axes.index(anatomical)
        index = 1 if not flips[axis] else array.shape[axis] - 2
        view, expected = SliceOrientation.of(geometry, axis), SliceOrientation.of(PLAIN, anatomical)
        assert view.plane == plane
        assert view.sides == expected.sides
        assert view.pixel_mm == pytest.approx(expected.pixel_mm)
        np.testing.assert_array_equal(view.picture(array, index), expected.picture(marked_volume(), 1))


@pytest.mark.parametrize(
    ("axis", "right_column", "bottom_row", "sides", "pixel_mm"),
    [
        (0, 1, 2, ("R", "L", "A", "P"), (2.0, 1.0)),
        (1, 1, 0, ("R", "L", "S", "I"), (3.0, 1.0)),
        (2, 2, 0, ("A", "P", "S", "I"), (3.0, 2.0)),
    ],
)
def test_radiological_convention(axis, right_column, bottom_row, sides, pixel_mm) -> None:
    view = SliceOrientation.of(PLAIN, axis)
    picture = view.picture(marked_volume(), 1)
    assert picture[1, -1] == right_column and picture[1, 0] == 0
    assert picture[-1, 1] == bottom_row
    assert view.sides == sides and view.pixel_mm == pixel_mm


def test_oblique_axes_go_to_the_nearest_direction_once_each() -> None:
    # i and j both lean to the left more than to anywhere else; only one of them can be left-right.
    i, j = np.array([0.8, 0.6, 0.0]), np.array([0.75, -0.66, 0.0])
    columns = np.stack([i, j, np.array([0.0, 0.0, 1.0])], axis=1)
    geometry = Geometry((4, 4, 4), (1, 1, 1), (0, 0, 0), tuple(columns.ravel()))
    assert sorted(nearest_anatomical_axes(geometry)) == [0, 1, 2]
