"""`mvg`: reads the command, runs it, and turns errors into one sentence and an exit code."""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from typing import Any, TextIO, cast

from MVGCore.cli import (
    adapt,
    benchmark,
    demo,
    denoise,
    desktop,
    info,
    inpaint,
    label,
    qa,
    segment,
    synthesize,
    train,
)
from MVGCore.cli.console import ExitCode, shared_options
from MVGCore.cli.printable import PrintableStream, printable
from MVGCore.errors import CancelledError, InputError, MissingExtraError, MVGError
from MVGCore.version import __version__

COMMANDS = (segment, label, qa, adapt, desktop, denoise, inpaint, synthesize, info, demo, train, benchmark)


def build_parser() -> argparse.ArgumentParser:
    """Returns the parser of `mvg` with all its subcommands; loads no heavy library."""
    parser = argparse.ArgumentParser(
        prog="mvg",
        description="Label a few slices of a medical volume as examples; the rest of the volume follows.",
        epilog="Exit codes: 0 done, 1 failed or cancelled, 2 the command or its input has to change.",
    )
    parser.add_argument("--version", action="version", version=f"mvg {__version__}")
    subcommands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    shared = shared_options()
    for command in COMMANDS:
        command.register(subcommands, shared)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs `mvg` and returns its exit code.

    Args:
        argv: the words after `mvg`; those of the process by default.
    """
    try:
        arguments = build_parser().parse_args(argv)
    except SystemExit as stop:  # argparse has said what is to be said
        return int(stop.code or 0)
    arguments.started = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            with redirect_stdout(cast(TextIO, PrintableStream(sys.stdout))), _trust(arguments):
                arguments.run(arguments)
    except (CancelledError, KeyboardInterrupt):
        return _complain("Cancelled.", ExitCode.FAILED)
    except (InputError, MissingExtraError) as error:
        return _report(error, ExitCode.BAD_INPUT, arguments.debug)
    except MVGError as error:
        return _report(error, ExitCode.FAILED, arguments.debug)
    except BrokenPipeError:  # `mvg info x | head`: the reader has left, which is no error
        sys.stderr.close()
        return ExitCode.OK
    except Exception as error:
        sentence = f"Something unforeseen went wrong ({_first_line(error)}); run again with --debug for more."
        return _report(error, ExitCode.FAILED, arguments.debug, sentence)
    return ExitCode.OK


def _trust(arguments: argparse.Namespace) -> AbstractContextManager[None]:
    """Lets headers name voxels outside their folder, where the user says so."""
    if not getattr(arguments, "data_elsewhere", False):
        return nullcontext()
    from MVGCore.volume.outside import data_elsewhere

    return data_elsewhere()


def _show_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    """Shows what concerns the user as one line, and leaves out what only concerns programmers."""
    if issubclass(category, UserWarning):
        print(printable(f"mvg: note: {message}"), file=sys.stderr)


def _first_line(error: Exception) -> str:
    text = str(error).strip().split("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _report(error: Exception, code: ExitCode, debug: bool, sentence: str | None = None) -> ExitCode:
    if debug:
        import traceback

        traceback.print_exception(error)
    return _complain(sentence or str(error), code)


def _complain(sentence: str, code: ExitCode) -> ExitCode:
    print(printable(f"mvg: {sentence}"), file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
