"""Keeps what was made from given content, so that the next run makes only what has changed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future
from threading import Lock
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

T = TypeVar("T")
LIMIT_BYTES = 600_000_000


class ContentCache:
    """A store of results by what they were made of; what was not asked for longest goes first.

    Several threads may use it: what one of them is making, the others wait for.

    Example:
        >>> cache = ContentCache()
        >>> draft = cache.get(("draft", group, labels_digest), lambda: make_draft(...))
    """

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        """Empty; holds arrays and tensors of `limit_bytes` together, or one result if that is larger."""
        self._limit = limit_bytes
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        self._bytes: dict[Hashable, int] = {}
        self._making: dict[Hashable, Future[Any]] = {}
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """What was made for this key before, or now by `make`."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                kept: T = self._kept[key]
                return kept
            made: Future[T] | None = self._making.get(key)
            if made is None:
                mine = self._making[key] = Future[T]()
        return self._made(key, make, mine) if made is None else made.result()

    def __contains__(self, key: Hashable) -> bool:
        """Whether something is kept for this key."""
        with self._lock:
            return key in self._kept

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()
            self._bytes.clear()

    def _made(self, key: Hashable, make: Callable[[], T], told: Future[T]) -> T:
        """What `make` gives, kept and told to those who wait for it; they share its error."""
        try:
            made = make()
        except BaseException as error:
            with self._lock:
                del self._making[key]
            told.set_exception(error)
            raise
        with self._lock:
            del self._making[key]
            self._keep(key, made)
        told.set_result(made)
        return made

    def _keep(self, key: Hashable, made: object) -> None:
        self._kept[key] = made
        self._bytes[key] = sum(each.nbytes for each in _arrays(made))
        while len(self._kept) > 1 and sum(self._bytes.values()) > self._limit:
            oldest, _ = self._kept.popitem(last=False)
            del self._bytes[oldest]


def _arrays(content: Any) -> Iterator[Tensor | NDArray[Any]]:
    """All tensors and arrays in tuples, lists and objects with attributes."""
    if isinstance(content, Tensor | np.ndarray):
        yield content
    elif isinstance(content, tuple | list):
        for each in content:
            yield from _arrays(each)
    elif hasattr(content, "__dict__"):
        yield from _arrays(tuple(vars(content).values()))
