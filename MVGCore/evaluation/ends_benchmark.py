"""What ends cost: Dice of whole volumes, between and beyond the labelled slices, by how slices are labelled.

    python -m MVGCore.evaluation.ends_benchmark --role bench --out mvg-ends-benchmark

Slices are labelled by three protocols, with and without answers to two questions for each class, which the
truth gives. Each row is appended to `rows.jsonl` as soon as it is there; a run into the same folder goes on
where an interrupted one stopped.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from MVGCore.errors import InputError
from MVGCore.evaluation.annotation import case_parser, chosen_cases
from MVGCore.evaluation.cases import BenchmarkExample, keep_slices, labelled_prompts
from MVGCore.evaluation.catalogue import peer_by_name
from MVGCore.evaluation.peers import Peer
from MVGCore.evaluation.protocols import PROTOCOLS, Parts, choose_slices, dice_parts
from MVGCore.evaluation.tables import table
from MVGCore.metrics import mean
from MVGCore.prompts import PromptSet

if TYPE_CHECKING:
    from MVGCore.session import Result, Session

PLAIN, ANSWERED, KNOWN = "MVG", "MVG, two answers per class", "MVG, ends known"
ANSWERS = 2  # of each class


@dataclass(frozen=True)
class Row:
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


def predicted(
    session: Session, example: BenchmarkExample, prompts: PromptSet, result: Result, all_axes: bool = True
) -> tuple[Result, int]:
    """What becomes of a result once the best question about each class was answered, twice.

    Returns:
        The result, and how many questions were answered.
    """
    count = 0
    planes = np.moveaxis(example.truth.array, example.axis, 0)
    for _ in range(ANSWERS):
        best = {question.class_id: question for question in reversed(result.questions)}
        for question in best.values():
            there = bool((planes[question.index] == question.class_id).any())
            prompts.answer(example.image, question, there)
        if not best:
            break
        count += len(best)
        session.set_prompts(prompts)
        result = session.propagate(all_axes=all_axes)
    return result, count


def tell_ends(example: BenchmarkExample, prompts: PromptSet) -> None:
    """Say of each class of a set where it truly begins and ends."""
    planes = np.moveaxis(example.truth.array, example.axis, 0)
    for each in prompts.classes:
        shown = np.flatnonzero((planes == each.id).any((1, 2)))
        first, last = int(shown[0]), int(shown[-1])
        prompts.add_ends(example.image, example.axis, first, last, each.id)
        for index in (first, last):
            prompts.add_presence(example.image, example.axis, index, index, each.id)


def run_session(
    session: Session, example: BenchmarkExample, slices: Sequence[int], all_axes: bool = True
) -> list[tuple[str, Parts, float | None, int]]:
    """Method, Dice, expected Dice and questions of MVG: as it is, with answers, and with known ends."""
    session.set_image(example.image)
    prompts = labelled_prompts(example, slices)
    session.set_prompts(prompts)
    plain = session.propagate(all_axes=all_axes)
    asked, count = predicted(session, example, prompts, plain, all_axes)
    told = labelled_prompts(example, slices)
    tell_ends(example, told)
    session.set_prompts(told)
    known = session.propagate(all_axes=all_axes)

    def row(method: str, result: Result, questions: int) -> tuple[str, Parts, float | None, int]:
        parts = dice_parts(example.truth.array, result.labels.array, example.axis, slices)
        expected = None if result.expected_dice is None else result.expected_dice.value
        return method, parts, expected, questions

    return [row(PLAIN, plain, 0), row(ANSWERED, asked, count), row(KNOWN, known, 0)]


def run_peer(peer: Peer, example: BenchmarkExample, slices: Sequence[int]) -> Parts:
    """Dice of a peer."""
    few = keep_slices(example.truth, example.axis, slices)
    labels = peer(example.image, few, example.axis, slices)
    return dice_parts(example.truth.array, labels, example.axis, slices)


def to_markdown(rows: Sequence[Row]) -> str:
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
    heads = [
        "data set",
        "labelled",
        "slices",
        "method",
        "whole",
        "between",
        "beyond",
        "expected less true",
        "questions",
        "cases",
    ]
    return table(heads, lines)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def read_rows(path: Path) -> list[Row]:
    """The rows that a run has written so far."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        values = json.loads(line)
        values["parts"], values["slices"] = Parts(**values["parts"]), tuple(values["slices"])
        rows.append(Row(**values))
    return rows


def main(argv: Sequence[str] | None = None) -> int:
    """Runs, appends to rows.jsonl and prints the table."""
    parser = case_parser(__doc__.splitlines()[0], 1)
    parser.add_argument("--role", choices=("bench", "train"), default="bench")
    parser.add_argument("--slices", type=int, nargs="*", default=(3, 5), help="numbers of labelled slices")
    parser.add_argument(
        "--peers", nargs="*", default=("contour interpolation", "random walker"), help="by name"
    )
    parser.add_argument("--one-axis", action="store_true", help="leave the second look out")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--out", type=Path, default=Path("mvg-ends-benchmark"))
    options = parser.parse_args(argv)
    from MVGCore.session import Session

    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "rows.jsonl"
    rows = read_rows(path)
    done = {(row.case, row.protocol, len(row.slices)) for row in rows}
    session = Session(options.model, "cpu", threads=options.threads)
    peers = [peer_by_name(name) for name in options.peers]
    for case in chosen_cases(options.role, options.every, options.cases):
        example = case.load()
        for protocol in PROTOCOLS:
            for count in options.slices:
                if (case.id, protocol, count) in done:
                    continue
                rng = np.random.default_rng([count, zlib.crc32(case.id.encode())])
                try:
                    slices = choose_slices(protocol, example.truth.array, example.axis, count, rng)
                except InputError:  # too few slices show anything
                    continue
                made = [
                    Row(case.id, case.group, protocol, slices, *each)
                    for each in run_session(session, example, slices, not options.one_axis)
                ]
                made += [
                    Row(case.id, case.group, protocol, slices, peer.name, run_peer(peer, example, slices))
                    for peer in peers
                ]
                rows += made
                with path.open("a", encoding="utf-8") as file:
                    file.writelines(json.dumps(asdict(row)) + "\n" for row in made)
    print(to_markdown(rows))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
