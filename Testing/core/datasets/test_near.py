"""Few slices of a volume's own: they decide near them, other volumes far from them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from MVGCore.datasets.atlas.near import SURE, joined, slices_told
from MVGCore.datasets.learning import learn
from MVGCore.datasets.pool import label_here
from MVGCore.datasets.run import label_dataset
from MVGCore.metrics import dice_per_class
from MVGCore.prompts import Prompt, PromptSet
from MVGCore.segmentation import Result, ResultCanvas
from MVGCore.volume import Geometry, LabelMap, SliceKey, Volume, read_labelmap, write_segmentation
from Testing.core.datasets.conftest import LABELLED, SHAPE, TUBE, Tiny, tiny_case

SPACING = (2.0, 1.0, 1.0)
Make = Callable[[int], Tiny]


def prompt(labels: np.ndarray, axis: int, index: int) -> Prompt:
    """A slice of a volume whose image does not matter."""
    geometry = Geometry(labels.shape, SPACING[::-1])  # type: ignore[arg-type]
    image, classes = Volume(np.zeros(labels.shape, np.float32), geometry, "own"), [TUBE]
    return Prompt.of(image, LabelMap.of(labels, geometry, classes), SliceKey(axis, index), (0, 1), "own")


def own_result(labels: np.ndarray, drawn: list[Prompt], axis: int) -> Result:
    """Labels that its own slices gave everywhere."""
    image = Volume(np.zeros(labels.shape, np.float32), Geometry(labels.shape, SPACING[::-1]), "own")  # type: ignore[arg-type]
    canvas = ResultCanvas.of(image, axis, drawn)
    canvas.labels[...] = labels
    return canvas.result(
        PromptSet(drawn, (TUBE,)), tuple(each.index for each in drawn), {"propagate": 0.0}, "cpu", ()
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2), st.sets(st.integers(0, 11), min_size=1, max_size=4), st.integers(1, 5))
def test_own_slices_decide_near_them_and_the_others_far_away(axis: int, places: set[int], side: int) -> None:
    """The two say the opposite of each other in a square: own slices that it is there."""
    labels = np.zeros((12, 12, 12), np.uint16)
    labels[3 : 3 + side, 3 : 3 + side, 3 : 3 + side] = 3
    np.moveaxis(labels, axis, 0)[:] = np.moveaxis(labels, axis, 0)[3]
    drawn = [prompt(labels, axis, index) for index in sorted(places)]
    empty = np.stack([np.ones(labels.shape, np.float32), np.zeros(labels.shape, np.float32)])
    ids, mixture = joined(own_result(labels, drawn, axis), SPACING, (3,), empty)
    assert ids == (3,) and np.allclose(mixture.sum(0), 1, atol=1e-5)
    inside = np.moveaxis(mixture[1], axis, 0)[:, 3, 3]
    far = np.abs(np.arange(12)[:, None] - sorted(places)).min(1)
    assert np.allclose(inside[far == 0], SURE, atol=1e-3)
    order = np.argsort(far, kind="stable")
    assert (np.diff(inside[order]) <= 1e-6).all()  # the farther, the less they say


def test_a_class_that_own_slices_lack_is_that_of_the_others() -> None:
    labels = np.full((4, 5, 6), 3, np.uint16)
    drawn = [prompt(labels, 0, 1)]
    others = np.stack([np.full(labels.shape, share, np.float32) for share in (0.1, 0.0, 0.9)])
    ids, mixture = joined(own_result(np.zeros_like(labels), drawn, 0), SPACING, (3, 7), others)
    assert ids == (3, 7)
    assert mixture[2].min() > 0.85


def test_slices_side_by_side_tell_less_than_slices_apart() -> None:
    labels = np.zeros((40, 20, 20), np.uint16)
    labels[:, 2:16, 2:16] = 3
    small = labels.copy()
    small[:, 8:] = 0

    def told(of: np.ndarray, *places: int) -> float:
        return slices_told([prompt(of, 0, index) for index in places])

    assert told(labels, 5, 15, 25) == told(small, 10, 20, 30) == 3  # whatever their structure's size is
    assert 1 < told(labels, 9, 10, 11) < 2.5
    assert told(labels, 9) == 1
    assert told(np.zeros_like(labels), 9) == slices_told([]) == 0


@pytest.mark.usefixtures("quick_session")
def test_a_volume_with_one_slice_of_its_own_is_not_worse_than_the_others_make_it(make_tiny: Make) -> None:
    """Its slice shows half of the structure: alone it would be half a tube from end to end."""
    tiny = make_tiny(3)
    _, truth = tiny_case(2)
    few = np.zeros_like(truth.array)
    few[0] = truth.array[0]
    few[0, :, SHAPE[2] // 2 :] = 0
    path = Path(tiny.examples) / "case_002_labels.seg.nrrd"
    write_segmentation(path, LabelMap(few, truth.geometry, truth.classes))
    work = learn(tiny.work(), label_here)
    assert [each.image.name for each in work.completed] == ["case_000.nrrd", "case_002.nrrd"]
    records = label_dataset(work, tiny.items, label_here).records
    assert records[2].report["slices_used"] == [0]
    assert "Slices of its own decide near them." in records[2].report["notes"]
    result = read_labelmap(tiny.results / records[2].output).array
    assert np.array_equal(result[0], few[0])
    assert dice_per_class(truth.array[3:], result[3:], [3])[3] > 0.8
    first = read_labelmap(tiny.results / records[0].output).array
    drawn = tiny_case(0)[1].array
    assert np.array_equal(first[list(LABELLED)], drawn[list(LABELLED)])
