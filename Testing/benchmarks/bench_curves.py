"""What a volume costs by its classes, its slices and the size of what is labelled.

    python Testing/benchmarks/bench_curves.py
    python Testing/benchmarks/bench_curves.py --precision float32 --threads 2

Discs of a brightness each that wander from slice to slice in noise, every fifth slice labelled. Processor
seconds of the whole volume, and how they grow: the power of the classes or the voxels that they go by, from
one line of a table to the next.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from MVGCore.evaluation.tables import table
from MVGCore.prompts import PromptSet
from MVGCore.session import Session
from MVGCore.volume import Geometry, LabelMap, Volume

COLUMNS = 6  # discs in a row
LABELLED = 5  # every so manieth slice is labelled


@dataclass(frozen=True)
class Discs:
    """A volume.

    Attributes:
        classes: discs, up to 30.
        slices: of the volume, a millimetre apart.
        radius: of a disc at most, in pixels of a millimetre; they lie two and a half apart.
    """

    classes: int = 3
    slices: int = 21
    radius: int = 12

    def made(self) -> tuple[Volume, LabelMap]:
        """The image and its labels."""
        rng, pitch = np.random.default_rng(0), 2.5 * self.radius
        rows, columns = -(-self.classes // COLUMNS), min(self.classes, COLUMNS)
        shape = self.slices, int(pitch * rows) + 40, int(pitch * columns) + 40
        labels, image = np.zeros(shape, np.uint8), np.full(shape, 50, np.float32)
        k, j, i = np.ogrid[: shape[0], : shape[1], : shape[2]]
        for label in range(1, self.classes + 1):
            row, column = divmod(label - 1, COLUMNS)
            middle, phase = rng.uniform(-0.1, 0.1, 2) * self.radius, rng.uniform(0, 6)
            down = j - (20 + pitch * (row + 0.5)) - middle[0] * np.sin(k / 5 + phase)
            across = i - (20 + pitch * (column + 0.5)) - middle[1] * np.cos(k / 5 + phase)
            inside = down**2 + across**2 < (self.radius * (0.85 + 0.15 * np.sin(k / 4 + phase))) ** 2
            labels[inside], image[inside] = label, rng.uniform(90, 220)
        image += rng.normal(0, 9, shape).astype(np.float32)
        geometry = Geometry.identity(shape, (1.0, 1.0, 1.0))
        return Volume(image, geometry), LabelMap.of(labels, geometry)


def measured(discs: Discs, options: argparse.Namespace) -> tuple[int, float, float]:
    """Labelled voxels, processor seconds, and the share of the voxels of the classes that come out right."""
    image, truth = discs.made()
    session = Session(threads=options.threads, precision=options.precision)
    chosen = range(LABELLED // 2, discs.slices, LABELLED)
    prompts = PromptSet.from_labelmap(image, truth, axis=0, slices=list(chosen))
    start = time.process_time()
    session.set_image(image)
    session.set_prompts(prompts)
    found = session.propagate().labels.array
    seconds, shown = time.process_time() - start, truth.array > 0
    return int(shown.sum()), seconds, float((found == truth.array)[shown].mean())


def curve(name: str, volumes: Sequence[Discs], options: argparse.Namespace) -> str:
    """A table of some volumes, each larger than the one before."""
    lines, before, by = [], None, "classes" if name == "classes" else "voxels"
    for discs in volumes:
        voxels, seconds, right = measured(discs, options)
        more = (discs.classes, seconds) if by == "classes" else (voxels, seconds)
        power = f"{math.log(seconds / before[1]) / math.log(more[0] / before[0]):.2f}" if before else ""
        before = more
        sizes = [str(discs.classes), str(discs.slices), str(discs.radius)]
        lines.append([*sizes, f"{voxels:,}", f"{seconds:.2f}", power, f"{right:.3f}"])
    heads = ["classes", "slices", "radius", "labelled voxels", "seconds", f"power of the {by}", "right"]
    return table(heads, lines)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print the three curves."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", choices=("auto", "float32"), default="auto")
    options = parser.parse_args(argv)
    measured(Discs(classes=1, slices=6), options)  # what is loaded once is loaded
    curves = {
        "classes": [Discs(classes=each) for each in (1, 2, 4, 8, 16, 30)],
        "voxels": [Discs(radius=each) for each in (8, 12, 17, 24, 34)],
        "slices": [Discs(slices=each) for each in (21, 41, 81)],
    }
    for name, volumes in curves.items():
        print(f"\nBy {name}:\n\n{curve(name, volumes, options)}", flush=True)


if __name__ == "__main__":
    main()
