"""A session works for one thread at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from MVGCore.errors import MVGError

P = ParamSpec("P")
R = TypeVar("R")


class _HasTurn(Protocol):
    _turn: threading.RLock


S = TypeVar("S", bound=_HasTurn)


def one_at_a_time(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Make a method refuse to run while another thread is in one of the same object: results would mix.

    Args:
        method: of an object with a lock `_turn`.
    """

    @wraps(method)
    def alone(self: S, *args: P.args, **kwargs: P.kwargs) -> R:
        if not self._turn.acquire(blocking=False):
            raise MVGError(
                "The session is working for another thread; wait for it, or make a session for each."
            )
        try:
            return method(self, *args, **kwargs)
        finally:
            self._turn.release()

    return alone
