"""A method in its own process: warm from task to task, measured, and harmless when it fails."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from MVGCore.evaluation.cases import BenchmarkExample, keep_slices
from MVGCore.evaluation.runner import BenchmarkTask, MethodProcess
from Testing.core.evaluation.fake_methods import Failing, FakeSession, Hungry, NotInstalled, Tidy


@pytest.fixture()
def task(example: BenchmarkExample) -> BenchmarkTask:
    return BenchmarkTask(example.image, keep_slices(example.truth, 0, [5]), 0, (5,))


def test_the_process_stays_warm_between_tasks(task: BenchmarkTask) -> None:
    with MethodProcess(FakeSession(), time_limit_s=30) as process:
        first, second = process.run(task), process.run(task)
    assert first.labels is not None and second.labels is not None
    # The first call of all was the warm-up.
    assert (first.labels.max(), second.labels.max()) == (2, 3)
    assert first.seconds is not None and first.seconds < 1
    np.testing.assert_array_equal(first.labels.shape, task.few.array.shape)


def test_peak_memory_is_seen_though_it_is_freed_at_once(task: BenchmarkTask) -> None:
    with MethodProcess(Hungry(0), 30) as little, MethodProcess(Hungry(300), 30) as much:
        low, high = little.run(task).memory_mb, much.run(task).memory_mb
    assert low is not None and high is not None
    assert 250 < high - low < 400


def test_a_method_may_tidy_up_when_it_is_closed(task: BenchmarkTask, tmp_path: Path) -> None:
    with MethodProcess(Tidy(str(tmp_path / "note")), time_limit_s=30) as process:
        assert process.run(task).labels is not None
        assert not (tmp_path / "note").exists()
    assert (tmp_path / "note").read_text() == "left"


def test_a_slow_method_is_stopped_and_can_be_asked_again(task: BenchmarkTask) -> None:
    start = time.monotonic()
    with MethodProcess(Failing("sleep"), time_limit_s=3) as process:
        assert process.run(task).error == "stopped after 3 s"
        assert process.run(task).error == "stopped after 3 s"
    assert time.monotonic() - start < 20


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ("exit", "crashed (exit code 7)"),
        ("refuse", "The volume is not to my taste: take another."),
        ("raise", "ZeroDivisionError: deep inside"),
        ("shape", "returned labels of shape (1, 40, 36), not (16, 40, 36)"),
    ],
)
def test_failures_come_back_as_a_sentence(task: BenchmarkTask, how: str, error: str) -> None:
    with MethodProcess(Failing(how), time_limit_s=30) as process:
        outcome = process.run(task)
    assert outcome.labels is None and outcome.error == error


def test_a_missing_library_is_told_apart(task: BenchmarkTask) -> None:
    with MethodProcess(NotInstalled(), time_limit_s=30) as process:
        outcome = process.run(task)
    assert outcome.missing_extra and "pip install" in outcome.error
