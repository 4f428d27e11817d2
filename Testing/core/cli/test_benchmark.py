"""`mvg benchmark`: how its options reach the benchmark."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from MVGCore.cli.benchmark import SUITES, image_methods, segmentation_methods
from MVGCore.evaluation import benchmark, image_benchmark, suites
from MVGCore.evaluation.image_tables import ImageReport, ImageRow
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


def test_model_and_precision_are_those_asked_for() -> None:
    for methods in (segmentation_methods("vit-tiny", "float32"), image_methods("vit-tiny", "float32")):
        assert "vit-tiny" in repr(methods["MVG"]) and "float32" in repr(methods["MVG"])


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
    assert set(SUITES) - {"images"} == set(suites.SUITES)


@pytest.fixture
def image_calls(calls: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The same for the image tasks: one result of each method."""
    made: list[dict[str, Any]] = []

    def record(methods: Any, progress: Any, out_dir: Path, cases: Any) -> ImageReport:
        names = [method.name for method in methods]
        made.append({"methods": names, "cases": cases})
        rows = [
            ImageRow("denoise", "a", "gaussian 0.1", 0, name, "", 1.0, 9.0, 30.0, 0.9, 0.01) for name in names
        ]
        return ImageReport(tuple(rows))

    monkeypatch.setattr(image_benchmark, "run_images", record)
    return made


def test_the_image_suite_runs_no_segmentation(
    calls: list[dict[str, Any]], image_calls: list[dict[str, Any]], mvg: Mvg, tmp_path: Path
) -> None:
    code, printed, _ = mvg("benchmark", "--suite", "images", "--out", tmp_path, "--cases", "a,b")
    assert code == 0 and not calls
    assert image_calls[0]["methods"][0] == "MVG" and "BM3D" in image_calls[0]["methods"]
    assert image_calls[0]["cases"] == ("a", "b")
    written = (tmp_path / "benchmark.md").read_text(encoding="utf-8")
    assert written.startswith("# Image tasks") and "| BM3D | 30.00 | 0.900 | 1.00 |" in written
    assert written in printed


def test_the_full_suite_has_both_parts_in_one_table(
    calls: list[dict[str, Any]], image_calls: list[dict[str, Any]], mvg: Mvg, tmp_path: Path
) -> None:
    words = ["--suite", "full", "--out", tmp_path, "--methods", "MVG,GrowCut,wavelet"]
    assert mvg("benchmark", *words)[0] == 0
    assert calls[0]["methods"] == ["MVG", "GrowCut"] and image_calls[0]["methods"] == ["MVG", "wavelet"]
    written = (tmp_path / "benchmark.md").read_text(encoding="utf-8")
    assert "# Benchmark, suite full" in written and "# Image tasks" in written


def test_a_method_of_the_other_suite_is_refused(calls: list[dict[str, Any]], mvg: Mvg) -> None:
    code, _, complaint = mvg("benchmark", "--methods", "BM3D")
    assert code == 2 and "no method called 'BM3D'" in complaint and "GrowCut" in complaint
