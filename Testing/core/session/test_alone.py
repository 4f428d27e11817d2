"""A session works for one thread at a time."""

from __future__ import annotations

import threading

import pytest
import torch

from MVGCore.errors import MVGError
from MVGCore.session.alone import one_at_a_time


class Worker:
    def __init__(self) -> None:
        self._turn, self._threads = threading.RLock(), None
        self.inside, self.leave = threading.Event(), threading.Event()

    @one_at_a_time
    def wait(self) -> str:
        self.inside.set()
        self.leave.wait(30)
        return self.other()

    @one_at_a_time
    def other(self) -> str:
        return "done"


def test_a_second_thread_is_told_and_the_first_goes_on() -> None:
    worker, results = Worker(), []
    thread = threading.Thread(target=lambda: results.append(worker.wait()))
    thread.start()
    worker.inside.wait(30)
    with pytest.raises(MVGError, match="working for another thread"):
        worker.other()
    worker.leave.set()
    thread.join()
    assert results == ["done"] and worker.other() == "done"


def test_the_lock_is_free_after_an_error() -> None:
    class Failing(Worker):
        @one_at_a_time
        def fail(self) -> None:
            raise KeyError

    worker = Failing()
    with pytest.raises(KeyError):
        worker.fail()
    results: list[str] = []
    thread = threading.Thread(target=lambda: results.append(worker.other()))
    thread.start()
    thread.join()
    assert results == ["done"]


def test_threads_of_torch_are_those_given_while_it_works_and_as_before_then() -> None:
    class Counting(Worker):
        @one_at_a_time
        def count(self) -> int:
            return torch.get_num_threads()

        @one_at_a_time
        def fail(self) -> None:
            raise KeyError

    before, worker = torch.get_num_threads(), Counting()
    assert worker.count() == before
    worker._threads = before + 2
    assert worker.count() == before + 2 and torch.get_num_threads() == before
    with pytest.raises(KeyError):
        worker.fail()
    assert torch.get_num_threads() == before
