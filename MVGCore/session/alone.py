"""A session works for one thread at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from MVGCore.errors import MVGError
from MVGCore.models.device import torch_threads

P = ParamSpec("P")
R = TypeVar("R")


class _HasTurn(Protocol):
    _turn: threading.RLock
    _threads: int | None


S = TypeVar("S", bound=_HasTurn)


def one_at_a_time(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Make a method refuse to run while another thread is in one of the same object: results would mix.

    It runs with the threads of torch that the object was given.

    Args:
        method: of an object with a lock `_turn` and its number of `_threads`, None for those that there are.
    """

    @wraps(method)
    def alone(self: S, *args: P.args, **kwargs: P.kwargs) -> R:
        if not self._turn.acquire(blocking=False):
            raise MVGError(
                "The session is working for another thread; wait for it, or make a session for each."
            )
        try:
            with torch_threads(self._threads):
                return method(self, *args, **kwargs)
        finally:
            self._turn.release()

    return alone
