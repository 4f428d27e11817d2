"""`mvg inpaint`: an image with holes in, the same with its holes filled out."""

from __future__ import annotations

import argparse
from pathlib import Path

from MVGCore.cli.console import ProgressBar
from MVGCore.cli.image_command import (
    add_image_arguments,
    check_paths,
    chosen_axis,
    chosen_range,
    open_session,
    write_result,
)

DESCRIPTION = """\
Fills what a mask covers: a lesion, metal, a missing slab, dropped slices. Examples are made by moving the
hole over intact slices. Voxels outside the mask come back exactly as they were; what the image holds inside
it is not looked at."""


def register(subcommands: argparse._SubParsersAction, shared: argparse.ArgumentParser) -> None:
    """Adds the subcommand to the parser of `mvg`."""
    parser = subcommands.add_parser(
        "inpaint", parents=[shared], help="fill holes and missing slices", description=DESCRIPTION
    )
    add_image_arguments(parser)
    parser.add_argument(
        "--mask", type=Path, required=True, metavar="MASK", help="label map or segmentation: what to fill"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Runs the subcommand; writes nothing unless it has succeeded."""
    from MVGCore.volume import match_labels, read_labelmap, read_volume

    check_paths(arguments, (arguments.mask,))
    image = read_volume(arguments.image, arguments.series, arguments.level)
    mask = match_labels(read_labelmap(arguments.mask, image.geometry), image.geometry)
    session = open_session(arguments, image)
    with ProgressBar("Inpainting", arguments.progress) as bar:
        result = session.inpaint(
            mask,
            axis=chosen_axis(arguments),
            progress=bar.update,
            slice_range=chosen_range(arguments),
        )
    write_result(arguments, result)
