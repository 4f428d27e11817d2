"""One volume of which nothing is drawn, labelled by examples on others."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from MVGCore.cli.main import main
from MVGCore.metrics import dice_per_class
from MVGCore.volume import LabelMap, read_labelmap, write_segmentation
from Testing.core.datasets.conftest import Tiny, tiny_case

Make = Callable[[int], Tiny]
pytestmark = pytest.mark.usefixtures("quick_session")


def words(tiny: Tiny, *more: object) -> list[str]:
    """`mvg segment` of the second volume by the first."""
    given = ["segment", tiny.images / "case_001.nrrd", "-o", tiny.results / "out.seg.nrrd", *more]
    given += ["--example", tiny.images / "case_000.nrrd", tiny.examples / "case_000_labels.seg.nrrd"]
    return list(map(str, [*given, "--model", tiny.weights, "--device", "cpu", "--one-axis"]))


def other_ways(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What a session is asked for, one after the other; it does nothing."""
    asked: list[object] = []

    def refuse(**made_with: object) -> None:
        asked.append(made_with)
        raise RuntimeError("no session is wanted here")

    monkeypatch.setattr("MVGCore.session.Session", refuse)
    return asked


def test_volumes_of_others_are_registered_as_in_a_data_set(make_tiny: Make) -> None:
    tiny = make_tiny(2)
    report = tiny.results / "report.json"
    assert main(words(tiny, "--report", report)) == 0
    labels, truth = read_labelmap(tiny.results / "out.seg.nrrd"), tiny_case(1)[1]
    assert dice_per_class(truth.array, labels.array, [3])[3] > 0.7
    assert [each.name for each in labels.classes] == ["tube"]
    content = json.loads(report.read_text())
    assert "fused from those of 1 other volumes" in content["notes"][0] and content["slices_used"] == []


@pytest.mark.parametrize(
    "more", [("--axis", "k"), ("--range", "0:90"), ("--labels", "OWN"), ("--adapt", "1")]
)
def test_whatever_is_said_of_the_volume_itself_goes_slice_by_slice(
    make_tiny: Make, monkeypatch: pytest.MonkeyPatch, more: tuple[str, str]
) -> None:
    tiny = make_tiny(2)
    _, truth = tiny_case(1)
    own = Path(tiny.examples) / "case_001_labels.seg.nrrd"
    few = np.zeros_like(truth.array)
    few[2] = truth.array[2]
    write_segmentation(own, LabelMap(few, truth.geometry, truth.classes))
    asked = other_ways(monkeypatch)
    assert main(words(tiny, *(own if word == "OWN" else word for word in more))) != 0
    assert len(asked) == 1


def test_an_example_that_is_the_volume_itself_is_one_of_its_own(
    make_tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = make_tiny(1)
    asked = other_ways(monkeypatch)
    given = words(tiny)
    given[1] = str(tiny.images / "case_000.nrrd")
    assert main(given) != 0
    assert len(asked) == 1
