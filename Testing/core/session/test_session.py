"""The session: what a host may rely on, with a small untrained network."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from MVGCore.adaptation import weights
from MVGCore.errors import CancelledError, InputError
from MVGCore.models.compact import Compact
from MVGCore.models.device import Device
from MVGCore.prompts import PromptSet
from MVGCore.segmentation import SliceResult
from MVGCore.session import Result, Session
from MVGCore.volume import Geometry, LabelMap, Volume, slices_within

Case = tuple[Volume, LabelMap]
KNOWN = (3, 10)


def a_session(weights: Path, case: Case, slices=KNOWN, axis: int = 0, seed: int = 0) -> Session:
    session = Session(weights, "cpu", seed)
    session.set_image(case[0])
    session.set_prompts(PromptSet.from_labelmap(*case, axis=axis, slices=slices))
    return session


def moved(case: Case, axis: int) -> Case:
    """The same case with its slices across another axis."""
    image, labels = case
    axes = [1, 2]
    axes.insert(axis, 0)
    geometry = image.geometry.permuted(axes)
    return (
        replace(image, array=np.ascontiguousarray(image.array.transpose(axes)), geometry=geometry),
        LabelMap.of(labels.array.transpose(axes), geometry, labels.classes),
    )


def on_grid(case: Case, geometry: Geometry) -> Case:
    return replace(case[0], geometry=geometry), replace(case[1], geometry=geometry)


@pytest.fixture
def result(small_weights: Path, tube: Case) -> Result:
    return a_session(small_weights, tube).propagate()


def test_the_result_keeps_what_was_labelled_bit_for_bit(result: Result, tube: Case) -> None:
    np.testing.assert_array_equal(result.labels.array[list(KNOWN)], tube[1].array[list(KNOWN)])
    assert (result.confidence[list(KNOWN)] == 1).all()
    assert result.prompt_slices == KNOWN and result.axis == 0
    assert result.labels.classes == tube[1].classes
    assert result.labels.geometry == tube[0].geometry


def test_the_result_describes_itself(result: Result, tube: Case) -> None:
    generated = [k for k in range(14) if k not in KNOWN]
    assert result.confidence.dtype == np.float16 and result.confidence.shape == (14, 40, 36)
    assert result.confidence.min() >= 0 and result.confidence.max() <= 1
    assert list(result.slice_confidence) == generated
    assert all(0 <= value <= 1 for value in result.slice_confidence.values())
    assert set(result.class_confidence) == {3, 300}
    chosen = result.labels.array[generated] == 300
    mean = result.confidence[generated][chosen].astype(np.float64).mean()
    assert result.class_confidence[300] == pytest.approx(mean, rel=1e-6)
    assert result.next_slice in generated
    assert set(result.class_dice) == {3, 300} and list(result.slice_dice) == generated
    for each in (result.expected_dice, *result.class_dice.values(), *result.slice_dice.values()):
        assert each is not None and 0 <= each.value <= 1 and each.error > 0
    assert result.device == "cpu" and result.notes == ()
    assert result.seconds["propagate"] >= result.seconds["generate"] > 0


def test_an_untrained_network_already_follows_the_draft(result: Result, tube: Case) -> None:
    for value in (3, 300):
        a, b = result.labels.array == value, tube[1].array == value
        assert 2 * (a & b).sum() / (a.sum() + b.sum()) > 0.85


@pytest.mark.parametrize("axis", [1, 2])
def test_every_axis_gives_the_same_slices(small_weights: Path, tube: Case, result: Result, axis: int) -> None:
    turned = a_session(small_weights, moved(tube, axis), axis=axis).propagate()
    assert turned.axis == axis
    np.testing.assert_array_equal(np.moveaxis(turned.labels.array, axis, 0), result.labels.array)
    np.testing.assert_array_equal(np.moveaxis(turned.confidence, axis, 0), result.confidence)


def test_where_the_patient_lies_does_not_matter(small_weights: Path, tube: Case, result: Result) -> None:
    c, s = math.cos(0.4), math.sin(0.4)
    oblique = replace(tube[0].geometry, origin=(-90.5, 3.25, 1e3), direction=(c, -s, 0, s, c, 0, 0, 0, -1))
    turned = a_session(small_weights, on_grid(tube, oblique)).propagate()
    np.testing.assert_array_equal(turned.labels.array, result.labels.array)
    assert turned.labels.geometry == oblique


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_flipped_axes_keep_the_labelled_slices(small_weights: Path, tube: Case, axis: int) -> None:
    image, labels = tube
    geometry = image.geometry.flipped(axis)
    flipped = (
        replace(image, array=np.flip(image.array, axis).copy(), geometry=geometry),
        LabelMap.of(np.flip(labels.array, axis), geometry, labels.classes),
    )
    result = a_session(small_weights, flipped).propagate()
    np.testing.assert_array_equal(result.labels.array[list(KNOWN)], flipped[1].array[list(KNOWN)])
    dice = 2 * ((result.labels.array > 0) & (flipped[1].array > 0)).sum()
    assert dice / ((result.labels.array > 0).sum() + (flipped[1].array > 0).sum()) > 0.85


def test_the_seed_decides_the_result(small_weights: Path, tube: Case, result: Result) -> None:
    session = a_session(small_weights, tube)
    for _ in range(2):
        again = session.propagate()
        np.testing.assert_array_equal(again.labels.array, result.labels.array)
        np.testing.assert_array_equal(again.confidence, result.confidence)
    other = a_session(small_weights, tube, seed=1).propagate()
    assert not np.array_equal(other.confidence, result.confidence)


def test_integer_images_give_what_floating_ones_give(small_weights: Path, tube: Case) -> None:
    whole = replace(tube[0], array=np.round(tube[0].array).astype(np.int16))
    floating = replace(whole, array=whole.array.astype(np.float64))
    one, other = (a_session(small_weights, (image, tube[1])).propagate() for image in (whole, floating))
    np.testing.assert_array_equal(one.labels.array, other.labels.array)
    assert one.prompt_slices == other.prompt_slices == KNOWN


def test_a_range_leaves_the_rest_alone(small_weights: Path, tube: Case) -> None:
    result = a_session(small_weights, tube).propagate(slice_range=(5, 7))
    assert list(result.slice_confidence) == [5, 6, 7]
    left = [k for k in range(14) if k not in (*KNOWN, 5, 6, 7)]
    assert not result.labels.array[left].any() and not result.confidence[left].any()
    assert result.labels.array[5:8].any((1, 2)).all()
    np.testing.assert_array_equal(result.labels.array[list(KNOWN)], tube[1].array[list(KNOWN)])


@pytest.mark.parametrize("slice_range", [(-1, 3), (5, 4), (0, 14)])
def test_an_impossible_range_is_refused(
    small_weights: Path, tube: Case, slice_range: tuple[int, int]
) -> None:
    with pytest.raises(InputError, match="0 to 13"):
        a_session(small_weights, tube).propagate(slice_range=slice_range)


def test_wanted_slices_are_those_without_a_label() -> None:
    assert slices_within(4, 0) == [0, 1, 2, 3]
    assert slices_within(6, 0, (1, 2)) == [1, 2]


def test_what_is_shown_last_of_a_slice_is_what_the_result_holds(small_weights: Path, tube: Case) -> None:
    shown: list[SliceResult] = []
    result = a_session(small_weights, tube).propagate(shown=shown.append)
    last = {each.index: each for each in shown}
    assert sorted(last) == list(range(14)) and {k for k in last if last[k].given} == set(KNOWN)
    for each in last.values():
        np.testing.assert_array_equal(each.labels, result.labels.array[each.index])
        np.testing.assert_array_equal(each.confidence.astype(np.float16), result.confidence[each.index])


def test_progress_goes_from_nothing_to_all(small_weights: Path, tube: Case) -> None:
    heard: list[tuple[float, str]] = []
    a_session(small_weights, tube).propagate(progress=lambda fraction, text: heard.append((fraction, text)))
    fractions = [fraction for fraction, _ in heard]
    assert fractions[0] == 0 and fractions == sorted(fractions) and fractions[-1] == 1
    assert all(text for _, text in heard)


def test_a_cancelled_session_can_go_on(small_weights: Path, tube: Case, result: Result) -> None:
    session = a_session(small_weights, tube)
    with pytest.raises(CancelledError):
        session.propagate(cancelled=lambda: True)
    shown: list[SliceResult] = []
    with pytest.raises(CancelledError):
        session.propagate(cancelled=lambda: not all(each.given for each in shown), shown=shown.append)
    assert 0 < len(shown) < 12
    np.testing.assert_array_equal(session.propagate().labels.array, result.labels.array)


def test_one_slice_is_enough(small_weights: Path, tube: Case) -> None:
    for index in (0, 7, 13):
        result = a_session(small_weights, tube, slices=[index]).propagate()
        np.testing.assert_array_equal(result.labels.array[index], tube[1].array[index])
        assert result.labels.array.any((1, 2)).sum() > 3


def test_all_slices_labelled_leaves_nothing_to_do(small_weights: Path, tube: Case) -> None:
    heard: list[float] = []
    session = a_session(small_weights, tube, slices=range(14))
    result = session.propagate(progress=lambda fraction, text: heard.append(fraction))
    np.testing.assert_array_equal(result.labels.array, tube[1].array)
    assert (result.confidence == 1).all() and result.next_slice is None
    assert result.slice_confidence == {} and result.class_confidence == {}
    assert heard[-1] == 1


def test_forty_classes_are_told_apart(small_weights: Path) -> None:
    labels = np.zeros((5, 40, 48), np.uint16)
    for n in range(40):
        row, column = divmod(n, 8)
        labels[:, 8 * row + 1 : 8 * row + 7, 6 * column + 1 : 6 * column + 5] = 7 * n + 1
    image = Volume(np.where(labels > 0, 100.0, 0.0) + labels, Geometry.identity(labels.shape))
    case = image, LabelMap.of(labels, image.geometry)
    result = a_session(small_weights, case, slices=[0, 4]).propagate()
    assert len(result.labels.classes) == 40
    assert np.mean(result.labels.array[1:4] == labels[1:4]) > 0.9


def test_a_disabled_prompt_is_ignored(small_weights: Path, tube: Case) -> None:
    session = a_session(small_weights, tube, slices=[3])
    expected = session.propagate()
    prompts = PromptSet.from_labelmap(*tube, axis=0, slices=[3, 10])
    prompts.enable(prompts.prompts[1].key, False)
    session.set_prompts(prompts)
    result = session.propagate()
    assert result.prompt_slices == (3,)
    np.testing.assert_array_equal(result.labels.array, expected.labels.array)


def other_volume(case: Case) -> Case:
    """The same anatomy, brighter, on a finer grid."""
    image, labels = case
    geometry = Geometry((14, 80, 72), (0.5, 0.5, 2.0))
    array = image.array.repeat(2, 1).repeat(2, 2) * 3 + 500
    return (
        Volume(array, geometry, "other"),
        LabelMap.of(labels.array.repeat(2, 1).repeat(2, 2), geometry, labels.classes),
    )


def test_prompts_of_another_volume_work_alone(small_weights: Path, tube: Case) -> None:
    session = Session(small_weights, "cpu")
    session.set_image(tube[0])
    session.set_prompts(PromptSet.from_labelmap(*other_volume(tube), axis=0, slices=[6, 8]))
    result = session.propagate()
    assert result.prompt_slices == () and len(result.slice_confidence) == 14
    assert result.labels.classes == tube[1].classes and result.labels.array.shape == (14, 40, 36)


def test_prompts_of_another_volume_join_those_of_this_one(small_weights: Path, tube: Case) -> None:
    prompts = PromptSet.from_labelmap(*tube, axis=0, slices=[3])
    alone = a_session(small_weights, tube, slices=[3]).propagate()
    prompts.merge(PromptSet.from_labelmap(*other_volume(tube), axis=0, slices=[6, 8]))
    session = a_session(small_weights, tube)
    session.set_prompts(prompts)
    result = session.propagate()
    assert result.prompt_slices == (3,)
    np.testing.assert_array_equal(result.labels.array[3], tube[1].array[3])
    assert not np.array_equal(result.confidence, alone.confidence)


def test_a_class_of_other_volumes_only_is_named_in_a_note(small_weights: Path, tube: Case) -> None:
    own = LabelMap.of(np.where(tube[1].array == 3, 3, 0), tube[0].geometry, tube[1].classes[:1])
    prompts = PromptSet.from_labelmap(tube[0], own, axis=0, slices=[3])
    prompts.merge(PromptSet.from_labelmap(*other_volume(tube), axis=0, slices=[6]))
    session = a_session(small_weights, tube)
    session.set_prompts(prompts)
    result = session.propagate(slice_range=(4, 4))
    assert len(result.notes) == 1 and "300" in result.notes[0]


def test_the_same_slice_of_a_changed_image_is_of_another_volume(tube: Case) -> None:
    (prompt,) = PromptSet.from_labelmap(*tube, axis=0, slices=[3]).prompts
    assert prompt.is_slice_of(tube[0])
    assert not prompt.is_slice_of(replace(tube[0], array=tube[0].array + 1))
    shifted = replace(tube[0].geometry, origin=(6.0, -3.0, 7.0))
    assert not prompt.is_slice_of(replace(tube[0], geometry=shifted))


def test_slices_of_others_across_another_axis_are_left_out_and_said(small_weights: Path, tube: Case) -> None:
    prompts = PromptSet.from_labelmap(*tube, axis=0, slices=KNOWN)
    prompts.add_slice(replace(tube[0], array=tube[0].array + 1, name="other"), tube[1], axis=2, index=11)
    session = a_session(small_weights, tube)
    session.set_prompts(prompts)
    result = session.propagate(slice_range=(4, 4))
    assert (
        result.axis == 0
        and len(result.notes) == 1
        and "1 labelled slices of other volumes" in result.notes[0]
    )


def test_nothing_runs_without_an_image_or_prompts(small_weights: Path, tube: Case) -> None:
    session = Session(small_weights, "cpu")
    with pytest.raises(InputError, match="image"):
        session.propagate()
    session.set_image(tube[0])
    with pytest.raises(InputError, match="label"):
        session.propagate()
    prompts = PromptSet.from_labelmap(*tube, axis=0, slices=[3])
    prompts.enable(prompts.prompts[0].key, False)
    session.set_prompts(prompts)
    with pytest.raises(InputError, match="switched on"):
        session.propagate()


def test_examples_of_nothing_are_refused(small_weights: Path, tube: Case) -> None:
    nothing = LabelMap.of(np.zeros((14, 40, 36), np.uint8), tube[0].geometry)
    prompts = PromptSet()
    prompts.add_slice(tube[0], nothing, 0, 3)
    prompts.add_slice(tube[0], nothing, 0, 5)
    session = a_session(small_weights, tube)
    for _ in range(2):
        session.set_prompts(prompts)
        with pytest.raises(InputError, match="no structure"):
            session.propagate()
        prompts.add_slice(*tube, axis=2, index=11)  # across another axis: no whole slice to start from


def test_an_image_that_shows_nothing_is_refused(small_weights: Path, tube: Case) -> None:
    session = Session(small_weights, "cpu")
    for array in (np.zeros((14, 40, 36)), np.full((14, 40, 36), np.nan)):
        with pytest.raises(InputError):
            session.set_image(replace(tube[0], array=array))


def test_a_gpu_that_is_full_is_left_for_good(
    small_weights: Path, tube: Case, result: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also by a run that is cancelled right after it: the model lies on the CPU then."""
    gpu = Device("cuda:0", torch.device("cpu"), torch.float32)
    monkeypatch.setattr(weights, "select_device", lambda *_: gpu)
    session = a_session(small_weights, tube)
    intact = Compact.generate_all
    failures = iter([True])  # the slice that is guessed

    def limited(model, memories, targets):
        if next(failures, False):
            raise torch.cuda.OutOfMemoryError("full")
        return intact(model, memories, targets)

    monkeypatch.setattr(Compact, "generate_all", limited)
    shown: list[SliceResult] = []
    with pytest.raises(CancelledError):
        session.propagate(cancelled=lambda: not all(each.given for each in shown), shown=shown.append)
    again = session.propagate()
    assert again.device == "cpu" and again.notes == ()
    # Halves of a batch are rounded in another way than the whole: a pixel at the border may differ.
    assert (again.labels.array != result.labels.array).sum() <= 2


def test_the_result_says_that_the_gpu_was_full(
    small_weights: Path, tube: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu = Device("cuda:0", torch.device("cpu"), torch.float32)
    monkeypatch.setattr(weights, "select_device", lambda *_: gpu)
    session = a_session(small_weights, tube)
    intact = Compact.encode_prompts
    failures = iter([True] * 2)  # a batch, then half of it

    def limited(model, prompts):
        if next(failures, False):
            raise torch.cuda.OutOfMemoryError("full")
        return intact(model, prompts)

    monkeypatch.setattr(Compact, "encode_prompts", limited)
    result = session.propagate(slice_range=(4, 5))
    assert result.device == "cpu" and "out of memory" in result.notes[0]
