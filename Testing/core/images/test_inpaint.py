"""Holes are filled, and nothing else is touched."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from MVGCore.errors import CancelledError, GeometryMismatchError, InputError
from MVGCore.images import Engine, run_inpaint
from MVGCore.volume import Geometry, LabelMap, Volume
from Testing.core.images.helpers import Listener


def mask_of(image: Volume, *parts: tuple[slice, ...]) -> LabelMap:
    array = np.zeros(image.array.shape, np.uint8)
    for part in parts:
        array[part] = 3
    return LabelMap.of(array, image.geometry)


@pytest.fixture
def box(ct: Volume) -> LabelMap:
    return mask_of(ct, np.s_[6:9, 14:22, 15:25])


def test_voxels_outside_the_mask_come_back_bit_for_bit(engine: Engine, ct: Volume, box: LabelMap) -> None:
    heard = Listener()
    result = run_inpaint(engine, ct, box, **heard.options())
    hole = box.array > 0
    assert result.image.array.dtype == np.int16 and result.image.geometry == ct.geometry
    assert np.array_equal(result.image.array[~hole], ct.array[~hole])
    assert result.generated == (6, 7, 8)
    assert heard.fractions[-1] == 1.0
    for done in heard.slices:
        assert np.array_equal(done.values, result.image.array[done.index])


def test_holes_are_filled_with_something_like_the_truth(engine: Engine, ct: Volume, box: LabelMap) -> None:
    spoiled = replace(ct, array=ct.array.copy())
    hole = box.array > 0
    spoiled.array[hole] = 9999
    result = run_inpaint(engine, spoiled, box)
    error = np.abs(result.image.array[hole].astype(float) - ct.array[hole])
    flat = np.abs(ct.array[hole] - ct.array[~hole].mean())
    assert error.mean() < 0.5 * flat.mean()


def test_what_lies_in_the_holes_is_not_looked_at(engine: Engine, ct: Volume, box: LabelMap) -> None:
    first = replace(ct, array=ct.array.astype(np.float32))
    second = replace(ct, array=first.array.copy())
    second.array[box.array > 0] = np.nan
    results = [run_inpaint(engine, image, box).image.array for image in (first, second)]
    assert np.array_equal(*results) and results[0].dtype == np.float32


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), axis=st.sampled_from([None, 0, 1, 2]))
def test_any_holes_in_any_direction(engine: Engine, ct: Volume, seed: int, axis: int | None) -> None:
    rng = np.random.default_rng(seed)
    holes = np.zeros(ct.array.shape, bool)
    for _ in range(int(rng.integers(1, 4))):
        corner = [int(rng.integers(0, size)) for size in holes.shape]
        extent = [int(rng.integers(1, max(2, size // 2))) for size in holes.shape]
        holes[tuple(slice(a, a + n) for a, n in zip(corner, extent, strict=True))] = True
    result = run_inpaint(engine, ct, LabelMap.of(holes.astype(np.uint8), ct.geometry), axis=axis)
    assert np.array_equal(result.image.array[~holes], ct.array[~holes])
    assert result.image.array.min() >= -1500 and result.image.array.max() <= 800


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_missing_slices_set_the_axis(engine: Engine, ct: Volume, axis: int) -> None:
    part = [slice(None)] * 3
    part[axis] = slice(5, 8)
    result = run_inpaint(engine, ct, mask_of(ct, tuple(part)))
    assert result.axis == axis and result.generated == (5, 6, 7)
    before, after = (np.moveaxis(ct.array, axis, 0)[n].astype(float) for n in (4, 8))
    middle = np.moveaxis(result.image.array, axis, 0)[6]
    assert np.abs(middle - (before + after) / 2).mean() < 60


def test_a_hole_through_all_slices_is_tried_beside_itself(repeater: Engine, ct: Volume) -> None:
    mask = mask_of(ct, np.s_[:, 15:20, 10:18])
    repeater.model.change = 0.3
    result = run_inpaint(repeater, ct, mask, axis=0)
    assert result.weight == 0 and result.generated == tuple(range(14))
    prompts = repeater.model.prompts[0]
    assert prompts.images.shape[1] >= 1


def test_examples_show_the_hole_moved_over_intact_slices(repeater: Engine, ct: Volume, box: LabelMap) -> None:
    run_inpaint(repeater, ct, box)
    prompts = repeater.model.prompts[0]
    # 40 x 36 pixels in the middle of 64 x 64
    images, labels = (each[0, :, 1, 12:52, 14:50] for each in (prompts.images, prompts.labels))
    hole = torch.zeros_like(images, dtype=torch.bool)
    hole[:, 14:22, 15:25] = True
    assert (images[hole] == 0).all() and (labels[hole] > 0.1).any()
    assert torch.equal(images[~hole], labels[~hole])
    target = repeater.model.targets[0]
    hole = target.known[0, 0] == 0
    assert (target.images[0, 1][hole] == 0).all() and (target.draft[0, 0][hole] == 0.5).all()
    assert (target.draft[0, 0][~hole] == 0).all()


def test_slice_range(engine: Engine, ct: Volume, box: LabelMap) -> None:
    result = run_inpaint(engine, ct, box, slice_range=(7, 10))
    assert result.generated == (7, 8)
    assert np.array_equal(result.image.array[6], ct.array[6])
    assert run_inpaint(engine, ct, box, slice_range=(0, 3)).generated == ()


def test_errors(engine: Engine, ct: Volume, box: LabelMap) -> None:
    with pytest.raises(InputError, match="empty"):
        run_inpaint(engine, ct, mask_of(ct))
    with pytest.raises(InputError, match="covers the whole"):
        run_inpaint(engine, ct, mask_of(ct, np.s_[:]))
    with pytest.raises(InputError, match="no axis 3"):
        run_inpaint(engine, ct, box, axis=3)
    with pytest.raises(InputError, match="slice range 9 to 2"):
        run_inpaint(engine, ct, box, slice_range=(9, 2))
    elsewhere = LabelMap(box.array, Geometry.identity(box.array.shape))
    with pytest.raises(GeometryMismatchError, match="image as reference"):
        run_inpaint(engine, ct, elsewhere)


@pytest.mark.parametrize("after", [0, 2, 4])
def test_cancel(engine: Engine, ct: Volume, box: LabelMap, after: int) -> None:
    heard = Listener(cancel_after=after)
    with pytest.raises(CancelledError):
        run_inpaint(engine, ct, box, **heard.options())
    assert heard.asked == after + 1
