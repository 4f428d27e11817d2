"""How long the scene's adapters hold up the host, on a large volume of 512 x 512 x 300 voxels.

    PYTHONPATH=.:MVGSlicerExtension:MVGSlicerExtension/MVG python Testing/benchmarks/bench_scene.py

Writing a slice happens while the user scrolls, so it has a limit; exit code 1 when it is exceeded.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import slicer

from MVGCore.evaluation.tables import table
from MVGCore.volume import SegmentClass, SliceKey
from MVGDesktop.headless import add_slice_view, start

SHAPE = (300, 512, 512)  # k, j, i
PUT_LIMIT_MS = 5.0  # median
CLASSES = [SegmentClass(n, name, (1.0, 0.0, 0.0)) for n, name in enumerate(("a", "b", "c"), start=1)]


def measured(action: Callable[[int], object], times: int = 1) -> tuple[float, float]:
    """Median and longest time of `action(0)`, `action(1)`, ... in ms."""
    seconds = []
    for number in range(times):
        started = time.perf_counter()
        action(number)
        seconds.append(time.perf_counter() - started)
    return 1000 * float(np.median(seconds)), 1000 * max(seconds)


def main() -> int:
    start()
    from MVGLib.scene import Scene  # expects `slicer` as Slicer has it

    scene = Scene()
    image = np.random.default_rng(0).integers(0, 1000, SHAPE, dtype=np.int16)
    volume = slicer.util.addVolumeFromArray(image, name="volume")
    volume.CreateDefaultDisplayNodes()
    view = add_slice_view("Red")
    view.GetSliceCompositeNode().SetBackgroundVolumeID(volume.GetID())
    labels = np.zeros(SHAPE[1:], np.uint16)
    for value, rows in enumerate((slice(50, 90), slice(100, 300), slice(300, 400)), start=1):
        labels[rows, 60 * value : 60 * value + 200] = value
    confidence = np.full(SHAPE[1:], 0.5, np.float32)
    sagittal = np.ones((SHAPE[0], SHAPE[1]), np.uint16)
    own = volume.GetID()

    results: list[Any] = []
    rows = [("begin a segmentation", *measured(lambda _n: results.append(begin(scene, own, 0))))]
    result = results[0]
    puts = [
        ("first axial slice", *measured(lambda n: result.put(n, labels, confidence))),
        ("axial slice", *measured(lambda n: result.put(n, labels), 200)),
        ("axial slice with confidence", *measured(lambda n: result.put(n, labels, confidence), 300)),
    ]
    across = begin(scene, own, 2)
    puts.append(("sagittal slice", *measured(lambda n: across.put(n, sagittal), 200)))
    across.discard()
    image_result = scene.start_volume(own, 0, "image")
    puts.append(("slice of an image", *measured(lambda n: image_result.put(n, confidence), 200)))
    image_result.discard()
    rows += puts
    rows += [
        ("labels of a slice", *measured(lambda n: scene.slice_labels(result.id, own, SliceKey(0, n)), 50)),
        ("fingerprint", *measured(lambda _n: scene.nodes.fingerprint(result.id), 50)),
        ("volume, known", *measured(lambda _n: scene.volume(own), 50)),
        ("labelled slices", *measured(lambda _n: scene.labelled(result.id, own, 0))),
    ]
    target = begin(scene, own, 0)
    target.put(10, labels)
    target.accept()
    rows.append(("accept into segments", *measured(lambda _n: result.accept(target.id))))
    rows.append(("undo", *measured(lambda _n: scene.undo_accept())))
    print(table(("step", "median ms", "longest ms"), [(name, f"{a:.1f}", f"{b:.1f}") for name, a, b in rows]))
    slow = [name for name, median, _longest in puts[1:] if median > PUT_LIMIT_MS]
    if slow:
        print(f"Slower than {PUT_LIMIT_MS} ms: {', '.join(slow)}.")
    return 1 if slow else 0


def begin(scene: Any, volume_id: str, axis: int) -> Any:
    return scene.start_segments(volume_id, axis, CLASSES, "result")


if __name__ == "__main__":
    sys.exit(main())
