"""Jobs run side by side and answer in their order."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial

import pytest
import torch

from MVGCore.errors import CancelledError
from MVGCore.models.device import Device, select_device, torch_threads
from MVGCore.segmentation.predict.parallel import batch_size, side_by_side, workers


def never() -> bool:
    return False


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_answers_come_in_the_order_of_the_jobs(count: int) -> None:
    def answer(number: int) -> int:
        time.sleep(0.02 if number % 2 == 0 else 0)
        return number

    assert list(side_by_side([partial(answer, n) for n in range(7)], count, never)) == list(range(7))
    assert list(side_by_side([], count, never)) == []


def test_two_jobs_run_at_a_time_and_share_the_threads_of_torch() -> None:
    both = threading.Barrier(2, timeout=30)  # is passed by two who wait at the same time

    def job() -> int:
        both.wait()
        return torch.get_num_threads()

    assert list(side_by_side([job] * 4, 2, never)) == [1] * 4
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("count", [1, 2])
def test_an_error_comes_where_the_answer_would_have_come(count: int) -> None:
    def fail() -> int:
        raise ValueError("no")

    answers = side_by_side([lambda: 1, fail, lambda: 3], count, never)
    assert next(answers) == 1
    with pytest.raises(ValueError, match="no"):
        next(answers)
    assert torch.get_num_threads() == 2


def test_closing_waits_for_what_has_begun_and_leaves_the_rest() -> None:
    begun, ended = [], []

    def job(number: int) -> None:
        begun.append(number)
        time.sleep(0.05)
        ended.append(number)

    with closing(side_by_side((partial(job, n) for n in range(50)), 2, never)) as answers:
        next(answers)
    assert sorted(begun) == sorted(ended) and len(begun) < 6
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("count", [1, 2])
def test_cancelling_is_heard_before_every_answer(count: int) -> None:
    indices: list[int] = []
    answers = side_by_side([partial(int, n) for n in range(9)], count, lambda: len(indices) == 3)
    with pytest.raises(CancelledError):
        for number in answers:
            indices.append(number)
    assert indices == [0, 1, 2]
    assert torch.get_num_threads() == 2


def test_a_gpu_gets_one_job_at_a_time_and_a_cpu_four_at_most() -> None:
    cpu = select_device("cpu")
    assert workers(cpu) == 2 and batch_size(8, cpu) == 4 and batch_size(1, cpu) == 1
    torch.set_num_threads(9)
    assert workers(cpu) == 4
    assert workers(Device("cuda", torch.device("cuda"), cpu.dtype)) == 1


@pytest.mark.parametrize(("threads", "count", "share"), [(4, 2, 2), (2, 2, 1), (1, 2, 1)])
def test_every_job_has_its_share_of_the_threads(threads: int, count: int, share: int) -> None:
    with torch_threads(threads):
        told = list(side_by_side([torch.get_num_threads] * 3, count, never))
        assert told == [share] * 3 and torch.get_num_threads() == threads
