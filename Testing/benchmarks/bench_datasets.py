"""Dice of a data set that is labelled from five slices each of three of its volumes, beside other ways.

    MVG_DATA=/data python Testing/benchmarks/bench_datasets.py --out runs/datasets

Volumes and examples are drawn from the training cases: with --half 0 those that choices were made on, with
--half 1 the others, which are reported. What is done is kept in the folder; a second run goes on.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from MVGCore.datasets.atlas.atlas import Atlas
from MVGCore.datasets.atlas.registration import affine, deformed, warped_labels
from MVGCore.datasets.atlas.scan import Scan
from MVGCore.datasets.catalogue import Item
from MVGCore.datasets.examples import ExampleSource
from MVGCore.datasets.learning import learn
from MVGCore.datasets.manifest import read_results
from MVGCore.datasets.pool import label_here
from MVGCore.datasets.run import label_dataset
from MVGCore.datasets.work import Settings, Work
from MVGCore.evaluation.cases import Case, keep_slices, labelled_slices, read_cases
from MVGCore.evaluation.tables import table
from MVGCore.metrics import dice_per_class
from MVGCore.volume import read_labelmap, write_segmentation


@dataclass(frozen=True)
class Draw:
    """Examples and volumes to label of one group.

    Attributes:
        examples: the volumes that get labelled slices.
        targets: the volumes to label.
    """

    examples: tuple[Case, ...]
    targets: tuple[Case, ...]

    @classmethod
    def of(cls, group: str, half: int, examples: int, targets: int, seed: int) -> Draw:
        """Draws both; examples are among the cases with most classes, as a researcher would choose them."""
        cases = [case for case in read_cases("train") if case.group == group and case.label][half::2]
        rng = np.random.default_rng(seed)
        most = max(len(case.classes) for case in cases)
        rich = [case for case in cases if len(case.classes) >= most - 1]
        chosen = [rich[n] for n in rng.permutation(len(rich))[:examples]]
        rest = [case for case in cases if case not in chosen]
        return cls(tuple(chosen), tuple(rest[n] for n in rng.permutation(len(rest))[:targets]))


def write_examples(draw: Draw, folder: Path, slices: int) -> tuple[ExampleSource, ...]:
    """Label maps in which so many evenly spaced slices are filled."""
    found = []
    for case in draw.examples:
        path = folder / f"{case.id}.seg.nrrd"
        if not path.exists():
            loaded = case.load()
            chosen = labelled_slices(loaded.truth, loaded.axis, slices)
            write_segmentation(path, keep_slices(loaded.truth, loaded.axis, chosen))
        found.append(ExampleSource(path, dict(case.images)[case.contrast]))
    return tuple(found)


def scored(case: Case, labels: NDArray[np.integer]) -> float:
    """Mean Dice over the classes that were drawn in the case: others may be there all the same."""
    truth = case.load().truth
    ids = [class_id for class_id in truth.ids if (truth.array == class_id).any()]
    scores = dice_per_class(truth.array, np.where(np.isin(labels, ids), labels, 0).astype(np.uint16), ids)
    return float(np.mean([scores.get(class_id, 0.0) for class_id in ids]))


def peers(case: Case, atlases: Sequence[Atlas]) -> dict[str, float]:
    """What a single atlas gives, affinely registered and deformed: mean over the atlases."""
    image = case.load().image
    coarse = Scan.of(image)
    found: dict[str, list[float]] = {"affine": [], "deformed": []}
    for atlas in atlases:
        start = affine(coarse, atlas.coarse)
        for name, way in (("affine", start), ("deformed", deformed(coarse, atlas.coarse, start))):
            found[name].append(scored(case, warped_labels(atlas.labels, image.geometry, way)))
    return {f"one atlas, {name}": float(np.mean(values)) for name, values in found.items()}


def measured(group: str, options: argparse.Namespace) -> list[str]:
    """One row of the table."""
    draw = Draw.of(group, options.half, options.examples, options.most, options.seed)
    made = (group, options.half, options.examples, options.slices, options.seed, f"{options.minutes:g}")
    folder = options.out / "-".join(map(str, made))
    (folder / "examples").mkdir(parents=True, exist_ok=True)
    examples = write_examples(draw, folder / "examples", options.slices)
    work = Work.of(folder, examples, Settings(device="cpu", minutes=options.minutes))
    start = time.process_time()
    items = [Item(case.id, dict(case.images)[case.contrast]) for case in draw.targets]
    work = learn(work, label_here, items=items)
    learned = time.process_time() - start
    start = time.process_time()
    done = label_dataset(work, items, label_here)
    each = (time.process_time() - start) / max(1, len(done.labelled))
    records = read_results(folder)
    rows = []
    atlases = [Atlas.read(one.image, one.labels) for one in work.completed]
    for case in draw.targets:
        record = records[case.id]
        path = folder / f"{case.id}.peers.json"
        if not path.exists():
            path.write_text(json.dumps(peers(case, atlases)))
        dice = scored(case, read_labelmap(folder / record.output).array)
        rows.append((dice, record.report["expected_dice"]["value"], *json.loads(path.read_text()).values()))
    mean = np.mean(rows, axis=0)
    error = float(np.mean([abs(row[0] - row[1]) for row in rows]))
    own = {each.image: each.labels for each in work.completed}
    completed = np.mean(
        [scored(case, read_labelmap(own[dict(case.images)[case.contrast]]).array) for case in draw.examples]
    )
    values = (mean[0], mean[2], mean[3], completed, mean[1] - mean[0], error)
    numbers = [f"{value:.3f}" for value in values]
    return [group, *numbers, f"{learned:.0f}", f"{each:.1f}", str(len(rows))]


def main(argv: Sequence[str] | None = None) -> int:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--groups", nargs="*", default=("hippocampus", "head_neck_ct"))
    parser.add_argument("--half", type=int, choices=(0, 1), default=1)
    parser.add_argument("--examples", type=int, default=3)
    parser.add_argument("--slices", type=int, default=5)
    parser.add_argument("--most", type=int, default=30, help="volumes to label")
    parser.add_argument("--minutes", type=float, default=0.0, help="of training a network for the data set")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)
    header = [
        "group",
        "mvg label",
        "one atlas, affine",
        "one atlas, deformed",
        "the examples themselves",
        "bias of expected Dice",
        "its mean error",
        "seconds to learn",
        "seconds for each",
        "volumes",
    ]
    print(table(header, [measured(group, options) for group in options.groups]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
