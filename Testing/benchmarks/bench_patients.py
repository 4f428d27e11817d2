"""Dice of a volume that has no label of its own, from examples of other patients.

    MVG_DATA=/data python Testing/benchmarks/bench_patients.py

Every volume of a group with several volumes gets slices of the next two as examples: registered, as `mvg
segment --example` does it, and carried over one by one, as panel and window do it. Beside them: the whole
labels of these two, stretched to the volume (the better one counts), which is what can be had for nothing.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from bench_datasets import Draw, write_examples
from numpy.typing import NDArray
from scipy.ndimage import zoom

from MVGCore.datasets.by_others import label_by_others
from MVGCore.datasets.work import Settings
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


def registered(case: Case, donors: Sequence[Case], slices: int) -> tuple[float, float]:
    """Dice from the completed volumes of others, and how many seconds it took."""
    example = case.load()
    with tempfile.TemporaryDirectory(prefix="mvg-patients-") as folder:
        sources = write_examples(Draw(tuple(donors), ()), Path(folder), slices)
        start = time.perf_counter()
        result = label_by_others(example.image, sources, Settings(device="cpu"))
    return rest_dice(example, result.labels.array, ()), time.perf_counter() - start


def carried(
    session: Session, example: BenchmarkExample, donors: Sequence[BenchmarkExample], slices: int
) -> tuple[float, float]:
    """Dice from slices of others that are carried over one by one, and how many seconds it took."""
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
            others = [cases[(n + k) % len(cases)] for k in range(1, DONORS + 1)]
            donors = [other.load() for other in others]
            for_nothing = max(rest_dice(example, stretched(example, donor), ()) for donor in donors)
            whole = registered(case, others, options.slices)
            scores.append((*whole, *carried(session, example, donors, options.slices), for_nothing))
            print(case.id, *(f"{each:.3f}" for each in scores[-1]), file=sys.stderr, flush=True)
        numbers = [
            f"{value:.{digits}f}" for value, digits in zip(np.mean(scores, 0), (3, 1, 3, 1, 3), strict=True)
        ]
        rows.append([group, *numbers, str(len(scores))])
    header = [
        "group",
        "registered",
        "seconds",
        "slice by slice",
        "seconds",
        "label of another, stretched",
        "volumes",
    ]
    print(table(header, rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
