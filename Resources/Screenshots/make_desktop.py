"""Draws the pictures of the desktop window: the demonstration's brain, three labelled slices, MVG's result.

    python Resources/Screenshots/make_desktop.py [FOLDER]
    python Resources/Screenshots/make_desktop.py --sizes FOLDER

It needs a screen (or `xvfb-run` before the command) and the extras demo and desktop.
Writes desktop.png (a result in review, light) and desktop-label.png (labelling a slice, dark). With --sizes
it writes the start, labelling, and a result, with its question if there is one, on screens of 1366 x 768 and
1920 x 1080 pixels and of 1280 x 720 at 200 %, light and dark, to be looked at; the screen has to be that
large: `xvfb-run -s "-screen 0 2560x1440x24 -dpi 96"`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import slicer
from PyQt5 import QtCore

from MVGDesktop.app import prepare
from MVGDesktop.editing.tools import Tool
from MVGDesktop.theme import Theme
from MVGDesktop.window import MainWindow

SIZE = (1540, 1000)
SCREENS = ((1366, 768), (1920, 1080))
DENSE = (1280, 720)  # logical pixels, two of the screen's each way
LIMIT_S = 3600


def main(folder: Path) -> None:
    """Writes both pictures."""
    prepare()
    slicer.app.set_testing(True)
    with tempfile.TemporaryDirectory() as scratch:
        settings = QtCore.QSettings(str(Path(scratch) / "settings.ini"), QtCore.QSettings.IniFormat)
        window = MainWindow(settings, Path(scratch) / "recovery")
        window.resize(*SIZE)
        window.show()
        window.set_theme(Theme.DARK)
        window.filing.open_demo()
        window.filing.label_demo()
        rest()
        label(window)
        rest(2000)
        window.picture().save(str(folder / "desktop-label.png"))
        window.menus.undo.trigger()
        window.set_theme(Theme.LIGHT)
        review(window)
        rest(2500)
        window.picture().save(str(folder / "desktop.png"))
        window.close_everything()


def sizes(folder: Path, screens: Sequence[tuple[int, int]]) -> None:
    """Writes start, labelling and review at some sizes of the window, light and dark."""
    prepare()
    slicer.app.set_testing(True)
    with tempfile.TemporaryDirectory() as scratch:
        settings = QtCore.QSettings(str(Path(scratch) / "settings.ini"), QtCore.QSettings.IniFormat)
        window = MainWindow(settings, Path(scratch) / "recovery")
        window.show()
        in_all_looks(window, screens, folder / "start")
        window.filing.open_demo()
        window.filing.label_demo()
        in_all_looks(window, screens, folder / "label", label)
        review(window)
        if window.panel.controller.view().question is not None:
            window.panel.controller.asking.show()
        in_all_looks(window, screens, folder / "review")
        window.close_everything()


def in_all_looks(
    window: MainWindow,
    screens: Sequence[tuple[int, int]],
    path: Path,
    before: Callable[[MainWindow], object] = lambda window: None,
) -> None:
    """Writes the window as it is now, at some sizes, light and dark; `path` begins the names of the files."""
    for theme in (Theme.LIGHT, Theme.DARK):
        window.set_theme(theme)
        for screen in screens:
            window.resize(*screen)
            before(window)
            rest(1500)
            look = f"{screen[0]}x{screen[1]}-{round(window.devicePixelRatioF())}x-{theme.value}"
            window.picture().save(f"{path}-{look}.png")


def all_sizes(folder: Path) -> None:
    """Writes them on a usual screen and, in a process of its own, since Qt asks once, on a dense one."""
    folder.mkdir(parents=True, exist_ok=True)
    sizes(folder, SCREENS)
    dense = {**os.environ, "QT_SCALE_FACTOR": "2"}
    subprocess.run([sys.executable, __file__, "--dense", str(folder)], env=dense, check=True)


def label(window: MainWindow) -> None:
    """Shows the brush at work on the middle slice."""
    axial = window.views.panels[0]
    window.editor.use(Tool.PAINT)
    window.editor.set_radius(6.0)
    grid = axial.grid
    assert grid is not None
    place = axial.view.widget_position(grid.position((40, 70, axial.slice_number())))
    window.editor.show_brush(axial.view, QtCore.QPointF(place))


def review(window: MainWindow) -> None:
    """Runs MVG and shows a slice between the labelled ones."""
    controller = window.panel.controller
    window.editor.use(Tool.NAVIGATE)
    controller.runs.apply()
    wait_for(lambda: controller.view().review is not None and controller.view().progress is None)
    controller.dismiss()
    window.guide.hide()
    axial, coronal, sagittal = window.views.panels
    axial.go_to(50)
    coronal.go_to(60)
    sagittal.go_to(40)
    window.surfaces.update_now()
    window.views.three_d.fit()


def rest(milliseconds: int = 500) -> None:
    """Lets the window settle."""
    loop = QtCore.QEventLoop()
    QtCore.QTimer.singleShot(milliseconds, loop.quit)
    loop.exec_()


def wait_for(condition: Callable[[], bool]) -> None:
    """Runs the event loop until a condition holds.

    Raises:
        TimeoutError: It does not within an hour.
    """
    end = QtCore.QDeadlineTimer(1000 * LIMIT_S)
    while not condition():
        if end.hasExpired():
            raise TimeoutError("MVG has not finished within an hour; see its log.")
        rest(100)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--sizes"]:
        all_sizes(Path(sys.argv[2]))
    elif sys.argv[1:2] == ["--dense"]:
        sizes(Path(sys.argv[2]), [DENSE])
    else:
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
