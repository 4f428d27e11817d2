"""A screen for the tests that open windows: the one that is there, or an Xvfb of the test run's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass

SCREEN = "1920x1080x24"

# Ends the server after the process of the test run, not before: Qt and VTK keep connections until the very
# end, and Xlib ends a process that loses one with an error.
_KEEPER = """
import os, subprocess, sys
writer = int(sys.argv[1])
server = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL, pass_fds=[writer])
os.close(writer)
sys.stdin.read()
server.terminate()
"""


@dataclass
class Display:
    """What `open_display` found or started.

    Attributes:
        why_not: why no window can be shown, "" if one can.
    """

    why_not: str = ""


def open_display() -> Display:
    """Makes sure that windows can be opened; sets DISPLAY if it starts a server."""
    if not sys.platform.startswith("linux") or os.environ.get("DISPLAY"):
        return Display()
    if shutil.which("Xvfb") is None:
        # Qt would abort the whole test run when it looks for the screen.
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
        return Display("there is no display and no Xvfb (Debian: apt-get install xvfb)")
    reader, writer = os.pipe()
    # Nobody closes the other end of this pipe but the system, when this process has gone.
    alive, _ours = os.pipe()
    command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", SCREEN, "-nolisten", "tcp", "-noreset"]
    subprocess.Popen(
        [sys.executable, "-c", _KEEPER, str(writer), *command],
        stdin=alive,
        pass_fds=[writer],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(writer)
    os.close(alive)
    # Xvfb picks a free display, and its number on the pipe says that it is ready.
    with os.fdopen(reader) as answer:
        number = answer.readline().strip()
    if not number:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
        return Display("Xvfb does not start")
    os.environ["DISPLAY"] = f":{number}"
    return Display()
