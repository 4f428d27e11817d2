"""`mvg adapt`: fine-tunes a model on labelled slices and writes its weights, for the next patient."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from MVGCore.cli.console import (
    ProgressBar,
    add_model_options,
    add_seed_option,
    check_outputs,
    is_quiet,
)
from MVGCore.cli.examplefiles import add_example_arguments, gather_prompts
from MVGCore.cli.segment import seconds_to_adapt
from MVGCore.errors import InputError

DESCRIPTION = """\
Fine-tunes a model on the labelled slices of an image. One slice is held out to see whether it helps; if it
does, the weights are written, and `mvg segment --model WEIGHTS` uses them, also on other images. If it does
not, nothing is written and the exit code is 1."""


def register(subcommands: argparse._SubParsersAction, shared: argparse.ArgumentParser) -> None:
    """Adds the subcommand to the parser of `mvg`."""
    parser = subcommands.add_parser(
        "adapt", parents=[shared], help="fine-tune a model on labelled slices", description=DESCRIPTION
    )
    add_example_arguments(parser)
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="WEIGHTS", help=".safetensors file to write"
    )
    parser.add_argument("--seconds", type=seconds_to_adapt, default=60.0, metavar="N", help="time (60)")
    parser.add_argument(
        "--axis", choices=("auto", "i", "j", "k"), default="auto", help="axis of the labelled slices (auto)"
    )
    add_model_options(parser)
    add_seed_option(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Runs the subcommand; writes nothing unless the adaptation has helped.

    Raises:
        InputError: no examples, or files that cannot be used.
        MVGError: the adaptation did not help.
    """
    from MVGCore.errors import MVGError
    from MVGCore.session import Session
    from MVGCore.volume import read_volume

    if arguments.labels is None and arguments.prompts is None:
        raise InputError("There is no example: give labelled slices (--labels) or saved ones (--prompts).")
    if arguments.output.suffix.lower() != ".safetensors":
        raise InputError(f"Weights are written as .safetensors: rename {arguments.output.name}.")
    check_outputs((arguments.output,), (arguments.image, arguments.labels, arguments.prompts))
    image = read_volume(arguments.image, arguments.series, arguments.level)
    session = Session(model=arguments.model, device=arguments.device, seed=arguments.seed)
    session.set_image(image)
    session.set_prompts(gather_prompts(image, arguments.labels, arguments.prompts, arguments.axis))
    with ProgressBar("Adapting", arguments.progress) as bar:
        report = session.adapt(arguments.seconds, progress=bar.update)
    if not report.kept:
        raise MVGError(f"Nothing was written. {report.text}")
    session.save_model(arguments.output)
    if not is_quiet(arguments):
        took = time.perf_counter() - arguments.started
        print(f"{report.text}\nWrote {arguments.output} in {took:.1f} s.")
