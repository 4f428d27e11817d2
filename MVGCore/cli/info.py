"""`mvg info`: what a file holds, or what a model is."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from MVGCore.cli.console import add_series_option, add_trust_option, table
from MVGCore.errors import InputError
from MVGCore.prompts import AXIS_NAMES, PromptSet
from MVGCore.volume.labelmap import voxel_counts

if TYPE_CHECKING:
    from MVGCore.models import ModelInfo
    from MVGCore.volume import LabelMap, Segmentation, Volume

PROMPT_SUFFIX = ".mvgprompts"
WEIGHT_SUFFIXES = (".safetensors", ".pth", ".pt")
MAX_TABLE_ROWS = 64
# A whole-numbered image with at most this many values is shown as a label map; images have far more.
MAX_LABEL_VALUES = 100

DESCRIPTION = """\
Tells what a file holds (image, label map, segmentation, examples, weights) or what a model is."""


def register(subcommands: argparse._SubParsersAction, shared: argparse.ArgumentParser) -> None:
    """Adds the subcommand to the parser of `mvg`."""
    parser = subcommands.add_parser(
        "info", parents=[shared], help="tell about a file or a model", description=DESCRIPTION
    )
    parser.add_argument(
        "subject", metavar="FILE|MODEL", help="a file, a DICOM folder, or the name of a model"
    )
    add_series_option(parser)
    add_trust_option(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Runs the subcommand."""
    print(describe(arguments.subject, arguments.series))


def describe(subject: str, series: str | None = None) -> str:
    """Returns a description of a file or of a model, by its path or name.

    Args:
        subject: path or name.
        series: which series of a DICOM folder, as `MVGCore.read_volume` takes it; None lists several.

    Raises:
        InputError: it is neither, or the file is unusable.
    """
    from MVGCore.models import names

    path, suffix = Path(subject), Path(subject).suffix.lower()
    if subject in names() or suffix in WEIGHT_SUFFIXES:
        return _describe_model(subject)
    if not path.exists():
        known = ", ".join(names())
        raise InputError(f"There is no file '{subject}' and no such model; the models are {known}.")
    if suffix == PROMPT_SUFFIX:
        return _describe_prompts(path)
    return (path.is_dir() and series is None and _list_series(path)) or _describe_grid(path, series)


def _describe_model(subject: str) -> str:
    from MVGCore.models import describe as describe_model

    info: ModelInfo = describe_model(subject)
    lines = [f"{info.name}: {info.description}", f"parameters  {info.parameters:,}"]
    lines.append(f"weights     {info.weights if info.weights is not None else 'none in this installation'}")
    lines += [f"{key:<11} {value}" for key, value in sorted(info.metadata.items())]
    if info.card:
        lines += ["", info.card.strip()]
    return "\n".join(lines)


def _describe_prompts(path: Path) -> str:
    prompts = PromptSet.load(path)
    names = {each.id: each.name for each in prompts.classes}
    lines = [f"{path.name}: {len(prompts.prompts)} examples of {len(names)} classes"]
    for prompt in prompts.prompts:
        present = ", ".join(names[value] for value in np.unique(prompt.labels).tolist() if value)
        state = "" if prompt.enabled else " (switched off)"
        origin = f" from {prompt.source}" if prompt.source else ""
        lines.append(f"slice {prompt.index} along {AXIS_NAMES[prompt.axis]}{state}: {present}{origin}")
    for claims, text in ((prompts.absences, "nothing of"), (prompts.presences, "something of")):
        for each in claims:
            name = "any class" if each.class_id is None else names[each.class_id]
            lines.append(f"{each.describe()}: {text} {name}")
    return "\n".join(lines)


def _list_series(folder: Path) -> str:
    """Lists the series of a folder; "" if there are not several."""
    from MVGCore.volume.dicom import list_series

    series = list_series(folder)
    if len(series) < 2:
        return ""
    rows = [[each.text, str(each.number)] for each in series]
    return f"{folder.name}: {len(series)} series\n\n{table(['series', 'number'], rows)}"


def _describe_grid(path: Path, series: str | None) -> str:
    from MVGCore.volume import read_segmentation, read_volume
    from MVGCore.volume.reading import holds_segments

    if not path.is_dir() and holds_segments(path):
        return _describe_segmentation(path, read_segmentation(path)) + _origin(path)
    labels = None if path.is_dir() else _as_labels(path)
    if labels is not None:
        return _describe_labels(path, labels) + _origin(path)
    return _describe_image(path, read_volume(path, series))


def _origin(path: Path) -> str:
    """What labels were made of, if their file says so."""
    from MVGCore.volume.provenance import read_made_of

    lines = [f"{name:<11} {value}" for name, value in read_made_of(path).items() if value]
    return "\n".join(["", "", "made of", *lines]) if lines else ""


def _as_labels(path: Path) -> LabelMap | None:
    """Returns the label map in a file, None if the file is an image."""
    from MVGCore.volume import read_labelmap

    try:
        labels = read_labelmap(path)
    except InputError:
        return None  # fractions, negative numbers, too many values: an image, whose own checks follow
    return labels if len(labels.classes) <= MAX_LABEL_VALUES else None


def _describe_image(path: Path, image: Volume) -> str:
    values = image.array
    low, middle, high = (float(np.percentile(values, part)) for part in (0, 50, 100))
    modality = f"{image.modality} " if image.modality else ""
    return "\n".join(
        [
            f"{path.name}: {modality}image, {values.dtype}",
            image.geometry.describe(),
            f"intensities {low:g} to {high:g}, median {middle:g}",
        ]
    )


def _describe_labels(path: Path, labels: LabelMap) -> str:
    counts = voxel_counts(labels.array)
    voxels = [(each.id, each.name, int(counts[each.id])) for each in labels.classes]
    heading = f"{path.name}: label map of {len(voxels)} classes"
    lines = [heading, labels.geometry.describe(), _filled_slices(labels.array > 0)]
    return "\n".join([*lines, "", _class_table(voxels)])


def _describe_segmentation(path: Path, segmentation: Segmentation) -> str:
    voxels = [
        (
            each.class_.id,
            each.class_.name,
            int(np.count_nonzero(segmentation.layers[each.layer] == each.label_value)),
        )
        for each in segmentation.segments
    ]
    filled = np.any([layer > 0 for layer in segmentation.layers], axis=0)
    heading = f"{path.name}: segmentation of {len(voxels)} segments in {len(segmentation.layers)} layers"
    lines = [heading, segmentation.geometry.describe(), _filled_slices(filled)]
    return "\n".join([*lines, "", _class_table(voxels)])


def _class_table(voxels: list[tuple[int, str, int]]) -> str:
    rows = [[name, str(number), f"{count:,}"] for number, name, count in voxels]
    hidden = len(rows) - MAX_TABLE_ROWS
    text = table(["class", "label", "voxels"], rows[:MAX_TABLE_ROWS])
    return f"{text}\nand {hidden} more" if hidden > 0 else text


def _filled_slices(filled: np.ndarray) -> str:
    """Says in how many slices along each axis something is labelled: few along one axis are examples."""
    parts = []
    for axis in (2, 1, 0):
        others = tuple(a for a in range(3) if a != axis)
        count = int(np.count_nonzero(filled.any(axis=others)))
        parts.append(f"{count} of {filled.shape[axis]} along {AXIS_NAMES[axis]}")
    return f"labelled slices: {', '.join(parts)}"
