"""One worker process as its host sees it: two threads that carry messages, so that the host never waits."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from MVGCore.errors import MVGError
from MVGCore.session.results import Failed, FailureKind, Log
from MVGCore.worker.host import launch as processes
from MVGCore.worker.wire.exchange import Exchange, make_folders, remove_folders, sweep
from MVGCore.worker.wire.handshake import ProtocolError, greeting_line, misfit, own_greeting, read_greeting
from MVGCore.worker.wire.messages import (
    TO_HOST,
    Folders,
    Job,
    Quit,
    SetImage,
    SetPrompts,
    Unusable,
    decode,
    encode,
)

FAREWELL = 3.0  # seconds that a worker gets to leave by itself


@dataclass(frozen=True)
class Ended:
    """The process is gone, or never came.

    Attributes:
        text: what is known about it, as a sentence.
        setup: whether it could not be started properly.
    """

    text: str
    setup: bool


class Link:
    """Starts a worker and carries messages; `send` and `kill` return at once.

    Attributes:
        inbox: what came: a `Greeting` first, then messages; `Ended` last.
        heard: `time.monotonic()` of the last sign of life.
        closed: set when the process has ended and its files are removed.
    """

    def __init__(self, python: str, log: Path, keep: Path, in_memory: bool = True) -> None:
        """Start in the background.

        Args:
            python: the interpreter.
            log: where everything goes that the worker prints.
            keep: folder for what the worker leaves to the next one.
            in_memory: whether arrays may be exchanged through memory.
        """
        self.inbox: deque[object] = deque()
        self.heard = time.monotonic()
        self.closed = threading.Event()
        self._python, self._log, self._keep, self._in_memory = python, log, keep, in_memory
        self._outbox: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._folders: tuple[Path, ...] = ()
        self._process: subprocess.Popen[bytes] | None = None
        self._worker_pid: int | None = None
        self._killed = False
        self._lock = threading.Lock()  # nobody kills while the process is being started
        threading.Thread(target=self._run, name="MVG worker out", daemon=True).start()

    @property
    def worker_pid(self) -> int | None:
        """The number of the worker's process, once it has greeted."""
        return self._worker_pid

    def send(self, message: object) -> None:
        """Put a message in the queue; its arrays are read when its turn comes."""
        self._outbox.put(message)

    def kill(self) -> None:
        """End the process at once."""
        self._killed = True
        self._outbox.put(None)
        # While the process is being started the lock is taken; then the starting thread sees the flag.
        if self._lock.acquire(blocking=False):
            try:
                if self._process is not None:
                    processes.kill(self._process, self._worker_pid)
            finally:
                self._lock.release()

    def leave(self) -> None:
        """Let the process end by itself; it is ended if it takes too long."""
        self._outbox.put(Quit())
        self._outbox.put(None)
        threading.Thread(target=self._see_off, name="MVG worker farewell", daemon=True).start()

    def remove_files(self) -> None:
        """Remove what was to be exchanged; only for a process that is being killed."""
        remove_folders(self._folders)

    def _see_off(self) -> None:
        if not self.closed.wait(FAREWELL):
            self.kill()

    # --- the thread that starts the process and sends ---

    def _run(self) -> None:
        try:
            process = self._start()
        except OSError as error:
            self._finish(Ended(self._not_started(error.strerror or str(error), error.filename), setup=True))
            return
        threading.Thread(target=self._receive, args=(process,), name="MVG worker in", daemon=True).start()
        exchange = Exchange(self._folders, "h")
        stream = process.stdin
        assert stream is not None
        try:
            stream.write(greeting_line(own_greeting()))
            folders = tuple(str(folder) for folder in self._folders)
            self._write(stream, Folders(folders, str(self._keep), os.getpid()), exchange)
            while (message := self._outbox.get()) is not None:
                self._write(stream, message, exchange)
            stream.close()
        except (OSError, ValueError):  # it has ended; the receiving thread says so
            pass

    def _start(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._killed:
                raise OSError("it was not wanted any more")
            sweep()
            self._folders = make_folders(self._in_memory)
            with processes.open_log(self._log) as log:
                self._process = processes.start(self._python, log)
            if self._killed:
                processes.kill(self._process, None)
            return self._process

    def _write(self, stream: IO[bytes], message: object, exchange: Exchange) -> None:
        try:
            line = encode(message, exchange)
        except (MVGError, TypeError) as error:
            substitute = self._instead_of(message, str(error))
            if substitute is None:
                return
            line = encode(substitute, None)
        stream.write(line)
        stream.flush()

    def _instead_of(self, message: object, reason: str) -> Unusable | None:
        """What to do about a message that cannot be sent."""
        if isinstance(message, SetImage):
            return Unusable("image", reason)
        if isinstance(message, SetPrompts):
            return Unusable("prompts", reason)
        if isinstance(message, Job):
            self.inbox.append(Failed(message.job, reason, FailureKind.INPUT))
        return None

    # --- the thread that receives ---

    def _receive(self, process: subprocess.Popen[bytes]) -> None:
        stream = process.stdout
        assert stream is not None
        exchange = Exchange(self._folders, "w")
        greeted = self._receive_greeting(stream)
        while greeted and (line := stream.readline()):
            self.heard = time.monotonic()
            try:
                self.inbox.append(decode(line, TO_HOST, exchange))
            except ProtocolError as error:
                self.inbox.append(Log("warning", f"The worker said something odd: {error}"))
        if not greeted:
            self.kill()
        code = process.wait()
        stream.close()
        if greeted:
            self._finish(Ended(f"The worker has stopped ({_cause(code)}).", setup=False))
        self._finish(None)

    def _receive_greeting(self, stream: IO[bytes]) -> bool:
        line = stream.readline()
        try:
            greeting = read_greeting(line)
        except ProtocolError:
            said = line.decode("utf-8", "replace").strip() or processes.tail(self._log) or "it said nothing"
            self.inbox.append(Ended(self._not_started(said), setup=True))
            return False
        problem = misfit(own_greeting(), greeting)
        if problem:
            self.inbox.append(Ended(problem, setup=True))
            return False
        self._worker_pid = greeting.pid
        self.heard = time.monotonic()
        self.inbox.append(greeting)
        return True

    def _not_started(self, reason: str, file: str | None = None) -> str:
        if file is not None and file != self._python:
            return (
                f"'{file}' cannot be written ({reason}): free disk space, or check the folder's permissions."
            )
        return f"The worker cannot be started with {self._python} ({reason}): choose another interpreter."

    def _finish(self, ended: Ended | None) -> None:
        self._outbox.put(None)
        self.remove_files()
        if ended is not None:
            self.inbox.append(ended)
        self.closed.set()


def _cause(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
