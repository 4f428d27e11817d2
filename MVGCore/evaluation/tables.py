"""The results of a benchmark, as rows, Markdown and JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from MVGCore.metrics import ClassScore, mean

FORMAT = 1
WALKER = "random walker"  # the method that others are compared with in what they compute
_MISSING = "-"


@dataclass(frozen=True)
class BenchmarkRow:
    """One method on one case with one number of labelled slices.

    Attributes:
        case: The case.
        group: Its data set.
        method: The method's name.
        settings: Everything else that the method was built with.
        labelled: How many slices were labelled.
        slices: Which.
        seconds: Time of the call, warm.
        cpu_seconds: What all threads of the method's process computed in it; None in earlier results.
        memory_mb: Highest resident memory of the method's process.
        dice: Mean over the counted classes; None after a failure.
        between, beyond: Likewise between and beyond the outermost labelled slices (see `dice_parts`); None in
            earlier results.
        surface_dice: Likewise.
        hd95_mm: Likewise, over the classes that the method found at all.
        never_shown: Classes of the case that no labelled slice shows: they do not count.
        classes: The counted classes one by one.
        error: Why there is no result.
    """

    case: str
    group: str
    method: str
    settings: str
    labelled: int
    slices: tuple[int, ...]
    seconds: float | None = None
    cpu_seconds: float | None = None
    memory_mb: float | None = None
    dice: float | None = None
    between: float | None = None
    beyond: float | None = None
    surface_dice: float | None = None
    hd95_mm: float | None = None
    never_shown: int = 0
    classes: tuple[ClassScore, ...] = ()
    error: str = ""

    def to_line(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_line(cls, line: str) -> BenchmarkRow:
        """Inverse of `to_line`.

        Raises:
            json.JSONDecodeError: The line is not JSON.
            TypeError: It is, but not of a row.
            KeyError: Parts of it are missing.
        """
        values = json.loads(line)
        values["slices"] = tuple(values["slices"])
        values["classes"] = tuple(ClassScore(**each) for each in values["classes"])
        return cls(**values)


@dataclass(frozen=True)
class Report:
    """All rows of a benchmark.

    Attributes:
        suite: Which suite was run.
        time_limit_s: How long a method had per case.
        rows: The results.
        notes: What was skipped, and why.
    """

    suite: str
    time_limit_s: float
    rows: tuple[BenchmarkRow, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Summary:
    """Means over the rows that have a result; of the memory, the maximum.

    Attributes:
        walks: How many times the processor seconds of the random walker on the same cases these are.
    """

    dice: float | None
    between: float | None
    beyond: float | None
    surface_dice: float | None
    hd95_mm: float | None
    seconds: float | None
    cpu_seconds: float | None
    walks: float | None
    memory_mb: float | None
    solved: int
    tried: int

    @classmethod
    def of(cls, rows: Sequence[BenchmarkRow], walker: Mapping[tuple[str, int], BenchmarkRow]) -> _Summary:
        """Means over cases; `walker` has the random walker's rows by case and number of labelled slices."""
        solved = [row for row in rows if not row.error]
        return cls._mean(solved, _walks(solved, walker), len(solved), len(rows))

    @classmethod
    def over(cls, groups: Sequence[_Summary]) -> _Summary:
        """Means over groups, so that a data set of many cases counts no more than a small one."""
        walks = mean(group.walks for group in groups)
        solved, tried = (sum(getattr(group, name) for group in groups) for name in ("solved", "tried"))
        return cls._mean(groups, walks, solved, tried)

    @classmethod
    def _mean(
        cls, parts: Sequence[BenchmarkRow | _Summary], walks: float | None, solved: int, tried: int
    ) -> _Summary:
        return cls(
            dice=mean(part.dice for part in parts),
            between=mean(part.between for part in parts),
            beyond=mean(part.beyond for part in parts),
            surface_dice=mean(part.surface_dice for part in parts),
            hd95_mm=mean(part.hd95_mm for part in parts),
            seconds=mean(part.seconds for part in parts),
            cpu_seconds=mean(part.cpu_seconds for part in parts),
            walks=walks,
            memory_mb=max((part.memory_mb for part in parts if part.memory_mb is not None), default=None),
            solved=solved,
            tried=tried,
        )

    def cells(self) -> list[str]:
        """The columns of the summary tables."""
        return [
            *(_number(each, 3) for each in (self.dice, self.between, self.beyond)),
            _number(self.surface_dice, 3),
            _number(self.hd95_mm, 1),
            _number(self.seconds, 1),
            _number(self.cpu_seconds, 1),
            _number(self.walks, 1),
            _number(self.memory_mb, 0),
            str(self.solved) if self.solved == self.tried else f"{self.solved} of {self.tried}",
        ]


_MEASURES = [
    "Dice",
    "between",
    "beyond",
    "surface Dice",
    "HD95 (mm)",
    "seconds",
    "CPU seconds",
    "times the random walker",
    "peak MB",
    "cases",
]


def _walks(rows: Sequence[BenchmarkRow], walker: Mapping[tuple[str, int], BenchmarkRow]) -> float | None:
    """Processor seconds of some rows for one of the random walker's, where both have them."""
    both = [
        (row.cpu_seconds, walker[row.case, row.labelled].cpu_seconds)
        for row in rows
        if (row.case, row.labelled) in walker
    ]
    known = [(own, other) for own, other in both if own is not None and other is not None]
    total = sum(other for _, other in known)
    return sum(own for own, _ in known) / total if total else None


def to_json(report: Report) -> str:
    """Everything that was measured, class by class."""
    return json.dumps({"format": FORMAT, **asdict(report)}, indent=1)


def to_markdown(report: Report) -> str:
    """The tables: all groups, then group by group, then case by case, then notes."""
    parts = [
        f"# Benchmark, suite {report.suite}",
        "Means over classes, then over cases. A class counts when a labelled slice shows it and the rest "
        "of the volume contains it; Dice leaves the labelled slices out. Between and beyond are Dice of what "
        "lies between and beyond the outermost of them; beyond, what is found where nothing is counts 0. "
        "HD95 leaves out classes that a "
        "method missed altogether, which have Dice 0. Seconds are warm, CPU seconds those of all threads; "
        "their ratio to the random walker's is that of the sums over the cases. Peak MB is the largest "
        f"resident memory of the method's own process. A method had {report.time_limit_s:g} s per case.",
        "## All groups, each weighing the same",
        _overall_table(report.rows),
    ]
    for group in _unique(row.group for row in report.rows):
        parts += [f"## {group}", _group_table([row for row in report.rows if row.group == group])]
    parts += ["## Case by case", _case_table(report.rows)]
    failed = [row for row in report.rows if row.error]
    failures = [f"{row.method} on {row.case}, {row.labelled} slices: {row.error}" for row in failed]
    if remarks := [*report.notes, *failures]:
        parts += ["## Notes", "\n".join(f"- {remark}" for remark in remarks)]
    return "\n\n".join(parts) + "\n"


def table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    rule = ["---"] * len(header)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, rule, *lines))


def _overall_table(rows: Sequence[BenchmarkRow]) -> str:
    def summary(selected: Sequence[BenchmarkRow]) -> _Summary:
        groups = [
            [row for row in selected if row.group == group] for group in _unique(r.group for r in selected)
        ]
        return _Summary.over([_Summary.of(group, walker) for group in groups])

    walker = _walker(rows)

    return _summary_table(rows, summary)


def _group_table(rows: Sequence[BenchmarkRow]) -> str:
    walker = _walker(rows)
    return _summary_table(rows, lambda selected: _Summary.of(selected, walker))


def _walker(rows: Sequence[BenchmarkRow]) -> dict[tuple[str, int], BenchmarkRow]:
    """The rows of the random walker by case and number of labelled slices."""
    return {(row.case, row.labelled): row for row in rows if row.method == WALKER and not row.error}


def _summary_table(
    rows: Sequence[BenchmarkRow], summary: Callable[[Sequence[BenchmarkRow]], _Summary]
) -> str:
    lines = []
    for labelled in sorted({row.labelled for row in rows}):
        for method in _unique(row.method for row in rows):
            selected = [row for row in rows if (row.labelled, row.method) == (labelled, method)]
            if selected:
                lines.append([str(labelled), method, *summary(selected).cells()])
    return table(["slices", "method", *_MEASURES], lines)


def _case_table(rows: Sequence[BenchmarkRow]) -> str:
    methods = _unique(row.method for row in rows)
    known = {(row.case, row.labelled, row.method): row for row in rows}
    lines = []
    for case in _unique(row.case for row in rows):
        for labelled in sorted({row.labelled for row in rows if row.case == case}):
            here = [known.get((case, labelled, method)) for method in methods]
            counted = next((row for row in here if row and not row.error), None)
            classes = f"{len(counted.classes)} (+{counted.never_shown})" if counted else _MISSING
            lines.append([case, str(labelled), classes, *(_case_cell(row) for row in here)])
    return "Dice, surface Dice, seconds; in brackets the classes that no labelled slice shows.\n\n" + table(
        ["case", "slices", "classes", *methods], lines
    )


def _case_cell(row: BenchmarkRow | None) -> str:
    if row is None:
        return _MISSING
    if row.error:
        return "failed"
    return f"{_number(row.dice, 3)}, {_number(row.surface_dice, 3)}, {_number(row.seconds, 1)} s"


def _number(value: float | None, digits: int) -> str:
    return _MISSING if value is None else f"{value:.{digits}f}"


def _unique(values: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(values))
