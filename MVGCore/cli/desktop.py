"""`mvg desktop`: the window in which to label, run, review and save."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from MVGCore.cli.console import add_series_option
from MVGCore.errors import InputError, MissingExtraError, MVGError

DESCRIPTION = """\
Opens a window with the image in three planes and in 3-D, tools to label slices, and the panel of the module
for 3D Slicer. Without an image it offers one to try. Labels, scenes and DICOM folders open as well."""


def register(subcommands: argparse._SubParsersAction, shared: argparse.ArgumentParser) -> None:
    """Adds the subcommand to the parser of `mvg`."""
    parser = subcommands.add_parser(
        "desktop", parents=[shared], help="the window: label, run, review, save", description=DESCRIPTION
    )
    parser.add_argument(
        "files", type=Path, nargs="*", metavar="IMAGE", help="image, labels, scene or DICOM folder"
    )
    add_series_option(parser)
    parser.add_argument("--demo", action="store_true", help="open the brain image with three slices labelled")
    parser.add_argument(
        "--screenshot", type=Path, metavar="FILE", help="write a picture of the window (.png) and end"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Runs the subcommand.

    Raises:
        MissingExtraError: PyQt5 or slicer-core is not installed.
        InputError: A file does not exist, or there is no screen.
    """
    for path in arguments.files:
        if not path.exists():
            raise InputError(f"There is no file '{path}'; check the name.")
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        raise InputError("There is no screen: set DISPLAY, or start the command with xvfb-run.")
    try:
        from MVGDesktop.app import Start
        from MVGDesktop.app import run as run_window
    except ImportError as error:
        raise MissingExtraError(
            f"The window needs PyQt5 and slicer-core ({error}); run: pip install mvg-slicer[desktop]"
        ) from error
    start = Start(tuple(arguments.files), arguments.demo, arguments.screenshot, series=arguments.series)
    code = run_window(start)
    if code:
        raise MVGError(f"The window ended with code {code}.")
