"""The index is read as it says, slices are chosen by a fixed rule, and the brain template is there."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from MVGCore.errors import InputError
from MVGCore.evaluation import cases
from MVGCore.evaluation.cases import BenchmarkExample
from MVGCore.volume import write_labelmap, write_volume


@pytest.fixture()
def folder(tmp_path: Path, example: BenchmarkExample, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of one bench case with two contrasts and one train case."""
    write_volume(tmp_path / "t1c.nrrd", example.image)
    write_labelmap(tmp_path / "label.nrrd", example.truth)
    bench = {
        "id": "one",
        "dataset": "tubes",
        "role": "bench",
        "modality": "MR T1",
        "images": {"t2": "missing.nrrd", "t1c": "t1c.nrrd"},
        "label": "label.nrrd",
        "classes": {"3": "enhancing tumour"},
        "slice_axis": 2,
    }
    train = {**bench, "id": "two", "role": "train", "slice_axis": 0, "classes": None}
    (tmp_path / "index.json").write_text(json.dumps({"version": 1, "cases": [bench, train]}))
    monkeypatch.setenv("MVG_DATA", str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_only_the_role_that_is_asked_for_is_read() -> None:
    assert [case.id for case in cases.read_cases("bench")] == ["one"]
    assert [case.id for case in cases.read_cases("train")] == ["two"]
    with pytest.raises(InputError, match="no role 'test'"):
        cases.read_cases("test")


@pytest.mark.usefixtures("folder")
def test_a_case_loads_the_contrast_of_its_structure_with_names(example: BenchmarkExample) -> None:
    (case,) = cases.read_cases("bench")
    assert (case.contrast, case.group) == ("t1c", "tubes")
    loaded = case.load()
    assert (loaded.image.name, loaded.image.modality, loaded.axis) == ("one", "MR", 0)
    np.testing.assert_array_equal(loaded.truth.array, example.truth.array)
    assert loaded.truth.class_by_id(3).name == "enhancing tumour"


@pytest.mark.usefixtures("folder")
def test_the_file_axis_becomes_the_array_axis() -> None:
    (case,) = cases.read_cases("train")
    assert case.axis == 2
    assert case.contrast == "t2"


def test_without_data_the_error_says_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MVG_DATA", raising=False)
    with pytest.raises(InputError, match="MVG_DATA is not set"):
        cases.read_cases("bench")
    monkeypatch.setenv("MVG_DATA", str(tmp_path))
    with pytest.raises(InputError, match=r"no index\.json"):
        cases.read_cases("bench")
    (tmp_path / "index.json").write_text('{"cases": [{"id": 1}]}')
    with pytest.raises(InputError, match="cannot be used"):
        cases.read_cases("bench")


def test_slices_are_the_middles_of_equal_parts() -> None:
    labels = np.zeros((4, 30, 5), np.uint8)
    labels[:, 5:25] = 1
    assert cases.labelled_slices(labels, 1, 1) == (14,)
    assert cases.labelled_slices(labels, 1, 5) == (6, 10, 14, 18, 22)


@given(
    first=st.integers(0, 10),
    length=st.integers(2, 30),
    count=st.integers(1, 12),
    seed=st.none() | st.integers(0, 99),
)
def test_slices_are_distinct_and_show_foreground(
    first: int, length: int, count: int, seed: int | None
) -> None:
    labels = np.zeros((45, 2, 2), np.uint8)
    labels[first : first + length, 0, 1] = 1
    rng = None if seed is None else np.random.default_rng(seed)
    if count >= length:
        with pytest.raises(InputError, match="at least one must be left"):
            cases.labelled_slices(labels, 0, count, rng)
        return
    slices = cases.labelled_slices(labels, 0, count, rng)
    assert len(set(slices)) == count and list(slices) == sorted(slices)
    assert all(labels[index].any() for index in slices)


def test_kept_slices_and_nothing_else(example: BenchmarkExample) -> None:
    few = cases.keep_slices(example.truth, 0, [1, 5])
    np.testing.assert_array_equal(few.array[5], example.truth.array[5])
    assert not np.delete(few.array, [1, 5], axis=0).any()
    assert few.ids == (3, 300)
    assert cases.keep_slices(example.truth, 0, [0]).classes == ()


def test_the_brain_template_shows_grey_and_white_matter() -> None:
    pytest.importorskip("nilearn", reason="the brain template comes with nilearn")
    image, truth = cases.demo_case(resolution_mm=4)
    assert image.array.shape == truth.array.shape == (47, 58, 49)
    assert image.geometry.spacing == pytest.approx((4.0, 4.0, 4.0))
    litres = {i: (truth.array == i).sum() * 4.0**3 / 1e6 for i in truth.ids}
    assert 0.7 < litres[1] < 1.3 and 0.3 < litres[2] < 0.9
    assert image.array[truth.array == 2].mean() > image.array[truth.array == 1].mean() > image.array.mean()
    with pytest.raises(InputError, match="whole millimetres"):
        cases.demo_case(resolution_mm=0)
