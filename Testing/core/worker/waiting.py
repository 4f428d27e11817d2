"""What tests do with clients and processes: wait for what has to happen."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from MVGCore.session.requests import PreviewSlice
from MVGCore.session.results import Cancelled, Event, Failed, Finished, Ready, Restarted, SliceDone
from MVGCore.worker.host.client import Client
from MVGCore.worker.wire.exchange import PREFIX, memory_folder

PATIENCE = 300.0  # seconds: a test that waits longer fails
ENDS = (Finished, Failed, Cancelled)


def wait_until(condition: Callable[[], Any]) -> None:
    """Wait for something that has to happen."""
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, "It did not happen."
        time.sleep(0.01)


def poll_until(client: Client, sought: Callable[[Event], bool]) -> list[Event]:
    """All events up to and with the first wanted one, and those that came together with it."""
    events: list[Event] = []
    until = time.monotonic() + PATIENCE
    while not any(sought(event) for event in events):
        assert time.monotonic() < until, f"It did not come; there were {events}; {log_of(client)}"
        events += client.poll()
        time.sleep(0.005)
    return events


def until_end(client: Client, job: int) -> list[Event]:
    """All events until a job has ended."""
    return poll_until(client, lambda event: isinstance(event, ENDS) and event.job == job)


def end_of(events: list[Event], job: int) -> Finished | Failed | Cancelled:
    """How a job ended; it must have ended once."""
    (end,) = [event for event in events if isinstance(event, ENDS) and event.job == job]
    assert isinstance(end, ENDS)
    return end


def finish(client: Client, job: int) -> Finished:
    """Wait for a job that has to succeed."""
    end = end_of(until_end(client, job), job)
    assert isinstance(end, Finished), f"{end}; {log_of(client)}"
    return end


def fail(client: Client, job: int) -> Failed:
    """Wait for a job that has to fail."""
    end = end_of(until_end(client, job), job)
    assert isinstance(end, Failed), end
    return end


def slices_of(events: list[Event], job: int) -> list[SliceDone]:
    """The slices of a job, in the order in which they came."""
    return [event for event in events if isinstance(event, SliceDone) and event.job == job]


def slice_of(job: int) -> Callable[[Event], bool]:
    """Whether an event is a slice of a job."""
    return lambda event: isinstance(event, SliceDone) and event.job == job


def is_ready(event: Event) -> bool:
    """Whether an event says that a model is loaded."""
    return isinstance(event, Ready)


def is_restarted(event: Event) -> bool:
    """Whether an event says that there is a new process."""
    return isinstance(event, Restarted)


def check_preview(client: Client, expected: np.ndarray) -> None:
    """Check that the worker has all that it needs."""
    job = client.submit(PreviewSlice(index=5))
    events = until_end(client, job)
    assert isinstance(end_of(events, job), Finished)
    (done,) = slices_of(events, job)
    np.testing.assert_array_equal(done.values, expected)


def log_of(client: Client) -> str:
    """What the worker had to say."""
    return client.log_path.read_text(encoding="utf-8") if client.log_path.exists() else "There is no log."


def pid_of(client: Client) -> int:
    """The worker's process, which must be there."""
    assert client.worker_pid is not None
    return client.worker_pid


def is_running(pid: int) -> bool:
    """Whether there is such a process that does something."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def leftovers(temp_folder: Path, pid: int | None = None) -> list[Path]:
    """Folders of the exchange that belong to this process, or to another one."""
    places = [temp_folder, *filter(None, [memory_folder()])]
    return [path for place in places for path in place.glob(f"{PREFIX}{pid or os.getpid()}-*")]
