"""Speed of the desktop window: a stroke on 512 x 512, scrolling, memory, start.

    pytest Testing/benchmarks/bench_desktop.py -s

It needs a screen (Xvfb does) and prints what it measures.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from MVGCore.volume import Geometry, Volume
from MVGDesktop.files.nodes import segmentation_of
from Testing.desktop.conftest import application, no_hidden_errors, settle, shared_window, wait_until, window  # noqa: F401
from Testing.desktop.mouse import LEFT, click, move, place_of, press, release, wheel

pytestmark = pytest.mark.display
SHAPE = (300, 512, 512)
STROKE_MS, STARTED_S, MEMORY_MB, DRAWN_MS = 30.0, 4.0, 1500.0, 300.0


@pytest.fixture
def large_window(window, application):  # noqa: F811
    """512 x 512 x 300 voxels of int16 (150 MB)."""
    from MVGDesktop.files.nodes import volume_node

    j, i = np.ogrid[: SHAPE[1], : SHAPE[2]]
    plane = (1000 - np.hypot(j - 256, i - 256)).astype(np.int16)
    array = plane[None] + np.arange(SHAPE[0], dtype=np.int16)[:, None, None]
    window.document.set_volume(volume_node(Volume(array, Geometry(SHAPE, (0.7, 0.7, 1.5)), "large")).GetID())
    settle(application, 200)
    return window


def clock(action: Callable[[], object], times: int) -> list[float]:
    """Milliseconds of each call, by this process's own clock: neighbours on the machine do not count."""
    found = []
    for _ in range(times):
        start = time.process_time()
        action()
        found.append(1000 * (time.process_time() - start))
    return found


def report(name: str, times: list[float]) -> float:
    middle = float(np.median(times))
    print(
        f"\n{name}: median {middle:.1f} ms, 95 % below {np.percentile(times, 95):.1f} ms ({len(times)} times)"
    )
    return middle


@pytest.mark.parametrize("radius, ball", [(5.0, False), (30.0, False), (15.0, True)])
def test_stroke(large_window, application, radius: float, ball: bool) -> None:  # noqa: F811
    """From the mouse event to the drawn view, for each step of a stroke."""
    from MVGDesktop.editing.tools import Tool

    axial = large_window.views.panels[0]
    large_window.editor.use(Tool.PAINT)
    large_window.editor.set_radius(radius)
    large_window.tools.sphere.setChecked(ball)
    large_window.document.need_segment()
    places = [place_of(axial, (200 + 3 * step, 256, axial.slice_number())) for step in range(40)]
    press(axial.view, places[0])
    steps = iter(places[1:])
    times = clock(lambda: move(axial.view, next(steps), LEFT), len(places) - 1)
    end = clock(lambda: release(axial.view, places[-1]), 1)
    report(f"end of the stroke of {radius:g} mm", end)
    assert report(f"stroke step of {radius:g} mm{' ball' if ball else ''}", times) < STROKE_MS


def test_scrolling(large_window, application) -> None:  # noqa: F811
    axial = large_window.views.panels[0]

    def turn() -> None:
        wheel(axial.view, axial.view.rect().center(), 1)
        axial.view.render_now()

    report("scroll one slice", clock(turn, 30))


def test_surfaces_after_a_stroke(large_window, application) -> None:  # noqa: F811
    """What the hand may feel 0.6 s after a stroke, and what the panel does in one look."""
    from MVGDesktop.editing.tools import Tool

    axial = large_window.views.panels[0]
    large_window.editor.use(Tool.PAINT)
    large_window.editor.set_radius(60.0)
    large_window.tools.sphere.setChecked(True)
    click(axial.view, place_of(axial, (256, 256, 150)))
    report("surface of a ball of 60 mm", clock(large_window.surfaces.update_now, 1))
    report("the panel's look after a stroke", clock(large_window.panel.controller.poll, 20))
    report("autosave's copy", clock(large_window.autosave._snapshot, 1))
    report("voxels of all segments counted", clock(large_window.sizes.count_now, 1))


def test_opening_and_filling_in(window, application) -> None:  # noqa: F811
    """What opening costs beside reading the file, and a slice of a result from its delivery to the screen."""
    from MVGCore.volume import SegmentClass
    from MVGDesktop.files.nodes import volume_node

    array = np.random.default_rng(0).integers(0, 900, SHAPE, dtype=np.int16)
    volume = Volume(array, Geometry(SHAPE, (0.7, 0.7, 1.5)), "large")
    opened = []

    def show() -> None:
        opened.append(volume_node(volume))
        window.document.set_volume(opened[0].GetID())
        application.processEvents()

    report("a volume in memory shown", clock(show, 1))
    scene = window.panel.controller.scene
    result = scene.start_segments(opened[0].GetID(), 0, [SegmentClass(1, "a", (1, 0, 0))], "result")
    labels = np.zeros(SHAPE[1:], np.uint16)
    labels[100:400, 100:400] = 1
    slices = iter(range(40))

    def deliver() -> None:
        result.put(next(slices), labels, np.full(SHAPE[1:], 0.5, np.float32))
        application.processEvents()

    assert report("a slice of a result drawn", clock(deliver, 40)) < DRAWN_MS


def test_memory(large_window, application) -> None:  # noqa: F811
    """With one layer of labels and its undo."""
    large_window.document.need_segment()
    large_window.document.voxels().layers()
    settle(application, 800)
    megabytes = psutil.Process().memory_info().rss / 2**20
    print(f"\nmemory with 512 x 512 x 300 voxels: {megabytes:.0f} MB")
    assert megabytes < MEMORY_MB


def test_demonstration(window, application) -> None:  # noqa: F811
    """The demonstration's brain by three labelled slices, through the panel and the worker of the window."""
    window.filing.open_demo()
    window.filing.label_demo()
    controller, start = window.panel.controller, time.perf_counter()
    controller.runs.apply()
    wait_until(lambda: controller.view().review is not None and controller.view().progress is None, 900)
    seconds = time.perf_counter() - start
    example, result = window.filing.demonstration.example, segmentation_of(window.document.segmentation)
    known = set(controller.view().review.known)
    rest = [index for index in range(example.truth.array.shape[0]) if index not in known]
    labels = result.to_labelmap()
    for class_ in labels.classes:
        (truth_id,) = (each.id for each in example.truth.classes if each.name == class_.name)
        ours, truth = labels.array[rest] == class_.id, example.truth.array[rest] == truth_id
        dice = 2 * (ours & truth).sum() / (ours.sum() + truth.sum())
        print(f"\n{class_.name}: Dice {dice:.3f} on the slices that were not labelled ({seconds:.0f} s)")
        assert dice > 0.5


def test_start(tmp_path: Path) -> None:
    """From the start of the process to a window that takes events."""
    program = (
        "import time, psutil; from MVGDesktop.app import prepare; application = prepare();"
        "from pathlib import Path; from PyQt5 import QtCore; from MVGDesktop.window import MainWindow;"
        f"settings = QtCore.QSettings('{tmp_path}/s.ini', QtCore.QSettings.IniFormat);"
        f"window = MainWindow(settings, Path('{tmp_path}'));"
        "window.show(); application.processEvents();"
        "print(time.time() - psutil.Process().create_time(), time.process_time()); window.close_everything()"
    )
    for name in ("first", "warm"):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        wall, cpu = (float(each) for each in done.stdout.split()[-2:])
        print(f"\nstart, {name}: {wall:.1f} s ({cpu:.1f} s of CPU)")
    assert cpu < STARTED_S
