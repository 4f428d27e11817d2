"""Kill -9 at random points: what was there before stays whole, nothing runs on, the next run cleans up.

    python -m Testing.campaign.kills FIRST LAST FOLDER

In turn: a program that writes volumes over and over, `mvg segment`, `mvg label`, the worker of a client, and
the client itself with its worker.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

from MVGCore.errors import MVGError
from MVGCore.volume import (
    Geometry,
    LabelMap,
    Volume,
    read_segmentation,
    read_volume,
    write_labelmap,
    write_volume,
)
from Testing.campaign.trials import serve

NAME = "kill -9"
KINDS = ("writing", "segment", "label", "worker", "host")
MARK = "MVG_CAMPAIGN"
_SHAPE = (6, 24, 24)
_LONGEST = {"writing": 1.5, "segment": 12.0, "label": 15.0, "worker": 8.0, "host": 8.0}

_WRITER = """
import sys, itertools
import numpy as np
from MVGCore.volume import Geometry, Volume, write_volume
array = np.random.default_rng(0).integers(0, 99, (20, 64, 64)).astype(np.int16)
for number in itertools.count():
    array[0, 0, 0] = number % 2
    write_volume(sys.argv[1], Volume(array, Geometry.identity(array.shape)))
"""
_HOST = """
import sys, time
from pathlib import Path
from MVGCore.prompts import PromptSet
from MVGCore.volume import read_labelmap, read_volume
from MVGCore.worker.host.client import Client
client = Client(log_folder=Path(sys.argv[3]))
image = read_volume(sys.argv[1])
client.set_image(image)
client.set_prompts(PromptSet.from_labelmap(image, read_labelmap(sys.argv[2])))
while True:
    client.propagate()
    while client.busy:
        client.poll()
        print(client.worker_pid or "", flush=True)
        time.sleep(0.02)
"""


class Kills:
    """Starts programs on a small case and kills them.

    Args:
        folder: Where to put the files; it has to be empty.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._image, self._few = folder / "image.nrrd", folder / "few.seg.nrrd"
        k, j, i = np.ogrid[: _SHAPE[0], : _SHAPE[1], : _SHAPE[2]]
        ball = (k - 3) ** 2 * 9 + (j - 12) ** 2 + (i - 12) ** 2 <= 64
        geometry = Geometry.identity(_SHAPE)
        write_volume(self._image, Volume((ball * 100 + (j + i) % 7).astype(np.int16), geometry))
        few = np.where(np.arange(_SHAPE[0])[:, None, None] == 3, ball, 0).astype(np.uint8)
        write_labelmap(self._few, LabelMap.of(few, geometry))

    def trial(self, number: int) -> tuple[str, str]:
        """Kill one program; gives its kind, and what was lost, left running or left behind."""
        rng = np.random.default_rng(number)
        kind = KINDS[number % len(KINDS)]
        case = self._folder / "case"
        case.mkdir()
        try:
            finding = self._kill(kind, case, float(rng.uniform(0.05, _LONGEST[kind])), str(number), rng)
        except (MVGError, OSError, AssertionError) as error:
            finding = f"{type(error).__name__}: {error}"
        finding = finding or _running_on(str(number))
        shutil.rmtree(case)
        return kind, finding

    def _kill(self, kind: str, case: Path, seconds: float, mark: str, rng: np.random.Generator) -> str:
        inputs = {file: file.read_bytes() for file in (self._image, self._few)}
        output = (
            case / str(rng.choice(("x.nrrd", "x.nhdr", "x.nii.gz", "x.mha"))) if kind == "writing" else None
        )
        if kind in ("worker", "host"):
            words = [sys.executable, "-c", _HOST, str(self._image), str(self._few), str(case / "logs")]
        elif kind == "writing":
            words = [sys.executable, "-c", _WRITER, str(output)]
        else:
            output = case / "out.seg.nrrd"
            write_labelmap(output, LabelMap.of(np.ones(_SHAPE, np.uint8), Geometry.identity(_SHAPE)))
            words = self._mvg(kind, case, output)
        program = subprocess.Popen(
            words,
            env={**os.environ, MARK: mark},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(seconds)
        if kind == "worker":
            _kill_worker(program)
            time.sleep(0.5)
            alive = program.poll() is None
            _end(program)
            return "" if alive else "the host ended with its worker"
        _end(program)
        if any(file.read_bytes() != content for file, content in inputs.items()):
            return "an input changed"
        return _damage(kind, case, output)

    def _mvg(self, kind: str, case: Path, output: Path) -> list[str]:
        mvg = [sys.executable, "-m", "MVGCore.cli.main"]
        if kind == "segment":
            return [
                *mvg,
                "segment",
                str(self._image),
                "--labels",
                str(self._few),
                "-o",
                str(output),
                "--quiet",
            ]
        images = case / "images"
        images.mkdir()
        for number in range(3):
            shutil.copy(self._image, images / f"case_{number}.nrrd")
        return [
            *mvg,
            "label",
            str(images),
            "--examples",
            str(self._few),
            "-o",
            str(case / "labels"),
            "--quiet",
        ]


def _end(program: subprocess.Popen[bytes]) -> None:
    program.send_signal(signal.SIGKILL)
    program.wait()
    assert program.stdout is not None
    program.stdout.close()


def _kill_worker(program: subprocess.Popen[bytes]) -> None:
    for child in psutil.Process(program.pid).children(recursive=True):
        child.kill()


def _damage(kind: str, case: Path, output: Path | None) -> str:
    """What is not whole of what the program wrote, or stays behind once somebody writes there again."""
    if output is not None and output.exists():
        (read_volume if kind == "writing" else read_segmentation)(output)
    for result in (case / "labels").glob("*.seg.nrrd") if kind == "label" else ():
        read_segmentation(result)
    for folder in (case, case / "labels"):
        if folder.is_dir():
            write_labelmap(
                folder / "next.nrrd", LabelMap.of(np.ones(_SHAPE, np.uint8), Geometry.identity(_SHAPE))
            )
            left = [each.name for each in folder.glob(".mvg-*")]
            if left:
                return f"left behind: {left}"
    return ""


def _running_on(mark: str) -> str:
    """Processes of a trial that are there still after a while; they are ended."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        left = [each for each in psutil.process_iter() if _is_of(each, mark)]
        if not left:
            return ""
        time.sleep(0.2)
    for each in left:
        each.kill()
    return f"{len(left)} processes ran on"


def _is_of(process: psutil.Process, mark: str) -> bool:
    try:
        own = process.environ().get(MARK) == mark and process.pid != os.getpid()
        return own and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def main(words: list[str]) -> None:
    """Make the trials of a range."""
    first, last, folder = int(words[0]), int(words[1]), Path(words[2])
    with tempfile.TemporaryDirectory() as scratch:
        serve(NAME, Kills(Path(scratch)).trial, first, last, folder)


if __name__ == "__main__":
    main(sys.argv[1:])
