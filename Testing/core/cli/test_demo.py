"""`mvg demo`: what it writes and prints, and that a missing method does not stop it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from MVGCore.cli.demo import DemoTask, slice_dice
from MVGCore.evaluation.runner import BenchmarkTask, MethodProcess, Outcome
from MVGCore.volume import read_labelmap, read_segmentation

for package in ("nilearn", "matplotlib"):
    pytest.importorskip(package)

Mvg = Callable[..., tuple[int, str, str]]


def missing(process: MethodProcess, task: BenchmarkTask) -> Outcome:
    """No library of another method is there."""
    return Outcome(error=f"{process._method.name} needs a package", missing_extra=True)


def copied(process: MethodProcess, task: BenchmarkTask) -> Outcome:
    """What is labelled already, and no more."""
    return Outcome(task.few.array, 0.25)


def test_writes_the_files_and_prints_the_table(fake_session, mvg: Mvg, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "demo"
    code, printed, complaint = mvg("demo", "-o", folder)
    assert code == 0, complaint
    assert sorted(each.name for each in folder.iterdir()) == [
        "demo.png",
        "demo.seg.nrrd",
        "five_slices.seg.nrrd",
        "t1.nrrd",
    ]
    table = printed.splitlines()
    assert table[0].split("  ")[0] == "method" and "grey matter" in table[0] and "mean Dice" in table[0]
    mvg_row, nearest_row = (line.split() for line in table[2:4])
    assert mvg_row[0] == "MVG" and nearest_row[:2] == ["nearest", "slice"]
    # The fake session copies the nearest slice as well, so both must have scored the same.
    assert mvg_row[1:4] == nearest_row[2:5]
    few = read_labelmap(folder / "five_slices.seg.nrrd")
    assert np.count_nonzero(few.array.any(axis=(1, 2))) == 5
    assert [each.class_.name for each in read_segmentation(folder / "demo.seg.nrrd").segments] == [
        "grey matter",
        "white matter",
    ]


def test_another_method_on_request(
    fake_session, mvg: Mvg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MethodProcess, "run", copied)
    printed = mvg("demo", "-o", tmp_path, "--compare")[1]
    assert printed.splitlines()[4].split() == ["GrowCut", "0.000", "0.000", "0.000", "0.2"]
    monkeypatch.setattr(MethodProcess, "run", missing)
    code, printed, complaint = mvg("demo", "-o", tmp_path, "--compare")
    assert code == 0 and "GrowCut" not in printed
    assert "GrowCut is left out: GrowCut needs a package" in complaint


def test_quiet_prints_the_table_alone(fake_session, mvg: Mvg, tmp_path: Path) -> None:
    printed = mvg("demo", "-o", tmp_path, "--quiet")[1]
    assert len(printed.splitlines()) == 4


def test_an_output_that_is_a_file_is_refused(fake_session, mvg: Mvg, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert mvg("demo", "-o", tmp_path / "file")[0] == 2


def test_the_labelled_slices_do_not_count(tmp_path: Path) -> None:
    task = DemoTask.prepare()
    only_given = task.score(task.few.array)
    assert only_given.dice == 0
    assert task.score(task.example.truth.array).dice == 1


def test_slice_dice_leaves_out_empty_slices() -> None:
    truth, labels = np.zeros((2, 4, 6, 6), np.uint8)
    truth[1, 1:3, 1:3] = 1
    labels[1, 1:3, 1:5] = 1
    labels[2, 0, 0] = 1
    assert slice_dice(truth, labels, axis=0) == {1: pytest.approx(2 / 3), 2: 0.0}
