"""What ends cost: Dice of whole volumes, between and beyond the labelled slices, by how slices are labelled.

    python -m MVGCore.evaluation.ends_benchmark --role bench --out mvg-ends-benchmark
    python -m MVGCore.evaluation.ends_benchmark --role train --first-looks mvg-looks

Slices are labelled by three protocols, with and without answers to two questions for each class, which the
truth gives: by yes or no, and by the last slice that shows the class. Each row is appended to `rows.jsonl` as
soon as it is there; a run into the same folder goes on where an interrupted one stopped. With `--first-looks`
results are those of first looks, which are kept in that folder, once without odds of ends too; on training
cases, of which those are taken that the odds are fitted to unless others are named, the odds are those of the
other data sets.
"""

from __future__ import annotations

import argparse
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from MVGCore.errors import InputError
from MVGCore.evaluation.annotation import case_parser, chosen_cases
from MVGCore.evaluation.cases import Case, keep_slices, labelled_prompts
from MVGCore.evaluation.catalogue import peer_by_name
from MVGCore.evaluation.ends import all_endings, left_out
from MVGCore.evaluation.firstlooks import KeptSession, Setting, first_look, fit_cases, settings
from MVGCore.evaluation.oracle import answered, by_end, tell_ends, yes_or_no
from MVGCore.evaluation.peers import Peer
from MVGCore.evaluation.protocols import PROTOCOLS, Parts, choose_slices, dice_parts
from MVGCore.evaluation.tables import table
from MVGCore.metrics import mean
from MVGCore.models.base import InContextModel
from MVGCore.segmentation.fuse.ends import SHIPPED_END_MODEL, EndModel

if TYPE_CHECKING:
    from MVGCore.session import Result, Session

PLAIN, ANSWERED, KNOWN = "MVG", "MVG, two answers per class", "MVG, ends known"
TOLD = "MVG, two ends per class"
BEFORE = "MVG without odds"
NO_ODDS = EndModel((99.0, 0.0, 0.0, 0.0, 0.0), (99.0, 0.0, 0.0), (99.0, 0.0, 0.0, 0.0))


@dataclass(frozen=True)
class EndsRow:
    """One method on one case with some labelled slices.

    Attributes:
        case, group: the case and its data set.
        protocol: how slices were labelled.
        slices: which.
        method: what filled the volume.
        parts: Dice.
        expected: mean Dice that the method expects of the volume; None if it expects none.
        questions: how many were answered.
    """

    case: str
    group: str
    protocol: str
    slices: tuple[int, ...]
    method: str
    parts: Parts
    expected: float | None = None
    questions: int = 0


def run_session(session: Session | KeptSession, setting: Setting, all_axes: bool = True) -> list[EndsRow]:
    """Rows of MVG: as it is, with answers of both kinds, and with known ends."""
    example, plain = setting.example, propagated(session, setting, all_axes)
    rows = [row(setting, PLAIN, plain)]
    for method, reply in ((ANSWERED, yes_or_no), (TOLD, by_end)):
        prompts = labelled_prompts(example, setting.slices)
        asked, count = answered(session, example, prompts, plain, all_axes, reply)
        rows.append(row(setting, method, asked, count))
    told = labelled_prompts(example, setting.slices)
    tell_ends(example, told)
    session.set_prompts(told)
    return [*rows, row(setting, KNOWN, session.propagate(all_axes=all_axes))]


def propagated(session: Session | KeptSession, setting: Setting, all_axes: bool = True) -> Result:
    """The result of the labelled slices alone."""
    session.set_image(setting.example.image)
    session.set_prompts(labelled_prompts(setting.example, setting.slices))
    return session.propagate(all_axes=all_axes)


def row(setting: Setting, method: str, result: Result, questions: int = 0) -> EndsRow:
    """What became of a setting."""
    parts = dice_parts(setting.example.truth.array, result.labels.array, setting.example.axis, setting.slices)
    expected = None if result.expected_dice is None else result.expected_dice.value
    case = setting.case
    return EndsRow(case.id, case.group, setting.protocol, setting.slices, method, parts, expected, questions)


def run_looks(setting: Setting, model: InContextModel, folder: Path, end_model: EndModel) -> list[EndsRow]:
    """The same by a first look, which is kept in a folder, and once without odds."""
    look = first_look(setting, model, folder)
    before = propagated(KeptSession(setting, look, model, NO_ODDS), setting)
    session = KeptSession(setting, look, model, end_model)
    return [row(setting, BEFORE, before), *run_session(session, setting)]


def run_peer(peer: Peer, setting: Setting) -> EndsRow:
    """A row of a peer."""
    example, slices = setting.example, setting.slices
    few = keep_slices(example.truth, example.axis, slices)
    labels = peer(example.image, few, example.axis, slices)
    parts = dice_parts(example.truth.array, labels, example.axis, slices)
    return EndsRow(setting.case.id, setting.case.group, setting.protocol, slices, peer.name, parts)


def labelled(cases: Sequence[Case], counts: Sequence[int]) -> Iterator[Setting]:
    """Cases as they are, with so many slices labelled by each protocol."""
    for case in cases:
        example = case.load()
        for protocol in PROTOCOLS:
            for count in counts:
                rng = np.random.default_rng([count, zlib.crc32(case.id.encode())])
                try:
                    slices = choose_slices(protocol, example.truth.array, example.axis, count, rng)
                except InputError:  # too few slices show anything
                    continue
                yield Setting(case, example, protocol, slices)


def looked_at(cases: Sequence[Case], counts: Sequence[int]) -> Iterator[Setting]:
    """Of the settings that first looks are made of, the cases as they are."""
    for case in cases:
        yield from (each for each in settings(case) if not each.draw and len(each.slices) in counts)


def to_markdown(rows: Sequence[EndsRow]) -> str:
    """Means over the cases of each data set."""
    keys = dict.fromkeys((row.group, row.protocol, len(row.slices), row.method) for row in rows)
    lines = []
    for key in sorted(keys, key=lambda each: (each[0], each[1], each[2])):
        same = [row for row in rows if (row.group, row.protocol, len(row.slices), row.method) == key]
        group, protocol, count, method = key
        dice = [mean(getattr(row.parts, part) for row in same) for part in ("whole", "between", "beyond")]
        off = [
            row.expected - row.parts.whole
            for row in same
            if row.expected is not None and row.parts.whole is not None
        ]
        lines.append(
            [group, protocol, str(count), method, *(_number(each) for each in dice)]
            + [
                f"{np.mean(off):+.3f}" if off else "-",
                f"{np.mean([row.questions for row in same]):.1f}",
                str(len(same)),
            ]
        )
    heads = ["data set", "labelled", "slices", "method", "whole", "between", "beyond"]
    heads += ["expected less true", "questions", "cases"]
    return table(heads, lines)


def overview(rows: Sequence[EndsRow]) -> str:
    """Mean Dice of whole volumes, methods side by side; the data sets, then these with each way to label."""
    methods = list(dict.fromkeys(row.method for row in rows))
    lines = []
    keys: tuple[Callable[[EndsRow], tuple[str, str, str]], ...] = (
        lambda row: (row.group, "all", "all"),
        lambda row: (row.group, row.protocol, str(len(row.slices))),
    )
    for key in keys:
        for each in sorted({key(row) for row in rows}):
            same = [row for row in rows if key(row) == each]
            dice = [mean(row.parts.whole for row in same if row.method == method) for method in methods]
            cases = sum(row.method == methods[0] for row in same)
            lines.append([*each, *(_number(value) for value in dice), str(cases)])
    return table(["data set", "labelled", "slices", *methods, "runs"], lines)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def read_rows(path: Path) -> list[EndsRow]:
    """The rows that a run has written so far."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        values = json.loads(line)
        values["parts"], values["slices"] = Parts(**values["parts"]), tuple(values["slices"])
        rows.append(EndsRow(**values))
    return rows


def end_models(model: InContextModel, folder: Path, role: str) -> dict[str, EndModel]:
    """Data set -> odds that took no part of it; empty for bench cases, which never take part."""
    return left_out(*all_endings(model, folder)) if role == "train" else {}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs, appends to rows.jsonl and prints the tables."""
    parser = case_parser(__doc__.splitlines()[0], 1)
    parser.add_argument("--role", choices=("bench", "train"), default="bench")
    parser.add_argument("--slices", type=int, nargs="*", default=(3, 5), help="numbers of labelled slices")
    parser.add_argument(
        "--peers", nargs="*", default=("contour interpolation", "random walker"), help="by name"
    )
    parser.add_argument("--one-axis", action="store_true", help="leave the second look out")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--first-looks", type=Path, help="results of first looks, kept in this folder")
    parser.add_argument("--out", type=Path, default=Path("mvg-ends-benchmark"))
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "rows.jsonl"
    rows = read_rows(path)
    done = {(row.case, row.protocol, row.slices) for row in rows}
    cases = _cases(options)
    peers = [peer_by_name(name) for name in options.peers]
    run = _by_looks(options) if options.first_looks else _by_session(options)
    for setting in (looked_at if options.first_looks else labelled)(cases, options.slices):
        if (setting.case.id, setting.protocol, setting.slices) in done:
            continue
        made = [*run(setting), *(run_peer(peer, setting) for peer in peers)]
        rows += made
        with path.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(asdict(row)) + "\n" for row in made)
    print(overview(rows))
    print(to_markdown(rows))
    return 0


def _cases(options: argparse.Namespace) -> list[Case]:
    if options.first_looks and options.role == "train" and not options.cases:
        return fit_cases()
    return chosen_cases(options.role, options.every, options.cases)


def _by_session(options: argparse.Namespace) -> Callable[[Setting], list[EndsRow]]:
    from MVGCore.session import Session

    session = Session(options.model, "cpu", threads=options.threads)
    return lambda setting: run_session(session, setting, not options.one_axis)


def _by_looks(options: argparse.Namespace) -> Callable[[Setting], list[EndsRow]]:
    from MVGCore.models.registry import load

    options.first_looks.mkdir(parents=True, exist_ok=True)
    model = load(options.model, "cpu")
    models = end_models(model, options.first_looks, options.role)
    return lambda setting: run_looks(
        setting, model, options.first_looks, models.get(setting.case.group, SHIPPED_END_MODEL)
    )


if __name__ == "__main__":
    raise SystemExit(main())
