"""The pool is built from a data folder, once, with cases held out."""

from __future__ import annotations

from pathlib import Path

import pytest

from MVGCore.errors import InputError
from MVGCore.training.pool import PoolBuilder, load_stacks, stack_paths, train_cases


def test_only_training_cases_are_read(data: Path) -> None:
    assert [case.id for case in train_cases(data)] == ["a", "b"]


def test_a_folder_without_an_index_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="index.json"):
        train_cases(tmp_path)


def test_the_pool_holds_real_and_synthetic_stacks_and_keeps_some_back(data: Path, tmp_path: Path) -> None:
    seen: list[float] = []
    PoolBuilder(data, tmp_path / "pool", seed=0).build(3, 3, lambda done, name: seen.append(done))
    train, held_out = (load_stacks(stack_paths(tmp_path / "pool", split)) for split in ("train", "held_out"))
    assert {stack.source for stack in held_out} <= {"a", "synthetic_00000"}
    assert {stack.source for stack in train} <= {"b", "synthetic_00001", "synthetic_00002"}
    assert train and held_out and seen[-1] == 1.0
    for stack in (*train, *held_out):
        assert stack.labels.any() and stack.image.shape == stack.labels.shape and stack.step > 0


def test_what_is_there_is_not_made_again(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pool"
    PoolBuilder(data, folder, seed=0).build(1, 2)
    times = {path: path.stat().st_mtime_ns for path in folder.rglob("*.npz")}
    assert times
    PoolBuilder(data, folder, seed=0).build(1, 2)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.npz")} == times
