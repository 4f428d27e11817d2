"""The first line each side says: who it is. Only the standard library is needed to say and to read it."""

from __future__ import annotations

import json
import os
import platform
import sys
from dataclasses import asdict, dataclass

from MVGCore.version import __version__

PROTOCOL = 1  # grows with every change of the messages that an older side would not understand


class ProtocolError(Exception):
    """A line that no sound peer sends."""


@dataclass(frozen=True)
class Greeting:
    """Who speaks: version of the messages, version of MVGCore, number of the process, version of Python."""

    protocol: int
    version: str
    pid: int
    python: str


def own_greeting() -> Greeting:
    """The greeting of this process."""
    return Greeting(PROTOCOL, __version__, os.getpid(), platform.python_version())


def greeting_line(greeting: Greeting) -> bytes:
    """One line of JSON, with its end."""
    return json.dumps({"greeting": asdict(greeting)}).encode() + b"\n"


def read_greeting(line: bytes) -> Greeting:
    """Read what `greeting_line` made.

    Raises:
        ProtocolError: it is something else.
    """
    try:
        record = json.loads(line)["greeting"]
        greeting = Greeting(record["protocol"], record["version"], record["pid"], record["python"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ProtocolError(f"{line[:80]!r} is not a greeting.") from error
    numbers = isinstance(greeting.protocol, int) and isinstance(greeting.pid, int)
    if not (numbers and isinstance(greeting.version, str) and isinstance(greeting.python, str)):
        raise ProtocolError(f"{line[:80]!r} is not a greeting.")
    return greeting


def missing_package(error: ImportError) -> str:
    """A sentence with a remedy."""
    name = (error.name or "").partition(".")[0]
    what = f"The package {name} cannot be loaded" if name else "A package cannot be loaded"
    return f"{what} by {sys.executable} ({error}): install MVG's packages there (pip install mvg-slicer)."


def lacking_line(error: ImportError) -> bytes:
    """The message of a worker that cannot even import what it needs for messages: an `events.Failed`."""
    failed = {"is": "Failed", "job": None, "message": missing_package(error), "kind": "setup"}
    return json.dumps({"message": failed, "parcel": None}).encode() + b"\n"


def misfit(host: Greeting, worker: Greeting) -> str:
    """Why the two must not work together, as a sentence with a remedy; empty if they may."""
    if (host.protocol, host.version) == (worker.protocol, worker.version):
        return ""
    return (
        f"The worker is MVG {worker.version} (messages {worker.protocol}) and this program is MVG "
        f"{host.version} (messages {host.protocol}): restart it, and install MVG again if that does not help."
    )
