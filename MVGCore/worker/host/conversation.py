"""Leads the conversation with a worker: one job at a time, and a new worker when the old one is lost."""

from __future__ import annotations

import time
import weakref
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from MVGCore.session.results import (
    Cancelled,
    Event,
    Failed,
    FailureKind,
    Finished,
    Log,
    Progress,
    Ready,
    Restarted,
    SliceDone,
)
from MVGCore.worker.host.link import Ended, Link
from MVGCore.worker.host.sharedstate import SENT_EARLY, STATE_ORDER, SharedState
from MVGCore.worker.wire.exchange import KEPT_WEIGHTS, private_name, remove_folders
from MVGCore.worker.wire.handshake import Greeting
from MVGCore.worker.wire.messages import NO_JOB, Cancel, Job, State, WarmUp

POLL_PAUSE = 0.001  # seconds that a poll leaves to the threads: some hosts never let them run otherwise
MESSAGES_PER_POLL = 64  # messages that one poll looks at


@dataclass(frozen=True)
class Limits:
    """How long to wait before a worker is taken for lost, in seconds.

    Attributes:
        start: until it greets, and then until it has loaded a model.
        silence: without a sign of life afterwards.
        cancel: until it has stopped what was cancelled.
    """

    start: float = 300.0
    silence: float = 20.0
    cancel: float = 3.0


class Conversation:
    """Everything happens in the host's thread, in `poll` or at once; nothing waits."""

    def __init__(self, python: str, log: Path, in_memory: bool, limits: Limits) -> None:
        self._python, self._log, self._in_memory, self._limits = python, log, in_memory, limits
        self._link: Link | None = None
        self._holder: list[Link] = []  # for the end of the program
        self._started = self._last_poll = time.monotonic()
        self._greeted = self._loaded = False
        self._keep = private_name()
        self._restart: Restarted | None = None  # to be told when the new process is there
        self._shared = SharedState(self.kept_weights)
        self._queue: deque[Job] = deque()
        self._given: dict[int, Mapping[str, State]] = {}  # job -> what it is about, if it brings that along
        self._running: Job | None = None
        self._stopping: tuple[int, float] | None = None  # a cancelled job that still runs; until when it may
        self._events: deque[Event] = deque()
        self.memory = ""
        weakref.finalize(self, _end_at_once, self._holder, self._keep)

    # --- what the host wants ---

    def set(self, what: str, message: State) -> None:
        """Store state for the jobs that are still to be sent."""
        self._shared.set(what, message)
        self._advance()

    def state(self, what: str) -> State | None:
        """What was stored last."""
        return self._shared.get(what)

    def submit(self, job: Job, given: Mapping[str, State] | None = None) -> None:
        """Do a job when its turn comes, with this image and these examples from then on."""
        if given:
            self._given[job.job] = given
        self._queue.append(job)
        self._advance()

    def start(self) -> None:
        """Start the process, unless there is one, and let it prepare."""
        if not any(isinstance(job, WarmUp) for job in self._queue):
            self.submit(WarmUp())

    def cancel(self, job: int | None) -> None:
        """Stop a job, or all."""
        kept: deque[Job] = deque()
        for each in self._queue:
            if each.job != NO_JOB and job in (None, each.job):
                self._given.pop(each.job, None)
                self._events.append(Cancelled(each.job))
            else:
                kept.append(each)
        self._queue = kept
        if self._running is None or job not in (None, self._running.job):
            return
        stopped, self._running = self._running.job, None
        assert self._link is not None
        self._link.send(Cancel(stopped))
        self._stopping = (stopped, time.monotonic() + self._limits.cancel)
        self._events = deque(each for each in self._events if getattr(each, "job", None) != stopped)
        self._events.append(Cancelled(stopped))

    def restart(self, reason: str) -> None:
        """A new process now."""
        self._lose(reason, FailureKind.CRASHED)
        if self._link is None:
            self._open()

    def close(self) -> None:
        """End the process and forget all jobs and an adaptation; a later job starts a process again."""
        self._queue.clear()
        self._given.clear()
        self._events.clear()
        self._running = self._stopping = self._restart = None
        self._shared.forget_adaptation()
        if self._link is not None:
            self._link.leave()
        else:
            remove_folders([self._keep])
        self._forget_link()

    @property
    def busy(self) -> bool:
        """Whether a job runs or waits."""
        return self.job is not None or any(each.job != NO_JOB for each in self._queue)

    @property
    def job(self) -> int | None:
        """The running job."""
        return self._running.job if self._running is not None else None

    @property
    def kept_weights(self) -> Path:
        """Where the worker writes adapted weights, for the case that it is lost."""
        return self._keep / KEPT_WEIGHTS

    @property
    def worker_pid(self) -> int | None:
        """The number of the worker's process; None while there is none that has greeted."""
        return self._link.worker_pid if self._link is not None else None

    def poll(self, limit: int | None = None) -> list[Event]:
        """What happened since the last call, at most `limit` events of it."""
        now = time.monotonic()
        if self._link is not None and now - self._last_poll > self._limits.silence / 2:
            self._link.heard = now  # it was the host that was away
        self._last_poll = now
        if self._link is not None:
            time.sleep(POLL_PAUSE)
        for _ in range(MESSAGES_PER_POLL):
            if self._link is None or not self._link.inbox:
                break
            self._take(self._link.inbox.popleft())
        self._check_time()
        self._advance()
        count = len(self._events) if limit is None else min(limit, len(self._events))
        return [self._events.popleft() for _ in range(count)]

    # --- what the worker says ---

    def _take(self, message: object) -> None:
        if isinstance(message, Greeting):
            self._greeted = True
            if self._restart is not None:
                self._events.append(self._restart)
                self._restart = None
        elif isinstance(message, Ended):
            self._lose(message.text, FailureKind.SETUP if message.setup else FailureKind.CRASHED)
        elif isinstance(message, Ready):
            self._loaded, self.memory = True, message.memory
            if self._stopping is not None:
                self._stopping = (self._stopping[0], time.monotonic() + self._limits.cancel)
            self._events.append(message)
        elif isinstance(message, Progress | SliceDone):
            if message.job == self.job:
                self._events.append(message)
        elif isinstance(message, Finished | Failed | Cancelled):
            self._take_end(message)
        elif isinstance(message, Log):
            self._events.append(message)

    def _take_end(self, message: Finished | Failed | Cancelled) -> None:
        if message.job is None:  # a package is missing: the worker is leaving
            assert isinstance(message, Failed)
            self._lose(message.message, message.kind)
        elif message.job == NO_JOB:
            if isinstance(message, Failed):
                self._events.append(Failed(None, message.message, message.kind))
        elif self._stopping is not None and message.job == self._stopping[0]:
            self._stopping = None
        elif message.job == self.job:
            self._running = None
            self._events.append(message)
            if isinstance(message, Finished):
                self._shared.notice(message.summary)

    # --- what has to be done next ---

    def _advance(self) -> None:
        if self._queue and self._link is None:
            self._open()
        if not self._greeted or self._running is not None or self._stopping is not None:
            return
        self._share(SENT_EARLY)
        if not self._queue:
            return
        job = self._queue.popleft()
        self._shared.update(self._given.pop(job.job, {}))
        self._share(STATE_ORDER)
        assert self._link is not None
        self._link.send(job)
        if job.job != NO_JOB:
            self._running = job

    def _share(self, names: Iterable[str]) -> None:
        assert self._link is not None
        if self._shared.send(self._link, names):
            self._loaded = False

    def _check_time(self) -> None:
        now = time.monotonic()
        if self._link is None:
            return
        # While torch and a model are being loaded nothing can be stopped, and hardly a thread runs.
        silence = self._limits.silence if self._loaded else self._limits.start
        if self._stopping is not None and self._loaded and now > self._stopping[1]:
            self._lose("The worker did not stop what was cancelled.", FailureKind.HUNG)
        elif not self._greeted and now - self._started > self._limits.start:
            text = f"{self._python} did not start in {self._limits.start:.0f} s: choose another interpreter."
            self._lose(text, FailureKind.SETUP)
        elif self._greeted and now - self._link.heard > silence:
            text = f"The worker has given no sign of life for {silence:.0f} s."
            self._lose(text, FailureKind.HUNG)

    # --- processes come and go ---

    def _open(self) -> None:
        self._forget_link()
        self._link = Link(self._python, self._log, self._keep, self._in_memory)
        self._holder.append(self._link)
        self._started = time.monotonic()

    def _forget_link(self) -> None:
        self._link = None
        self._holder.clear()
        self._greeted = self._loaded = False
        self._shared.forget_sent()

    def _lose(self, text: str, kind: FailureKind) -> None:
        """The worker is lost: fail what it was doing, and get another one if it had been well until then."""
        if self._link is not None:
            self._link.kill()
        was_well, was_busy = self._loaded, self._running is not None or self._stopping is not None
        self._forget_link()
        self._stopping = None
        jobs = [self._running] if self._running is not None else []
        self._running = None
        if kind is FailureKind.SETUP:
            jobs += [job for job in self._queue if job.job != NO_JOB]
            self._queue.clear()
            self._given.clear()
            remedy = ""
        else:
            self._restart = Restarted(text, self._shared.loses_adaptation())
            remedy = " Image and examples are kept: try again."
        for job in jobs:
            self._events.append(Failed(job.job, text + remedy, kind))
        if not jobs and not was_well:
            self._events.append(Failed(None, text, kind))
        if was_well and was_busy:
            self._open()


def _end_at_once(links: list[Link], keep: Path) -> None:
    """At the end of the program, or when the host has forgotten the client."""
    for link in links:
        link.kill()
        link.remove_files()
    remove_folders([keep])
