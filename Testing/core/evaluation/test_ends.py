"""Protocols of labelling, parts of a Dice, the fit of the odds, and simulated answers."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from MVGCore.errors import InputError
from MVGCore.evaluation import ends, ends_benchmark, firstlooks, oracle
from MVGCore.evaluation.cases import BenchmarkExample, labelled_prompts
from MVGCore.evaluation.protocols import (
    EVEN,
    OUTERMOST,
    PROTOCOLS,
    RANDOM,
    Parts,
    choose_slices,
    dice_parts,
    thinned,
)
from MVGCore.models.registry import load
from MVGCore.outcomes import Question
from MVGCore.prompts import PromptSet
from MVGCore.segmentation.fuse.ends import SHIPPED_END_MODEL, Ending, EndModel
from MVGCore.volume import Geometry, LabelMap, Volume

RNG = np.random.default_rng


@pytest.fixture
def bar() -> BenchmarkExample:
    """A bar on slices 4 to 13 of 20, 10 x 10 pixels."""
    labels = np.zeros((20, 16, 16), np.uint16)
    labels[4:14, 3:13, 3:13] = 1
    geometry = Geometry.identity(labels.shape, (1.0, 1.0, 2.0))
    image = Volume(labels * 10.0 + RNG(0).normal(0, 1, labels.shape), geometry)
    return BenchmarkExample(image, LabelMap.of(labels, geometry), 0)


def test_slices_are_labelled_as_each_protocol_says(bar: BenchmarkExample) -> None:
    truth = bar.truth.array
    assert choose_slices(EVEN, truth, 0, 2, RNG(0)) == (6, 11)
    assert choose_slices(OUTERMOST, truth, 0, 3, RNG(0)) == (4, 8, 13)
    assert choose_slices(OUTERMOST, truth, 0, 1, RNG(0)) == choose_slices(EVEN, truth, 0, 1, RNG(0))
    drawn = {choose_slices(RANDOM, truth, 0, 3, RNG(seed)) for seed in range(9)}
    assert len(drawn) > 3 and all(4 <= each[0] < each[1] < each[2] <= 13 for each in drawn)
    with pytest.raises(InputError, match="protocol"):
        choose_slices("backwards", truth, 0, 3, RNG(0))
    for protocol in PROTOCOLS:
        with pytest.raises(InputError, match="cannot be labelled"):
            choose_slices(protocol, truth, 0, 10, RNG(0))


def test_thinned_volumes_keep_slices_and_their_distance(bar: BenchmarkExample) -> None:
    thin = thinned(bar, 1, 3)
    np.testing.assert_array_equal(thin.truth.array, bar.truth.array[:, 1::3])
    np.testing.assert_array_equal(thin.image.array, bar.image.array[:, 1::3])
    assert thin.axis == 1 and thin.image.geometry == thin.truth.geometry
    assert thin.image.geometry.array_spacing == (2.0, 3.0, 1.0)


def test_dice_is_told_apart_between_and_beyond(bar: BenchmarkExample) -> None:
    truth = bar.truth.array
    result = truth.copy()
    assert dice_parts(truth, result, 0, (6, 11)) == Parts(1, 1, 1)
    result[14:16] = truth[13]
    free, beyond = 8, 4
    assert dice_parts(truth, result, 0, (6, 11)) == Parts(
        pytest.approx(2 * free / (2 * free + 2)), 1, pytest.approx(2 * beyond / (2 * beyond + 2))
    )
    assert dice_parts(truth, result, 0, (4, 13)) == Parts(pytest.approx(16 / 18), 1, 0)
    assert dice_parts(truth, truth, 0, (4, 13)).beyond is None


def an_ending(group: str, steps: int, end: int, seed: int, in_gap: bool = False) -> ends.CaseEnding:
    """A class that ends after some steps, and looks like it."""
    traits = np.stack([np.log(np.arange(1, steps + 1)), *RNG(seed).normal(0, 1, (2, steps))], 1)
    there = (np.arange(steps) < end).astype(float)
    ending = Ending(np.arange(steps), 100.0, traits, in_gap)
    return ends.CaseEnding(group, "x", EVEN, 9, ending, there, 100 * there)


def test_the_fit_finds_what_tells_and_is_judged_on_what_is_left_out() -> None:
    outermost = [an_ending(f"set {n % 3}", 8, 2 + n % 2, n) for n in range(30)]
    gaps = [an_ending(f"set {n % 3}", 8, 4 + n % 2, n, True) for n in range(30)]
    model = ends.fit_model(outermost + gaps, outermost)
    for weights in (model.by_labels, model.in_gap):
        assert weights[1] < -2 and max(abs(each) for each in weights[2:]) < 0.3 * abs(weights[1])
    assert model.by_labels[0] / -model.by_labels[1] < model.in_gap[0] / -model.in_gap[1]  # it lasts longer
    assert model.by_prediction[1] + model.by_prediction[2] > 0.5
    models = ends.left_out(outermost + gaps, outermost)
    assert set(models) == {"set 0", "set 1", "set 2"} and models["set 0"] != models["set 1"]
    first, *_ = ends.judged(models, outermost + gaps[:1]).splitlines()[2:]
    cells = first.split(" | ")
    assert cells[0] == "| set 0" and cells[3:5] == ["-", "-"]
    assert all(each.startswith("0.") for each in (*cells[1:3], cells[5]))


def test_what_is_found_counts_for_nothing_where_it_never_ends_and_in_gaps() -> None:
    model = EndModel((1.0, -1.0, 0.0, 0.0), (2.0, 1.0, 0.5), (1.0, -2.0, 0.0, 0.0))
    outermost, gap = (an_ending("set", 8, 3, 0, in_gap).ending for in_gap in (False, True))
    odds = np.clip(outermost.by_labels(model), -7, 7)
    np.testing.assert_allclose(outermost.by_prediction(np.full(8, 100.0), model), odds)
    fading = np.array([100.0] * 4 + [0.0] * 4)
    assert (outermost.by_prediction(fading, model) > odds)[:4].all()
    np.testing.assert_array_equal(gap.by_prediction(fading, model), gap.by_labels(model))
    np.testing.assert_allclose(gap.by_labels(model), 1 - 2 * np.log(np.arange(1, 9)))


def test_endings_know_where_a_class_truly_ends(bar: BenchmarkExample) -> None:
    setting = firstlooks.Setting(BarCase(bar), bar, EVEN, (6, 11))
    before, after, *cropped = ends.endings_by_labels(setting)
    assert list(before.there) == [1, 1, 0, 0, 0, 0] and list(after.there) == [1, 1, 0, 0, 0, 0, 0, 0]
    assert before.extent == 10 and not before.cropped
    assert cropped and all(each.cropped for each in cropped)


def test_volumes_are_cut_within_their_structures(bar: BenchmarkExample) -> None:
    shown = slice(4, 14)
    for slices in ((6, 11), (5, 8), (4, 12), (7, 10), (6, 9)):
        setting = firstlooks.Setting(BarCase(bar), bar, RANDOM, slices)
        first, last = ends.cropped_beyond(setting)
        assert shown.start <= first <= slices[0] and slices[1] <= last < shown.stop
        shorter = ends.cropped_before(setting)
        assert shorter is not None and len(shorter.slices) == 2
        count = shorter.planes.any((1, 2)).sum()
        assert 4 <= count < 10 and (shorter.planes[0].any() or shorter.planes[-1].any())
        np.testing.assert_array_equal(shorter.example.image.array.shape, shorter.planes.shape)


def test_endings_in_gaps_are_those_of_classes_that_the_next_slice_lacks(bar: BenchmarkExample) -> None:
    labels = bar.truth.array.copy()
    labels[9:12, 0:2, 0:2] = 2
    example = BenchmarkExample(bar.image, LabelMap.of(labels, bar.truth.geometry), 0)
    setting = firstlooks.Setting(BarCase(example), example, EVEN, (5, 9, 13))
    in_gaps = [each for each in ends.endings_by_labels(setting) if each.ending.in_gap and not each.cropped]
    assert [list(each.there) for each in in_gaps] == [[0, 0, 0], [1, 1, 0]]


@dataclass
class BarCase:
    """The bar as a case of the index."""

    example: BenchmarkExample
    id: str = "bar 2"
    group: str = "set"

    def load(self) -> BenchmarkExample:
        return self.example


def test_a_case_is_labelled_the_same_each_time_in_all_ways(bar: BenchmarkExample) -> None:
    made = list(firstlooks.settings(BarCase(bar)))
    assert [(each.name, each.protocol) for each in made] == [
        (each.name, each.protocol) for each in firstlooks.settings(BarCase(bar))
    ]
    assert {each.protocol for each in made} == set(PROTOCOLS)
    assert len({each.depth for each in made}) > 1
    for each in made:
        assert [prompt.index for prompt in each.prompts] == list(each.slices)


def test_a_kept_look_is_not_made_again(tmp_path, bar: BenchmarkExample, monkeypatch) -> None:
    setting = next(firstlooks.settings(BarCase(bar)))
    planes = RNG(0).random((2, 3, 1, 8, 8)).astype(np.float16)
    monkeypatch.setattr(firstlooks, "_look", lambda *_: {4: tuple(planes[0]), 9: tuple(planes[1])})
    made = firstlooks.first_look(setting, None, tmp_path)
    monkeypatch.delattr(firstlooks, "_look")
    kept = firstlooks.first_look(setting, None, tmp_path)
    for found in (made, kept):
        assert list(found) == [4, 9]
        np.testing.assert_array_equal(np.stack(found[9]), planes[1])


@dataclass
class FakeSession:
    """Knows that the bar is asked about at slice 14 and then 13, and remembers what it was told."""

    told: list[tuple[int, int, bool]] = field(default_factory=list)
    prompts: PromptSet | None = None

    def set_prompts(self, prompts: PromptSet) -> None:
        self.prompts = prompts

    def propagate(self, all_axes: bool) -> FakeResult:
        assert self.prompts is not None
        return FakeResult((Question(1, 0, 13, 19, 0.5, 0.1),))


@dataclass
class FakeResult:
    questions: tuple[Question, ...]


def test_answers_are_those_of_the_truth(bar: BenchmarkExample) -> None:
    prompts, session = labelled_prompts(bar, (6, 11)), FakeSession()
    first = FakeResult((Question(1, 0, 14, 19, 0.5, 0.2), Question(1, 0, 2, 0, 0.5, 0.1)))
    _, count = oracle.answered(session, bar, prompts, first)
    assert count == 2
    assert [(each.first, each.last) for each in prompts.absences] == [(14, 19)]
    assert [(each.first, each.last) for each in prompts.presences] == [(13, 13)]
    told = labelled_prompts(bar, (6, 11))
    oracle.tell_ends(bar, told)
    assert [(each.first, each.last) for each in told.absences] == [(0, 3), (14, 19)]


@pytest.mark.parametrize(
    ("index", "until"), [(14, 19), (9, 15), (13, 13), (14, 14), (2, 0), (4, 3), (3, 3), (4, 4)]
)
def test_an_end_is_the_last_slice_on_its_side(bar: BenchmarkExample, index: int, until: int) -> None:
    prompts = labelled_prompts(bar, (6, 11))
    oracle.by_end(bar, prompts, Question(1, 0, index, until, 0.5, 0.2))
    end = 13 if until > 11 else 4
    assert [(each.first, each.last) for each in prompts.presences] == [(end, end)]
    beyond = (14, until) if until > 11 else (until, 3)
    assert [(each.first, each.last) for each in prompts.absences] == [beyond] * (until != end)


def test_rows_come_back_and_become_a_table(tmp_path, bar: BenchmarkExample) -> None:
    row = ends_benchmark.EndsRow("a", "set", EVEN, (6, 11), "MVG", Parts(0.5, 0.75, None), 0.6, 2)
    import json
    from dataclasses import asdict

    (tmp_path / "rows.jsonl").write_text(json.dumps(asdict(row)) + "\n")
    assert ends_benchmark.read_rows(tmp_path / "rows.jsonl") == [row]
    assert ends_benchmark.read_rows(tmp_path / "none.jsonl") == []
    line = ends_benchmark.to_markdown([row]).splitlines()[2]
    assert line == "| set | evenly spaced | 2 | MVG | 0.500 | 0.750 | - | +0.100 | 2.0 | 1 |"
    overview = ends_benchmark.overview([row]).splitlines()
    assert overview[0] == "| data set | labelled | slices | MVG | runs |"
    assert overview[2:] == ["| set | all | all | 0.500 | 1 |", "| set | evenly spaced | 2 | 0.500 | 1 |"]


def test_a_kept_look_answers_as_a_session_does(tmp_path, tube, small_weights) -> None:
    """The first look of a tube; once an end is told, nothing is left beyond it."""
    example = BenchmarkExample(*tube, 0)
    setting = firstlooks.Setting(BarCase(example), example, EVEN, (4, 8))
    model = load(small_weights, "cpu")
    plain, asked, told, known = ends_benchmark.run_looks(setting, model, tmp_path, SHIPPED_END_MODEL)[1:]
    assert plain.method == ends_benchmark.PLAIN and plain.expected is not None
    assert asked.questions >= told.questions >= 0 and known.parts.whole is not None
    session = firstlooks.KeptSession(setting, firstlooks.first_look(setting, model, tmp_path), model)
    prompts = labelled_prompts(example, (4, 8))
    prompts.add_absence(example.image, 0, 9, setting.depth - 1)
    session.set_prompts(prompts)
    labels = session.propagate().labels.array
    assert not labels[9:].any()
    np.testing.assert_array_equal(labels[[4, 8]], example.truth.array[[4, 8]])
