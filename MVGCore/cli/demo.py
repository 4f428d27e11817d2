"""`mvg demo`: five labelled slices of a real brain image, the rest segmented, the result beside peers."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from MVGCore.cli.console import ProgressBar, add_model_options, is_quiet, make_folder, table

if TYPE_CHECKING:
    from MVGCore.evaluation.cases import BenchmarkExample
    from MVGCore.metrics import Score
    from MVGCore.volume import LabelMap

SLICES = 5
# GrowCut comes on request: of its eight processor seconds, as long as all the rest takes, one is for growing
# and the others are for loading its library.
PEER, PEER_LIMIT_S = "GrowCut", 120.0
SHEET_PANELS = 10
# The template's own colours, ivory and white, drown in a grey image.
OUTLINES = {1: (0.95, 0.45, 0.15), 2: (0.05, 0.72, 0.75)}

DESCRIPTION = f"""\
Labels {SLICES} slices of the T1 brain template that comes with nilearn, segments the rest, prints the Dice
against the truth beside that of the nearest labelled slice, and writes demo.seg.nrrd and demo.png, with
the image and the labelled slices that they were made from (t1.nrrd, five_slices.seg.nrrd). Nothing is
downloaded."""


def register(subcommands: argparse._SubParsersAction, shared: argparse.ArgumentParser) -> None:
    """Adds the subcommand to the parser of `mvg`."""
    parser = subcommands.add_parser(
        "demo", parents=[shared], help="try it on a real brain image", description=DESCRIPTION
    )
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("mvg-demo"), metavar="DIR", help="folder (mvg-demo)"
    )
    parser.add_argument(
        "--compare", action="store_true", help=f"beside {PEER} as well (needs the extra 'peers')"
    )
    add_model_options(parser)
    parser.set_defaults(run=run)


@dataclass(frozen=True)
class DemoRow:
    """One line of the table: a method, its Dice on the slices that nobody labelled, its time."""

    method: str
    score: Score
    seconds: float


@dataclass(frozen=True)
class DemoTask:
    """The template with five of its slices labelled."""

    example: BenchmarkExample
    few: LabelMap
    slices: tuple[int, ...]

    @classmethod
    def prepare(cls) -> DemoTask:
        """Loads the template and labels its slices from the truth.

        Raises:
            MissingExtraError: nilearn is not installed.
        """
        from MVGCore.evaluation.cases import DemoCase, keep_slices, labelled_slices

        example = DemoCase().load()
        classes = tuple(replace(each, color=OUTLINES[each.id]) for each in example.truth.classes)
        example = replace(example, truth=replace(example.truth, classes=classes))
        slices = labelled_slices(example.truth, example.axis, SLICES)
        return cls(example, keep_slices(example.truth, example.axis, slices), slices)

    def score(self, labels: np.ndarray) -> Score:
        """Scores the (K, J, I) labels of a method on the slices that were not given."""
        from MVGCore.metrics import score_propagation

        truth = self.example.truth
        return score_propagation(
            truth.array,
            labels,
            truth.geometry.array_spacing,
            self.example.axis,
            self.slices,
            names={each.id: each.name for each in truth.classes},
            surfaces=False,
        )


def run(arguments: argparse.Namespace) -> None:
    """Runs the subcommand."""
    from MVGCore.volume import write_segmentation, write_volume

    folder = make_folder(arguments.output)
    task = DemoTask.prepare()
    write_volume(folder / "t1.nrrd", task.example.image)
    write_segmentation(folder / "five_slices.seg.nrrd", task.few)
    labels, row = run_mvg(task, arguments)
    write_segmentation(folder / "demo.seg.nrrd", labels)
    draw_sheet(task, labels, row.score, folder / "demo.png")
    rows = [row, copy_nearest(task), *(run_peer(task) if arguments.compare else ())]
    print(comparison(rows))
    if not is_quiet(arguments):
        print(f"\nDice on the slices that were not labelled. Look at {folder / 'demo.png'};")
        print(
            f"open {folder / 't1.nrrd'} and {folder / 'demo.seg.nrrd'} in 3D Slicer to see the whole volume."
        )


def run_mvg(task: DemoTask, arguments: argparse.Namespace) -> tuple[LabelMap, DemoRow]:
    """Segments the template and returns the labels with their line of the table."""
    from MVGCore.prompts import PromptSet
    from MVGCore.session import Session

    session = Session(model=arguments.model, device=arguments.device)
    start = time.perf_counter()
    session.set_image(task.example.image)
    session.set_prompts(PromptSet.from_labelmap(task.example.image, task.few, axis=task.example.axis))
    with ProgressBar("Segmenting", arguments.progress) as bar:
        result = session.propagate(progress=bar.update)
    seconds = time.perf_counter() - start
    return result.labels, DemoRow("MVG", task.score(result.labels.array), seconds)


def copy_nearest(task: DemoTask) -> DemoRow:
    """Gives every slice the labels of the nearest labelled one."""
    from MVGCore.evaluation.peers import NearestSlice

    start, example = time.perf_counter(), task.example
    labels = NearestSlice()(example.image, task.few, example.axis, task.slices)
    seconds = time.perf_counter() - start
    return DemoRow(NearestSlice.name, task.score(labels), seconds)


def run_peer(task: DemoTask) -> list[DemoRow]:
    """Runs another method on the same labelled slices; if it fails, that is said, and there is no row."""
    from MVGCore.evaluation.catalogue import peer_by_name
    from MVGCore.evaluation.runner import BenchmarkTask, MethodProcess

    example = task.example
    # In a process of its own, because some libraries take the whole process with them when they fail.
    with MethodProcess(peer_by_name(PEER), PEER_LIMIT_S) as process:
        outcome = process.run(BenchmarkTask(example.image, task.few, example.axis, task.slices))
    if outcome.labels is None or outcome.seconds is None:
        print(f"mvg: {PEER} is left out: {outcome.error}", file=sys.stderr)
        return []
    return [DemoRow(PEER, task.score(outcome.labels), outcome.seconds)]


def draw_sheet(task: DemoTask, labels: LabelMap, score: Score, path: Path) -> None:
    """Writes the picture of the result over the truth."""
    from MVGCore.report.contact_sheet import ContactSheet

    dice = "" if score.dice is None else f": Dice {score.dice:.2f} on the others"
    ContactSheet(
        image=task.example.image,
        result=labels,
        truth=task.example.truth,
        axis=task.example.axis,
        labelled=task.slices,
        scores=slice_dice(task.example.truth.array, labels.array, task.example.axis),
        title=f"MVG, {len(task.slices)} slices labelled{dice}",
        count=SHEET_PANELS,
    ).save(path)


def slice_dice(truth: np.ndarray, labels: np.ndarray, axis: int) -> dict[int, float]:
    """Returns the mean Dice over the classes of each slice in which either map has any."""
    from MVGCore.metrics import dice_per_class, mean

    ids = [int(value) for value in np.union1d(truth, labels) if value]
    scores = {}
    for index in range(truth.shape[axis]):
        one = [index]
        dice = mean(dice_per_class(truth.take(one, axis), labels.take(one, axis), ids).values())
        if dice is not None:
            scores[index] = dice
    return scores


def comparison(rows: Sequence[DemoRow]) -> str:
    """Returns the table of methods: Dice per class, their mean, and the seconds."""
    names = [each.name for each in rows[0].score.classes]
    cells = [
        [
            row.method,
            *(f"{each.dice:.3f}" for each in row.score.classes),
            "-" if row.score.dice is None else f"{row.score.dice:.3f}",
            f"{row.seconds:.1f}",
        ]
        for row in rows
    ]
    return table(["method", *names, "mean Dice", "seconds"], cells)
