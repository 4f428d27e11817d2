"""Keeps what was made from given content, so that the next run makes only what has changed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import Any, TypeVar

from torch import Tensor

T = TypeVar("T")
LIMIT_BYTES = 600_000_000


class Memo:
    """A store of results by what they were made of; what was not asked for longest goes first.

    Example:
        >>> memo = Memo()
        >>> draft = memo.get(("draft", group, labels_digest), lambda: make_draft(...))
    """

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        """Empty; holds tensors of at most `limit_bytes` together, or one result if that is larger."""
        self._limit = limit_bytes
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        self._bytes: dict[Hashable, int] = {}

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """What was made for this key before, or now by `make`."""
        if key in self._kept:
            self._kept.move_to_end(key)
            found: T = self._kept[key]
            return found
        made = make()
        self._kept[key] = made
        self._bytes[key] = sum(each.numel() * each.element_size() for each in _tensors(made))
        while len(self._kept) > 1 and sum(self._bytes.values()) > self._limit:
            oldest, _ = self._kept.popitem(last=False)
            del self._bytes[oldest]
        return made

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()
        self._bytes.clear()


def _tensors(content: Any) -> Iterator[Tensor]:
    """All tensors in tuples, lists and objects with attributes."""
    if isinstance(content, Tensor):
        yield content
    elif isinstance(content, tuple | list):
        for each in content:
            yield from _tensors(each)
    elif hasattr(content, "__dict__"):
        yield from _tensors(tuple(vars(content).values()))
