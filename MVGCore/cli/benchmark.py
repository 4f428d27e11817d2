"""`mvg benchmark`: MVG and its peers on the same volumes; a thin door to MVGCore.evaluation."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from MVGCore.cli.console import ProgressBar, add_precision_option, is_quiet
from MVGCore.errors import InputError

if TYPE_CHECKING:
    from MVGCore.evaluation.image_peers import ImagePeer
    from MVGCore.evaluation.peers import Peer

MVG = "MVG"
SUITES = ("quick", "images", "full")

DESCRIPTION = """\
Runs MVG and the other methods on labelled volumes, with a few slices given to each, and writes benchmark.md
and benchmark.json: Dice, surface Dice, HD95, seconds and memory. The suite "images" measures denoising,
inpainting and synthesis instead, "full" all of it. The volumes lie in the folder that the environment
variable MVG_DATA names; without it only nilearn's brain template is run. An interrupted run goes on."""


def register(subcommands: argparse._SubParsersAction, shared: argparse.ArgumentParser) -> None:
    """Adds the subcommand to the parser of `mvg`."""
    parser = subcommands.add_parser(
        "benchmark", parents=[shared], help="measure MVG beside other methods", description=DESCRIPTION
    )
    out = Path("mvg-benchmark")
    parser.add_argument("--suite", choices=SUITES, default="quick", help="which volumes (quick)")
    parser.add_argument("--out", type=Path, default=out, metavar="DIR", help="folder (mvg-benchmark)")
    parser.add_argument("--model", default="compact", help="MVG's model or weights file (compact)")
    add_precision_option(parser)
    parser.add_argument("--methods", type=words, metavar="A,B", help="MVG and peers by name (all)")
    parser.add_argument("--slices", type=counts, metavar="3,5", help="numbers of labelled slices")
    parser.add_argument("--cases", type=words, metavar="A,B", help="volumes by name, of either suite")
    parser.set_defaults(run=run)


def words(text: str) -> tuple[str, ...]:
    """Splits a list that is separated by commas; a name may contain spaces.

    Raises:
        ValueError: the list is empty.
    """
    names = tuple(word.strip() for word in text.split(",") if word.strip())
    if not names:
        raise ValueError("an empty list")
    return names


def counts(text: str) -> tuple[int, ...]:
    """Reads positive numbers that are separated by commas.

    Raises:
        ValueError: one of them is no positive whole number.
    """
    numbers = tuple(int(word) for word in words(text))
    if min(numbers) < 1:
        raise ValueError("at least one slice is needed")
    return numbers


def run(arguments: argparse.Namespace) -> None:
    """Runs the subcommand."""
    from MVGCore.evaluation.benchmark import run_benchmark, write_report
    from MVGCore.evaluation.image_benchmark import run_images
    from MVGCore.evaluation.suites import named_cases
    from MVGCore.evaluation.tables import to_markdown

    suite, own = arguments.suite, (arguments.model, arguments.precision)
    segmenters = {} if suite == "images" else segmentation_methods(*own)
    imagers = {} if suite == "quick" else image_methods(*own)
    names = arguments.methods or tuple({**segmenters, **imagers})
    for name in names:
        if name not in segmenters and name not in imagers:
            known = ", ".join({**segmenters, **imagers})
            raise InputError(f"There is no method called '{name}'; there are {known}.")
    report, images, text = None, None, ""
    with ProgressBar("Measuring", arguments.progress) as bar:
        if chosen := [segmenters[name] for name in names if name in segmenters]:
            report = run_benchmark(
                chosen,
                suite=suite,
                slices=arguments.slices,
                progress=bar.update,
                out_dir=arguments.out,
                cases=named_cases(arguments.cases) if arguments.cases else None,
            )
            text = to_markdown(report)
        if chosen_imagers := [imagers[name] for name in names if name in imagers]:
            images = run_images(chosen_imagers, bar.update, arguments.out, cases=arguments.cases)
            text = write_report(arguments.out, report, images)
    if not is_quiet(arguments):
        print(text)
        print(f"Wrote {arguments.out / 'benchmark.md'} and {arguments.out / 'benchmark.json'}.")


def segmentation_methods(model: str, precision: str = "auto") -> dict[str, Peer]:
    """MVG with a model, in a precision, and its peers in segmentation, by name."""
    from MVGCore.evaluation.catalogue import default_peers
    from MVGCore.evaluation.session_method import SessionMethod

    own = SessionMethod(model=model, precision=precision, name=MVG)
    return {method.name: method for method in (own, *default_peers())}


def image_methods(model: str, precision: str = "auto") -> dict[str, ImagePeer]:
    """The same for the image tasks."""
    from MVGCore.evaluation.image_method import ImageSessionMethod
    from MVGCore.evaluation.image_peers import image_peers

    own = ImageSessionMethod(model=model, precision=precision, name=MVG)
    return {method.name: method for method in (own, *image_peers())}
