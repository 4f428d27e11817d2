"""Pairs of slices from two volumes."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from MVGCore.errors import GeometryMismatchError, InputError
from MVGCore.images import ImageExamples
from MVGCore.images.shown import show
from MVGCore.volume import Geometry, Volume


def few(volume: Volume, axis: int, slices: list[int], empty: int = 0) -> Volume:
    """The volume with only these slices filled."""
    array = np.full_like(volume.array, empty)
    part = (slice(None),) * axis + (slices,)
    array[part] = volume.array[part]
    return replace(volume, array=array)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("empty", [0, 7])
def test_filled_slices_and_their_axis_are_found(ct: Volume, other: Volume, axis: int, empty: int) -> None:
    examples = ImageExamples.from_volumes(ct, few(other, axis, [8, 12], empty))
    assert (examples.axis, examples.indices) == (axis, (8, 12))
    first = examples.slices[0]
    assert np.array_equal(first.target, other.array.take(8, axis)) and first.target.dtype == np.uint16
    assert np.array_equal(first.image, np.stack([ct.array.take(n, axis) for n in (7, 8, 9)]))
    assert first.image.dtype == np.float32
    assert examples.belong_to(ct)


def test_a_complete_volume_is_cut_along_its_largest_spacing(ct: Volume, other: Volume) -> None:
    geometry = replace(ct.geometry, spacing=(1.0, 3.0, 2.0))
    whole = replace(
        other, geometry=geometry, array=other.array + np.arange(14, dtype=np.uint16)[:, None, None]
    )
    examples = ImageExamples.from_volumes(replace(ct, geometry=geometry), whole, slices=[30, 3])
    assert (examples.axis, examples.indices) == (1, (3, 30))


def test_another_image_is_told_from_this_one(ct: Volume, other: Volume) -> None:
    examples = ImageExamples.from_volumes(ct, other, axis=0, slices=[7])
    changed = replace(ct, array=ct.array.copy())
    changed.array[7, 0, 0] += 1
    moved = replace(ct, geometry=replace(ct.geometry, origin=(0.0, 0.0, 0.0)))
    assert not examples.belong_to(changed) and not examples.belong_to(moved)


def test_errors_name_what_to_do(ct: Volume, other: Volume) -> None:
    moved = replace(other, geometry=Geometry.identity(other.array.shape))
    with pytest.raises(GeometryMismatchError, match="Resample"):
        ImageExamples.from_volumes(ct, moved)
    with pytest.raises(InputError, match="no axis 3"):
        ImageExamples.from_volumes(ct, other, axis=3)
    with pytest.raises(InputError, match="no slice 14 along k; choose 0 to 13"):
        ImageExamples.from_volumes(ct, other, axis=0, slices=[3, 14])
    with pytest.raises(InputError, match="fill at least one"):
        ImageExamples.from_volumes(ct, other, axis=0, slices=[])
    with pytest.raises(InputError, match="one intensity"):
        ImageExamples.from_volumes(ct, few(other, 0, [3]), axis=0, slices=[5])


def test_another_patient_is_shown_with_our_pixels_and_over_our_body(ct: Volume, other: Volume) -> None:
    """The same anatomy with pixels of half the size and 9 mm of air beside it looks like the image itself."""
    double = np.repeat(np.repeat(ct.array, 2, 1), 2, 2)
    target = np.repeat(np.repeat(other.array, 2, 1), 2, 2)
    shifted = [np.pad(array, ((0, 0), (0, 0), (18, 0)), mode="edge") for array in (double, target)]
    geometry = Geometry(shifted[0].shape, (0.5, 0.5, 2.5))
    theirs = ImageExamples.from_volumes(
        Volume(shifted[0], geometry), Volume(shifted[1], geometry), axis=0, slices=[7]
    )
    ours = ImageExamples.from_volumes(ct, other, axis=0, slices=[7])
    shown = show(theirs, ct, ours.image_window, ours.target_window, local=False)
    expected = show(ours, ct, ours.image_window, ours.target_window, local=True)
    assert not shown.local.any() and expected.local.all()
    assert shown.images.shape == expected.images.shape
    assert float((shown.target - expected.target).abs().mean()) < 0.05
    assert shown.places.tolist() == [7]
    assert shown.distances([3, 9], [0]).tolist() == [[128.0], [128.0]]
    assert expected.distances([3, 9], [0]).tolist() == [[10.0], [5.0]]


def test_examples_and_results_need_no_torch() -> None:
    code = "import sys; from MVGCore.images import ImageExamples, ImageResult; assert 'torch' not in "
    subprocess.run([sys.executable, "-c", code + "sys.modules"], check=True)
