"""The benchmark runs methods over cases, resumes, explains what it skipped, and writes its tables."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from MVGCore.errors import InputError
from MVGCore.evaluation import benchmark, suites
from MVGCore.evaluation.cases import BenchmarkExample
from MVGCore.evaluation.peers import NearestSlice, SignedDistance
from MVGCore.evaluation.session_method import SessionMethod
from MVGCore.evaluation.tables import BenchmarkRow, Report, to_markdown
from Testing.core.evaluation.fake_methods import Failing, FakeSession, NotInstalled


@dataclass
class TubeCase:
    """A case in memory that counts how often it was loaded."""

    example: BenchmarkExample
    id: str = "tube"
    group: str = "tubes"
    loads: list[str] = field(default_factory=list)

    def load(self) -> BenchmarkExample:
        self.loads.append(self.id)
        return self.example


@pytest.fixture()
def case(example: BenchmarkExample) -> TubeCase:
    return TubeCase(example)


def test_methods_are_scored_and_tables_written(case: TubeCase, tmp_path: Path) -> None:
    seen: list[tuple[float, str]] = []
    report = benchmark.run_benchmark(
        [FakeSession(), NearestSlice(), Failing("raise"), NotInstalled()],
        slices=(3,),
        progress=lambda fraction, text: seen.append((fraction, text)),
        out_dir=tmp_path / "out",
        cases=[case],
    )
    by_method = {row.method: row for row in report.rows}
    assert list(by_method) == ["fake MVG", "nearest slice", "failing"]
    nearest = by_method["nearest slice"]
    assert nearest.slices == (4, 8, 13) and nearest.labelled == 3
    assert nearest.dice is not None and 0.7 < nearest.dice < 1
    assert nearest.seconds is not None and nearest.memory_mb is not None and nearest.memory_mb > 10
    assert [score.name for score in nearest.classes] == ["tube", "core"]
    assert by_method["fake MVG"].dice == 0.0
    assert by_method["failing"].error == "ZeroDivisionError: deep inside"
    assert any("not installed was skipped" in note for note in report.notes)
    assert (
        seen[0][0] == 0
        and seen[-1] == (1.0, "done")
        and "tube, 3 slices: failing" in [text for _, text in seen]
    )
    written = json.loads((tmp_path / "out" / "benchmark.json").read_text())
    assert written["rows"][1]["dice"] == nearest.dice
    assert "| 3 | nearest slice |" in (tmp_path / "out" / "benchmark.md").read_text()


def test_what_a_method_computes_is_compared_with_the_random_walker_on_the_same_cases() -> None:
    def row(case: str, method: str, cpu_seconds: float | None, error: str = "") -> BenchmarkRow:
        return BenchmarkRow(case, "group", method, "", 3, (1, 2), 9.0, cpu_seconds, error=error)

    rows = (
        row("a", "mine", 6.0),
        row("a", "random walker", 2.0),
        row("b", "mine", 9.0),
        row("b", "random walker", 1.0),
        row("c", "mine", 1e3),
        row("c", "random walker", None, "stopped after 300 s"),
        row("d", "mine", None),  # of an earlier run, which did not measure it
        row("d", "random walker", 1.0),
    )
    written = to_markdown(Report("quick", 300.0, rows))
    column = written.splitlines()[6].split(" | ").index("times the random walker")
    ratios = {line.split(" | ")[1]: line.split(" | ")[column] for line in written.splitlines()[8:10]}
    assert ratios == {"mine": "5.0", "random walker": "1.0"}


def test_an_interrupted_run_goes_on_where_it_stopped(case: TubeCase, tmp_path: Path) -> None:
    first = benchmark.run_benchmark([NearestSlice()], slices=(3,), out_dir=tmp_path, cases=[case])
    results = tmp_path / benchmark.RESULTS
    results.write_text(results.read_text() + '{"case": "tube", "gro')
    again = benchmark.run_benchmark([NearestSlice()], slices=(3,), out_dir=tmp_path, cases=[case])
    assert again.rows == first.rows and case.loads == ["tube"]
    more = benchmark.run_benchmark(
        [SignedDistance(), NearestSlice()], slices=(3, 2), out_dir=tmp_path, cases=[case]
    )
    assert [(row.labelled, row.method) for row in more.rows] == [
        (3, "signed distance"),
        (3, "nearest slice"),
        (2, "signed distance"),
        (2, "nearest slice"),
    ]
    assert more.rows[1] == first.rows[0]


def test_changed_settings_are_measured_anew(case: TubeCase, tmp_path: Path) -> None:
    for how in ("raise", "refuse"):
        report = benchmark.run_benchmark([Failing(how)], slices=(3,), out_dir=tmp_path, cases=[case])
    assert [row.error for row in report.rows] == ["The volume is not to my taste: take another."]


def test_more_slices_than_the_case_has_are_skipped_with_a_note(case: TubeCase, tmp_path: Path) -> None:
    report = benchmark.run_benchmark([NearestSlice()], slices=(14,), out_dir=tmp_path, cases=[case])
    assert report.rows == ()
    assert "tube was skipped: 14 slices cannot be labelled" in report.notes[0]


def test_without_data_the_suite_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MVG_DATA", raising=False)
    found = suites.suite_cases("quick")
    assert "MVG_DATA is not set" in found.notes[0]
    assert all(case.id == "t1_template" for case in found.cases)
    with pytest.raises(InputError, match="There is no case hippocampus_300"):
        suites.named_cases(["hippocampus_300"])


def test_unknown_suites_and_equal_names_are_refused(case: TubeCase, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="choose one of quick, full"):
        benchmark.run_benchmark([NearestSlice()], suite="huge", out_dir=tmp_path)
    with pytest.raises(InputError, match="same name"):
        benchmark.run_benchmark([NearestSlice(), NearestSlice()], out_dir=tmp_path, cases=[case])
    with pytest.raises(InputError, match="no case to run"):
        benchmark.run_benchmark([NearestSlice()], out_dir=tmp_path, cases=[])


def test_a_session_is_built_once_and_given_the_labelled_slices(
    example: BenchmarkExample, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = pytest.importorskip("MVGCore.session", reason="the session is not there yet")
    built, prompts = [], []

    class Result:
        labels = example.truth

    class Session:
        def __init__(
            self, model: str, device: str, seed: int, threads: int | None, precision: str | None
        ) -> None:
            built.append((model, device, seed, threads))

        def set_image(self, image: object) -> None: ...

        def set_prompts(self, given: object) -> None:
            prompts.append(given)

        def propagate(self) -> Result:
            return Result()

    monkeypatch.setattr(sessions, "Session", Session)
    method = SessionMethod(model="compact", threads=2)
    from MVGCore.evaluation.cases import keep_slices

    few = keep_slices(example.truth, 0, [5, 9])
    for _ in range(2):
        np.testing.assert_array_equal(method(example.image, few, 0, [5, 9], seed=4), example.truth.array)
    assert built == [("compact", "auto", 4, 2)]
    assert [prompt.index for prompt in prompts[0].enabled] == [5, 9]


def test_groups_weigh_the_same_in_the_first_table() -> None:
    def row(case: str, group: str, dice: float) -> BenchmarkRow:
        return BenchmarkRow(case, group, "m", "", 3, (1,), 1.0, 2.0, 100.0, dice, dice, 0.5)

    rows = (
        row("a", "x", 1.0),
        row("b", "x", 0.0),
        row("c", "y", 1.0),
        BenchmarkRow("d", "y", "m", "", 3, (1,), error="no"),
    )
    text = to_markdown(Report("quick", 300.0, rows, ("a note",)))
    assert "| 3 | m | 0.750 | 0.750 | 0.500 | - | - | 1.0 | 2.0 | - | 100 | 3 of 4 |" in text
    assert "| 3 | m | 0.500 | 0.500 | 0.500 | - | - | 1.0 | 2.0 | - | 100 | 2 |" in text
    assert "- a note" in text and "- m on d, 3 slices: no" in text


def test_rows_survive_the_file() -> None:
    row = BenchmarkRow("a", "x", "m", "m()", 3, (1, 4), dice=0.5)
    assert BenchmarkRow.from_line(row.to_line()) == row
