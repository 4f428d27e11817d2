"""`python -m Testing.campaign WHAT --trials N --out FILE`, and `python -m Testing.campaign table FILE`.

A campaign that is started again goes on after the trials that FILE tells of.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from Testing.campaign.trials import Outcome, in_processes

_BLOCK = 10_000


def _by_module(module: str) -> Callable[[range, Path], Outcome]:
    return lambda numbers, folder: in_processes(f"Testing.campaign.{module}", [], numbers, folder)


# What can be run: module, trials of one block.
BLOCKS = {
    "reads": _BLOCK,
    "flips": _BLOCK,
    "disks": 100,
    "kills": 40,
    "panel": 1,
    "soak": 2000,
    "guided": _BLOCK,
}


def run(what: str, trials: int, out: Path) -> None:
    """Make trials in blocks, and note each block as soon as it is done."""
    done = sum(each.trials for each in outcomes(out) if each.name == _name_of(what))
    while done < trials:
        numbers = range(done, min(done + BLOCKS[what], trials))
        with tempfile.TemporaryDirectory(prefix="MVG-campaign-") as folder:
            outcome = _by_module(what)(numbers, Path(folder))
        with open(out, "a", encoding="utf-8") as stream:
            stream.write(outcome.to_json() + "\n")
        print(
            f"{numbers.start} to {numbers.stop - 1}: {len(outcome.findings)} findings",
            *outcome.findings,
            sep="\n",
        )
        done += max(outcome.trials, 1)


def _name_of(what: str) -> str:
    from importlib import import_module

    return str(import_module(f"Testing.campaign.{what}").NAME)


def outcomes(out: Path) -> list[Outcome]:
    """All blocks that were noted."""
    lines = out.read_text(encoding="utf-8").splitlines() if out.exists() else []
    return [Outcome.from_json(line) for line in lines]


def table(out: Path) -> str:
    """Trials, findings and seconds of each part, and of the kinds in it."""
    totals: dict[str, Outcome] = {}
    for each in outcomes(out):
        totals.setdefault(each.name, Outcome(each.name)).add(each)
    lines = ["| what | trials | findings | seconds |", "| --- | ---: | ---: | ---: |"]
    for total in totals.values():
        row = f"| {total.name} | {total.trials:,} | {len(total.findings)} | {total.seconds:,.0f} |"
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in sorted(total.kinds.items()))
        plain = list(total.kinds.values()) in ([], [total.trials])
        lines.append(row if plain else row.replace(total.name, f"{total.name} ({kinds})"))
    return "\n".join(lines)


def main() -> None:
    """Read the command line and do what it says."""
    parser = argparse.ArgumentParser(prog="python -m Testing.campaign", description=__doc__)
    parser.add_argument("what", choices=[*BLOCKS, "table"])
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=Path("runs/campaign.jsonl"))
    arguments = parser.parse_args()
    if arguments.what == "table":
        print(table(arguments.out))
    else:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        run(arguments.what, arguments.trials, arguments.out)


if __name__ == "__main__":
    main()
