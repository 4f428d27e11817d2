"""Time spent per stage."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock


class Stopwatch:
    """Adds up the seconds of each stage; those of stages that run side by side count in full."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._seconds: dict[str, float] = {}
        self._lock = Lock()

    @property
    def seconds(self) -> dict[str, float]:
        """Stage -> seconds since the last `clear`."""
        with self._lock:
            return dict(self._seconds)

    def clear(self) -> None:
        """Begin anew."""
        with self._lock:
            self._seconds.clear()

    @contextmanager
    def of(self, stage: str) -> Iterator[None]:
        """Count what runs within as time of a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - start
            with self._lock:
                self._seconds[stage] = self._seconds.get(stage, 0.0) + spent
