"""Runs a method in a process of its own: its memory is its own, and a hang or a crash costs one result only.

Some peers do hang or corrupt their memory on real cases. The process stays alive from case to case, so that
libraries and weights are loaded once: all times are warm.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Protocol

import numpy as np

from MVGCore.errors import MissingExtraError, MVGError
from MVGCore.volume import Geometry, LabelMap, Volume

GRACE_SECONDS = 2.0
_SAMPLE_SECONDS = 0.02
_MEGABYTE = 1024**2


@dataclass(frozen=True)
class BenchmarkTask:
    """What a method is given; see `Peer`."""

    image: Volume
    few: LabelMap
    axis: int
    slices: tuple[int, ...]
    seed: int = 0

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what the method returns."""
        return self.few.array.shape

    def call(self, method: Callable[..., np.ndarray]) -> np.ndarray:
        """Puts the task to the method."""
        return method(self.image, self.few, self.axis, self.slices, self.seed)


class BenchmarkQuestion(Protocol):
    """Whatever can be put to a method: a `Task`, or a problem of the image tasks."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what the method returns."""
        ...

    def call(self, method: Callable[..., np.ndarray]) -> np.ndarray:
        """Puts itself to the method."""
        ...


@dataclass(frozen=True)
class Outcome:
    """What came of a task.

    Attributes:
        labels: what the method returned; None after a failure.
        seconds: Time of the call, without start-up and transfer.
        cpu_seconds: What all threads of the method's process computed in it.
        memory_mb: Highest resident memory of the method's process during the call, its libraries included.
        error: Why there are no labels.
        missing_extra: Whether that is because its library is not installed.
    """

    labels: np.ndarray | None = None
    seconds: float | None = None
    cpu_seconds: float | None = None
    memory_mb: float | None = None
    error: str = ""
    missing_extra: bool = False


class MethodProcess:
    """A method in a child process; use as a context manager, or call `close`."""

    def __init__(
        self, method: Callable[..., np.ndarray], time_limit_s: float, warm_up: BenchmarkQuestion | None = None
    ) -> None:
        """Nothing starts before the first `run`.

        Args:
            method: Any picklable `Peer`, or another method that the questions can be put to.
            time_limit_s: A task that takes longer is stopped, with its process.
            warm_up: A small question that is put first, untimed; a small segmentation when None.
        """
        self._method = method
        self._warm_up = warm_up or _warm_up_task()
        self._time_limit_s = time_limit_s
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None

    def __enter__(self) -> MethodProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, task: BenchmarkQuestion) -> Outcome:
        """Runs one task; failures of every kind come back as an `Outcome` with an error."""
        if self._connection is None:
            ready = self._start()
            if ready.error:
                return ready
        return self._exchange(task)

    def close(self) -> None:
        """Ends the process, if there is one; a method at work is given `GRACE_SECONDS` and then stopped."""
        if self._connection is not None:
            self._connection.close()
        if self._process is not None:
            # A closed connection tells the process to leave, and only one that leaves by itself tidies up:
            # its libraries' semaphores would be reported as leaked.
            self._process.join(GRACE_SECONDS)
            if self._process.is_alive():
                self._process.terminate()
                self._process.join(5)
            if self._process.is_alive():
                self._process.kill()
                self._process.join()
        self._connection = self._process = None

    def _start(self) -> Outcome:
        # Forking would copy the threads of torch and ITK in an unusable state.
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self._method), daemon=True)
        self._process.start()
        theirs.close()
        ready = self._exchange(self._warm_up)
        # A method may refuse so small a volume; only a missing library or a dead process ends it here.
        return ready if ready.missing_extra or self._connection is None else Outcome()

    def _exchange(self, task: BenchmarkQuestion) -> Outcome:
        assert self._connection is not None and self._process is not None
        try:
            self._connection.send(task)
            if self._connection.poll(self._time_limit_s):
                outcome = self._connection.recv()
                assert isinstance(outcome, Outcome)
                return outcome
            error = f"stopped after {self._time_limit_s:g} s"
        except (EOFError, OSError):
            self._process.join(5)
            error = f"crashed (exit code {self._process.exitcode})"
        self.close()
        return Outcome(error=error)


class PeakMemory:
    """Samples the resident memory of this process from a thread; `megabytes` is the highest value seen."""

    def __init__(self) -> None:
        import psutil

        self._process = psutil.Process()
        self.megabytes = 0.0

    def sample(self) -> None:
        """Looks once."""
        self.megabytes = max(self.megabytes, self._process.memory_info().rss / _MEGABYTE)


@contextmanager
def peak_memory() -> Iterator[PeakMemory]:
    """Measures the block it surrounds."""
    peak, finished = PeakMemory(), threading.Event()

    def watch() -> None:
        while not finished.wait(_SAMPLE_SECONDS):
            peak.sample()

    watcher = threading.Thread(target=watch, daemon=True)
    peak.sample()
    watcher.start()
    try:
        yield peak
    finally:
        finished.set()
        watcher.join()
        peak.sample()


def perform(method: Callable[..., np.ndarray], task: BenchmarkQuestion) -> Outcome:
    """Runs a task in this process, timed and measured."""
    start, computed = time.perf_counter(), time.process_time()
    try:
        with peak_memory() as peak:
            labels = task.call(method)
    except MissingExtraError as error:
        return Outcome(error=str(error), missing_extra=True)
    except MVGError as error:
        return Outcome(error=str(error))
    except Exception as error:  # a peer's library may raise anything; the benchmark goes on
        return Outcome(error=f"{type(error).__name__}: {error}")
    seconds, computed = time.perf_counter() - start, time.process_time() - computed
    if labels.shape != task.shape:
        return Outcome(error=f"returned labels of shape {labels.shape}, not {task.shape}")
    return Outcome(labels, seconds, computed, peak.megabytes)


def _serve(connection: Connection, method: Callable[..., np.ndarray]) -> None:
    # Ctrl-C reaches the whole group: the parent alone decides, and closes this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The parent closes its end to say that no more is wanted, whether this end is reading or writing.
    with suppress(EOFError, OSError):
        while True:
            connection.send(perform(method, connection.recv()))


def _warm_up_task() -> BenchmarkTask:
    """A small volume with a box in it, labelled on two slices."""
    shape, slices = (8, 32, 32), (1, 6)
    array = np.zeros(shape, dtype=np.float32)
    array[:, 8:24, 10:26] = 1.0
    array += np.linspace(0, 0.1, 32, dtype=np.float32)
    labels = np.zeros(shape, dtype=np.uint8)
    labels[list(slices), 8:24, 10:26] = 1
    geometry = Geometry.identity(shape)
    return BenchmarkTask(Volume(array, geometry, name="warm-up"), LabelMap.of(labels, geometry), 0, slices)
