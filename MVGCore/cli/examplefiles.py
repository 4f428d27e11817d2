"""The examples that the options of a command name."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from MVGCore.cli import layered
from MVGCore.cli.console import add_level_option, add_series_option, add_trust_option
from MVGCore.errors import InputError
from MVGCore.prompts import AXIS_NAMES, PromptSet

if TYPE_CHECKING:
    from MVGCore.volume import Geometry, Volume


def add_example_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the image, and the examples on it."""
    parser.add_argument("image", type=Path, metavar="IMAGE", help=".nrrd, .nii.gz, .mha or a DICOM folder")
    add_series_option(parser)
    add_level_option(parser)
    add_trust_option(parser)
    parser.add_argument("--labels", type=Path, metavar="FEW_SLICES", help="label map with labelled slices")
    parser.add_argument("--prompts", type=Path, metavar="SET", help="saved examples (.mvgprompts)")


def box_to_read(image: Path, labels: Path | None) -> Geometry | None:
    """The box of the labelled voxels, if the image is of a kind that may be larger than the memory."""
    from MVGCore.volume import read_labelmap
    from MVGCore.volume.formats import Format, format_by_name
    from MVGCore.volume.region import labelled_box

    if labels is None or format_by_name(image) is not Format.OME_ZARR:
        return None
    return labelled_box(read_labelmap(labels))


def gather_passes(image: Volume, arguments: argparse.Namespace) -> list[PromptSet]:
    """The examples: one set, or one for each pass where segments of the labelled slices overlap.

    Raises:
        InputError: as `gather_prompts`; or segments overlap and there are other examples, too.
    """
    axis = None if arguments.axis == "auto" else AXIS_NAMES.index(arguments.axis)
    passes = layered.passes_in(image, arguments.labels, axis)
    if not passes:
        given = (arguments.labels, arguments.prompts, arguments.axis, arguments.example)
        return [gather_prompts(image, *given)]
    if arguments.prompts is not None or arguments.example:
        raise InputError(
            f"Segments of '{arguments.labels}' overlap, which cannot be joined with other examples: leave "
            "--prompts and --example out, or give labels that do not overlap."
        )
    return passes


def gather_prompts(
    image: Volume,
    labels: Path | None,
    saved: Path | None,
    axis: str,
    others: Sequence[Sequence[Path]] = (),
) -> PromptSet:
    """Returns the examples drawn on this image together with the saved ones and those of other images.

    Args:
        image: the volume to segment.
        labels: label map with a few filled slices, on the grid of `image` or one that can be resampled to it.
        saved: file of a PromptSet.
        axis: "i", "j", "k" or "auto".
        others: an image and its label map each.

    Raises:
        InputError: a file is unusable, or there is no labelled slice in it.
    """
    from MVGCore.volume import read_labelmap, read_volume

    array_axis = None if axis == "auto" else AXIS_NAMES.index(axis)
    pairs = [(read_volume(one), other) for one, other in others]
    if labels is not None:
        pairs.insert(0, (image, labels))
    prompts = PromptSet()
    for drawn_on, path in pairs:
        drawn = read_labelmap(path, drawn_on.geometry)
        prompts.merge(PromptSet.from_labelmap(drawn_on, drawn, axis=array_axis, source=str(path)))
    if saved is not None:
        prompts.merge(PromptSet.load(saved))
    return prompts
