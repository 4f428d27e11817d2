"""Starting the desktop window."""

from __future__ import annotations

import logging
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import slicer
import vtk
from PyQt5 import QtCore, QtWidgets

from MVGCore.errors import InputError, OutputError
from MVGCore.volume.dicom import find_series
from MVGDesktop import headless, qtcompat
from MVGDesktop.stubs import present

if TYPE_CHECKING:
    from MVGDesktop.window import MainWindow

_SETTLE_MS = 1500  # until surfaces, thumbnails and views have come to rest


@dataclass(frozen=True)
class Start:
    """What to do at the start.

    Attributes:
        files: Images, labels or scenes to open.
        demo: Open the demonstration with three slices labelled.
        screenshot: Write the window as a picture to this file and end.
        size: Of the window for the screenshot, in pixels.
        series: Which series of a DICOM folder; None asks where there are several.
    """

    files: tuple[Path, ...] = ()
    demo: bool = False
    screenshot: Path | None = None
    size: tuple[int, int] = (1500, 940)
    series: str | None = None


def prepare() -> QtWidgets.QApplication:
    """Start Qt and Slicer's scene; further calls change nothing."""
    application = qtcompat.application()
    # Without a hook of its own PyQt5 ends the process at the first error in a slot, and the work with it.
    sys.excepthook = report_error
    app = headless.start()
    qtcompat.install()
    app.on_process_events = application.processEvents
    # VTK's messages would open windows of their own on some systems.
    vtk.vtkObject.GlobalWarningDisplayOff()
    return application


def report_error(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Log an error that nobody expected, and tell the user that the work goes on."""
    logging.error("MVG: an unforeseen error", exc_info=(kind, error, trace))
    window = qtcompat.main_window()
    if window is not None:
        text = f"Something unforeseen went wrong ({kind.__name__}: {error}); save your work under a new name."
        present(window.statusBar()).showMessage(text)


def run(start: Start) -> int:
    """Show the window until it is closed, and return the exit code.

    Raises:
        InputError: A file cannot be opened for the screenshot.
        OutputError: The screenshot cannot be written.
    """
    application = prepare()
    from MVGDesktop.files.recovery import leftovers
    from MVGDesktop.window import MainWindow

    if start.screenshot is not None:
        slicer.app.set_testing(True)
        with tempfile.TemporaryDirectory() as folder:
            # Nothing of the user's: the picture is the same everywhere.
            settings = QtCore.QSettings(str(Path(folder) / "settings.ini"), QtCore.QSettings.Format.IniFormat)
            window = MainWindow(settings, Path(folder) / "recovery")
            window.resize(*start.size)
            try:
                _open(window, start)
                return _take_screenshot(window, start.screenshot)
            finally:
                window.close_everything()
    slicer.app.set_testing(False)
    window = MainWindow()
    _open(window, start)
    recoverable = leftovers()
    if recoverable:
        window.recoverer.offer(recoverable)
    return int(application.exec_())


def _open(window: MainWindow, start: Start) -> None:
    window.show()
    unattended = start.screenshot is not None
    for path in start.files:
        series = start.series
        if unattended and series is None and path.is_dir():  # nobody is there to choose
            series = str(find_series(path).number)
        if not window.filing.open(path, series=series) and unattended:
            raise InputError(present(window.statusBar()).currentMessage())
    if start.demo:
        window.filing.open_demo()
        window.filing.label_demo()


def _take_screenshot(window: MainWindow, path: Path) -> int:
    loop = QtCore.QEventLoop()
    QtCore.QTimer.singleShot(_SETTLE_MS, loop.quit)
    loop.exec_()
    if not window.picture().save(str(path)):
        raise OutputError(f"'{path}' cannot be written; choose another folder, and the ending .png.")
    return 0
