"""Programs that the campaign kills: a host with its worker, and the window."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil

MARK = "MVG_CAMPAIGN"
_ROOT = Path(__file__).resolve().parents[2]
_LONGEST_HOST, _LONGEST_WINDOW = 6.0, 2.0  # seconds from the first sign of life

_HOST = """
import sys, time
from pathlib import Path
from MVGCore.prompts import PromptSet
from MVGCore.session.requests import SegmentVolume
from MVGCore.volume import read_labelmap, read_volume
from MVGCore.worker.host.client import Client
case, logs = map(Path, sys.argv[1:])
client = Client(log_folder=logs)
client.set_model(case / "w.safetensors", "cpu", threads=1)
image = read_volume(case / "image.nrrd")
prompts = PromptSet.from_labelmap(image, read_labelmap(case / "few.seg.nrrd"))
client.start()
print("started", flush=True)
while True:
    client.submit(SegmentVolume(image=image, prompts=prompts, all_axes=False))
    while client.busy:
        client.poll()
        time.sleep(0.02)
"""
_WINDOW = """
import sys
from pathlib import Path
from MVGDesktop.app import prepare
application = prepare()
from PyQt5 import QtCore
from MVGDesktop.window import MainWindow
from MVGDesktop.editing.tools import Tool
from Testing.desktop.conftest import settle, wait_until
from Testing.desktop.mouse import click, place_of
image, folder = map(Path, sys.argv[1:])
window = MainWindow(QtCore.QSettings(str(folder / "s.ini"), QtCore.QSettings.IniFormat), folder / "recovery")
window.show()
window.filing.open(image)
settle(application, 100)
axial = window.views.panels[0]
axial.go_to(2)
window.editor.use(Tool.PAINT)
window.autosave._timer.setInterval(30)
counts = open(folder / "counts", "w")
for number in range(400):
    click(axial.view, place_of(axial, (3 + number % 18, 3 + number // 18, 2)))
    counts.write(f"{int(window.document.voxels().mask(window.document.segment_id).sum())}\\n")
    counts.flush()
    if number == 0:
        wait_until(lambda: (window.autosave.folder / "record.json").exists(), 60)
        print("started", flush=True)
    settle(application, 20)
"""


def kill_host(given: Path, case: Path, rng: np.random.Generator) -> str:
    """Kill a host; its worker has to end by itself, which the caller looks for."""
    program = _started(_HOST, given, case / "logs")
    time.sleep(float(rng.uniform(0, _LONGEST_HOST)))
    _end(program)
    return ""


def kill_worker(given: Path, case: Path, rng: np.random.Generator) -> str:
    """Kill the worker of a host; the host has to go on, with another one."""
    program = _started(_HOST, given, case / "logs")
    time.sleep(float(rng.uniform(0, _LONGEST_HOST)))
    for child in psutil.Process(program.pid).children(recursive=True):
        child.kill()
    time.sleep(1.0)
    ended = program.poll() is not None
    again = [] if ended else psutil.Process(program.pid).children()
    _end(program)
    if ended:
        return "the host ended with its worker"
    return "" if again else "no other worker was started"


def kill_window(given: Path, case: Path, rng: np.random.Generator) -> str:
    """Kill the window while somebody paints; what it left has to hold what was painted until then."""
    from MVGCore.volume import read_labelmap
    from MVGDesktop import headless

    headless.start()
    from MVGDesktop.files.recovery import leftovers

    program = _started(_WINDOW, given / "image.nrrd", case)
    time.sleep(float(rng.uniform(0, _LONGEST_WINDOW)))
    _end(program)
    counts = [int(line) for line in (case / "counts").read_text().split()]
    found = leftovers(case / "recovery")
    if len(found) != 1 or len(found[0].segmentations) != 1:
        return f"{len(found)} windows left something"
    (file,) = found[0].segmentations
    painted = int((read_labelmap(file).array > 0).sum())
    if found[0].volume != given / "image.nrrd" or not counts[0] <= painted:
        return f"{painted} voxels of {counts} came back, of '{found[0].volume}'"
    return ""


def _started(program: str, *words: Path) -> subprocess.Popen[str]:
    paths = [str(_ROOT), *filter(None, sys.path)]
    process = subprocess.Popen(
        [sys.executable, "-c", program, *map(str, words)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    if process.stdout.readline().strip() != "started":
        _end(process)
        raise RuntimeError("the program did not start")
    return process


def _end(program: subprocess.Popen[str]) -> None:
    program.send_signal(signal.SIGKILL)
    program.wait()
    assert program.stdout is not None
    program.stdout.close()
