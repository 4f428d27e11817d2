"""`mvg segment`: an image and a few labelled slices in, a segmentation of the whole volume out."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from MVGCore.cli import layered, others, wishes
from MVGCore.cli.absences import add_options as add_absence_options
from MVGCore.cli.console import (
    ProgressBar,
    add_model_options,
    add_work_options,
    check_outputs,
    is_quiet,
)
from MVGCore.cli.examplefiles import add_example_arguments, box_to_read, gather_passes
from MVGCore.cli.summary import summary
from MVGCore.errors import InputError
from MVGCore.report.run_report import RunReport

if TYPE_CHECKING:
    from MVGCore.outcomes import AdaptReport
    from MVGCore.prompts import PromptSet
    from MVGCore.session import Result
    from MVGCore.volume import Volume
    from MVGCore.volume.dicom import Series

DESCRIPTION = """\
Segments a volume from a few labelled slices of it. FEW_SLICES is a label map or segmentation on the image's
grid in which only a few slices are filled; the slices and the axis along which they were drawn are found by
themselves. The labelled slices come back as they were."""


def register(subcommands: argparse._SubParsersAction, shared: argparse.ArgumentParser) -> None:
    """Adds the subcommand to the parser of `mvg`."""
    parser = subcommands.add_parser(
        "segment",
        parents=[shared],
        help="segment a volume from a few labelled slices",
        description=DESCRIPTION,
    )
    add_example_arguments(parser)
    parser.add_argument(
        "--example",
        type=Path,
        nargs=2,
        action="append",
        default=[],
        metavar=("IMAGE2", "LABELS2"),
        help="another image of the same kind and its labels; may be given several times. Alone, volumes are "
        "registered, as `mvg label` does it",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="OUT",
        help=".seg.nrrd, .dcm (for a DICOM series), or .nrrd, .nii.gz, .mha for a label map",
    )
    parser.add_argument(
        "--axis",
        choices=("auto", "i", "j", "k"),
        default="auto",
        help="axis along which slices are labelled (auto)",
    )
    add_absence_options(parser)
    wishes.add_options(parser)
    add_model_options(parser)
    parser.add_argument(
        "--adapt",
        type=seconds_to_adapt,
        metavar="SECONDS",
        help="first fine-tune the model on the labelled slices, for so many seconds",
    )
    add_work_options(parser)
    parser.add_argument("--confidence", type=Path, metavar="FILE", help="write the confidence as an image")
    parser.add_argument("--report", type=Path, metavar="JSON", help="write times, memory and classes")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Runs the subcommand; writes nothing unless the segmentation has succeeded."""
    from MVGCore.volume import read_volume, tell_what_is_lost

    given = [path for pair in arguments.example for path in pair]
    if arguments.labels is None and arguments.prompts is None and not given:
        raise InputError(
            "There is no example: give labelled slices (--labels), saved ones (--prompts), or another image "
            "and its labels (--example)."
        )
    outputs = (arguments.output, arguments.confidence, arguments.report)
    inputs = (arguments.image, arguments.labels, arguments.prompts, arguments.draft, *given)
    check_outputs(outputs, inputs)
    check_suffixes(arguments.output, arguments.confidence)
    source = source_of(arguments.output, arguments.image, arguments.series)

    seconds: dict[str, float] = {}
    with stage("read", seconds):
        near = box_to_read(arguments.image, arguments.labels)
        image = read_volume(arguments.image, arguments.series, arguments.level, near)
        for output in filter(None, (arguments.output, arguments.confidence)):
            tell_what_is_lost(output, image.geometry)
        passes = gather_passes(image, arguments)
        layered.say(passes, image, arguments.ends, arguments.empty)
        wished = wishes.read(arguments, image, [each for part in passes for each in part.classes])
    adaptation = None
    if others.tell_alone(arguments, image, passes[0]):
        results = [others.labelled(arguments, image)]
    else:
        results, adaptation = propagated(arguments, image, passes, wished, seconds)
    with stage("write", seconds):
        words = made_of(arguments, passes[0])
        write_result(results, arguments.output, arguments.confidence, source, words)
    if arguments.report is not None:
        report = RunReport.of(
            results[0],
            model=arguments.model,
            image=arguments.image,
            output=arguments.output,
            seconds=seconds,
            adaptation=adaptation,
        )
        write_text(arguments.report, report.to_json())
    if not is_quiet(arguments):
        if adaptation is not None:
            print(f"Adaptation: {adaptation.text}\n")
        took = time.perf_counter() - arguments.started
        print("\n\n".join(summary(each, arguments.output, took) for each in results))


def propagated(
    arguments: argparse.Namespace,
    image: Volume,
    passes: Sequence[PromptSet],
    wished: Mapping[str, Any],
    seconds: dict[str, float],
) -> tuple[list[Result], AdaptReport | None]:
    """Labels by examples that are carried from slice to slice: a result for each pass, and how the model
    adapted.

    Args:
        arguments: of the subcommand.
        image: the volume.
        passes: the examples.
        wished: what else the user wants, see `wishes.read`.
        seconds: gets the time of each stage.
    """
    from MVGCore.session import Session
    from MVGCore.session.layers import propagate_layers

    with stage("load model", seconds):
        session = Session(
            model=arguments.model,
            device=arguments.device,
            quality=arguments.quality,
            precision=arguments.precision,
        )
        session.set_image(image)
        session.set_prompts(passes[0])
    adaptation = None
    if arguments.adapt is not None:
        with stage("adapt", seconds), ProgressBar("Adapting", arguments.progress) as bar:
            adaptation = session.adapt(arguments.adapt, progress=bar.update)
    with ProgressBar("Segmenting", arguments.progress) as bar:
        results = propagate_layers(session, passes, bar.update, all_axes=not arguments.one_axis, **wished)
    return list(results), adaptation


def seconds_to_adapt(text: str) -> float:
    """Reads a positive number of seconds.

    Raises:
        ValueError: it is none.
    """
    seconds = float(text)
    if not 0 < seconds < float("inf"):
        raise ValueError("no time to adapt in")
    return seconds


@contextmanager
def stage(name: str, seconds: dict[str, float]) -> Iterator[None]:
    """Adds the wall-clock time of its block to `seconds` under `name`."""
    start = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - start


def check_suffixes(output: Path, confidence: Path | None) -> None:
    """Refuses outputs whose ending says no format, before the work rather than after it.

    Raises:
        InputError: an ending is unknown, or the confidence would become a segmentation file.
    """
    from MVGCore.volume.formats import Format, format_by_name, format_to_write

    if format_by_name(output) is not Format.DICOM:
        format_to_write(output)
    if confidence is not None and format_to_write(confidence) is Format.SEGMENTATION:
        raise InputError(f"The confidence is an image: name {confidence} .nrrd or .nii.gz, not .seg.nrrd.")


def source_of(output: Path, image: Path, series: str | None) -> Series | None:
    """The series that a DICOM segmentation refers to; None if the output is of another format.

    Raises:
        InputError: the image is no DICOM series, or one of several.
    """
    from MVGCore.volume.formats import Format, format_by_name
    from MVGCore.volume.writing import source_series

    return source_series(output, image, series) if format_by_name(output) is Format.DICOM else None


def made_of(arguments: argparse.Namespace, prompts: PromptSet) -> dict[str, str]:
    """What a result depends on, for its file: the same again gives the same labels."""
    from MVGCore.datasets.checksums import checksum, together
    from MVGCore.models.registry import describe
    from MVGCore.version import __version__

    weights = describe(arguments.model).weights
    return {
        "program": "MVG",
        "version": __version__,
        "image": checksum(arguments.image),
        "examples": together(sorted(prompt.fingerprint for prompt in prompts.enabled)),
        "weights": checksum(weights) if weights is not None else "",
        "settings": f"seed=0, quality={arguments.quality}, all_axes={not arguments.one_axis}, "
        f"adapt={arguments.adapt or 0:g}",
    }


def write_result(
    results: Sequence[Result],
    output: Path,
    confidence: Path | None,
    source: Series | None = None,
    made_of: Mapping[str, str] | None = None,
) -> None:
    """Writes the segmentation, and the confidence as a float32 image if a path is given for it.

    Args:
        results: what to write, a layer for each.
        output: file of the segmentation.
        confidence: file of the confidence, or None.
        source: the series that a DICOM segmentation refers to.
        made_of: what it depends on, kept in the file where the format has room.
    """
    from MVGCore.volume import Volume, write_segmentation, write_volume

    if confidence is not None:
        voxels = layered.confidence_of(results)
        write_volume(confidence, Volume(voxels, results[0].labels.geometry, "confidence"))
    write_segmentation(output, layered.labels_of(results), source, made_of)


def write_text(path: Path, text: str) -> None:
    """Writes a text file whole or not at all."""
    from MVGCore.volume import atomic_path

    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
