"""Dice of a volume that has no label of its own, from examples of other patients.

    MVG_DATA=/data python Testing/benchmarks/bench_patients.py

Every volume of a group with several volumes gets slices of the next two as examples. Beside MVG: the whole
labels of these two, stretched to the volume (the better one counts), which is what can be had for nothing.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import zoom

from MVGCore.evaluation.annotation import rest_dice
from MVGCore.evaluation.cases import BenchmarkExample, Case, labelled_prompts, labelled_slices, read_cases
from MVGCore.evaluation.tables import table
from MVGCore.prompts import PromptSet
from MVGCore.session import Session

DONORS = 2


def stretched(example: BenchmarkExample, donor: BenchmarkExample) -> NDArray[np.integer]:
    """The label of another volume on the grid of this one."""
    target, source = example.truth.array.shape, donor.truth.array.shape
    return np.asarray(zoom(donor.truth.array, [a / b for a, b in zip(target, source, strict=True)], order=0))


def measured(
    session: Session, example: BenchmarkExample, donors: Sequence[BenchmarkExample], slices: int
) -> tuple[float, float]:
    """Dice of MVG, and how many seconds it took."""
    examples = PromptSet()
    for donor in donors:
        examples.merge(labelled_prompts(donor, labelled_slices(donor.truth, donor.axis, slices)))
    session.set_image(example.image)
    session.set_prompts(examples)
    start = time.perf_counter()
    result = session.propagate()
    return rest_dice(example, result.labels.array, ()), time.perf_counter() - start


def main(argv: Sequence[str] | None = None) -> int:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="compact")
    parser.add_argument("--role", choices=("bench", "train"), default="bench")
    parser.add_argument("--groups", nargs="*", default=("hippocampus", "head_neck_ct"))
    parser.add_argument("--most", type=int, default=6, help="volumes of each group")
    parser.add_argument("--slices", type=int, default=6, help="labelled on each of the other two")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args(argv)
    session = Session(options.model, "cpu", threads=options.threads)
    rows = []
    for group in options.groups:
        cases: list[Case] = [c for c in read_cases(options.role) if c.group == group and c.images and c.label]
        scores = []
        for n, case in enumerate(cases[: options.most]):
            example = case.load()
            donors = [cases[(n + k) % len(cases)].load() for k in range(1, DONORS + 1)]
            for_nothing = max(rest_dice(example, stretched(example, donor), ()) for donor in donors)
            scores.append((for_nothing, *measured(session, example, donors, options.slices)))
        mean = np.mean(scores, axis=0)
        rows.append([group, f"{mean[1]:.3f}", f"{mean[0]:.3f}", f"{mean[2]:.1f}", str(len(scores))])
    print(table(["group", "MVG", "label of another, stretched", "seconds", "volumes"], rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
