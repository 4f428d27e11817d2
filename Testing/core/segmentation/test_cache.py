"""What was made is kept by what it was made of, within a limit."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from MVGCore.segmentation.cache import Memo


@dataclass
class Made:
    tensors: tuple[torch.Tensor, ...]


def floats(count: int) -> Made:
    return Made((torch.zeros(count), torch.zeros(count)))


def test_a_thing_is_made_once() -> None:
    memo, made = Memo(), []
    for key in ("a", "b", "a", "a"):
        memo.get(key, lambda key=key: made.append(key))
    assert made == ["a", "b"]
    memo.clear()
    memo.get("a", lambda: made.append("a"))
    assert made == ["a", "b", "a"]


def test_what_was_not_asked_for_longest_goes_first() -> None:
    memo = Memo(limit_bytes=2 * 800)
    for key in ("a", "b", "a", "c"):  # 100 floats, twice: 800 bytes each
        memo.get(key, lambda: floats(100))
    made: list[str] = []
    for key in ("a", "c", "b"):
        memo.get(key, lambda key=key: made.append(key))
    assert made == ["b"]


def test_arrays_take_memory_as_well() -> None:
    memo, made = Memo(limit_bytes=1600), []
    for key in ("a", "b", "c"):
        memo.get(key, lambda: [np.zeros(100)])
    for key in ("b", "c", "a"):
        memo.get(key, lambda key=key: made.append(key))
    assert made == ["a"]


def test_one_thing_may_be_larger_than_the_limit() -> None:
    memo = Memo(limit_bytes=10)
    first = memo.get("large", lambda: floats(1000))
    assert memo.get("large", lambda: floats(1)) is first


def test_threads_wait_for_what_another_one_is_making() -> None:
    memo, made, begun, go_on = Memo(), [], threading.Event(), threading.Event()

    def make() -> str:
        begun.set()
        assert go_on.wait(30)
        made.append("a")
        return "result"

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(memo.get, "a", make)
        assert begun.wait(30)
        second = pool.submit(memo.get, "a", make)
        other = memo.get("b", lambda: "at once")  # nobody waits for what is not theirs
        go_on.set()
        assert (first.result(), second.result(), other) == ("result", "result", "at once")
    assert made == ["a"]


def test_what_failed_is_made_again_by_the_next_one() -> None:
    memo = Memo()
    with pytest.raises(ZeroDivisionError):
        memo.get("a", lambda: 1 // 0)
    assert memo.get("a", lambda: 5) == 5
