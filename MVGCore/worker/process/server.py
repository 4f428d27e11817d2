"""The worker's loop: the main thread works, others listen, give signs of life and watch the host."""

from __future__ import annotations

import faulthandler
import logging
import os
import queue
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, BinaryIO

from MVGCore.session.results import Failed, FailureKind, Log
from MVGCore.worker.wire.exchange import KEPT_WEIGHTS, Exchange, remove_folders
from MVGCore.worker.wire.handshake import ProtocolError, missing_package
from MVGCore.worker.wire.messages import TO_WORKER, Alive, Cancel, Folders, Quit, decode, encode

BEAT = 1.0  # seconds between signs of life, and between looks at the host
PATIENCE = 1.0  # seconds that a job gets to end by itself when the host is gone
POLITENESS = 5  # the host's own windows come first

log = logging.getLogger("MVGCore.worker")


class HostLine:
    """Messages to and from the host; sending is possible from every thread."""

    def __init__(self, receive: BinaryIO, send: BinaryIO) -> None:
        self._receive, self._send = receive, send
        self._lock = threading.Lock()
        self.exchange: Exchange | None = None

    def read(self) -> Any:
        """The next message; None when the host is gone.

        Raises:
            ProtocolError: what came is not a message.
        """
        line = self._receive.readline()
        return decode(line, TO_WORKER, self.exchange) if line else None

    def send(self, message: object) -> None:
        """Send a message; a host that is gone is not an error here, whoever listens finds out.

        Raises:
            OutputError: there is no room for the arrays.
        """
        line = encode(message, self.exchange)
        try:
            with self._lock:
                self._send.write(line)
                self._send.flush()
        except OSError:
            log.info("The host does not listen any more.")


class Stops:
    """Which jobs are to stop; set by the listening thread, asked by the working one."""

    def __init__(self) -> None:
        self._cancelled: set[int] = set()
        self._current: int | None = None
        self._all = False

    def begin(self, job: int | None) -> None:
        """This job is the current one now."""
        self._current = job

    def cancel(self, job: int) -> None:
        """Stop this job, if it is running or still to come."""
        self._cancelled.add(job)

    def cancel_all(self) -> None:
        """Stop whatever runs."""
        self._all = True

    def __call__(self) -> bool:
        return self._all or self._current in self._cancelled


class Server:
    """Listens in one thread, works in the calling one."""

    def __init__(self, line: HostLine, folders: Folders) -> None:
        self._line, self._folders = line, folders
        self._stops = Stops()
        self._messages: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._idle = threading.Event()

    def run(self) -> int:
        """Serve until the host says goodbye or is gone; gives the exit code."""
        for work in (self._listen, self._beat, self._watch_host):
            threading.Thread(target=work, daemon=True).start()
        try:
            from MVGCore.worker.process.arrays import check_arrays
            from MVGCore.worker.process.runner import RequestRunner

            check_arrays()
        except ImportError as error:
            log.exception("A package is missing.")
            self._line.send(Failed(None, missing_package(error), FailureKind.SETUP))
            return 4
        runner = RequestRunner(self._line.send, self._stops, Path(self._folders.keep) / KEPT_WEIGHTS)
        while True:
            message = self._messages.get()
            if message is None:
                break
            self._stops.begin(getattr(message, "job", None))
            runner.handle(message)
            self._stops.begin(None)
        self._idle.set()
        self._leave()
        return 0

    def _listen(self) -> None:
        while True:
            try:
                message = self._line.read()
            except ProtocolError as error:
                log.warning("%s", error)
                self._line.send(Log("warning", f"The worker was told something odd and ignored it: {error}"))
                continue
            except (OSError, ValueError):
                message = None
            if isinstance(message, Cancel):
                self._stops.cancel(message.job)
            elif message is None or isinstance(message, Quit):
                self._end("The host is gone." if message is None else "The host said goodbye.")
            else:
                self._messages.put(message)

    def _beat(self) -> None:
        while True:
            self._line.send(Alive())
            time.sleep(BEAT)

    def _watch_host(self) -> None:
        """Ends the process when the host is gone, in case another process keeps the pipe open."""
        import psutil

        try:
            host = psutil.Process(self._folders.host)
            while host.is_running() and host.status() != psutil.STATUS_ZOMBIE:
                time.sleep(BEAT)
        except psutil.Error:
            pass
        self._end("The host's process has ended.")

    def _end(self, reason: str) -> None:
        """End the process, whatever the main thread does; it gets a moment to stop properly."""
        log.info("%s", reason)
        self._stops.cancel_all()
        self._messages.put(None)
        self._idle.wait(PATIENCE)
        self._leave()
        os._exit(0)

    def _leave(self) -> None:
        remove_folders([Path(folder) for folder in (*self._folders.folders, self._folders.keep)])


def serve(receive: BinaryIO, send: BinaryIO) -> int:
    """Serve the host at the other end; gives the exit code."""
    _prepare_process()
    line = HostLine(receive, send)
    try:
        folders = line.read()
    except ProtocolError as error:
        log.error("%s", error)
        return 3
    if not isinstance(folders, Folders):
        log.error("The host said %s where the folders were expected.", type(folders).__name__)
        return 3
    line.exchange = Exchange([Path(folder) for folder in folders.folders], "w")
    return Server(line, folders).run()


def _prepare_process() -> None:
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.captureWarnings(True)
    faulthandler.enable(sys.stderr)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in a terminal is meant for the host
    if hasattr(os, "nice"):
        os.nice(POLITENESS)
    log.info("Worker %d of Python %s (%s)", os.getpid(), sys.version.split()[0], sys.executable)
