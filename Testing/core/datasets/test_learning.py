"""Examples are completed once, judge each other, and label the rest."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from MVGCore.datasets.catalogue import Item
from MVGCore.datasets.learning import FOLDER, JUDGEMENT, learn
from MVGCore.datasets.manifest import Record
from MVGCore.datasets.pool import label_here
from MVGCore.datasets.run import label_dataset
from MVGCore.datasets.work import Work
from MVGCore.errors import MVGError
from MVGCore.metrics import dice_per_class
from MVGCore.volume import LabelMap, read_labelmap, write_segmentation
from Testing.core.datasets.conftest import LABELLED, Tiny, tiny_case

Make = Callable[[int], Tiny]
pytestmark = pytest.mark.usefixtures("quick_session")


def add_example(tiny: Tiny, number: int) -> None:
    """Two labelled slices of another volume."""
    _, labels = tiny_case(number)
    few = labels.array.copy()
    few[[0, 1, 3, 5]] = 0
    write_segmentation(
        tiny.examples / f"case_{number:03}.seg.nrrd", LabelMap(few, labels.geometry, labels.classes)
    )


def test_volumes_without_examples_are_labelled_from_completed_ones(make_tiny: Make) -> None:
    tiny = make_tiny(4)
    add_example(tiny, 1)
    work = learn(tiny.work(), label_here)
    assert [each.image.name for each in work.completed] == ["case_000.nrrd", "case_001.nrrd"]
    judgement = json.loads((tiny.results / FOLDER / JUDGEMENT).read_text())
    assert 0 < judgement["dice"] <= 1
    summary = label_dataset(work, tiny.items, label_here)
    own, _, third, _ = summary.records
    assert own.report["slices_used"] == list(LABELLED) and "fused" not in str(own.report["notes"])
    assert "fused from those of 2 other volumes" in third.report["notes"][0]
    result, truth = read_labelmap(tiny.results / third.output), tiny_case(2)[1]
    assert dice_per_class(truth.array, result.array, [3])[3] > 0.7
    assert 0 < third.report["expected_dice"]["value"] <= 1


def test_what_was_learned_is_kept_until_the_examples_change(make_tiny: Make) -> None:
    tiny = make_tiny(3)
    done: list[str] = []

    def crew(work: Work, items: list[Item]) -> object:
        for record in label_here(work, items):
            done.append(record.name)
            yield record

    first = learn(tiny.work(), crew)  # type: ignore[arg-type]
    assert learn(tiny.work(), crew) == first and len(done) == 1  # type: ignore[arg-type]
    add_example(tiny, 1)
    second = learn(tiny.work(), crew)  # type: ignore[arg-type]
    assert len(done) == 3 and len(second.completed) == 2  # other examples: all is done anew


def test_saved_prompts_alone_teach_nothing_beforehand(make_tiny: Make) -> None:
    tiny = make_tiny(2)
    work = tiny.work()
    loose = replace(work, examples=tuple(replace(each, image=None) for each in work.examples))
    assert learn(loose, label_here) is loose


def test_an_example_that_cannot_be_completed_stops_the_run(make_tiny: Make) -> None:
    tiny = make_tiny(2)

    def crew(work: Work, items: list[Item]) -> object:
        for item in items:
            yield Record(item.name, "failed", str(item.image), reason="It is odd.")

    with pytest.raises(MVGError, match="was not completed. It is odd."):
        learn(tiny.work(), crew)  # type: ignore[arg-type]


def test_other_results_are_as_they_were_whatever_the_order(make_tiny: Make) -> None:
    tiny = make_tiny(3)
    work = learn(tiny.work(), label_here)
    label_dataset(work, tiny.items, label_here)
    first = read_labelmap(tiny.results / "case_002.seg.nrrd").array
    label_dataset(work, tuple(reversed(tiny.items)), label_here, redo={"case_001", "case_002"})
    assert np.array_equal(read_labelmap(tiny.results / "case_002.seg.nrrd").array, first)
