"""What the commands whose result is an image share: `mvg denoise`, `mvg inpaint` and `mvg synthesize`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from MVGCore.cli.console import (
    add_level_option,
    add_model_options,
    add_series_option,
    add_trust_option,
    check_outputs,
    is_quiet,
)
from MVGCore.errors import InputError
from MVGCore.prompts import AXIS_NAMES

if TYPE_CHECKING:
    from MVGCore.images import ImageExamples, ImageResult
    from MVGCore.session import Session
    from MVGCore.volume import Volume


def add_image_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options that all of these commands take."""
    parser.add_argument("image", type=Path, metavar="IMAGE", help=".nrrd, .nii.gz, .mha or a DICOM folder")
    add_series_option(parser)
    add_level_option(parser)
    add_trust_option(parser)
    out = {"type": Path, "required": True, "metavar": "OUT"}
    parser.add_argument("-o", "--output", help=".nrrd, .nii.gz or .mha", **out)  # type: ignore[arg-type]
    parser.add_argument(
        "--axis", choices=("auto", "i", "j", "k"), default="auto", help="axis of the slices (auto)"
    )
    parser.add_argument(
        "--slices", type=int, nargs=2, metavar=("FIRST", "LAST"), help="only these slices, counted from 0"
    )
    add_model_options(parser)


def add_pair_arguments(parser: argparse.ArgumentParser, source: str, target: str) -> None:
    """Adds the options that name another volume with what is wanted of it."""
    parser.add_argument("--examples-from", type=Path, metavar="A", help=source)
    parser.add_argument("--examples-to", type=Path, metavar="B", help=target)


def check_paths(arguments: argparse.Namespace, inputs: Iterable[Path | None]) -> None:
    """Refuses outputs that could not or must not be written, before any work is done.

    Raises:
        InputError: see `check_outputs`; also an ending that is not one of an image.
    """
    from MVGCore.volume.formats import Format, format_to_write

    check_outputs((arguments.output,), (arguments.image, *inputs))
    if format_to_write(arguments.output) is Format.SEGMENTATION:
        raise InputError(f"The result is an image: name {arguments.output} .nrrd or .nii.gz, not .seg.nrrd.")


def chosen_axis(arguments: argparse.Namespace) -> int | None:
    """The array axis that `--axis` names; None for auto."""
    return None if arguments.axis == "auto" else AXIS_NAMES.index(arguments.axis)


def chosen_range(arguments: argparse.Namespace) -> tuple[int, int] | None:
    """First and last slice of `--slices`."""
    return None if arguments.slices is None else (arguments.slices[0], arguments.slices[1])


def read_pair(arguments: argparse.Namespace, axis: int | None) -> ImageExamples | None:
    """The examples of another volume; None if there are none.

    Raises:
        InputError: only one of the two is named, or they do not fit together.
    """
    from MVGCore.images import ImageExamples
    from MVGCore.volume import read_volume

    given, target = arguments.examples_from, arguments.examples_to
    if (given is None) != (target is None):
        raise InputError("Examples need both: name --examples-from and --examples-to.")
    if given is None:
        return None
    return ImageExamples.from_volumes(read_volume(given), read_volume(target), axis=axis)


def open_session(arguments: argparse.Namespace, image: Volume) -> Session:
    """A session with the model and the image."""
    from MVGCore.session import Session
    from MVGCore.volume import tell_what_is_lost

    tell_what_is_lost(arguments.output, image.geometry)
    session = Session(model=arguments.model, device=arguments.device)
    session.set_image(image)
    return session


def write_result(arguments: argparse.Namespace, result: ImageResult) -> None:
    """Writes the image whole or not at all, and prints what a person wants to know."""
    from MVGCore.volume import write_volume

    write_volume(arguments.output, result.image)
    if not is_quiet(arguments):
        print(summary(result, arguments.output, time.perf_counter() - arguments.started))


def summary(result: ImageResult, output: Path, seconds: float) -> str:
    """Returns what a person wants to read after a run that took so many seconds, reading and writing too."""
    count = len(result.generated)
    lines = [f"Generated {count} slice{'' if count == 1 else 's'} along {AXIS_NAMES[result.axis]}."]
    if result.kept:
        lines.append(f"Kept as given: slices {', '.join(str(index) for index in result.kept)}.")
    lines.append(f"Share of the network in the answer: {result.weight:.0%}, the rest is the classical draft.")
    lines += [*result.notes, f"Wrote {output} in {seconds:.1f} s on {result.device}."]
    return "\n".join(lines)
