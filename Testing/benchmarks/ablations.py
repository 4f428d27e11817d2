"""What each choice of the training is worth: short runs from random weights, equal in everything else.

    MVG_DATA=/data python Testing/benchmarks/ablations.py --pool runs/compact/pool --out runs/ablations

A small network learns for the same number of steps in every run, from the same half of a pool that `mvg
train` has built, and is scored on the same held-out batches. Runs that are done are not run again, so that
two processes may share the work (--part 0 2 and --part 1 2); the table is written by whoever finds all of
them done.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from MVGCore.evaluation.tables import table
from MVGCore.models.base import InContextModel
from MVGCore.training.config import TrainConfig
from MVGCore.training.episode import EpisodeBatch
from MVGCore.training.held_out import score_held_out
from MVGCore.training.hints import HintShares
from MVGCore.training.pool import SELF_LABELLED, load_stacks, stack_paths
from MVGCore.training.run import held_out_batches
from MVGCore.training.stack import SliceStack
from MVGCore.training.trainer import Trainer
from MVGCore.volume import atomic_path

SMALL = {"widths": [16, 32, 64, 96], "key_dim": 16}
COLUMNS = ("hidden", "corrected", "one class", "denoising", "inpainting", "synthesis")


@dataclass(frozen=True)
class Variant:
    """A run that differs from the usual one.

    Attributes:
        episodes: settings of the episodes that differ.
        images: of the image tasks that differ.
        stacks: which stacks are trained on: "" for all, "real", "labelled" (without structures found in
            images).
        steps: as a share of the usual ones.
    """

    episodes: Mapping[str, object] = field(default_factory=dict)
    images: Mapping[str, float] = field(default_factory=dict)
    stacks: str = ""
    steps: float = 1.0


VARIANTS = {
    "usual: random colours, hybrid, four tasks, real and synthetic": Variant(),
    "colours: predefined": Variant({"random_colours": 0.0}),
    "colours: binary, one class at a time": Variant({"binary": 1.0}),
    "targets: nothing known (AR)": Variant(
        {"hints": HintShares(1.0, 0.0, 0.0, 0.0)}, {"hidden": 1.0, "partial": 0.0}
    ),
    "targets: patches known (MIM)": Variant(
        {"hints": HintShares(0.0, 0.0, 0.0, 1.0)}, {"hidden": 0.0, "partial": 1.0}
    ),
    "tasks: segmentation only": Variant({"image_tasks": 0.0}),
    "data: synthetic only": Variant({"real": 0.0}),
    "data: real only": Variant({"real": 1.0}, stacks="real"),
    "data: no structures found in images": Variant(stacks="labelled"),
    "half the steps": Variant(steps=0.5),
    "twice the steps": Variant(steps=2.0),
}


def configured(variant: Variant, base: TrainConfig) -> TrainConfig:
    """The settings of a run."""
    images = replace(base.episodes.images, **variant.images)  # type: ignore[arg-type]
    episodes = replace(base.episodes, images=images, **variant.episodes)  # type: ignore[arg-type]
    return replace(base, episodes=episodes, steps=round(base.steps * variant.steps))


def chosen(variant: Variant, paths: Sequence[Path], stacks: Sequence[SliceStack]) -> list[SliceStack]:
    """The stacks that a run is trained on."""
    if variant.stacks == "real":
        return [stack for stack in stacks if stack.facts.real]
    if variant.stacks == "labelled":
        return [stack for path, stack in zip(paths, stacks, strict=True) if SELF_LABELLED not in path.stem]
    return list(stacks)


def scores(
    model: InContextModel, batches: Sequence[EpisodeBatch], single: Sequence[EpisodeBatch], trainer: Trainer
) -> dict:
    """What the table shows, by column."""
    all_classes = score_held_out(model, batches, trainer.device).values()
    one_class = score_held_out(model, single, trainer.device).values()
    return {name: all_classes.get(name) for name in COLUMNS} | {"one class": one_class["hidden"]}


def report(results: Mapping[str, Mapping[str, float]], steps: int, batch: int) -> str:
    """Markdown."""
    rows = []
    for name in VARIANTS:
        values = [results[name][column] for column in COLUMNS]
        rows.append(
            [name, *(f"{v:.3f}" if n < 3 else f"{v:.1f}" for n, v in enumerate(values))]  # Dice, dB
        )
    heads = ["run", "nothing known", "drafts corrected", "one class, nothing known", *COLUMNS[3:]]
    return f"{steps} steps of {batch} targets each.\n\n" + table(heads, rows)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs what is not done yet; prints the table when all is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pool", type=Path, required=True, help="built by mvg train")
    parser.add_argument("--out", type=Path, default=Path("runs/ablations"))
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--part", type=int, nargs=2, default=(0, 1), metavar=("N", "OF"))
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(argv)
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    base = TrainConfig(
        out=options.out, network=SMALL, small_side=96, side=96, minutes=1e6, steps=options.steps, workers=0,
        evaluate_minutes=1e6, checkpoint_minutes=1e6, learning_rate=2e-3,
    )  # fmt: skip
    held = load_stacks(stack_paths(options.pool, "held_out"))
    batches = list(held_out_batches(held, base))
    alone = replace(base, episodes=replace(base.episodes, binary=1.0, image_tasks=0.0))
    single = list(held_out_batches(held, alone))
    paths = stack_paths(options.pool, "train")[::2]
    stacks = load_stacks(paths)
    for name in list(VARIANTS)[options.part[0] :: options.part[1]]:
        path = options.out / f"{list(VARIANTS).index(name)}.json"
        if path.exists():
            continue
        trainer = Trainer(configured(VARIANTS[name], base), log=lambda text: None)
        trainer.run({0: chosen(VARIANTS[name], paths, stacks)}, [])
        found = scores(trainer.averaged, batches, single, trainer)
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps({"name": name, **found}), encoding="utf-8")
        print(json.dumps({"name": name, **found}), flush=True)
    done = [json.loads(path.read_text(encoding="utf-8")) for path in options.out.glob("*.json")]
    results = {each["name"]: each for each in done}
    if all(name in results for name in VARIANTS):
        text = report(results, options.steps, base.batch)
        (options.out / "ablations.md").write_text(text + "\n", encoding="utf-8")
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
