"""The fit of confidence and expected Dice."""

from __future__ import annotations

import numpy as np
import pytest

from MVGCore.evaluation import confidence
from MVGCore.evaluation.cases import BenchmarkExample
from MVGCore.evaluation.confidence import (
    BETWEEN,
    BEYOND,
    ConfidenceRun,
    Pixels,
    calibration_error,
    dice_pairs,
    fit_curve,
    joined,
    sample,
    two_fold_error,
)
from MVGCore.evaluation.confidence_check import check
from MVGCore.evaluation.expectation import Judged, fit_line, fit_lines, left_out_table, worst_first
from MVGCore.segmentation import SliceResult
from MVGCore.segmentation.fuse.calibration import Curve
from MVGCore.segmentation.fuse.merge import Areas
from MVGCore.volume import Geometry, LabelMap, Volume


def overconfident(case: str, seed: int, count: int = 4000) -> Pixels:
    """Right with the probability that the curve (0.5, -0.3) gives to what is stated."""
    rng = np.random.default_rng(seed)
    stated = rng.uniform(0.5, 0.99, count)
    right = rng.random(count) < Curve(0.5, -0.3)(stated.astype(np.float32))
    return Pixels(case, stated, right.astype(float), np.ones(count))


def test_the_curve_is_found_again() -> None:
    curve = fit_curve(overconfident("a", 0, 40_000))
    assert curve.slope == pytest.approx(0.5, abs=0.05) and curve.offset == pytest.approx(-0.3, abs=0.06)


def test_the_error_falls_also_for_cases_that_were_not_fitted() -> None:
    samples = [overconfident(name, seed) for seed, name in enumerate("abcd")]
    before = calibration_error(joined(samples), Curve())
    assert before > 0.15 and two_fold_error(samples) < 0.04
    assert np.isnan(two_fold_error(samples[:1]))


def test_the_weight_of_a_pixel_counts() -> None:
    wrong = Pixels("a", np.array([0.9, 0.9]), np.array([1.0, 0.0]), np.array([9.0, 1.0]))
    assert calibration_error(wrong, Curve()) == pytest.approx(0, abs=1e-3)


def test_a_line_is_found_again_with_its_scatter() -> None:
    rng = np.random.default_rng(0)
    stated = rng.uniform(0.2, 0.9, 3000)
    true = 0.1 + 0.8 * stated
    line = fit_line(list(zip(stated, true + rng.normal(0, 0.2 * (1 - true)), strict=True)))
    assert line.slope == pytest.approx(0.8, abs=0.05) and line.offset == pytest.approx(0.1, abs=0.03)
    assert line(0.5).error == pytest.approx(0.1, abs=0.02)


@pytest.fixture
def a_run() -> ConfidenceRun:
    """Class 1 is a square, class 2 on no labelled slice; slice 2 is right, 4 half, 8 lies beyond."""
    labels = np.zeros((10, 8, 8), np.uint16)
    labels[:, :4, :4] = 1
    labels[4, 6, 6] = 2
    geometry = Geometry.identity(labels.shape)
    example = BenchmarkExample(Volume(labels.astype(np.float32), geometry), LabelMap.of(labels, geometry), 0)
    done = []
    for index, rows in ((2, 4), (4, 2), (8, 4)):
        found = np.zeros((8, 8), np.uint16)
        found[:rows, :4] = 1
        areas = {1: Areas(4 * rows, 16, 4 * rows)}
        done.append(SliceResult(index, found, np.full((8, 8), 0.8, np.float32), None, areas))
    return ConfidenceRun("a", example, (1, 6), done)


def test_samples_are_of_one_kind(a_run: ConfidenceRun) -> None:
    rng = np.random.default_rng(0)
    between = sample(a_run, BETWEEN, True, rng)
    assert between.right.all() and between.weight.sum() == 16 + 8
    background = sample(a_run, BETWEEN, False, rng)
    assert background.weight.sum() == 2 * 64 - 24 and 0 < (1 - background.right).sum() <= 8
    assert sample(a_run, BEYOND, True, rng).weight.sum() == 16


def test_pairs_compare_what_is_stated_with_what_is_true(a_run: ConfidenceRun) -> None:
    classes, slices, volume = dice_pairs(a_run)
    assert classes == [pytest.approx((2 * 40 / 88, 2 * 40 / 88))] and volume == [pytest.approx(classes[0])]
    assert [pair[1] for pair in slices] == pytest.approx([1, 2 * 8 / 24, 1])


def test_volumes_that_are_all_found_give_a_line() -> None:
    line = fit_line([(1.0, 1.0), (1.0, 1.0)])
    assert line(1.0).value == pytest.approx(1, abs=2e-3) and line(1.0).error <= 0.01


def test_each_data_set_is_judged_by_the_others() -> None:
    def runs(group: str, less: float) -> list[Judged]:
        stated = np.linspace(0.4, 0.9, 20)
        pairs = [[(each, each - less)] for each in stated]
        return [Judged(group, each, each, each) for each in pairs]

    lines = fit_lines([*runs("a", 0.1), *runs("b", 0.0)])
    assert lines.of_volume(0.7).value == pytest.approx(0.65, abs=0.01)
    rows = left_out_table([*runs("a", 0.1), *runs("b", 0.0)]).splitlines()[2:]
    assert [row.split(" | ")[4] for row in rows] == ["0.100 (+0.100)", "0.100 (-0.100)"]
    assert rows[0].endswith("| 1.00 | 100% |")


def test_the_worst_tenth_is_looked_for_in_the_first_fifth() -> None:
    stated = np.linspace(0, 1, 20)
    assert worst_first(list(zip(stated, stated, strict=True))) == 1
    assert worst_first(list(zip(stated, stated[::-1], strict=True))) == 0


def test_the_command_prints_constants(small_weights, tube, monkeypatch, capsys) -> None:
    class Case:
        group = "tubes"

        def __init__(self, name: str) -> None:
            self.id = name

        def load(self) -> BenchmarkExample:
            return BenchmarkExample(*tube, 0)

    monkeypatch.setattr(confidence, "chosen_cases", lambda *_: [Case("a"), Case("b")])
    monkeypatch.setattr(confidence, "COUNTS", (2, 3))
    assert confidence.main(["--model", str(small_weights)]) == 0
    printed = capsys.readouterr().out
    assert "Calibration(between=Sureness(of_class=Curve(slope=" in printed
    assert "carried, class: error" in printed  # each of the two from the other one's slices


def test_a_check_tells_of_each_data_set_what_is_off() -> None:
    """Half of what is stated as .9 is right in one set, nine tenths in the other."""

    def run(case: str, share: float) -> ConfidenceRun:
        truth = np.zeros((3, 10, 10), np.uint16)
        truth[:, : round(10 * share)] = 1
        truth[[0, 2]] = 1
        sure = np.full((10, 10), 0.9, np.float32)
        areas = {1: Areas(100, 100, 100 * share)}
        done = [SliceResult(1, np.ones((10, 10), np.uint16), sure, None, areas)]
        geometry = Geometry.identity(truth.shape, (1.0, 1.0, 1.0))
        example = BenchmarkExample(
            Volume(truth.astype(np.float32), geometry), LabelMap.of(truth, geometry), 0
        )
        return ConfidenceRun(case, example, (0, 2), done)

    found = [("good", run("a", 0.9)), ("poor", run("b", 0.5)), ("poor", run("c", 0.5))]
    rows = {row[0]: row for row in check(found)}
    assert list(rows) == ["good", "poor", "all"] and [row[1] for row in rows.values()] == ["1", "2", "3"]
    assert float(rows["good"][2]) == pytest.approx(0, abs=0.07)
    assert float(rows["poor"][2]) == pytest.approx(0.4, abs=0.07)
    assert all(row[3:6] == ["-", "-", "-"] for row in rows.values())
    assert all(row[6].endswith(")") and row[7].endswith(")") for row in rows.values())
