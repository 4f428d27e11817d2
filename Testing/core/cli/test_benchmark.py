"""`mvg benchmark`: how its options reach the benchmark."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from MVGCore.cli.benchmark import SUITES, choose_methods
from MVGCore.evaluation import benchmark
from MVGCore.evaluation.tables import Report

Mvg = Callable[..., tuple[int, str, str]]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The arguments of each benchmark that was asked for; none is run."""
    made: list[dict[str, Any]] = []

    def record(methods: Any, **options: Any) -> Report:
        options["progress"](1.0, "done")
        made.append({"methods": [method.name for method in methods], **options})
        return Report(options["suite"], 1.0, (), ())

    monkeypatch.setattr(benchmark, "run_benchmark", record)
    monkeypatch.delenv("MVG_DATA", raising=False)
    return made


def test_all_methods_on_the_quick_suite_by_default(calls: list[dict[str, Any]], mvg: Mvg) -> None:
    assert mvg("benchmark")[0] == 0
    (call,) = calls
    assert call["methods"][0] == "MVG" and {"GrowCut", "random walker"} <= set(call["methods"])
    assert (call["suite"], call["slices"], call["cases"]) == ("quick", None, None)


def test_options_reach_the_benchmark(calls: list[dict[str, Any]], mvg: Mvg, tmp_path: Path) -> None:
    pytest.importorskip("nilearn")
    words = ["--suite", "full", "--out", tmp_path, "--methods", "nearest slice,MVG", "--slices", "3,7"]
    code, printed, _ = mvg("benchmark", *words, "--cases", "t1_template", "--quiet")
    assert (code, printed) == (0, "")
    (call,) = calls
    assert call["methods"] == ["nearest slice", "MVG"]
    assert (call["suite"], call["slices"], call["out_dir"]) == ("full", (3, 7), tmp_path)
    assert [case.id for case in call["cases"]] == ["t1_template"]


def test_the_model_is_the_one_asked_for() -> None:
    method = choose_methods(["MVG"], "vit-tiny")[0]
    assert "vit-tiny" in repr(method)


@pytest.mark.parametrize(
    "words", [["--slices", "3,x"], ["--slices", "0"], ["--methods", ","], ["--suite", "huge"]]
)
def test_bad_lists_are_bad_usage(calls: list[dict[str, Any]], mvg: Mvg, words: list[str]) -> None:
    assert mvg("benchmark", *words)[0] == 2
    assert not calls


@pytest.mark.parametrize(("option", "known"), [("--methods", "GrowCut"), ("--cases", "t1_template")])
def test_unknown_names_are_refused_with_the_known_ones(
    calls: list[dict[str, Any]], mvg: Mvg, option: str, known: str
) -> None:
    pytest.importorskip("nilearn")
    code, _, complaint = mvg("benchmark", option, "nobody")
    assert code == 2 and "nobody" in complaint and known in complaint
    assert not calls


def test_the_suites_are_those_of_the_benchmark() -> None:
    assert set(SUITES) == set(benchmark.SUITES)
