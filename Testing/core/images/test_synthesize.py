"""Another contrast from a few slices of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from MVGCore.errors import CancelledError, InputError
from MVGCore.images import Engine, ImageExamples, run_synthesize
from MVGCore.volume import Geometry, Volume
from Testing.core.images.helpers import Listener


@pytest.fixture
def examples(ct: Volume, other: Volume) -> ImageExamples:
    return ImageExamples.from_volumes(ct, other, axis=0, slices=[4, 7, 10])


def test_given_slices_are_kept_and_the_units_are_theirs(
    engine: Engine, ct: Volume, other: Volume, examples: ImageExamples
) -> None:
    heard = Listener()
    result = run_synthesize(engine, ct, examples, **heard.options())
    assert result.image.array.dtype == np.uint16 and result.image.geometry == ct.geometry
    assert result.kept == (4, 7, 10) and result.generated == (0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 13)
    for index in result.kept:
        assert np.array_equal(result.image.array[index], other.array[index])
    error = np.abs(
        result.image.array[list(result.generated)].astype(float) - other.array[list(result.generated)]
    )
    assert error.mean() < 120  # of 2000
    assert heard.fractions[-1] == 1.0
    assert sorted(done.index for done in heard.slices) == list(result.generated)
    for done in heard.slices:
        assert np.array_equal(done.values, result.image.array[done.index])


def test_another_volume_gives_its_units_and_nothing_is_kept(
    engine: Engine, ct: Volume, other: Volume
) -> None:
    geometry = Geometry(other.array.shape, (1.2, 1.2, 2.0))
    theirs = ImageExamples.from_volumes(
        replace(ct, array=ct.array + np.int16(3), geometry=geometry),
        replace(other, geometry=geometry),
        0,
        [6, 8],
    )
    result = run_synthesize(engine, ct, [theirs])
    assert result.kept == () and result.generated == tuple(range(14))
    assert result.image.array.dtype == np.uint16 and result.image.geometry == ct.geometry
    assert np.abs(result.image.array[7].astype(float) - other.array[7]).mean() < 300


def test_both_kinds_together(engine: Engine, ct: Volume, other: Volume, examples: ImageExamples) -> None:
    theirs = ImageExamples.from_volumes(replace(ct, array=ct.array + np.int16(3)), other, axis=0, slices=[6])
    result = run_synthesize(engine, ct, [theirs, examples])
    assert result.kept == (4, 7, 10)
    assert np.array_equal(result.image.array[7], other.array[7])


def test_a_model_that_spoils_the_draft_gets_no_share(
    repeater: Engine, ct: Volume, examples: ImageExamples
) -> None:
    repeater.model.change = 0.3
    assert run_synthesize(repeater, ct, examples).weight == 0


def test_a_single_example_cannot_be_left_out(engine: Engine, ct: Volume, other: Volume) -> None:
    result = run_synthesize(engine, ct, ImageExamples.from_volumes(ct, other, axis=0, slices=[7]))
    assert result.weight == 0.25 and "second slice" in result.notes[0]


def test_slices_outside_the_range_hold_the_lowest_intensity(
    engine: Engine, ct: Volume, other: Volume, examples: ImageExamples
) -> None:
    result = run_synthesize(engine, ct, examples, slice_range=(8, 12))
    assert result.generated == (8, 9, 11, 12) and result.kept == (4, 7, 10)
    assert (result.image.array[13] == other.array.min()).all()
    assert np.array_equal(result.image.array[4], other.array[4])


def test_a_range_of_given_slices_only(
    engine: Engine, ct: Volume, other: Volume, examples: ImageExamples
) -> None:
    result = run_synthesize(engine, ct, examples, slice_range=(7, 7))
    assert result.generated == () and np.array_equal(result.image.array[7], other.array[7])


def test_errors(engine: Engine, ct: Volume, other: Volume, examples: ImageExamples) -> None:
    with pytest.raises(InputError, match="no example"):
        run_synthesize(engine, ct, [])
    with pytest.raises(InputError, match="different axes"):
        run_synthesize(engine, ct, [examples, ImageExamples.from_volumes(ct, other, axis=1, slices=[20])])
    with pytest.raises(InputError, match="slice range"):
        run_synthesize(engine, ct, examples, slice_range=(-1, 3))


@pytest.mark.parametrize("after", [0, 2, 3])
def test_cancel(engine: Engine, ct: Volume, examples: ImageExamples, after: int) -> None:
    heard = Listener(cancel_after=after)
    with pytest.raises(CancelledError):
        run_synthesize(engine, ct, examples, **heard.options())
    assert heard.asked == after + 1
