"""Kill -9 at random points: what was there before stays whole, nothing runs on, the next run cleans up.

python -m Testing.campaign.kills FIRST LAST FOLDER

Commands and a program that writes over and over are forks of this process, killed after a random part of the
processor's time that they take; a host with its worker, the worker alone and the window are programs.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import numpy as np
import psutil

from MVGCore.errors import MVGError
from MVGCore.volume import Geometry, LabelMap, Volume, read_volume, write_labelmap, write_volume
from Testing.campaign.commands import commands, content, in_a_fork, lost, warm, write_case
from Testing.campaign.killed_programs import MARK, kill_host, kill_window, kill_worker
from Testing.campaign.trials import serve

NAME = "kill -9"
_FORKED = ("segment", "label", "adapt", "denoise", "inpaint")
_PROGRAMS = {"worker": kill_worker, "host": kill_host, "window": kill_window}
# Programs take seconds to start, so they come once in twenty trials each.
KINDS = ("writing",) * 12 + _FORKED + tuple(_PROGRAMS)
_ENDINGS = (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd", ".seg.nrrd")
_WRITING_SECONDS = 0.3
_MOST_SECONDS_TO_END = 60  # by the clock: the machine may be busy with other things


class Kills:
    """Starts programs on a small case and kills them.

    Args:
        folder: Where to put the files; it has to be empty.
    """

    def __init__(self, folder: Path) -> None:
        from Testing.display import open_display

        open_display()
        self._folder, self._given = folder, folder / "given"
        self._given.mkdir()
        write_case(self._given)
        self._written = warm(self._given, folder / "case")
        self._seconds = {name: self._processor_seconds(name) for name in _FORKED}

    def _processor_seconds(self, name: str) -> float:
        before = os.times()
        (self._folder / "case").mkdir()
        in_a_fork(commands(self._given, self._folder / "case")[name])
        shutil.rmtree(self._folder / "case")
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    def trial(self, number: int) -> tuple[str, str]:
        """Kill one program; gives its kind, and what was lost, left running or left behind."""
        rng = np.random.default_rng(number)
        kind = KINDS[number % len(KINDS)]
        case, given = self._folder / "case", content(self._given)
        case.mkdir()
        os.environ[MARK] = str(number)
        try:
            if kind == "writing":
                finding = self._kill_writer(case, rng)
            elif kind in _PROGRAMS:
                finding = _PROGRAMS[kind](self._given, case, rng)
            else:
                finding = self._kill_command(kind, case, rng)
        except (MVGError, OSError, AssertionError, RuntimeError) as error:
            finding = f"{type(error).__name__}: {error}"
        finally:
            del os.environ[MARK]
        finding = finding or _running_on(str(number))
        if content(self._given) != given:
            finding = "an input changed"
        shutil.rmtree(case)
        return kind, finding

    def _kill_command(self, name: str, case: Path, rng: np.random.Generator) -> str:
        words = commands(self._given, case)[name]
        if rng.integers(2):
            in_a_fork(words)
        before = content(case)
        if name == "label" and rng.integers(2):  # some of the results are missing
            for file in [*case.rglob("two.seg.nrrd")]:
                file.unlink()
            before = {key: data for key, data in before.items() if not key.endswith("two.seg.nrrd")}
        seconds = float(rng.uniform(0, 1.1 * self._seconds[name]))

        def run() -> int:
            from MVGCore.cli.main import main

            return main(words)

        kill_fork(run, seconds)
        if finding := lost(before, self._written[name], _without_scratch(case), False, case):
            return finding
        code, said = in_a_fork(words)
        left = [key for key in content(case) if ".mvg-" in key]
        if code or left or content(case).keys() != self._written[name].keys():
            return f"the next run ended with {code}: {said[-200:]} {sorted(content(case))}"
        return ""

    def _kill_writer(self, case: Path, rng: np.random.Generator) -> str:
        path = case / f"x{rng.choice(_ENDINGS)}"
        shape = (12, 48, 48)
        array = np.random.default_rng(0).integers(0, 9, shape).astype(np.uint8)
        states = [array, array.copy()]
        states[1][0, 0, 0] += 10

        def write(state: np.ndarray) -> None:
            geometry = Geometry.identity(shape)
            if ".seg" in path.name:
                write_labelmap(path, LabelMap.of(state, geometry))
            else:
                write_volume(path, Volume(state, geometry))

        def run() -> int:
            for number in count():
                write(states[number % 2])
            return 0

        write(states[1])
        whole = len(list(case.iterdir()))
        kill_fork(run, float(rng.uniform(0, _WRITING_SECONDS)))
        read = read_volume(path).array
        if not any(np.array_equal(read, state) for state in states):
            return f"{path.name} is neither what was written before nor after"
        write(states[0])
        return "" if len(list(case.iterdir())) == whole else f"left behind: {sorted(content(case))}"


def kill_fork(run: Callable[[], int], seconds: float) -> None:
    """Run something in a fork, and kill it once it has taken so much of the processor's time."""
    child = os.fork()
    if not child:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
        try:
            os._exit(run())
        except BaseException:
            os._exit(99)
    process = psutil.Process(child)
    while process.status() != psutil.STATUS_ZOMBIE:
        times = process.cpu_times()
        if times.user + times.system >= seconds:
            break
        time.sleep(0.002)
    time.sleep(0.01 * seconds % 0.01)  # the system counts in steps of 10 ms
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def _without_scratch(case: Path) -> dict[str, bytes]:
    return {key: data for key, data in content(case).items() if ".mvg-" not in key}


def _running_on(mark: str) -> str:
    """Processes of a trial that are there still after a while; they are ended."""
    end = time.monotonic() + _MOST_SECONDS_TO_END
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
        own = process.pid != os.getpid() and process.environ().get(MARK) == mark
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
