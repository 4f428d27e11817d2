"""`mvg qa`: the results of a data set on one page that shows where to look."""

from __future__ import annotations

import argparse
from pathlib import Path, PurePosixPath

from MVGCore.cli.console import check_outputs, is_quiet
from MVGCore.errors import InputError

DESCRIPTION = """\
Writes one HTML file that needs no network: all volumes of a results folder with outlines at the most
informative slices, sizes, confidence, what is unlike the rest, and Dice where truth is given. Volumes are
accepted or rejected there by mouse or keyboard; the review is kept in the browser and saved as a CSV, which
`mvg label --redo` reads. Names of volumes may tell who the patients are, so numbers stand for them unless
--names is given."""


def register(subcommands: argparse._SubParsersAction, shared: argparse.ArgumentParser) -> None:
    """Adds the subcommand to the parser of `mvg`."""
    parser = subcommands.add_parser(
        "qa", parents=[shared], help="see at a glance which results to trust", description=DESCRIPTION
    )
    parser.add_argument("results", type=Path, metavar="RESULTS", help="folder that `mvg label` filled")
    parser.add_argument("-o", "--output", type=Path, metavar="HTML", help="the page (RESULTS/review.html)")
    parser.add_argument(
        "--truth", type=Path, metavar="FOLDER", help="true label maps, called like the volumes"
    )
    parser.add_argument("--compare", type=Path, metavar="RESULTS2", help="another run on the same data set")
    parser.add_argument("--names", action="store_true", help="show the names of the volumes")
    parser.add_argument("--title", default="Review of the labels", help="headline of the page")
    parser.add_argument("--no-surfaces", action="store_true", help="leave out HD95 and surface Dice: faster")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Runs the subcommand."""
    from MVGCore.datasets.manifest import read_results
    from MVGCore.datasets.qa import ReviewRequest, write_review

    if not arguments.results.is_dir():
        raise InputError(f"There is no folder '{arguments.results}'; give one that `mvg label` filled.")
    output = arguments.output or arguments.results / "review.html"
    check_outputs([output], [])
    names = list(read_results(arguments.results))
    truths = {} if arguments.truth is None else truths_of(arguments.truth, names)
    request = ReviewRequest(
        arguments.results,
        truths,
        arguments.compare,
        arguments.names,
        arguments.title,
        not arguments.no_surfaces,
    )
    count = write_review(request, output)
    if not is_quiet(arguments):
        size = output.stat().st_size / 1e6
        print(f"Wrote {output} with {count} volumes ({size:.1f} MB); open it in a browser.")


def truths_of(folder: Path, names: list[str]) -> dict[str, Path]:
    """The label maps of a folder by the name of the volume that each is called like.

    Raises:
        InputError: none of them is called like a volume.
    """
    from MVGCore.volume.formats import format_by_name, stem

    truths: dict[str, Path] = {}
    last = {PurePosixPath(name).name: name for name in names}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and format_by_name(path) is not None:
            relative = PurePosixPath(path.relative_to(folder).as_posix())
            whole = str(relative.with_name(stem(path)))
            name = whole if whole in names else last.get(stem(path))
            if name is not None:
                truths[name] = path
    if not truths:
        raise InputError(f"No label map in '{folder}' is called like a volume; call them like the images.")
    return truths
