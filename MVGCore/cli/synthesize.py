"""`mvg synthesize`: an image and a few slices of another contrast in, the whole of that contrast out."""

from __future__ import annotations

import argparse
from pathlib import Path

from MVGCore.cli.console import ProgressBar
from MVGCore.cli.image_command import (
    add_image_arguments,
    add_pair_arguments,
    check_paths,
    chosen_axis,
    chosen_range,
    open_session,
    read_pair,
    write_result,
)
from MVGCore.errors import InputError

DESCRIPTION = """\
Makes another contrast of a volume. The contrast is shown by FEW_SLICES, an image on the grid of IMAGE in
which only a few slices are filled (they come back exactly as they were), or by a pair of another patient: A
in the contrast of IMAGE, B in the wanted one; or by both. The result has the units of the wanted contrast."""


def register(subcommands: argparse._SubParsersAction, shared: argparse.ArgumentParser) -> None:
    """Adds the subcommand to the parser of `mvg`."""
    parser = subcommands.add_parser(
        "synthesize",
        parents=[shared],
        help="make another contrast from a few slices of it",
        description=DESCRIPTION,
    )
    add_image_arguments(parser)
    parser.add_argument("--target", type=Path, metavar="FEW_SLICES", help="slices in the wanted contrast")
    add_pair_arguments(parser, "another patient, in the contrast of IMAGE", "the same in the wanted contrast")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Runs the subcommand; writes nothing unless it has succeeded."""
    from MVGCore.images import ImageExamples
    from MVGCore.volume import read_volume

    if arguments.target is None and arguments.examples_from is None and arguments.examples_to is None:
        raise InputError(
            "There is no example of the wanted contrast: give slices of it (--target) or another patient's "
            "pair (--examples-from, --examples-to)."
        )
    check_paths(arguments, (arguments.target, arguments.examples_from, arguments.examples_to))
    image, axis = read_volume(arguments.image, arguments.series, arguments.level), chosen_axis(arguments)
    examples = []
    if arguments.target is not None:
        examples.append(ImageExamples.from_volumes(image, read_volume(arguments.target), axis=axis))
        axis = examples[0].axis
    pair = read_pair(arguments, image.geometry.coarsest_axis if axis is None else axis)
    examples += [] if pair is None else [pair]
    session = open_session(arguments, image)
    with ProgressBar("Synthesising", arguments.progress) as bar:
        result = session.synthesize(examples, progress=bar.update, slice_range=chosen_range(arguments))
    write_result(arguments, result)
