"""What was made is kept by what it was made of, within a limit."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from MVGCore.segmentation.cache import ContentCache


@dataclass
class Made:
    tensors: tuple[torch.Tensor, ...]


def floats(count: int) -> Made:
    return Made((torch.zeros(count), torch.zeros(count)))


def test_a_thing_is_made_once() -> None:
    cache, made = ContentCache(), []
    for key in ("a", "b", "a", "a"):
        cache.get(key, lambda key=key: made.append(key))
    assert made == ["a", "b"]
    cache.clear()
    cache.get("a", lambda: made.append("a"))
    assert made == ["a", "b", "a"]


def test_what_was_not_asked_for_longest_goes_first() -> None:
    cache = ContentCache(limit_bytes=2 * 800)
    for key in ("a", "b", "a", "c"):  # 100 floats, twice: 800 bytes each
        cache.get(key, lambda: floats(100))
    made: list[str] = []
    for key in ("a", "c", "b"):
        cache.get(key, lambda key=key: made.append(key))
    assert made == ["b"]


def test_arrays_take_memory_as_well() -> None:
    cache, made = ContentCache(limit_bytes=1600), []
    for key in ("a", "b", "c"):
        cache.get(key, lambda: [np.zeros(100)])
    for key in ("b", "c", "a"):
        cache.get(key, lambda key=key: made.append(key))
    assert made == ["a"]


def test_one_thing_may_be_larger_than_the_limit() -> None:
    cache = ContentCache(limit_bytes=10)
    first = cache.get("large", lambda: floats(1000))
    assert cache.get("large", lambda: floats(1)) is first


def test_threads_wait_for_what_another_one_is_making() -> None:
    cache, made, begun, go_on = ContentCache(), [], threading.Event(), threading.Event()

    def make() -> str:
        begun.set()
        assert go_on.wait(30)
        made.append("a")
        return "result"

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(cache.get, "a", make)
        assert begun.wait(30)
        second = pool.submit(cache.get, "a", make)
        other = cache.get("b", lambda: "at once")  # nobody waits for what is not theirs
        go_on.set()
        assert (first.result(), second.result(), other) == ("result", "result", "at once")
    assert made == ["a"]


def test_what_failed_is_made_again_by_the_next_one() -> None:
    cache = ContentCache()
    with pytest.raises(ZeroDivisionError):
        cache.get("a", lambda: 1 // 0)
    assert cache.get("a", lambda: 5) == 5
