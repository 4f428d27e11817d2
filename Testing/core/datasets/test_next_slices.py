"""Which slices are proposed, and that they come back as examples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from MVGCore.cli.main import main
from MVGCore.datasets.examples import NEXT_LIST, find_examples
from MVGCore.datasets.learning import learn
from MVGCore.datasets.manifest import DONE, Record
from MVGCore.datasets.next_cases import NextCases
from MVGCore.datasets.next_slices import FOLDER, Candidate, candidates_of, choose, propose, read_list
from MVGCore.datasets.pool import label_here
from MVGCore.datasets.run import label_dataset
from MVGCore.errors import InputError
from MVGCore.prompts import PromptSet
from MVGCore.volume import Geometry, LabelMap, SegmentClass, write_segmentation
from Testing.core.datasets.conftest import Tiny

Make = Callable[[int], Tiny]


def test_the_most_doubtful_slices_are_chosen_at_different_places_and_volumes() -> None:
    candidates = [
        Candidate("a", 10, 0.50, 0.9),
        Candidate("a", 11, 0.52, 0.8),  # told by the first
        Candidate("b", 10, 0.50, 0.7),  # half told by the first
        Candidate("b", 2, 0.10, 0.5),
        Candidate("c", 3, 0.15, 0.0),  # sure
    ]
    chosen = choose(candidates, 5)
    assert [(each.volume, each.index) for each, _ in chosen[:3]] == [("a", 10), ("b", 2), ("b", 10)]
    assert "c" not in {each.volume for each, _ in chosen}
    gains = [gain for _, gain in chosen]
    assert gains == sorted(gains, reverse=True) and gains[0] == 0.9


def test_slices_near_labelled_ones_of_their_volume_are_in_less_doubt(tmp_path: Path) -> None:
    labels = LabelMap.of(np.ones((41, 4, 4), np.uint8), Geometry((41, 4, 4)), [SegmentClass.default(1)])
    write_segmentation(tmp_path / "a.seg.nrrd", labels)
    confidence = {str(index): 0.8 for index in range(41)}
    report = {"axis": "k", "slice_confidence": confidence, "slices_used": [10, 12]}
    found = candidates_of(tmp_path, Record("a", DONE, "a.nrrd", "a.seg.nrrd", report=report))
    doubts = {each.index: each.doubt for each in found}
    assert 10 not in doubts and doubts[11] < doubts[8] < doubts[6] < doubts[20]
    assert doubts[40] == pytest.approx(0.2 / 41)


@pytest.mark.usefixtures("quick_session")
def test_proposed_slices_become_examples_once_they_are_switched_on(make_tiny: Make) -> None:
    tiny = make_tiny(3)
    label_dataset(learn(tiny.work(), label_here), tiny.items, label_here)
    entries = propose(tiny.results, 4)
    assert read_list(tiny.results / FOLDER) == entries and len(entries) == 4
    folder = tiny.results / FOLDER
    assert find_examples([tiny.examples, folder], tiny.items) == find_examples([tiny.examples], tiny.items)
    first = next(each for each in entries if each.volume != "case_000")
    prompts = PromptSet.load(folder / first.prompts)
    (prompt,) = prompts.prompts
    assert (prompt.index, prompt.enabled, prompt.labels.any()) == (first.index, False, True)
    prompts.enable(prompt.key)
    prompts.save(folder / first.prompts)
    (_, added) = find_examples([tiny.examples, folder], tiny.items)
    assert added.image is not None and added.image.stem == first.volume
    assert [each.index for each in added.prompts().prompts] == [first.index]


@pytest.mark.usefixtures("quick_session")
def test_the_command_proposes_slices(make_tiny: Make, capsys: pytest.CaptureFixture[str]) -> None:
    tiny = make_tiny(2)
    words = ["label", str(tiny.images), "--examples", str(tiny.examples), "-o", str(tiny.results)]
    words += ["--model", str(tiny.weights), "--device", "cpu", "--workers", "0", "--one-axis"]
    assert main([*words, "--next", "2"]) == 0
    printed = capsys.readouterr().out
    assert "Label next" in printed and printed.count("slice ") >= 2
    assert (tiny.results / FOLDER / NEXT_LIST).is_file()


def test_nothing_to_choose_from_is_said(make_tiny: Make) -> None:
    tiny = make_tiny(1)
    with pytest.raises(InputError, match="There is no generated slice"):
        propose(tiny.results, 3)
    with pytest.raises(InputError, match="is no list of slices"):
        read_list(tiny.results)


@pytest.mark.usefixtures("quick_session")
def test_a_list_is_gone_through_case_by_case(make_tiny: Make) -> None:
    labelled = make_tiny(3)
    label_dataset(learn(labelled.work(), label_here), labelled.items, label_here)
    propose(labelled.results, 2)
    cases = NextCases.open(labelled.results)
    case = cases.case()
    assert case is not None and cases.progress == (0, 2) and "0 of 2" in cases.text
    shown = np.flatnonzero(case.labels.array.any((1, 2)))
    assert shown.tolist() == [case.place.index] == [case.entry.index]
    corrected = replace(case.labels, array=np.roll(case.labels.array, 1, axis=2))
    cases.save(case, corrected)
    (prompt,) = PromptSet.load(labelled.results / "next" / case.entry.prompts).enabled
    assert np.array_equal(prompt.labels, corrected.array[case.place.index])
    assert NextCases.open(labelled.results / "next").progress == (1, 2)
    assert cases.case() is not None and cases.case().entry != case.entry
    wrong = LabelMap.of(np.zeros((2, 3, 4), np.uint8), Geometry.identity((2, 3, 4)))
    with pytest.raises(InputError, match="do not lie on the image"):
        cases.save(case, wrong)
