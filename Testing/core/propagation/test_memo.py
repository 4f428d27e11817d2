"""What was made is kept by what it was made of, within a limit."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from MVGCore.propagation.memo import Memo


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


def test_one_thing_may_be_larger_than_the_limit() -> None:
    memo = Memo(limit_bytes=10)
    first = memo.get("large", lambda: floats(1000))
    assert memo.get("large", lambda: floats(1)) is first
