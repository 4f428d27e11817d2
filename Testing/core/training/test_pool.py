"""The pool is built from a data folder, once, with cases held out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from MVGCore.errors import InputError
from MVGCore.training import pool
from MVGCore.training.datasets import DataSet
from MVGCore.training.pool import PoolBuilder, load_stacks, open_stacks, stack_paths
from MVGCore.training.stack import StackConfig, StackFile


def sets(data: Path) -> list[DataSet]:
    return [DataSet("index", data)]


def test_the_pool_holds_real_and_synthetic_stacks_and_keeps_some_back(data: Path, tmp_path: Path) -> None:
    seen: list[float] = []
    PoolBuilder(sets(data), tmp_path / "pool", seed=0).build(
        3, 3, progress=lambda done, name: seen.append(done)
    )
    train, held_out = (load_stacks(stack_paths(tmp_path / "pool", split)) for split in ("train", "held_out"))
    assert {stack.source for stack in held_out} <= {"a", "synthetic_00000"}
    assert {stack.source for stack in train} <= {"b", "synthetic_00001", "synthetic_00002"}
    assert train and held_out and seen[-1] == 1.0
    for stack in (*train, *held_out):
        assert stack.labels.any() and stack.image.shape == stack.labels.shape and stack.step > 0


def test_what_is_there_is_not_made_again(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pool"
    PoolBuilder(sets(data), folder, seed=0).build(1, 2)
    times = {path: path.stat().st_mtime_ns for path in folder.rglob("*.npz")}
    assert times
    PoolBuilder(sets(data), folder, seed=0).build(1, 2)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.npz")} == times


def test_stacks_of_other_settings_are_not_mixed(data: Path, tmp_path: Path) -> None:
    PoolBuilder(sets(data), tmp_path / "pool", seed=0).build(1, 0)
    with pytest.raises(InputError, match="other settings"):
        PoolBuilder(sets(data), tmp_path / "pool", seed=0, stacks=StackConfig(side=64))


def test_stacks_left_on_disk_are_the_same(data: Path, tmp_path: Path) -> None:
    PoolBuilder(sets(data), tmp_path, seed=0, stacks=StackConfig(side=48, whole=True)).build(1, 1)
    for split in ("train", "held_out"):
        paths = stack_paths(tmp_path, split)
        for there, here in zip(open_stacks(paths), load_stacks(paths), strict=True):
            assert there.facts == here.facts
            assert (there.load().image == here.image).all()


def test_whole_slices_show_the_whole_slice(data: Path, tmp_path: Path) -> None:
    """A ball of radius 6 in a slice of 24 pixels, in the middle of a stack of 48."""
    config = StackConfig(side=48, whole=True, drafts=0)
    PoolBuilder(sets(data), tmp_path, seed=0, stacks=config).build(1, 0)
    (stack,) = load_stacks(stack_paths(tmp_path, "train"))
    middle = stack.labels[len(stack.labels) // 2]
    assert stack.image.shape[1:] == (48, 48) and not stack.drafts
    assert middle[24, 24] == 1 and 0.5 * 452 < middle.sum() < 1.2 * 452, "pi (2 * 6)^2 pixels at most"
    assert stack.labels.any((1, 2)).all(), "slices without labels are dropped"


def test_stacks_of_older_pools_are_read(data: Path, tmp_path: Path) -> None:
    PoolBuilder(sets(data), tmp_path, seed=0, stacks=StackConfig(side=48, whole=True)).build(1, 0)
    (path,) = stack_paths(tmp_path, "train")
    now = StackFile.of(path)
    with np.load(path) as arrays:
        older = {name: arrays[name] for name in arrays.files if name not in ("facts", "task")}
    np.savez_compressed(path, **older)
    assert StackFile.of(path) == now and now.facts.labelled and not now.facts.paired


def test_structures_are_found_in_images_beside_their_labels(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in images without labels, but in none that serves another task."""
    quarters = np.zeros((16, 24, 24), np.int32)
    quarters[:, :12, :12], quarters[:, 12:, 12:] = 1, 2
    monkeypatch.setattr(pool, "image_structures", lambda *_: quarters)
    entries = json.loads((data / "index.json").read_text())["cases"]
    del entries[1]["label"]
    entries.append(entries[1] | {"id": "d", "task": "denoising"})
    (data / "index.json").write_text(json.dumps({"cases": entries}))
    PoolBuilder(sets(data), tmp_path / "pool", seed=0).build(0, 0, self_labelled=2)
    stacks = load_stacks(stack_paths(tmp_path / "pool", "train"))
    assert {stack.source for stack in stacks} == {"b"}
    assert all(stack.labels.any() and stack.drafts and stack.facts.real for stack in stacks)
