"""Dice after each round of labelling the slices that `mvg label --next` proposes, beside as many random ones.

    MVG_DATA=/data python Testing/benchmarks/bench_next.py --out runs/next --rounds 10 --count 3

A person is played by the truth: a proposed slice is labelled as it is. Dice is the mean over all volumes,
those of the labelled slices too. Volumes are of the half that choices are made on, unless --half 1 is given.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from bench_datasets import Draw, scored, write_examples

from MVGCore.datasets.catalogue import Item
from MVGCore.datasets.examples import PROMPTS_SUFFIX, ExampleSource
from MVGCore.datasets.learning import learn
from MVGCore.datasets.manifest import read_results
from MVGCore.datasets.next_slices import candidates_of, choose
from MVGCore.datasets.pool import label_here
from MVGCore.datasets.run import label_dataset
from MVGCore.datasets.work import Settings, Work
from MVGCore.evaluation.cases import Case
from MVGCore.evaluation.tables import table
from MVGCore.prompts import AXIS_NAMES, Prompt, PromptSet
from MVGCore.volume import SliceKey, read_labelmap, robust_window

Slice = tuple[str, int, int]  # of a volume, by its name: axis and index


def chosen_slices(folder: Path, count: int, rng: np.random.Generator | None) -> list[Slice]:
    """What `--next` chooses of the results in a folder, or as many of the same candidates at random."""
    records = {name: each for name, each in read_results(folder).items() if each.done}
    candidates = [each for record in records.values() for each in candidates_of(folder, record)]
    if rng is None:
        picked = [each for each, _ in choose(candidates, count)]
    else:
        picked = [candidates[n] for n in rng.permutation(len(candidates))[:count]]
    axes = {name: AXIS_NAMES.index(each.report["axis"]) for name, each in records.items()}
    return [(each.volume, axes[each.volume], each.index) for each in picked]


def drawn(case: Case, axis: int, index: int, path: Path) -> ExampleSource:
    """The true labels of a slice, saved as a person would save them."""
    loaded = case.load()
    window = robust_window(loaded.image.array)
    prompt = Prompt.of(loaded.image, loaded.truth, SliceKey(axis, index), window, case.id)
    PromptSet([prompt], loaded.truth.classes).save(path)
    return ExampleSource(path, dict(case.images)[case.contrast])


def curve(way: str, options: argparse.Namespace) -> list[float]:
    """Mean Dice before the first round and after each."""
    draw = Draw.of(options.group, options.half, options.examples, options.most, options.seed)
    cases = {case.id: case for case in (*draw.examples, *draw.targets)}
    items = [Item(case.id, dict(case.images)[case.contrast]) for case in cases.values()]
    top = options.out / f"{options.group}-{options.half}-{options.slices}-{options.count}-{options.seed}"
    (top / "start").mkdir(parents=True, exist_ok=True)
    examples = list(write_examples(draw, top / "start", options.slices))
    path = top / f"{way}.json"
    scores: list[float] = json.loads(path.read_text())["scores"] if path.exists() else []
    chosen: list[Slice] = [tuple(each) for each in json.loads(path.read_text())["chosen"]] if scores else []
    folder = top / way
    folder.mkdir(exist_ok=True)
    for n, (name, axis, index) in enumerate(chosen):
        examples.append(drawn(cases[name], axis, index, folder / f"given-{n:03}{PROMPTS_SUFFIX}"))
    for done in range(len(scores), options.rounds + 1):
        work = Work.of(folder, tuple(examples), Settings(device="cpu", minutes=options.minutes))
        label_dataset(learn(work, label_here, items=items), items, label_here)
        records = read_results(folder)
        found = {name: read_labelmap(folder / records[name].output).array for name in cases}
        scores.append(float(np.mean([scored(cases[name], labels) for name, labels in found.items()])))
        rng = None if way == "next" else np.random.default_rng([options.seed, done])
        for name, axis, index in chosen_slices(folder, options.count, rng):
            place = folder / f"given-{len(chosen):03}{PROMPTS_SUFFIX}"
            examples.append(drawn(cases[name], axis, index, place))
            chosen.append((name, axis, index))
        path.write_text(json.dumps({"scores": scores, "chosen": chosen}))
        print(way, done, f"{scores[-1]:.4f}", flush=True)
    return scores


def main(argv: Sequence[str] | None = None) -> int:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--group", default="hippocampus")
    parser.add_argument("--half", type=int, choices=(0, 1), default=0)
    parser.add_argument("--examples", type=int, default=2, help="volumes with labelled slices at the start")
    parser.add_argument("--slices", type=int, default=3, help="of each of them")
    parser.add_argument("--most", type=int, default=8, help="other volumes")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--count", type=int, default=3, help="slices in each round")
    parser.add_argument("--minutes", type=float, default=0.0, help="of training a network in each round")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)
    curves = {way: curve(way, options) for way in ("next", "random")}
    first = options.examples * options.slices
    rows = [
        [str(first + n * options.count), *(f"{scores[n]:.3f}" for scores in curves.values())]
        for n in range(options.rounds + 1)
    ]
    print(table(["labelled slices", *curves], rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
