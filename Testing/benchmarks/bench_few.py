"""Dice of volumes with few labelled slices of their own in a data set whose examples have five each.

    MVG_DATA=/data python Testing/benchmarks/bench_few.py --out runs/few --group hippocampus --most 8

Each is labelled from its own slices alone, from the examples alone, from its slices with these as a draft,
and from both by the distance to its slices, as `mvg label` does it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from bench_datasets import Draw, scored, write_examples

from MVGCore.datasets.atlas.atlas import Atlas, label_by_atlases
from MVGCore.datasets.atlas.generation import Generator
from MVGCore.datasets.atlas.near import joined
from MVGCore.datasets.learning import learn
from MVGCore.datasets.pool import label_here
from MVGCore.datasets.work import Settings, Work
from MVGCore.evaluation.cases import Case, labelled_prompts, labelled_slices
from MVGCore.evaluation.tables import table
from MVGCore.session import Session
from MVGCore.volume import LabelMap

WAYS = ("own slices", "examples", "examples as a draft", "both")


def measured(
    case: Case, counts: Sequence[int], atlases: Sequence[Atlas], session: Session, generator: Generator | None
) -> list[list[float]]:
    """Mean Dice of each way, for each number of evenly spaced slices of its own."""
    loaded = case.load()
    image, grid = loaded.image, loaded.image.geometry
    ids, probabilities = label_by_atlases(image, atlases, generator)
    told = np.array([0, *ids], np.uint16)[probabilities.argmax(0)]
    session.set_image(image)
    scores = []
    for count in counts:
        session.set_prompts(labelled_prompts(loaded, labelled_slices(loaded.truth, loaded.axis, count)))
        alone = session.propagate()
        draft = session.propagate(draft=LabelMap.of(told, grid, loaded.truth.classes))
        every, mixture = joined(alone, grid.array_spacing, ids, probabilities)
        both = np.array([0, *every], np.uint16)[mixture.argmax(0)]
        scores.append([scored(case, each) for each in (alone.labels.array, told, draft.labels.array, both)])
    return scores


def main(argv: Sequence[str] | None = None) -> int:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--group", default="hippocampus")
    parser.add_argument("--half", type=int, choices=(0, 1), default=0)
    parser.add_argument("--most", type=int, default=8, help="volumes to label")
    parser.add_argument("--slices", type=int, nargs="*", default=(1, 2, 3, 5), help="of their own")
    options = parser.parse_args(argv)
    draw = Draw.of(options.group, options.half, 3, options.most, 0)
    options.out.mkdir(parents=True, exist_ok=True)
    settings = Settings(device="cpu")
    work = Work.of(options.out, write_examples(draw, options.out, 5), settings)
    atlases = [Atlas.read(each.image, each.labels) for each in learn(work, label_here).completed]
    session = Session(device="cpu")
    generator = Generator.of(settings, session.model)
    scores = [measured(case, options.slices, atlases, session, generator) for case in draw.targets]
    rows = [
        [str(count), *(f"{value:.3f}" for value in means)]
        for count, means in zip(options.slices, np.mean(scores, axis=0), strict=True)
    ]
    print(table(["slices of its own", *WAYS], rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
