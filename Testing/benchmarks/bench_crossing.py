"""What a slice across another axis is worth: Dice with labelled slices of one axis, of two and of three.

    MVG_DATA=/data python Testing/benchmarks/bench_crossing.py

The slices across the other axes go through the middle of the structures. All that is labelled in any of the
compared settings is left out of the Dice, so that the columns compare the same voxels.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from MVGCore.evaluation.cases import BenchmarkExample, labelled_prompts, labelled_slices, read_cases
from MVGCore.evaluation.tables import table
from MVGCore.metrics import dice_per_class
from MVGCore.prompts import PromptSet
from MVGCore.session import Session
from MVGCore.volume import SliceKey


def middles(example: BenchmarkExample) -> list[SliceKey]:
    """The slice through the middle of the structures across each axis but that of the labelled slices."""
    places = np.argwhere(example.truth.array > 0)
    return [SliceKey(axis, int(np.median(places[:, axis]))) for axis in range(3) if axis != example.axis]


def prompts_of(example: BenchmarkExample, count: int, across: Sequence[SliceKey]) -> PromptSet:
    """So many slices, evenly spaced, and some across other axes."""
    slices = labelled_slices(example.truth, example.axis, count)
    prompts = labelled_prompts(example, slices)
    for key in across:
        prompts.add_slice(example.image, example.truth, key.axis, key.index)
    return prompts


def left(example: BenchmarkExample, sets: Sequence[PromptSet]) -> NDArray[np.bool_]:
    """Where nothing is labelled in any of some sets."""
    free = np.ones(example.truth.array.shape, np.bool_)
    for prompt in (prompt for prompts in sets for prompt in prompts.prompts):
        np.moveaxis(free, prompt.axis, 0)[prompt.index] = False
    return free


def dice(example: BenchmarkExample, labels: NDArray[np.integer], where: NDArray[np.bool_]) -> float:
    """Mean over the classes that are there."""
    found, truth = (np.where(where, each, 0) for each in (labels, example.truth.array))
    scores = dice_per_class(truth, found, [int(each) for each in np.unique(truth) if each])
    return float(np.mean(list(scores.values())))


def main(argv: Sequence[str] | None = None) -> int:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="compact")
    parser.add_argument("--role", choices=("bench", "train"), default="bench")
    parser.add_argument("--groups", nargs="*", default=("hippocampus", "head_neck_ct"))
    parser.add_argument("--most", type=int, default=6, help="volumes of each group")
    parser.add_argument("--slices", type=int, nargs="*", default=(2, 3))
    parser.add_argument("--threads", type=int)
    options = parser.parse_args(argv)
    session = Session(options.model, "cpu", threads=options.threads)
    rows = []
    for group in options.groups:
        cases = [c for c in read_cases(options.role) if c.group == group and c.images and c.label]
        for count in options.slices:
            scores = []
            for case in cases[: options.most]:
                example = case.load()
                across = middles(example)
                sets = [prompts_of(example, count, across[:n]) for n in range(3)]
                where = left(example, sets)
                session.set_image(example.image)
                scores.append([])
                for prompts in sets:
                    session.set_prompts(prompts)
                    scores[-1].append(dice(example, session.propagate().labels.array, where))
            mean = [f"{value:.3f}" for value in np.mean(scores, axis=0)]
            rows.append([group, str(count), *mean, str(len(scores))])
    titles = ["group", "slices", "alone", "one across another axis", "one across each other axis", "volumes"]
    print(table(titles, rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
