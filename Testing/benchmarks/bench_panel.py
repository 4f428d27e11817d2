"""How long the panel keeps the event loop waiting during a run, and how soon the first slice is on screen.

    python Testing/benchmarks/bench_panel.py [--size 256 256 100]

A timer of 1 ms ticks in the event loop beside the panel; the longest time between two ticks is how long the
window did not react. How much of that its own thread was computing is measured beside it: on a machine that
does other things as well, the rest is waiting for its turn. The volume is that of bench_session.py with five
slices labelled. Exit code 1 when a limit is exceeded. Needs `pip install ".[desktop]"`.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
BLOCKED_LIMIT_S = 0.050
FIRST_SLICE_LIMIT_S = 1.0  # warm: the worker has the volume and the examples
PATIENCE_S = 900.0
LABELLED_SLICES = 5


class Ticks:
    """A timer in the event loop that notices when it was kept waiting."""

    def __init__(self) -> None:
        import qt

        self.gaps: list[tuple[float, float]] = []  # seconds that passed, and that were computed
        self._last = (time.perf_counter(), time.thread_time())
        self._timer = qt.QTimer()
        self._timer.setTimerType(qt.Qt.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start(1)

    def restart(self) -> None:
        """Forget what was measured."""
        self.gaps, self._last = [], (time.perf_counter(), time.thread_time())

    def _tick(self) -> None:
        now = (time.perf_counter(), time.thread_time())
        self.gaps.append((now[0] - self._last[0], now[1] - self._last[1]))
        self._last = now


class Bench:
    """The panel on a generated volume."""

    def __init__(self, size: Sequence[int]) -> None:
        from MVGDesktop import headless, qtcompat

        headless.start()
        qtcompat.install()
        self.app = qtcompat.application()
        import slicer

        from MVGLib import build_panel
        from Testing.benchmarks.bench_session import anatomy, keep_slices, labelled_slices

        i, j, k = size
        example = anatomy((k, j, i), np.random.default_rng(0))
        headless.add_slice_view("Red", "Axial")
        volume = slicer.util.addVolumeFromArray(example.image.array.astype(np.int16), name="anatomy")
        volume.SetSpacing(1.5, 1.5, 2.5)
        few = keep_slices(example.truth, 0, labelled_slices(example.truth, 0, LABELLED_SLICES))
        labels = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "few slices")
        labels.CreateDefaultDisplayNodes()
        labels.SetReferenceImageGeometryParameterFromVolumeNode(volume)
        for each in few.classes:
            segment = labels.GetSegmentation().AddEmptySegment(each.name, each.name, each.color)
            mask = (few.array == each.id).astype(np.uint8)
            slicer.util.updateSegmentBinaryLabelmapFromArray(mask, labels, segment, volume)
        self.panel = build_panel()
        self.controller = self.panel.controller
        self.panel.widget.show()
        self.panel.enter()
        self.controller.choices.set_volume(volume.GetID())
        self.controller.choices.set_partner(labels.GetID())
        self.controller.examples.add_all_labelled()
        self.ticks = Ticks()

    def wait(self, until: Callable[[], Any]) -> float:
        """Run the event loop until something has happened, and give the seconds."""
        start = time.perf_counter()
        while not until():
            self.app.processEvents()
            time.sleep(0.0005)  # the loop of an application sleeps until something happens
            if time.perf_counter() - start > PATIENCE_S:
                raise TimeoutError("The run did not end.")
        return time.perf_counter() - start

    def run(self) -> tuple[float, float, list[tuple[float, float]]]:
        """Press Apply; seconds to the first slice, to the end, and the gaps between ticks."""
        self.ticks.restart()
        start = time.perf_counter()
        self.panel.ui.applyButton.click()
        self.wait(lambda: self.controller.view().review or not self.controller.runner.busy)
        first = time.perf_counter() - start
        self.wait(lambda: not self.controller.runner.busy)
        message = self.controller.view().message
        if self.controller.view().review is None:
            raise RuntimeError(message.text if message else "There is no result.")
        return first, time.perf_counter() - start, self.ticks.gaps


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 when the limits are kept."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, nargs=3, default=(256, 256, 100), metavar=("I", "J", "K"))
    size = parser.parse_args(arguments).size
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    sys.path[:0] = [str(ROOT / "MVGSlicerExtension"), str(ROOT / "MVGSlicerExtension" / "MVG"), str(ROOT)]
    bench = Bench(size)
    try:
        worst = first = 0.0
        for name in ("cold", "warm"):
            first, total, gaps = bench.run()
            passed, computed = (sorted(1000 * gap[kind] for gap in gaps) for kind in (0, 1))
            worst = max(worst, passed[-1])
            print(f"{name}: first slice {first:.2f} s, all {total:.1f} s", flush=True)
            print(f"      longest waits   {', '.join(f'{each:.0f}' for each in passed[-5:])} ms")
            print(f"      computing there {', '.join(f'{each:.0f}' for each in computed[-5:])} ms")
            bench.ticks.restart()
            bench.panel.ui.discardButton.click()
            bench.wait(lambda: bench.ticks.gaps)
            print(f"      Discard {1000 * max(passed for passed, _computed in bench.ticks.gaps):.0f} ms")
    finally:
        bench.panel.cleanup()
    kept = [
        verdict("longest wait of the event loop", worst, 1000 * BLOCKED_LIMIT_S, "ms"),
        verdict("warm, first slice", first, FIRST_SLICE_LIMIT_S, "s"),
    ]
    return 0 if all(kept) else 1


def verdict(what: str, measured: float, limit: float, unit: str) -> bool:
    """Print whether a limit is kept, and tell it."""
    kept = measured <= limit
    print(f"{'pass' if kept else 'FAIL'}: {what} {measured:.3g} {unit}, at most {limit:g} {unit}")
    return kept


if __name__ == "__main__":
    sys.exit(main())
