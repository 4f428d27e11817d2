"""MVG and its peers on every case and number of labelled slices, in one run.

Each result is appended to `results.jsonl` as soon as it is there, and a run into the same folder goes on
where an interrupted one stopped. At the end `benchmark.json` and `benchmark.md` are written.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from MVGCore.errors import InputError, OutputError
from MVGCore.evaluation.cases import BenchmarkExample, keep_slices, labelled_slices
from MVGCore.evaluation.catalogue import default_peers
from MVGCore.evaluation.image_tables import ImageReport, image_markdown
from MVGCore.evaluation.peers import Peer
from MVGCore.evaluation.protocols import dice_parts
from MVGCore.evaluation.runner import BenchmarkTask, MethodProcess, Outcome
from MVGCore.evaluation.session_method import SessionMethod
from MVGCore.evaluation.suites import SUITES, BenchmarkCase, CaseList, suite_cases
from MVGCore.evaluation.tables import BenchmarkRow, Report, to_json, to_markdown
from MVGCore.metrics import score_propagation
from MVGCore.volume import atomic_path

RESULTS = "results.jsonl"

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class _CaseStep:
    """One case with one number of labelled slices, and the methods that have no result there yet."""

    case: BenchmarkCase
    labelled: int
    methods: tuple[Peer, ...]


def run_benchmark(
    methods: Sequence[Peer] | None = None,
    suite: str = "quick",
    slices: Sequence[int] | None = None,
    progress: Progress | None = None,
    out_dir: str | Path = "benchmark",
    cases: Sequence[BenchmarkCase] | None = None,
    time_limit_s: float = 300.0,
) -> Report:
    """Runs all methods on all cases and writes the tables.

    Args:
        methods: What to compare; MVG's compact model and all peers when None.
        suite: "quick" (a fixed subset, 3 and 5 slices) or "full" (every case, 1, 3, 5 and 10).
        slices: Numbers of labelled slices, instead of the suite's own.
        progress: Called with the fraction done and what is being done.
        out_dir: Folder of the results. Earlier ones of the same methods and settings found there are kept
            and not computed again: take a new folder after a change that the settings do not show.
        cases: Cases to run, instead of the suite's own.
        time_limit_s: A method that takes longer on a case is stopped there.

    Returns:
        All results, with notes on what was skipped and why.

    Raises:
        InputError: Unknown suite, two methods of one name, or no case at all.
        OutputError: The folder cannot be written.
    """
    listed = suite_cases(suite) if cases is None else CaseList(tuple(cases))
    methods = tuple(methods) if methods is not None else (SessionMethod(), *default_peers())
    if len({method.name for method in methods}) < len(methods):
        raise InputError("Two methods have the same name: give each its own.")
    if not listed.cases:
        raise InputError("There is no case to run: set MVG_DATA, or install nilearn for the brain template.")
    folder = _folder(out_dir)
    run = _Run(methods, folder, time_limit_s)
    run.complete(listed.cases, tuple(slices or SUITES[suite]), progress or (lambda fraction, text: None))
    report = Report(suite, time_limit_s, tuple(run.rows), (*listed.notes, *run.notes))
    write_report(folder, report)
    return report


def write_report(out_dir: str | Path, report: Report | None, images: ImageReport | None = None) -> str:
    """Write `benchmark.json` and `benchmark.md`: segmentation, the image tasks, or both.

    Returns:
        The text of `benchmark.md`.

    Raises:
        OutputError: the folder cannot be written.
    """
    content = {} if report is None else json.loads(to_json(report))
    text = "" if report is None else to_markdown(report)
    if images is not None:
        content["images"] = [asdict(row) for row in images.rows]
        content["image_notes"] = list(images.notes)
        text = "\n".join(part for part in (text, image_markdown(images)) if part)
    folder = _folder(out_dir)
    for name, written in (("benchmark.json", json.dumps(content, indent=1)), ("benchmark.md", text)):
        with atomic_path(folder / name) as path:
            path.write_text(written, encoding="utf-8")
    return text


class _Run:
    """The state of one benchmark: results so far, and one process per method."""

    def __init__(self, methods: tuple[Peer, ...], folder: Path, time_limit_s: float) -> None:
        self._methods = methods
        self._path = folder / RESULTS
        self._time_limit_s = time_limit_s
        self._unavailable: set[str] = set()
        self.rows: list[BenchmarkRow] = []
        self.notes: list[str] = []
        self._surfaces = importlib.util.find_spec("surface_distance") is not None
        if not self._surfaces:
            self.notes.append('Surfaces were not measured: pip install "mvg-slicer[peers]"')

    def complete(self, cases: Sequence[BenchmarkCase], counts: tuple[int, ...], progress: Progress) -> None:
        """Reads what is there and computes the rest, in the order of the cases."""
        pairs = [(case, count) for case in cases for count in counts]
        earlier = self._earlier({(case.id, count) for case, count in pairs})
        self.rows = list(earlier.values())
        steps = []
        for case, count in pairs:
            open_methods = tuple(m for m in self._methods if (case.id, count, m.name) not in earlier)
            if open_methods:
                steps.append(_CaseStep(case, count, open_methods))
        with ExitStack() as stack:
            processes = {
                m.name: stack.enter_context(MethodProcess(m, self._time_limit_s)) for m in self._methods
            }
            total = max(sum(len(step.methods) for step in steps), 1)
            for done, text in self._compute(steps, processes):
                progress(done / total, text)
        progress(1.0, "done")
        methods = [method.name for method in self._methods]
        order = [(case.id, count) for case, count in pairs]
        self.rows.sort(key=lambda row: (order.index((row.case, row.labelled)), methods.index(row.method)))

    def _compute(
        self, steps: Sequence[_CaseStep], processes: dict[str, MethodProcess]
    ) -> Iterator[tuple[int, str]]:
        """Yields (methods begun so far, what begins now)."""
        done, loaded = 0, ""
        for step in steps:
            if step.case.id != loaded:
                example, loaded = step.case.load(), step.case.id
            task = self._task(step, example)
            for method in step.methods if task else ():
                yield done, f"{step.case.id}, {step.labelled} slices: {method.name}"
                if method.name not in self._unavailable:
                    assert task is not None
                    self._one(step, example, task, method, processes[method.name])
                done += 1
            done += 0 if task else len(step.methods)

    def _task(self, step: _CaseStep, example: BenchmarkExample) -> BenchmarkTask | None:
        try:
            slices = labelled_slices(example.truth, example.axis, step.labelled)
        except InputError as error:
            self.notes.append(f"{step.case.id} was skipped: {error}")
            return None
        few = keep_slices(example.truth, example.axis, slices)
        return BenchmarkTask(example.image, few, example.axis, slices)

    def _one(
        self,
        step: _CaseStep,
        example: BenchmarkExample,
        task: BenchmarkTask,
        method: Peer,
        process: MethodProcess,
    ) -> None:
        outcome = process.run(task)
        if outcome.missing_extra:
            self._unavailable.add(method.name)
            self.notes.append(f"{method.name} was skipped: {outcome.error}")
            return
        row = BenchmarkRow(
            case=step.case.id,
            group=step.case.group,
            method=method.name,
            settings=repr(method),
            labelled=step.labelled,
            slices=task.slices,
            error=outcome.error,
        )
        if outcome.labels is not None:
            row = self._scored(row, example, task, outcome)
        self.rows.append(row)
        self._append(row)

    def _scored(
        self, row: BenchmarkRow, example: BenchmarkExample, task: BenchmarkTask, outcome: Outcome
    ) -> BenchmarkRow:
        assert outcome.labels is not None
        score = score_propagation(
            example.truth.array,
            outcome.labels,
            example.image.geometry.array_spacing,
            task.axis,
            task.slices,
            names={c.id: c.name for c in example.truth.classes},
            surfaces=self._surfaces,
        )
        parts = dice_parts(example.truth.array, outcome.labels, task.axis, task.slices)
        return replace(
            row,
            between=parts.between,
            beyond=parts.beyond,
            seconds=outcome.seconds,
            cpu_seconds=outcome.cpu_seconds,
            memory_mb=outcome.memory_mb,
            dice=score.dice,
            surface_dice=score.surface_dice,
            hd95_mm=score.hd95_mm,
            never_shown=len(score.never_shown),
            classes=score.classes,
        )

    def _earlier(self, pairs: set[tuple[str, int]]) -> dict[tuple[str, int, str], BenchmarkRow]:
        """Results of the same methods with the same settings; others in the file are left alone."""
        settings = {method.name: repr(method) for method in self._methods}
        rows = {}
        for row in read_rows(self._path):
            if (row.case, row.labelled) in pairs and settings.get(row.method) == row.settings:
                rows[row.case, row.labelled, row.method] = row
        return rows

    def _append(self, row: BenchmarkRow) -> None:
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(row.to_line() + "\n")
        except OSError as error:
            raise OutputError(f"Cannot add a result to {self._path} ({error}): make room there.") from error


def read_rows(path: Path) -> list[BenchmarkRow]:
    """The results in a `results.jsonl`; lines that an interruption cut short are left out."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            rows.append(BenchmarkRow.from_line(line))
        except (json.JSONDecodeError, TypeError, KeyError):
            continue
    return rows


def _folder(out_dir: str | Path) -> Path:
    folder = Path(out_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {folder} cannot be made ({error}): choose another.") from error
    return folder
