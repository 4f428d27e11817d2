"""A screen for the tests that open windows: the one that is there, or an Xvfb of the test run's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass

SCREEN = "1920x1080x24"


@dataclass
class Display:
    """What `open_display` found or started.

    Attributes:
        why_not: why no window can be shown, "" if one can.
    """

    why_not: str = ""
    _server: subprocess.Popen[bytes] | None = None

    def close(self) -> None:
        """Ends the server if it is ours."""
        if self._server is not None:
            _close_windows()
            self._server.terminate()
            self._server.wait()
            self._server = None


def open_display() -> Display:
    """Makes sure that windows can be opened; sets DISPLAY if it starts a server."""
    if not sys.platform.startswith("linux") or os.environ.get("DISPLAY"):
        return Display()
    if shutil.which("Xvfb") is None:
        # Qt would abort the whole test run when it looks for the screen.
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
        return Display("there is no display and no Xvfb (Debian: apt-get install xvfb)")
    reader, writer = os.pipe()
    # Xvfb picks a free display, and its number on the pipe says that it is ready.
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writer), "-screen", "0", SCREEN, "-nolisten", "tcp", "-noreset"],
        pass_fds=[writer],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(writer)
    with os.fdopen(reader) as answer:
        number = answer.readline().strip()
    if not number:
        server.wait()
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
        return Display("Xvfb does not start")
    os.environ["DISPLAY"] = f":{number}"
    return Display(_server=server)


def _close_windows() -> None:
    """Ends Qt's connection, or Xlib would end the whole process with an error when the server goes."""
    widgets = sys.modules.get("PyQt5.QtWidgets")
    application = widgets.QApplication.instance() if widgets is not None else None
    if application is not None:
        from PyQt5 import sip

        application.closeAllWindows()
        sip.delete(application)
