"""`mvg benchmark`: MVG and its peers on the same volumes; a thin door to MVGCore.evaluation."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from MVGCore.cli.console import Progress, is_quiet
from MVGCore.errors import InputError

if TYPE_CHECKING:
    from MVGCore.evaluation.peers import Peer

MVG = "MVG"
SUITES = ("quick", "full")

DESCRIPTION = """\
Runs MVG and the other methods on labelled volumes, with a few slices given to each, and writes benchmark.md
and benchmark.json: Dice, surface Dice, HD95, seconds and memory. The volumes lie in the folder that the
environment variable MVG_DATA names; without it only nilearn's brain template is run. An interrupted run goes
on."""


def register(subcommands: argparse._SubParsersAction, shared: argparse.ArgumentParser) -> None:
    """Adds the subcommand to the parser of `mvg`."""
    parser = subcommands.add_parser(
        "benchmark", parents=[shared], help="measure MVG beside other methods", description=DESCRIPTION
    )
    out = Path("mvg-benchmark")
    parser.add_argument("--suite", choices=SUITES, default="quick", help="which volumes (quick)")
    parser.add_argument("--out", type=Path, default=out, metavar="DIR", help="folder (mvg-benchmark)")
    parser.add_argument("--model", default="compact", help="MVG's model or weights file (compact)")
    parser.add_argument("--methods", type=words, metavar="A,B", help="MVG and peers by name (all)")
    parser.add_argument("--slices", type=counts, metavar="3,5", help="numbers of labelled slices")
    parser.add_argument("--cases", type=words, metavar="A,B", help="volumes by name, of either suite")
    parser.set_defaults(run=run)


def words(text: str) -> tuple[str, ...]:
    """Splits a list that is separated by commas; a name may contain spaces.

    Raises:
        ValueError: the list is empty.
    """
    found = tuple(word.strip() for word in text.split(",") if word.strip())
    if not found:
        raise ValueError("an empty list")
    return found


def counts(text: str) -> tuple[int, ...]:
    """Reads positive numbers that are separated by commas.

    Raises:
        ValueError: one of them is no positive whole number.
    """
    found = tuple(int(word) for word in words(text))
    if min(found) < 1:
        raise ValueError("at least one slice is needed")
    return found


def run(arguments: argparse.Namespace) -> None:
    """Runs the subcommand."""
    from MVGCore.evaluation.benchmark import named_cases, run_benchmark
    from MVGCore.evaluation.tables import to_markdown

    methods = choose_methods(arguments.methods, arguments.model)
    cases = named_cases(arguments.cases) if arguments.cases else None
    with Progress("Measuring", arguments.progress) as bar:
        report = run_benchmark(
            methods,
            suite=arguments.suite,
            slices=arguments.slices,
            progress=bar.update,
            out_dir=arguments.out,
            cases=cases,
        )
    if not is_quiet(arguments):
        print(to_markdown(report))
        print(f"Wrote {arguments.out / 'benchmark.md'} and {arguments.out / 'benchmark.json'}.")


def choose_methods(names: Sequence[str] | None, model: str) -> tuple[Peer, ...]:
    """Returns MVG and the peers of these names; all of them without names.

    Raises:
        InputError: there is no method of that name.
    """
    from MVGCore.evaluation.catalogue import default_peers
    from MVGCore.evaluation.session_method import SessionMethod

    known: dict[str, Peer] = {MVG: SessionMethod(model=model, name=MVG)}
    known.update({peer.name: peer for peer in default_peers()})
    for name in names or ():
        if name not in known:
            raise InputError(f"There is no method called '{name}'; there are {', '.join(known)}.")
    return tuple(known[name] for name in names or known)
