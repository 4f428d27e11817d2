"""What a user gives on the command line beside examples: a draft, and intensities that classes have."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from MVGCore.cli.absences import class_named
from MVGCore.errors import InputError

if TYPE_CHECKING:
    from MVGCore.prompts import IntensityRange
    from MVGCore.volume import SegmentClass, Volume

_EXAMPLES = "--range 100:300, --range 100: or --range liver:0:200"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add --draft and --range to a subcommand."""
    # A range may begin with a negative number, which is no option: -100:300.
    parser._negative_number_matcher = re.compile(r"-\.?\d")
    parser.add_argument(
        "--draft",
        type=Path,
        metavar="FILE",
        help="an existing segmentation of the whole volume, to be corrected by the labelled slices",
    )
    parser.add_argument(
        "--range",
        dest="ranges",
        action="append",
        default=[],
        metavar="[CLASS:]LOW:HIGH",
        help="label these intensities only, both ends included; one end may be left out (may be repeated)",
    )


def read(arguments: argparse.Namespace, image: Volume, classes: Sequence[SegmentClass]) -> dict[str, Any]:
    """What --draft and --range say, as arguments of `Session.propagate`.

    Args:
        arguments: of the subcommand.
        image: the volume.
        classes: those of the examples.

    Raises:
        InputError: the draft cannot be read, a text is no range, or names no class of the examples.
    """
    from MVGCore.volume import read_labelmap

    wished: dict[str, Any] = {}
    if arguments.draft is not None:
        wished["draft"] = read_labelmap(arguments.draft, image.geometry)
    if arguments.ranges:
        wished["ranges"] = tuple(_range(text, classes) for text in arguments.ranges)
    return wished


def _range(text: str, classes: Sequence[SegmentClass]) -> IntensityRange:
    from MVGCore.prompts import IntensityRange

    name, ends = "", text.split(":")
    if len(ends) > 2:
        name, ends = ":".join(ends[:-2]), ends[-2:]
    try:
        low, high = (float(each) if each.strip() else None for each in ends)
    except ValueError:
        raise InputError(f"'{text}' is no range of intensities; write it like {_EXAMPLES}.") from None
    if low is None and high is None:
        raise InputError(f"'{text}' has neither end; write it like {_EXAMPLES}.")
    class_id = class_named(name, classes).id if name else None
    return IntensityRange(-math.inf if low is None else low, math.inf if high is None else high, class_id)
