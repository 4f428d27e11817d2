from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from MVGCore.errors import GeometryMismatchError, InputError
from MVGCore.prompts import PromptSet
from MVGCore.volume import Geometry, LabelMap, SegmentClass, Volume


@pytest.fixture
def a_set(an_image: Volume, a_labelmap: LabelMap) -> PromptSet:
    return PromptSet.from_labelmap(an_image, a_labelmap)


def test_labelled_slices_become_prompts(an_image: Volume, a_labelmap: LabelMap, a_set: PromptSet) -> None:
    assert [(each.axis, each.index) for each in a_set.prompts] == [(0, 1), (0, 4)]
    assert a_set.axis == 0 and a_set.classes == a_labelmap.classes
    first = a_set.prompts[0]
    assert np.array_equal(first.image, an_image.array[0:3])
    assert np.array_equal(first.labels, a_labelmap.array[1])
    assert first.source == "t1" and first.geometry == an_image.geometry


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_border_repeats_itself(an_image: Volume, a_labelmap: LabelMap, axis: int) -> None:
    labels = LabelMap.of(np.ones(an_image.array.shape), an_image.geometry)
    prompts = PromptSet.from_labelmap(an_image, labels, axis=axis).prompts
    assert len(prompts) == an_image.array.shape[axis]
    assert np.array_equal(prompts[0].image[0], prompts[0].image[1])
    assert np.array_equal(prompts[-1].image[2], prompts[-1].image[1])
    assert np.array_equal(prompts[1].image, np.moveaxis(an_image.array, axis, 0)[:3])


def test_slices_and_axis_as_told(an_image: Volume, a_labelmap: LabelMap) -> None:
    told = PromptSet.from_labelmap(an_image, a_labelmap, axis=2, slices=[7, 3, 0], source="me")
    assert [(each.axis, each.index) for each in told.prompts] == [(2, 0), (2, 3), (2, 7)]
    assert not told.prompts[0].labels.any() and told.prompts[0].source == "me"
    assert [each.id for each in PromptSet.from_labelmap(an_image, a_labelmap, 2, [3]).classes] == [1]


def test_nothing_labelled_is_refused(an_image: Volume, a_labelmap: LabelMap) -> None:
    empty = LabelMap.of(np.zeros(an_image.array.shape), an_image.geometry)
    for axis in (None, 0):
        with pytest.raises(InputError, match="empty"):
            PromptSet.from_labelmap(an_image, empty, axis=axis)
    with pytest.raises(InputError, match="None of the slices"):
        PromptSet.from_labelmap(an_image, a_labelmap, slices=[0])
    with pytest.raises(InputError, match="no slice 6"):
        PromptSet.from_labelmap(an_image, a_labelmap, slices=[6])
    with pytest.raises(InputError, match="no axis 3"):
        PromptSet.from_labelmap(an_image, a_labelmap, axis=3)


def test_labels_of_another_grid(an_image: Volume, a_labelmap: LabelMap, a_set: PromptSet) -> None:
    flipped = LabelMap.of(np.flip(a_labelmap.array, 0), a_labelmap.geometry.flipped(0), a_labelmap.classes)
    for before, after in zip(a_set.prompts, PromptSet.from_labelmap(an_image, flipped).prompts, strict=True):
        assert np.array_equal(before.labels, after.labels) and before.key == after.key
    elsewhere = LabelMap.of(a_labelmap.array, Geometry.identity(a_labelmap.array.shape))
    with pytest.raises(GeometryMismatchError):
        PromptSet.from_labelmap(an_image, elsewhere)


def test_add_remove_enable(an_image: Volume, a_labelmap: LabelMap, a_set: PromptSet) -> None:
    first, second = (each.key for each in a_set.prompts)
    a_set.enable(first, False)
    assert [each.key for each in a_set.enabled] == [second]
    anew = LabelMap.of(np.where(a_labelmap.array == 1, 9, 0), an_image.geometry)
    added = a_set.add_slice(an_image, anew, 0, 4)
    assert added.key == second and len(a_set.prompts) == 2  # the same slice labelled anew takes its place
    assert [each.id for each in a_set.classes] == [1, 5, 9]
    a_set.remove(first)
    a_set.remove(second)
    with pytest.raises(InputError, match="switched on"):
        _ = a_set.axis
    for action in (a_set.remove, a_set.enable):
        with pytest.raises(InputError, match="no prompt"):
            action(first)


def test_the_fingerprint_follows_the_labels_and_the_image_cannot_change(a_set: PromptSet) -> None:
    prompt = a_set.prompts[0]
    before = prompt.fingerprint
    with pytest.raises(ValueError, match="read-only"):
        prompt.image[0, 0, 0] += 1
    prompt.labels[0, 0] += 1
    changed = prompt.fingerprint
    assert changed != before
    prompt.labels[0, 0] -= 1
    prompt.known = np.zeros(prompt.labels.shape, bool)
    assert prompt.fingerprint not in (before, changed)


def test_merge(an_image: Volume, a_labelmap: LabelMap, a_set: PromptSet) -> None:
    other_image = Volume(an_image.array + 1, an_image.geometry, "t2")
    other = PromptSet.from_labelmap(other_image, a_labelmap)
    a_set.merge(other)
    a_set.merge(other)
    assert [each.source for each in a_set.prompts] == ["t1", "t1", "t2", "t2"]
    renamed = replace(other, classes=(SegmentClass(1, "spleen", (0, 0, 0)), other.classes[1]))
    with pytest.raises(InputError, match="'spleen'"):
        a_set.merge(renamed)
    assert len(a_set.prompts) == 4


def test_saved_sets_come_back_exactly(tmp_path: Path, a_set: PromptSet) -> None:
    a_set.enable(a_set.prompts[1].key, False)
    a_set.save(tmp_path / "x.mvgprompts")
    again = PromptSet.load(tmp_path / "x.mvgprompts")
    assert again.classes == a_set.classes
    for before, after in zip(a_set.prompts, again.prompts, strict=True):
        assert np.array_equal(before.image, after.image) and np.array_equal(before.labels, after.labels)
        plain = {"image": None, "labels": None}
        assert {**vars(before), **plain} == {**vars(after), **plain}
    with pytest.raises(InputError, match=r"\.mvgprompts"):
        a_set.save(tmp_path / "x.npz")


Record = dict[str, Any]


def rewrite(path: Path, change: Callable[[Record], object]) -> None:
    """Change the JSON description of a saved set."""
    content = path.read_bytes()
    (size,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + size])
    record = json.loads(header["__metadata__"]["mvg"])
    change(record)
    header["__metadata__"]["mvg"] = json.dumps(record)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + size :])


@pytest.mark.parametrize(
    "change",
    [
        lambda record: record.update(version=2),
        lambda record: record.update(kind="other"),
        lambda record: record.pop("classes"),
        lambda record: record["classes"].pop(),
        lambda record: record["classes"][0].update(id=0),
        lambda record: record["classes"][0].update(id=5),
        lambda record: record["classes"][0].update(color=[0, 0]),
        lambda record: record["classes"][0].update(color=[0, 0, 7]),
        lambda record: record["prompts"].pop(),
        lambda record: record["prompts"][0].update(axis=1),
        lambda record: record["prompts"][0].update(axis=True),
        lambda record: record["prompts"][0].update(index=6),
        lambda record: record["prompts"][0].update(index="1"),
        lambda record: record["prompts"][0].update(window={"low": 1, "high": float("nan")}),
        lambda record: record["prompts"][0].update(enabled=1),
        lambda record: record["prompts"][0].update(key=record["prompts"][1]["key"]),
        lambda record: record["prompts"][0]["geometry"].update(spacing=[0, 1, 1]),
        lambda record: record["prompts"][0]["geometry"].update(shape=[6, 8]),
        lambda record: record["prompts"][0]["geometry"].update(shape=[6, 8, 11]),
    ],
)
def test_odd_descriptions_are_refused(
    tmp_path: Path, a_set: PromptSet, change: Callable[[Record], object]
) -> None:
    path = tmp_path / "x.mvgprompts"
    a_set.save(path)
    rewrite(path, lambda record: None)
    PromptSet.load(path)
    rewrite(path, change)
    with pytest.raises(InputError):
        PromptSet.load(path)


def test_odd_files_are_refused(tmp_path: Path, a_set: PromptSet) -> None:
    path = tmp_path / "x.mvgprompts"
    a_set.prompts[0].image = np.full_like(a_set.prompts[0].image, np.nan)
    a_set.save(path)
    with pytest.raises(InputError, match="NaN"):
        PromptSet.load(path)
    whole = path.read_bytes()
    for content in (b"", whole[:5], whole[:-1], whole + b"x", b"\x80\x04pickle" * 9):
        path.write_bytes(content)
        with pytest.raises(InputError):
            PromptSet.load(path)
    with pytest.raises(InputError, match="no file"):
        PromptSet.load(tmp_path / "none.mvgprompts")
