"""A volume comes back without its noise, in its own units."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from MVGCore.errors import CancelledError, InputError
from MVGCore.images import Engine, ImageExamples, run_denoise
from MVGCore.images.denoise import Denoising, inner, measure
from MVGCore.images.run import Callbacks
from MVGCore.volume import Volume
from Testing.core.images.helpers import Listener


def error(array: np.ndarray, truth: np.ndarray) -> float:
    return float(np.abs(array.astype(np.float64) - truth).mean())


@pytest.fixture
def truth(anatomy: np.ndarray) -> np.ndarray:
    return anatomy * 1000 - 1000


@pytest.fixture
def noisy(ct: Volume, truth: np.ndarray) -> Volume:
    array = np.rint(truth + np.random.default_rng(3).normal(0, 80, truth.shape))
    return replace(ct, array=array.astype(np.int16))


def test_hounsfield_units_stay_and_noise_goes(engine: Engine, noisy: Volume, truth: np.ndarray) -> None:
    heard = Listener()
    result = run_denoise(engine, noisy, **heard.options())
    assert result.task == "denoise" and result.axis == 0
    assert result.image.array.dtype == np.int16 and result.image.geometry == noisy.geometry
    assert error(result.image.array, truth) < 0.5 * error(noisy.array, truth)
    assert result.generated == tuple(range(14)) and result.kept == ()
    assert "gaussian" in result.notes[0] and result.device == "cpu"
    assert heard.fractions == sorted(heard.fractions) and heard.fractions[-1] == 1.0
    for done in heard.slices:
        assert np.array_equal(done.values, result.image.array[done.index])
    assert sorted(done.index for done in heard.slices) == list(range(14))


def test_slices_outside_the_range_come_back_bit_for_bit(engine: Engine, noisy: Volume) -> None:
    result = run_denoise(engine, noisy, axis=2, slice_range=(10, 20))
    changed = (result.image.array != noisy.array).any((0, 1))
    assert result.generated == tuple(range(10, 21))
    assert changed[10:21].all() and not changed[:10].any() and not changed[21:].any()


def test_the_same_seed_gives_the_same_image(engine: Engine, noisy: Volume) -> None:
    first, second = (run_denoise(engine, noisy, seed=4, slice_range=(5, 6)).image.array for _ in range(2))
    assert np.array_equal(first, second)


def test_intensities_beyond_the_window_are_not_clipped(engine: Engine, noisy: Volume) -> None:
    noisy.array[6:9, 18:22, 16:20] = 3000  # metal: far fewer voxels than a robust window shows
    result = run_denoise(engine, noisy, slice_range=(7, 7))
    assert result.image.array[7, 19:21, 17:19].min() > 2500


def test_given_examples_show_what_is_wanted(repeater: Engine, noisy: Volume, truth: np.ndarray) -> None:
    clean = replace(noisy, array=truth.astype(np.float32))
    examples = ImageExamples.from_volumes(noisy, clean, axis=0, slices=[4, 7, 10])
    denoising = Denoising.prepare(repeater, noisy, 0, examples, np.random.default_rng(0), Callbacks())
    assert denoising.shown is not None and denoising.shown.local.all()
    assert denoising.shown.target.shape == (3, 40, 36)
    assert denoising.share == 0  # a model that repeats the draft is as good as the draft: the draft alone
    assert len(repeater.model.prompts) == 3  # each example was left out once
    assert all(prompts.images.shape[1] == 2 for prompts in repeater.model.prompts)


def test_a_model_that_spoils_the_draft_gets_no_share(repeater: Engine, noisy: Volume) -> None:
    repeater.model.change = 0.2
    result = run_denoise(repeater, noisy, slice_range=(6, 8))
    assert result.weight == 0


def test_own_examples_have_the_noise_of_the_volume(repeater: Engine, noisy: Volume) -> None:
    run_denoise(repeater, noisy, slice_range=(6, 6))
    prompts = repeater.model.prompts[0]
    residual = prompts.images[0, :, 1] - prompts.labels[0, :, 1]
    window, noise = measure(noisy.array)
    assert noise.kind == "gaussian"
    assert noise.level * (window.high - window.low) == pytest.approx(80, rel=0.1)
    assert float(residual.std()) == pytest.approx(noise.level, rel=0.1)


@pytest.mark.parametrize("depth", [2, 3, 14])
def test_thin_volumes_work(engine: Engine, noisy: Volume, depth: int) -> None:
    geometry = replace(noisy.geometry, shape=(depth, 40, 36))
    thin = replace(noisy, array=noisy.array[:depth] + 0, geometry=geometry)
    assert run_denoise(engine, thin).image.array.shape == (depth, 40, 36)


def test_errors(engine: Engine, noisy: Volume, ct: Volume, other: Volume) -> None:
    with pytest.raises(InputError, match="no axis 5"):
        run_denoise(engine, noisy, axis=5)
    with pytest.raises(InputError, match="slice range 3 to 14 along k; choose within 0 to 13"):
        run_denoise(engine, noisy, slice_range=(3, 14))
    with pytest.raises(InputError, match="slices along j, not i"):
        run_denoise(engine, noisy, ImageExamples.from_volumes(ct, other, axis=1, slices=[20]), axis=2)


@pytest.mark.parametrize("after", [0, 3, 8])
def test_cancel(engine: Engine, noisy: Volume, after: int) -> None:
    heard = Listener(cancel_after=after)
    with pytest.raises(CancelledError):
        run_denoise(engine, noisy, **heard.options())
    assert heard.asked == after + 1


def test_inner_slices_keep_away_from_the_ends() -> None:
    assert inner(100, 4) == [12, 37, 62, 87]
    assert inner(2, 4) == [0, 1]


def test_without_noise_nothing_changes_much(engine: Engine, ct: Volume, truth: np.ndarray) -> None:
    clean = replace(ct, array=truth.astype(np.float32))
    result = run_denoise(engine, clean)
    assert error(result.image.array, truth) < 10
    assert result.image.array.dtype == np.float32
    assert torch.isfinite(torch.from_numpy(result.image.array)).all()
