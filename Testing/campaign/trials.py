"""Trials in processes that may crash: it is found out who crashes, hangs, or opens files elsewhere."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import psutil

MOST_SECONDS = 10
MOST_MEMORY = 2 << 30
_MOST_SECONDS_STILL, _MOST_WAITING = 12 * MOST_SECONDS, 1800
# What Python and its libraries open by themselves while they read.
_LIBRARIES = (
    sys.prefix,
    sys.base_prefix,
    "/proc",
    "/sys",
    "/dev/null",
    "/dev/urandom",
    "/usr",
    "/etc/localtime",
)


@dataclass
class Outcome:
    """What came out of a row of trials.

    Attributes:
        name: For the table.
        trials: How many were made.
        findings: A sentence for each thing that must not happen.
        seconds: By the clock.
        kinds: How many of the trials were of which kind, or ended how.
    """

    name: str
    trials: int = 0
    findings: list[str] = field(default_factory=list)
    seconds: float = 0.0
    kinds: Counter[str] = field(default_factory=Counter)

    def add(self, other: Outcome) -> None:
        """Take in what another row found."""
        self.trials += other.trials
        self.findings += other.findings
        self.seconds += other.seconds
        self.kinds += other.kinds

    def to_json(self) -> str:
        """One line."""
        return json.dumps({**vars(self), "kinds": dict(self.kinds)})

    @classmethod
    def from_json(cls, line: str) -> Outcome:
        """Of such a line."""
        content: dict[str, Any] = json.loads(line)
        return cls(**{**content, "kinds": Counter(content["kinds"])})


@contextmanager
def opened_files() -> Iterator[list[str]]:
    """The files that are opened in the block, other than those of Python and its libraries."""
    seen: list[str] = []
    _watchers.append(seen)
    if len(_watchers) == 1 and not _hooked:
        sys.addaudithook(_on_event)  # it cannot be taken away again
        _hooked.append(True)
    try:
        yield seen
    finally:
        _watchers.remove(seen)


_watchers: list[list[str]] = []
_hooked: list[bool] = []


def _on_event(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and _watchers and isinstance(arguments[0], (str, bytes, os.PathLike)):
        path = os.path.realpath(os.fsdecode(arguments[0]))
        if not path.startswith((*_LIBRARIES, *_own_code())):
            for seen in _watchers:
                seen.append(path)


@cache
def _own_code() -> tuple[str, ...]:
    return tuple(os.path.realpath(entry) for entry in sys.path if entry)


@contextmanager
def within(seconds: int) -> Iterator[None]:
    """Raise `TimeoutError` where the block takes longer, or by the clock ten times as long."""

    def ring(*_: object) -> None:
        raise TimeoutError(f"it took more than {seconds} s")

    alarms = (
        (signal.SIGPROF, signal.ITIMER_PROF, seconds),
        (signal.SIGALRM, signal.ITIMER_REAL, 10 * seconds),
    )
    before = [signal.signal(number, ring) for number, _, _ in alarms]
    for _, timer, length in alarms:
        signal.setitimer(timer, length)
    try:
        yield
    finally:
        for (number, timer, _), handler in zip(alarms, before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)


def in_processes(module: str, arguments: list[str], numbers: range, folder: Path) -> Outcome:
    """Run the trials of a module in a process, and in a new one from where the last one crashed.

    The module is run as `python -m MODULE ARGUMENTS FIRST LAST FOLDER`. It keeps the number of the trial
    that it is at in FOLDER/at, and its outcome so far in FOLDER/outcome.

    Args:
        module: Its full name.
        arguments: Before the numbers.
        numbers: Of the trials.
        folder: For what it keeps.
    """
    total, at, begun = Outcome(module), numbers.start, time.monotonic()
    while at < numbers.stop:
        for name in ("at", "outcome"):
            (folder / name).unlink(missing_ok=True)
        words = [sys.executable, "-m", module, *arguments, str(at), str(numbers.stop), str(folder)]
        code, reason = _ended(words, folder)
        if (folder / "outcome").exists():
            part = Outcome.from_json((folder / "outcome").read_text())
            total.name = part.name
            total.add(part)
        if code == 0:
            break
        if not (folder / "at").exists():
            raise RuntimeError(f"No trial began: {(folder / 'errors').read_text()[-2000:]}")
        last = int((folder / "at").read_text())
        total.trials += 1
        total.findings.append(f"trial {last}: the process ended with {reason}")
        at = last + 1
    total.seconds = time.monotonic() - begun
    return total


def _ended(words: list[str], folder: Path) -> tuple[int, str]:
    """Wait for a process; one that hangs where no alarm reaches it is killed."""
    with open(folder / "errors", "wb") as errors:
        process = subprocess.Popen(words, stdout=errors, stderr=errors)
        at, since, used = "", time.monotonic(), 0.0
        while (code := process.poll()) is None:
            time.sleep(0.2)
            now = (folder / "at").read_text() if (folder / "at").exists() else ""
            spent = _processor_seconds(process.pid)
            if now != at:
                at, since, used = now, time.monotonic(), spent
            # By the processor: the machine may be busy with other things. What waits for ever uses none.
            if spent - used > _MOST_SECONDS_STILL or time.monotonic() - since > _MOST_WAITING:
                process.kill()
                process.wait()
                return -9, "a hang"
    return code, f"code {code}"


def _processor_seconds(pid: int) -> float:
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:  # it has just ended
        return 0.0
    return float(times.user + times.system)


def serve(name: str, trial: Callable[[int], Sequence[Any]], first: int, last: int, folder: Path) -> None:
    """The child's side of `in_processes`.

    Args:
        name: For the table.
        trial: Makes one trial of that number; gives its kind, what was found or an empty text, and perhaps
            how many of that kind there were.
        first: Number of the first trial.
        last: One more than that of the last trial.
        folder: As given to the process.
    """
    outcome = Outcome(name)
    for number in range(first, last):
        (folder / "at").write_text(str(number))
        kind, finding, *count = trial(number)
        outcome.trials += 1
        outcome.kinds[kind] += count[0] if count else 1
        if finding:
            outcome.findings.append(f"trial {number}, {kind}: {finding}")
        scratch = folder / "outcome.new"
        scratch.write_text(outcome.to_json())
        os.replace(scratch, folder / "outcome")
