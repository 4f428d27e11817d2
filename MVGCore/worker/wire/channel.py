"""The worker's line to its host, out of reach of everything that prints."""

from __future__ import annotations

import io
import os
import sys
from typing import BinaryIO


def private_channel() -> tuple[BinaryIO, BinaryIO]:
    """Streams from and to the host, made of the standard ones.

    Afterwards what libraries print, also those written in C, goes to standard error, which is the log, and
    nobody reads the host's messages away.
    """
    receive = os.fdopen(os.dup(0), "rb")
    send = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.stdout.flush()
    os.dup2(2, 1)
    sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False), encoding="utf-8", errors="replace")
    printed = io.FileIO(1, "w", closefd=False)
    sys.stdout = io.TextIOWrapper(printed, "utf-8", "backslashreplace", line_buffering=True)
    return receive, send
