"""Structures found in images without labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from MVGCore.training.selflabelling import LEAST_VOXELS, MOST_OF_TISSUE, MOST_STRUCTURES, image_structures

SPACING = (2.0, 1.0, 1.0)


def a_body(rng: np.random.Generator, shape: tuple[int, int, int] = (16, 48, 48)) -> np.ndarray:
    """Air around a body with four bright bones, a cavity and some texture."""
    image = np.zeros(shape, np.float32)
    image[:, 6:-6, 6:-6] = 0.4
    for row in (10, 30):
        for column in (10, 30):
            image[2:14, row : row + 6, column : column + 6] = 0.9
    image[:, 20:26, 20:26] = 0.15
    texture = ndimage.gaussian_filter(rng.normal(size=shape), 1.5).astype(np.float32)
    return np.clip(image + 0.2 * texture * (image > 0), 0, 1)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_structures_are_parts_of_the_tissue_of_fitting_size(seed: int) -> None:
    rng = np.random.default_rng(seed)
    image = a_body(rng)
    found = image_structures(image, SPACING, rng)
    assert found.shape == image.shape
    assert not found[image <= image.min() + 0.02].any()
    numbers, counts = np.unique(found[found > 0], return_counts=True)
    assert len(numbers) <= MOST_STRUCTURES and numbers.max(initial=0) <= MOST_STRUCTURES
    assert counts.min(initial=LEAST_VOXELS) >= LEAST_VOXELS


def test_bones_are_among_what_is_found() -> None:
    """In some of the draws; no more is asked of one."""
    image = a_body(np.random.default_rng(0))
    bone = np.zeros(image.shape, bool)
    bone[2:14, 10:16, 10:16] = True

    def best(seed: int) -> float:
        found = image_structures(image, SPACING, np.random.default_rng(seed))
        counts = np.bincount(found[bone], minlength=2)[1:]
        number = int(counts.argmax()) + 1
        return float(counts.max() * 2 / (np.count_nonzero(found == number) + bone.sum()))

    assert max(best(seed) for seed in range(12)) > 0.8


def test_the_seed_decides() -> None:
    image = a_body(np.random.default_rng(0))
    one, same, other = (image_structures(image, SPACING, np.random.default_rng(n)) for n in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_single_structures_leave_room_for_background() -> None:
    image = a_body(np.random.default_rng(0))
    tissue = np.count_nonzero(image > image.min() + 0.02)
    for seed in range(10):
        found = image_structures(image, SPACING, np.random.default_rng(seed))
        parts = ndimage.label(found == found.max())[0] if found.any() else found
        assert np.bincount(parts.ravel())[1:].max(initial=0) <= MOST_OF_TISSUE * tissue


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_an_image_of_nothing_has_none(level: float) -> None:
    assert not image_structures(
        np.full((8, 16, 16), level, np.float32), SPACING, np.random.default_rng(0)
    ).any()
