"""Work that may crash, hang or eat the memory, done in a process of its own where that costs nothing.

The libraries that read foreign files are large and written in C++; a damaged file can end the process that
they run in. A short-lived process tells beforehand whether that happens.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence

from MVGCore.errors import MVGError
from MVGCore.private import temporary_prefix

_NO_WINDOW = 0x08000000 if sys.platform == "win32" else 0
_MOST_TEXT = 1 << 16
_SPARED = 0.8  # of the memory that is free, so that the machine stays usable


class ProcessFailedError(MVGError):
    """The process said that it cannot do it: what it printed."""


class Died(MVGError):
    """The process crashed, took too long or was ended: why, as a part of a sentence."""


def ask(module: str, arguments: Sequence[str], seconds: float) -> str:
    """Run a module as a program of its own and wait for it.

    The module's `main` should call `limit_itself` first. What it prints is its answer; if it cannot do what
    it was asked, it prints why and ends with code 1.

    Args:
        module: Its full name, as after `python -m`.
        arguments: Of the program.
        seconds: After which it is ended.

    Returns:
        What it printed.

    Raises:
        ProcessFailedError: It cannot.
        Died: It crashed or took too long.
    """
    with (
        tempfile.TemporaryDirectory(prefix=temporary_prefix("apart")) as folder,
        open(f"{folder}/out", "w+b") as output,
    ):
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.DEVNULL,
            cwd=folder,  # `-m` looks for the module here first, so it has to be empty and private
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            creationflags=_NO_WINDOW,
        )
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Died(f"reading it took more than {seconds:.0f} s") from None
        finally:
            process.kill()
            process.wait()
        output.seek(0)
        text = output.read(_MOST_TEXT).decode("utf-8", "replace").strip()
    if code == 0:
        return text
    if text and code == 1:
        raise ProcessFailedError(text)
    raise Died(f"the library that reads it ended with signal {-code}" if code < 0 else f"code {code}")


def limit_itself(seconds: float, memory: int | None = None) -> None:
    """Limit this process, so that it ends even if nobody is left to end it. Only where the system can.

    Args:
        seconds: Of the processor.
        memory: Bytes that it may take from now on; None stands for most of what is free.
    """
    if sys.platform == "win32":
        return
    import resource

    import psutil

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold the patient's image
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 1))
    allowed = memory if memory is not None else int(psutil.virtual_memory().available * _SPARED)
    most = psutil.Process().memory_info().vms + allowed
    try:
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    except (OSError, ValueError):  # macOS has the limit but does not take it
        return
