from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.volume import Geometry


def rotation(a: float, b: float, c: float) -> NDArray[np.float64]:
    x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return x @ y @ z


angles = st.floats(-3, 3)
geometries = st.builds(
    lambda shape, spacing, origin, turns, mirror: Geometry(
        shape, spacing, origin, tuple((rotation(*turns) * [1, 1, mirror]).ravel())
    ),
    st.tuples(*[st.integers(1, 9)] * 3),
    st.tuples(*[st.floats(0.1, 6)] * 3),
    st.tuples(*[st.floats(-300, 300)] * 3),
    st.tuples(angles, angles, angles),
    st.sampled_from([1, -1]),
)


@given(geometries)
def test_world_and_index_are_inverse(geometry: Geometry) -> None:
    ijk = np.array([[0, 0, 0], [1.5, 2, 3], [-4, 7, 0.25]])
    assert np.allclose(geometry.world_to_index(geometry.index_to_world(ijk)), ijk, atol=1e-8)


@given(geometries)
def test_affines_round_trip_and_ras_mirrors_x_and_y(geometry: Geometry) -> None:
    assert Geometry.from_affine_lps(geometry.shape, geometry.affine_lps).is_close(geometry, 1e-6)
    assert Geometry.from_affine_ras(geometry.shape, geometry.affine_ras).is_close(geometry, 1e-6)
    assert np.allclose(geometry.affine_ras[:3, 3] * [-1, -1, 1], geometry.origin)


@given(geometries, st.permutations([0, 1, 2]), st.integers(0, 2))
def test_permuted_and_flipped_keep_voxels_in_place(geometry: Geometry, axes: list[int], axis: int) -> None:
    kji = np.stack(np.indices(geometry.shape), axis=-1)
    world = geometry.index_to_world(kji[..., ::-1])
    for moved, there in (
        (geometry.permuted(axes), world.transpose(*axes, 3)),
        (geometry.flipped(axis), np.flip(world, axis)),
    ):
        own = np.stack(np.indices(moved.shape), axis=-1)
        assert np.allclose(moved.index_to_world(own[..., ::-1]), there, atol=1e-8)


@settings(max_examples=30)
@given(geometries, st.floats(0.05, 2))
def test_is_close_notices_a_shift(geometry: Geometry, voxels: float) -> None:
    step = voxels * min(geometry.spacing)
    moved = Geometry(
        geometry.shape,
        geometry.spacing,
        (geometry.origin[0] + step, *geometry.origin[1:]),
        geometry.direction,
    )
    assert geometry.is_close(geometry)
    assert not geometry.is_close(moved)


def test_array_spacing_orientation_and_description() -> None:
    geometry = Geometry((4, 5, 6), (1, 2, 3), (0, 0, 0), (-1, 0, 0, 0, 0, 1, 0, 1, 0))
    assert geometry.array_spacing == (3, 2, 1)
    assert geometry.orientation == "RSP"
    assert "6 x 5 x 4 voxels of 1 x 2 x 3 mm" in geometry.describe()


@pytest.mark.parametrize(
    "arguments",
    [
        {"shape": (0, 3, 3)},
        {"shape": (3, 3)},
        {"shape": (3, 3, 3), "spacing": (1, 0, 1)},
        {"shape": (3, 3, 3), "spacing": (1, -2, 1)},
        {"shape": (3, 3, 3), "origin": (float("nan"), 0, 0)},
        {"shape": (3, 3, 3), "direction": (1, 0, 0, 1, 0, 0, 0, 0, 1)},
    ],
)
def test_senseless_numbers_are_refused(arguments: dict[str, tuple[float, ...]]) -> None:
    with pytest.raises(InputError):
        Geometry(**arguments)  # type: ignore[arg-type]
