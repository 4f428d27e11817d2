"""Whether a large volume is labelled within a limit of memory: `python Testing/benchmarks/bench_memory.py`.

Makes a volume with three structures, labels a few slices, and runs `mvg segment` in a process that may take
no more than the limit (RLIMIT_DATA, on Linux). Prints exit code, seconds, and the largest resident memory.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from MVGCore.volume import Geometry, LabelMap, Volume, write_labelmap, write_volume

SPACING = (0.8, 0.8, 1.5)


def make_case(folder: Path, shape: tuple[int, int, int]) -> None:
    """Write an image with three ellipsoids in noise, and five labelled slices of it."""
    rng, geometry = np.random.default_rng(0), Geometry.identity(shape, SPACING)
    labels, image = np.zeros(shape, np.uint8), np.zeros(shape, np.int16)
    middle, radii = np.array(shape) / 2, np.array(shape) / (3, 6, 6)
    j, i = np.ogrid[: shape[1], : shape[2]]
    for value, side in enumerate((-1.2, 0.0, 1.2), start=1):
        for k in range(shape[0]):
            rest = 1 - ((k - middle[0]) / radii[0]) ** 2
            inside = ((j - middle[1]) / radii[1]) ** 2 + ((i - middle[2]) / radii[2] - side * 1.5) ** 2 < rest
            labels[k][inside] = value
    for k in range(shape[0]):
        image[k] = 60 * labels[k] + rng.normal(0, 8, shape[1:])
    few = np.zeros_like(labels)
    chosen = np.linspace(0.25 * shape[0], 0.75 * shape[0], 5).astype(int)
    few[chosen] = labels[chosen]
    write_volume(folder / "image.nrrd", Volume(image, geometry))
    write_labelmap(folder / "few.seg.nrrd", LabelMap.of(few, geometry))


def run_within(words: list[str], limit: int) -> tuple[int, float, int]:
    """Run `mvg` in a process of limited memory; gives its exit code, the seconds, and its largest bytes."""
    begun = time.monotonic()
    child = os.fork()
    if not child:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        os.execv(sys.executable, [sys.executable, "-m", "MVGCore.cli.main", *words])
    _, status, used = os.wait4(child, 0)
    return os.waitstatus_to_exitcode(status), time.monotonic() - begun, used.ru_maxrss * 1024


def main() -> None:
    """Make the case, run it and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", type=int, nargs=3, default=(300, 512, 512), metavar=("K", "J", "I"))
    parser.add_argument("--limit", type=float, default=4.0, help="in GB (4)")
    parser.add_argument("--quality", default="standard")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_case(folder, tuple(arguments.shape))
        words = ["segment", str(folder / "image.nrrd"), "--labels", str(folder / "few.seg.nrrd"), "--quiet"]
        words += ["--device", "cpu", "--quality", arguments.quality, "-o", str(folder / "out.seg.nrrd")]
        code, seconds, most = run_within(words, int(arguments.limit * 1e9))
    print(f"exit code {code}, {seconds:.0f} s, {most / 1e9:.2f} GB of {arguments.limit:g} GB")


if __name__ == "__main__":
    main()
