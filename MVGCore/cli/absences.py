"""What a user says on the command line of slices that are not labelled: where classes end, what is empty."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from MVGCore.errors import InputError

if TYPE_CHECKING:
    from MVGCore.prompts import PromptSet
    from MVGCore.volume import SegmentClass, Volume

_RANGE = re.compile(r"(\d+)(?:-(\d+))?")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add --ends and --empty to a subcommand."""
    parser.add_argument(
        "--ends",
        action="append",
        default=[],
        metavar="CLASS:FIRST-LAST",
        help="the first and the last slice that show the class, counted from 0; the border of the volume "
        "says nothing (may be repeated)",
    )
    parser.add_argument(
        "--empty",
        action="append",
        default=[],
        metavar="SLICES",
        help="slices that show none of the classes, such as 0,51 or 0-3,48-51",
    )


def say(prompts: PromptSet, image: Volume, ends: Sequence[str], empty: Sequence[str]) -> None:
    """Add what --ends and --empty say to a set, of slices along its axis.

    Raises:
        InputError: a text cannot be read, names no class of the set or no slice of the image, or contradicts
            what is labelled.
    """
    for text in ends:
        name, _, slices = text.rpartition(":")
        first, last = _range(slices, text, "--ends liver:12-40")
        prompts.add_ends(image, prompts.axis, first, last, class_named(name, prompts.classes).id)
    for text in empty:
        for part in text.split(","):
            first, last = _range(part, text, "--empty 0,51")
            prompts.add_absence(image, prompts.axis, first, last)


def _range(text: str, whole: str, example: str) -> tuple[int, int]:
    match = _RANGE.fullmatch(text.strip())
    if match is None:
        raise InputError(f"'{whole}' does not name slices; write them like {example}.")
    first = int(match[1])
    return first, first if match[2] is None else int(match[2])


def class_named(name: str, classes: Sequence[SegmentClass]) -> SegmentClass:
    """The class of a name, or of a label value.

    Raises:
        InputError: there is none.
    """
    for each in classes:
        if name.strip() in (each.name, str(each.id)):
            return each
    known = ", ".join(each.name for each in classes)
    raise InputError(f"There is no class '{name.strip()}' among the examples; choose one of {known}.")
