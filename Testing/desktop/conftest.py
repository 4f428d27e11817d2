"""A real window on a real scene, with a small volume."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from MVGCore.volume import Geometry, Volume

pytest.importorskip("PyQt5", reason="the desktop window needs PyQt5")
pytest.importorskip("slicer_core", reason="the desktop window needs slicer-core")

from PyQt5 import QtCore, QtWidgets  # noqa: E402

if TYPE_CHECKING:
    from MVGDesktop.window import MainWindow

DIALOG_MS = 20_000
SPACING = (1.0, 1.0, 2.0)
SHAPE = (24, 64, 60)


@pytest.fixture(scope="session")
def application() -> QtWidgets.QApplication:
    """The one application, with Slicer's scene."""
    from MVGDesktop.app import prepare

    return prepare()


@pytest.fixture
def a_volume() -> Volume:
    """A bright ball (value 200) in a dark box (50), 24 slices of 64 x 60 voxels, 1 x 1 x 2 mm."""
    geometry = Geometry(SHAPE, SPACING, (-30.0, 40.0, 5.0))
    k, j, i = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    ball = (2.0 * (k - 12)) ** 2 + (j - 32.0) ** 2 + (i - 30.0) ** 2 <= 16**2
    array = np.where(ball, 200, 50).astype(np.int16)
    array += (np.arange(array.size).reshape(SHAPE) % 7).astype(np.int16)  # not constant anywhere
    return Volume(array, geometry, "ball")


@pytest.fixture
def no_hidden_errors(application: QtWidgets.QApplication, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fails a test in which a slot or an observer raised, or a dialog waits for a hand that never comes.

    By themselves such errors only go to the log, and such a dialog keeps the whole run.
    """
    import slicer

    slicer.app.set_testing(True)
    caplog.set_level(logging.ERROR)
    waiting: list[str] = []

    def close_dialog() -> None:
        dialog = QtWidgets.QApplication.activeModalWidget()
        if dialog is not None:
            waiting.append(dialog.windowTitle())
            dialog.close()

    timer = QtCore.QTimer()
    timer.timeout.connect(close_dialog)
    timer.start(DIALOG_MS)
    yield
    timer.stop()
    assert waiting == []
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


@pytest.fixture
def make_window(
    application: QtWidgets.QApplication, tmp_path: Path, no_hidden_errors: None
) -> Iterator[Callable]:
    """Makes windows with settings and recovery of their own; they are closed without questions.

    A window takes its views' nodes along when it closes, so there may be one at a time: do not mix with
    `window` in a file.
    """
    import slicer

    windows = []

    def make() -> MainWindow:
        windows.append(new_window(application, tmp_path))
        return windows[-1]

    yield make
    for window in windows:
        window.close_everything()
        window.hide()
        window.deleteLater()
    slicer.mrmlScene.Clear(False)
    settle(application)


@pytest.fixture(scope="module")
def shared_window(application: QtWidgets.QApplication, tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    """One window for the tests of a file that do not close theirs: a new one takes seconds."""
    window = new_window(application, tmp_path_factory.mktemp("window"))
    yield window
    window.close_everything()
    window.hide()
    window.deleteLater()
    settle(application)


@pytest.fixture
def window(shared_window: MainWindow, application, no_hidden_errors: None) -> Iterator[MainWindow]:
    """A window in which nothing is open."""
    reset(shared_window)
    settle(application)
    yield shared_window
    reset(shared_window)
    settle(application)


def new_window(application: QtWidgets.QApplication, folder: Path) -> MainWindow:
    """A window that keeps its settings and autosaves in `folder`."""
    from MVGDesktop.window import MainWindow

    settings = QtCore.QSettings(str(folder / "settings.ini"), QtCore.QSettings.IniFormat)
    window = MainWindow(settings, folder / "recovery")
    window.resize(1400, 900)
    window.show()
    activate(window)
    settle(application)
    return window


def activate(window: MainWindow) -> None:
    """Give the window the keyboard; the window system takes its time."""
    window.activateWindow()
    wait_until(window.isActiveWindow, 30)


def reset(window: MainWindow) -> None:
    """Bring a window back to how it starts."""
    import slicer

    from MVGDesktop.editing.tools import Tool, ToolChoices

    slicer.mrmlScene.Clear(False)
    window.document.set_volume("")
    window.document.set_segmentation("")
    window.document.history.clear()
    window.document.unsaved.clear()
    window.filing.forget()
    window.guide.hide()
    window.editor.use(Tool.NAVIGATE)
    for box in (window.tools.sphere, window.tools.range.limited):
        box.setChecked(False)
    window.tools.others.setCurrentIndex(0)
    window.editor.set_radius(ToolChoices().radius)
    window.settings.clear()
    window.statusBar().clearMessage()
    window.views.activate(window.views.panels[0])
    if window.views.alone is not None:
        window.views.toggle_alone(window.views.alone)
    activate(window)


@pytest.fixture
def open_window(window: MainWindow, a_volume: Volume, application: QtWidgets.QApplication) -> MainWindow:
    """A window that shows the ball."""
    from MVGDesktop.files.nodes import volume_node

    window.document.set_volume(volume_node(a_volume).GetID())
    settle(application)
    return window


def settle(application: QtWidgets.QApplication, milliseconds: int = 30) -> None:
    """Let everything that is due happen."""
    loop = QtCore.QEventLoop()
    QtCore.QTimer.singleShot(milliseconds, loop.quit)
    loop.exec_()
    application.processEvents()


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Run the event loop until a condition holds; fails when it never does."""
    loop = QtCore.QEventLoop()
    end = QtCore.QDeadlineTimer(int(seconds * 1000))
    timer = QtCore.QTimer()
    timer.timeout.connect(lambda: loop.quit() if condition() or end.hasExpired() else None)
    timer.start(10)
    loop.exec_()
    assert condition(), f"It did not happen within {seconds} seconds."
