"""Simulated annotation: who chooses which slice, and what is counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from MVGCore.evaluation import annotation
from MVGCore.evaluation.annotation import (
    EVEN,
    PROPOSED,
    RANDOM,
    STRATEGIES,
    WORST,
    Point,
    annotate,
    annotate_for,
    draw,
    rest_dice,
    slices_to,
    to_markdown,
)
from MVGCore.evaluation.cases import BenchmarkExample
from MVGCore.evaluation.peers import NearestSlice
from MVGCore.outcomes import Estimate
from MVGCore.volume import Geometry, LabelMap, Volume

SHAPE = (20, 8, 8)


@pytest.fixture
def example() -> BenchmarkExample:
    labels = np.zeros(SHAPE, np.uint16)
    labels[3:17, 2:6, 2:6] = 1
    labels[8:17, 6:8, 2:6] = 2
    geometry = Geometry.identity(SHAPE)
    noise = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    return BenchmarkExample(Volume(noise + labels, geometry), LabelMap.of(labels, geometry), 0)


class Copying:
    """A session that copies the nearest labelled slice, and proposes slice 15, then 4, then nothing."""

    def set_image(self, image) -> None:
        self.image = image

    def set_prompts(self, prompts) -> None:
        self.prompts = prompts

    def propagate(self):
        known = {prompt.index: prompt.labels for prompt in self.prompts.prompts}
        planes = [known[min(known, key=lambda place: abs(place - k))] for k in range(SHAPE[0])]
        next_slice = next((k for k in (15, 4) if k not in known), None)
        labels = LabelMap.of(np.stack(planes), self.image.geometry)

        class Result:
            pass

        result = Result()
        result.labels, result.next_slice, result.expected_dice = labels, next_slice, Estimate(0.5, 0.1)
        return result


def places(example: BenchmarkExample, strategy: str, most: int = 5, seed: int = 0) -> list[tuple[int, ...]]:
    points = annotate(Copying(), "a", "g", example, strategy, most, seed)
    assert all(point.strategy == strategy and point.expected == 0.5 for point in points)
    return [point.slices for point in points]


def test_the_proposed_slice_is_labelled_next_until_there_is_none(example) -> None:
    assert places(example, PROPOSED) == [(9,), (9, 15), (9, 15, 4)]


def test_what_no_slice_shows_yet_is_labelled_before_anything_is_proposed(example) -> None:
    labels = example.truth.array.copy()
    labels[:2, :2, :2] = 3  # MVG, which was never shown it, would propose 15
    labels[0, 2, 2] = 4
    example = replace(example, truth=LabelMap.of(labels, example.truth.geometry))
    assert places(example, PROPOSED) == [(8,), (8, 0), (8, 0, 15), (8, 0, 15, 4)]


def test_evenly_spaced_slices_are_chosen_anew_for_each_number(example) -> None:
    assert [len(slices) for slices in places(example, EVEN)] == [1, 2, 3, 4, 5]
    assert places(example, EVEN)[1] == (6, 13)


def test_random_slices_show_a_structure_and_never_repeat(example) -> None:
    slices = places(example, RANDOM, most=10)[-1]
    assert len(set(slices)) == 10 and all(3 <= k < 17 for k in slices)
    assert slices != places(example, RANDOM, most=10, seed=1)[-1]


def test_a_peer_gets_evenly_spaced_slices(example) -> None:
    points = annotate_for(NearestSlice(), "a", "g", example, 4)
    assert [point.slices for point in points] == places(example, EVEN, most=4)
    assert {point.strategy for point in points} == {"nearest slice"}
    assert points[3].dice > points[0].dice


def test_the_worst_slice_is_where_the_copy_is_most_wrong(example) -> None:
    """The middle slice shows both classes; they are copied to where neither is, or only one."""
    first, second = places(example, WORST, most=2)[-1]
    assert first == 9 and second in (*range(3), *range(17, 20))


def test_all_classes_of_the_rest_count(example) -> None:
    truth = example.truth.array
    assert rest_dice(example, truth, [9]) == 1
    assert rest_dice(example, np.where(truth == 2, 0, truth), [9]) == 0.5
    ruined = truth.copy()
    ruined[9] = 0
    assert rest_dice(example, ruined, [9]) == 1  # labelled slices do not count


def test_the_table_has_a_row_for_each_strategy_and_the_slices_to_the_goal() -> None:
    dice = {PROPOSED: (0.5, 0.8, 0.9), EVEN: (0.5, 0.6, 0.7)}
    points = [
        Point("a", "g", strategy, tuple(range(n + 1)), value, None)
        for strategy, values in dice.items()
        for n, value in enumerate(values)
    ]
    text = to_markdown(points, goal=0.8)
    assert PROPOSED in text and EVEN in text and WORST not in text
    (row,) = [line for line in text.splitlines() if PROPOSED in line]
    assert "0.900" in row and "2.0" in row
    assert slices_to((0.1, 0.2), 0.8) == 3


def test_a_run_writes_table_points_and_picture(example, tmp_path: Path, monkeypatch) -> None:
    pytest.importorskip("matplotlib")

    class Case:
        id, group = "a", "g"

        def load(self) -> BenchmarkExample:
            return example

    monkeypatch.setattr(annotation, "chosen_cases", lambda *_: [Case()])
    monkeypatch.setattr("MVGCore.session.Session", lambda *_, **__: Copying())
    assert annotation.main(["--out", str(tmp_path), "--most", "3", "--peers", "nearest slice"]) == 0
    lines = (tmp_path / "points.jsonl").read_text().splitlines()
    assert len(lines) == 3 * (len(STRATEGIES) + 1)
    written = (tmp_path / "annotation.md").read_text()
    assert PROPOSED in written and "nearest slice" in written
    draw([Point("a", "g", EVEN, (1,), 0.5, None)], tmp_path / "again.png")
    assert (tmp_path / "annotation.png").read_bytes()[:4] == b"\x89PNG"
