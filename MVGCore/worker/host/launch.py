"""Starts and ends the worker's process: which command, which environment, which log."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import IO

from MVGCore.private import is_own_file, log_folder, open_to_append

LOGS_KEPT = 10
LAUNCHER = "PythonSlicer"  # Slicer's own interpreter, which sets up its environment by itself
# What a host sets for its own Python, and for its own libraries.
_PYTHON_VARIABLES = ("PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONEXECUTABLE", "PYTHONNOUSERSITE")
_LIBRARY_VARIABLES = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
# Slicer's launcher keeps what a variable was before in one with this prefix.
_SAVED = "APPLAUNCHER_0_"
_numbers = count()


def command(python: str) -> list[str]:
    """The command that runs the worker of this very MVGCore with an interpreter."""
    return [python, str(Path(__file__).resolve().parents[1] / "__main__.py")]


def environment(python: str, own: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables for the worker: those of this process, without what would mislead another interpreter.

    Args:
        python: the interpreter that will run.
        own: the variables of this process; None stands for `os.environ`.
    """
    variables = dict(os.environ if own is None else own)
    if not is_own(python):
        for name in _PYTHON_VARIABLES:
            variables.pop(name, None)
        saved = {name.removeprefix(_SAVED): variables[name] for name in variables if name.startswith(_SAVED)}
        if saved:
            for name in _LIBRARY_VARIABLES:
                variables.pop(name, None)
        variables.update(saved)
    variables["PYTHONUNBUFFERED"] = "1"  # so that the log is complete whatever happens
    variables.setdefault("OPENBLAS_NUM_THREADS", "1")  # as in MVGCore.cli
    return variables


def is_own(python: str) -> bool:
    """Whether this is the interpreter of this process, under whatever name."""
    if Path(python).stem == LAUNCHER:
        return True
    try:
        return os.path.samefile(python, sys.executable) and Path(python).parent == Path(sys.executable).parent
    except OSError:
        return False


def start(python: str, log: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start the worker, with its messages on pipes and all else in the log.

    Raises:
        OSError: there is no such interpreter, or it cannot be run.
    """
    windows = sys.platform == "win32"
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NO_WINDOW | subprocess.BELOW_NORMAL_PRIORITY_CLASS
    return subprocess.Popen(
        command(python),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        env=environment(python),
        cwd=tempfile.gettempdir(),
        start_new_session=not windows,  # one group with what a launcher starts in between
        creationflags=flags,
    )


def kill(process: subprocess.Popen[bytes], worker_pid: int | None) -> None:
    """End the process and what it started, at once.

    Args:
        process: as it was started, which may be a launcher.
        worker_pid: the number that the worker named in its greeting.
    """
    if process.poll() is not None and worker_pid in (None, process.pid):
        return
    try:
        if sys.platform != "win32":
            os.killpg(process.pid, signal.SIGKILL)
        elif worker_pid is not None and worker_pid != process.pid:
            os.kill(worker_pid, signal.SIGTERM)
    except OSError:  # it has ended in the meantime
        pass
    process.kill()


def new_log(folder: Path | None = None) -> Path:
    """A name for the log of a worker; nothing is written yet.

    Args:
        folder: where to put it; None stands for that of this user's logs.
    """
    name = f"worker-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}-{next(_numbers):03d}.log"
    return (folder or log_folder()) / name


def open_log(path: Path) -> IO[bytes]:
    """Open a log to write at its end; the oldest others in its folder are removed.

    Raises:
        OSError: the folder cannot be made or written to, or the log is a link or somebody else's.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    logs = (each for each in path.parent.glob("worker-*.log") if is_own_file(each))
    former = sorted(each for each in logs if each != path)
    for each in former[: max(0, len(former) - LOGS_KEPT + 1)]:
        try:
            each.unlink()
        except OSError:  # in use by another program, on systems where that matters
            continue
    return open_to_append(path)


def tail(path: Path, size: int = 2000) -> str:
    """The last line of a text file that says something."""
    try:
        with open(path, "rb") as stream:
            stream.seek(0, os.SEEK_END)
            stream.seek(max(0, stream.tell() - size))
            lines = stream.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
