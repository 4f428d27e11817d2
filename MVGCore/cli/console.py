"""What every subcommand shares: exit codes, options, progress and checks of output paths."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from enum import IntEnum
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from MVGCore.errors import InputError

if TYPE_CHECKING:
    from tqdm import tqdm


class ExitCode(IntEnum):
    """What `mvg` returns to the shell."""

    OK = 0
    FAILED = 1  # it went wrong on the way, or was cancelled
    BAD_INPUT = 2  # the command or its input has to change


class ProgressBar:
    """A bar on standard error, fed with a fraction and a few words.

    It is drawn when standard error is a terminal, or on request; otherwise nothing is written, so logs stay
    clean.

    Example:
        with Progress("Segmenting", visible=None) as bar:
            session.propagate(progress=bar.update)
    """

    def __init__(self, title: str, visible: bool | None = None) -> None:
        """Prepares a bar.

        Args:
            title: what is being done, at the left of the bar.
            visible: True draws it, False does not, None asks whether standard error is a terminal.
        """
        self._title = title
        self._shown = sys.stderr.isatty() if visible is None else visible
        self._bar: tqdm | None = None

    def __enter__(self) -> ProgressBar:
        if self._shown:
            from tqdm import tqdm

            layout = "{desc} {percentage:3.0f}% |{bar}| {elapsed}<{remaining}{postfix}"
            self._bar = tqdm(desc=self._title, total=1.0, bar_format=layout, file=sys.stderr, leave=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def update(self, fraction: float, text: str = "") -> None:
        """Moves the bar to `fraction` (0 to 1) and shows `text` behind it."""
        if self._bar is None:
            return
        self._bar.set_postfix_str(text, refresh=False)
        self._bar.update(min(max(fraction, 0.0), 1.0) - self._bar.n)


def shared_options() -> argparse.ArgumentParser:
    """Returns the parent parser with the options that every subcommand takes."""
    parser = argparse.ArgumentParser(add_help=False)
    bar = parser.add_mutually_exclusive_group()
    bar.add_argument("--progress", action="store_true", default=None, help="progress bars, terminal or not")
    bar.add_argument("--quiet", dest="progress", action="store_false", help="no progress bars and no summary")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def add_series_option(parser: argparse.ArgumentParser) -> None:
    """Adds the option that chooses among the series of a DICOM folder."""
    parser.add_argument(
        "--series",
        metavar="WHICH",
        help="of a DICOM folder with several series: its number (mvg info FOLDER lists them), its UID, or a "
        "part of its description",
    )


def add_trust_option(parser: argparse.ArgumentParser) -> None:
    """Adds the option that lets headers name voxels outside their folder."""
    parser.add_argument(
        "--data-elsewhere",
        action="store_true",
        help="trust the headers (.nhdr, .mhd): read voxels that they name outside their folder",
    )


def add_level_option(parser: argparse.ArgumentParser) -> None:
    """Adds the option that chooses among the resolutions of an OME-Zarr image."""
    parser.add_argument(
        "--level", type=int, metavar="N", help="resolution of an OME-Zarr image, 0 is the finest (0)"
    )


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options that choose the network and where it runs."""
    parser.add_argument("--model", default="compact", help="model's name or weights file (compact)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (auto)")


def add_seed_option(parser: argparse.ArgumentParser) -> None:
    """Adds the option on which all that is random depends."""
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of all randomness (0)")


def add_work_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options that say how much work labels take."""
    parser.add_argument(
        "--quality",
        choices=("draft", "standard", "thorough"),
        metavar="{draft,standard}",  # the third one is taken, and warned of
        default="standard",
        help="how much work the labels take (standard)",
    )
    add_precision_option(parser)
    parser.add_argument(
        "--one-axis",
        action="store_true",
        help="look along the axis of the labelled slices only: faster, a little less exact",
    )


def add_precision_option(parser: argparse.ArgumentParser) -> None:
    """Adds the option that overrules what a device is taken to be fast in."""
    parser.add_argument(
        "--precision",
        choices=("auto", "float32", "bfloat16"),
        default="auto",
        help="numbers the network computes with; auto: what the device is fast in (auto)",
    )


def is_quiet(arguments: argparse.Namespace) -> bool:
    """Tells whether `--quiet` was given."""
    return arguments.progress is False


def check_outputs(outputs: Iterable[Path | None], inputs: Iterable[Path | None]) -> None:
    """Refuses, before any work is done, outputs that could not or must not be written.

    Raises:
        InputError: an output's folder is missing or cannot be written to; an output is one of the inputs or
            their data files; an output is a folder, or named twice.
    """
    from MVGCore.volume.datafiles import files_of
    from MVGCore.volume.trial import try_to_write

    sources = [file for path in inputs if path is not None for file in files_of(path)]
    seen: set[Path] = set()
    for path in outputs:
        if path is None:
            continue
        if path.is_dir():
            raise InputError(f"The output {path} is a folder; name a file.")
        if not path.parent.is_dir():
            raise InputError(f"The folder of the output {path} does not exist; make {path.parent} first.")
        if any(_is_same_file(path, source) for source in sources):
            raise InputError(f"The output {path} is one of the inputs; choose another name for it.")
        if path.resolve() in seen:
            raise InputError(f"The output {path} is named twice; give each output its own file.")
        seen.add(path.resolve())
        try_to_write(path)


def _is_same_file(output: Path, source: Path) -> bool:
    """Tells whether writing to `output` would change `source`: a link to it, or a file in a DICOM folder."""
    if output.exists() and source.exists() and output.samefile(source):
        return True
    return source.is_dir() and output.exists() and source.resolve() in output.resolve().parents


def make_folder(path: Path) -> Path:
    """Makes an output folder, parents included, and returns it.

    Raises:
        InputError: the folder cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"The folder {path} cannot be made ({error.strerror}); choose another one."
        raise InputError(message) from error
    return path


def table(header: list[str], rows: list[list[str]]) -> str:
    """Lays out a plain text table: first column to the left, the others to the right."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]

    def layout(line: list[str]) -> str:
        numbers = [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        return "  ".join([line[0].ljust(widths[0]), *numbers]).rstrip()

    return "\n".join([layout(header), "  ".join("-" * width for width in widths), *map(layout, rows)])
