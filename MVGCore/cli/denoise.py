"""`mvg denoise`: a noisy image in, the same without its noise out."""

from __future__ import annotations

import argparse

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

DESCRIPTION = """\
Takes the noise out of a volume. Kind and level of the noise are measured, and without examples the volume
gives its own; a noisy volume with its clean counterpart may be named instead. Geometry, units and numeric
type stay as they are."""


def register(subcommands: argparse._SubParsersAction, shared: argparse.ArgumentParser) -> None:
    """Adds the subcommand to the parser of `mvg`."""
    parser = subcommands.add_parser(
        "denoise", parents=[shared], help="take the noise out of a volume", description=DESCRIPTION
    )
    add_image_arguments(parser)
    add_pair_arguments(parser, "a noisy volume as an example", "the same volume without its noise")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Runs the subcommand; writes nothing unless it has succeeded."""
    from MVGCore.volume import read_volume

    check_paths(arguments, (arguments.examples_from, arguments.examples_to))
    image, axis = read_volume(arguments.image, arguments.series, arguments.level), chosen_axis(arguments)
    # The volume at hand says how to cut, not the examples.
    axis = image.geometry.coarsest_axis if axis is None else axis
    examples = read_pair(arguments, axis)
    session = open_session(arguments, image)
    with ProgressBar("Denoising", arguments.progress) as bar:
        result = session.denoise(
            examples, axis=axis, progress=bar.update, slice_range=chosen_range(arguments)
        )
    write_result(arguments, result)
