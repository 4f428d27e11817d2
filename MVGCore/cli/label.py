"""`mvg label`: a data set and a few labelled slices in, a segmentation of every volume out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from MVGCore.cli.console import (
    ProgressBar,
    add_model_options,
    add_seed_option,
    add_work_options,
    is_quiet,
    make_folder,
)
from MVGCore.errors import InputError, MVGError

if TYPE_CHECKING:
    from MVGCore.datasets.catalogue import Item
    from MVGCore.datasets.manifest import Record
    from MVGCore.datasets.run import Crew, Summary
    from MVGCore.datasets.work import Work

DESCRIPTION = """\
Labels every volume of a data set from a few labelled slices of a few of them. DATASET is a folder, a BIDS
tree, a glob in quotes, or a CSV with the column `image` and perhaps `name`, `labels`, `truth` and `draft`. A
second run does what is missing; a file that cannot be used is listed with its reason and stops nothing else.
OUT gets one segmentation for each volume, named like it, and manifest.jsonl, which says what each was made of
and how sure it is."""


def register(subcommands: argparse._SubParsersAction, shared: argparse.ArgumentParser) -> None:
    """Adds the subcommand to the parser of `mvg`."""
    parser = subcommands.add_parser(
        "label",
        parents=[shared],
        help="label a whole data set from a few slices of a few volumes",
        description=DESCRIPTION,
    )
    parser.add_argument("dataset", metavar="DATASET", help="folder, BIDS tree, 'glob' or .csv")
    parser.add_argument(
        "--examples",
        type=Path,
        nargs="+",
        default=[],
        metavar="PATH",
        help="label maps with a few filled slices, called like their images; folders of them; .mvgprompts; "
        "a results folder; or a .csv with the columns image and labels",
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="OUT", help="folder of the results"
    )
    parser.add_argument(
        "--draft",
        type=Path,
        metavar="FOLDER",
        help="existing segmentations to be corrected: label maps called like their images, or folders called "
        "so with a mask for each class",
    )
    parser.add_argument(
        "--pattern", default="*", help="which files of a folder count, such as '*_T1w.nii.gz'"
    )
    parser.add_argument(
        "--ending",
        default="auto",
        help="of the results: .seg.nrrd, .nii.gz, .nrrd, .mha, .png (.seg.nrrd; .png or .tif of pictures)",
    )
    add_model_options(parser)
    add_seed_option(parser)
    add_work_options(parser)
    parser.add_argument(
        "--minutes",
        type=float,
        default=0.0,
        metavar="N",
        help="train a small network for this data set first, for about N minutes of one core (0: none)",
    )
    parser.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="processes; 0 works in this one (as many as cores and memory allow)",
    )
    parser.add_argument("--ray", metavar="ADDRESS", help="work on a Ray cluster, host:port or auto")
    parser.add_argument("--part", type=part_of, metavar="N/M", help="do the N-th of M parts, for job arrays")
    parser.add_argument(
        "--next",
        type=int,
        metavar="N",
        help="when all is labelled, choose the N slices whose labels should gain most, into OUT/next",
    )
    parser.add_argument("--verify", action="store_true", help="label again and compare with what is there")
    parser.add_argument("--redo", type=Path, metavar="CSV", help="label anew what this review rejects")
    parser.set_defaults(run=run)


def part_of(text: str) -> tuple[int, int]:
    """Reads "3/20".

    Raises:
        ValueError: it is no such pair.
    """
    number, _, count = text.partition("/")
    return int(number), int(count)


def run(arguments: argparse.Namespace) -> None:
    """Runs the subcommand; what is done is on the disk whatever happens afterwards."""
    from MVGCore.datasets.catalogue import read_catalogue
    from MVGCore.datasets.drafts import examples_with_drafts, with_drafts
    from MVGCore.datasets.examples import find_examples
    from MVGCore.datasets.learning import learn
    from MVGCore.datasets.review import rejected
    from MVGCore.datasets.run import Part, label_dataset
    from MVGCore.datasets.work import BY_IMAGE, Settings, Work
    from MVGCore.volume.formats import format_to_write

    if arguments.ending != BY_IMAGE:
        format_to_write(f"x{arguments.ending}")
    apart = [arguments.output, *arguments.examples, *([arguments.draft] if arguments.draft else [])]
    items = read_catalogue(arguments.dataset, arguments.pattern, apart)
    if arguments.draft is not None:
        items = with_drafts(items, arguments.draft)
    examples = examples_with_drafts(find_examples(arguments.examples, items), items)
    if not 0 <= arguments.minutes < float("inf"):
        raise InputError(f"A network cannot be trained for {arguments.minutes} minutes; give 0 or more.")
    settings = Settings(
        arguments.model,
        arguments.device,
        arguments.seed,
        not arguments.one_axis,
        arguments.minutes,
        arguments.quality,
        arguments.precision,
        arguments.ending,
    )
    work = Work.of(make_folder(arguments.output), examples, settings)
    crew = chosen_crew(arguments, items)
    with (
        ProgressBar("Completing the examples", arguments.progress) as bar,
        ProgressBar("Training", arguments.progress if arguments.minutes else False) as lessons,
    ):
        work = learn(work, crew, partial(tell, bar), items=items, trained=lessons.update)
    if arguments.verify:
        check(work, items, crew, arguments)
        return
    redo = None if arguments.redo is None else rejected(arguments.redo, arguments.output)
    with ProgressBar("Labelling", arguments.progress) as bar:
        summary = label_dataset(
            work,
            items,
            crew,
            Part(*arguments.part) if arguments.part else Part(),
            redo,
            partial(tell, bar),
        )
    if arguments.next is not None:
        show_next(arguments)
    report(summary, arguments)


def check(work: Work, items: Sequence[Item], crew: Crew, arguments: argparse.Namespace) -> None:
    """Labels again apart from the results and says what differs.

    Raises:
        MVGError: something differs.
    """
    from MVGCore.datasets.verify import verify

    with ProgressBar("Verifying", arguments.progress) as bar:
        differences = verify(work, items, crew, partial(tell, bar))
    for name, difference in differences.items():
        print(f"mvg: {name}: {difference}", file=sys.stderr)
    if differences:
        raise MVGError(f"{len(differences)} results cannot be made again as they are, for the reasons above.")
    if not is_quiet(arguments):
        print(f"All results in {arguments.output} are made again bit for bit.")


def show_next(arguments: argparse.Namespace) -> None:
    """Writes the slices to label next and prints them.

    Raises:
        InputError: less than one is asked for, or there is no result.
    """
    from MVGCore.datasets.next_slices import FOLDER, propose

    if arguments.next < 1:
        raise InputError(f"{arguments.next} slices cannot be chosen; give at least 1.")
    entries = propose(arguments.output, arguments.next)
    if is_quiet(arguments):
        return
    print(f"Label next, as listed in {arguments.output / FOLDER}:")
    for entry in entries:
        print(f"  {entry.volume}: slice {entry.index} along {entry.axis} ({entry.prompts})")


def chosen_crew(arguments: argparse.Namespace, items: Sequence[Item]) -> Crew:
    """Who does the work: this process, or as many as are asked for or fit.

    Raises:
        InputError: a negative number of workers.
    """
    from MVGCore.datasets.pool import label_here, label_in_processes

    if arguments.workers is not None and arguments.workers < 0:
        raise InputError(f"There cannot be {arguments.workers} workers; give 0 or more.")
    if arguments.ray is not None:
        from MVGCore.datasets.cluster import label_on_cluster

        return partial(label_on_cluster, address=arguments.ray)
    if arguments.workers == 0:
        return label_here

    def crew(work: Work, missing: Sequence[Item]) -> object:
        count = arguments.workers or fitting_workers(missing, arguments.device)
        return label_in_processes(work, missing, count)

    return crew  # type: ignore[return-value]


def fitting_workers(items: Sequence[Item], device: str) -> int:
    """As many processes as cores and memory allow; one for each graphics card."""
    import psutil
    import torch

    from MVGCore.datasets.pool import workers_that_fit
    from MVGCore.models.device import select_device

    if select_device(device).name != "cpu":
        return max(1, torch.cuda.device_count()) if device == "auto" else 1
    cores = len(psutil.Process().cpu_affinity()) if hasattr(psutil.Process, "cpu_affinity") else None
    return workers_that_fit(items, cores or psutil.cpu_count() or 1, psutil.virtual_memory().available)


def tell(bar: ProgressBar, record: Record, done: int, total: int) -> None:
    """Moves the bar on."""
    bar.update(done / total, f"{done} of {total} volumes")


def report(summary: Summary, arguments: argparse.Namespace) -> None:
    """Prints what came of it.

    Raises:
        MVGError: some volumes have no result; each is named with its reason before.
    """
    good = len(summary.records) - len(summary.failed)
    if not is_quiet(arguments):
        before = len(summary.records) - len(summary.labelled)
        total = len(summary.records)
        print(f"{good} of {total} volumes are labelled in {arguments.output}, {before} of them before.")
    for record in summary.failed:
        print(f"mvg: {record.name}: {record.reason}", file=sys.stderr)
    if summary.failed:
        raise MVGError(
            f"{len(summary.failed)} of {len(summary.records)} volumes have no result, for the reasons above; "
            "mend them and run the same command again."
        )
