"""Drafts and ranges of intensity: what a session makes of them, and that labelled slices stay."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from MVGCore.errors import GeometryMismatchError, InputError
from MVGCore.prompts import IntensityRange, PromptSet
from MVGCore.session import Session
from MVGCore.session.requests import PreviewSlice, SegmentVolume
from MVGCore.session.results import Propagated, SliceDone
from MVGCore.volume import Geometry, LabelMap, SegmentClass, Volume

Case = tuple[Volume, LabelMap]
KNOWN = (2, 7, 11)


@pytest.fixture
def session(small_weights: Path, tube: Case) -> Session:
    made = Session(small_weights, "cpu", quality="draft")
    made.set_image(tube[0])
    made.set_prompts(PromptSet.from_labelmap(*tube, axis=0, slices=KNOWN))
    return made


def dice(labels: np.ndarray, truth: np.ndarray) -> float:
    scores = [
        2 * ((labels == c) & (truth == c)).sum() / ((labels == c).sum() + (truth == c).sum())
        for c in (3, 300)
    ]
    return float(np.mean(scores))


def test_a_good_draft_is_followed_and_a_bad_one_is_not(session: Session, tube: Case) -> None:
    truth = tube[1].array
    without = session.propagate().labels.array
    good = session.propagate(draft=tube[1]).labels.array
    assert dice(good, truth) >= max(dice(without, truth), 0.99)
    noise = np.random.default_rng(0).choice(np.array([0, 3, 300], np.uint16), truth.shape)
    bad = session.propagate(draft=replace(tube[1], array=noise)).labels.array
    assert dice(bad, truth) > dice(without, truth) - 0.03
    again = session.propagate().labels.array
    np.testing.assert_array_equal(again, without)  # a draft is of one request


def test_labelled_slices_come_back_bit_for_bit(session: Session, tube: Case) -> None:
    empty = LabelMap(np.zeros_like(tube[1].array), tube[1].geometry, tube[1].classes)
    result = session.propagate(draft=empty, ranges=[IntensityRange(1e6, 2e6)])
    np.testing.assert_array_equal(result.labels.array[list(KNOWN)], tube[1].array[list(KNOWN)])
    others = [k for k in range(14) if k not in KNOWN]
    assert not result.labels.array[others].any()
    assert any("lie outside of the intensities 1e+06 to 2e+06" in note for note in result.notes)
    assert any("none of the examples' classes" in note for note in result.notes)


def test_a_range_of_one_class_leaves_the_others(session: Session, tube: Case) -> None:
    free = session.propagate().labels.array
    result = session.propagate(ranges=[IntensityRange(high=60.0, class_id=3)]).labels.array
    others = [k for k in range(14) if k not in KNOWN]
    assert tube[0].array[others][result[others] == 3].max() <= 60
    assert (result == 300).sum() >= 0.95 * (free == 300).sum()
    assert (free[others] == 3).sum() > (result[others] == 3).sum() > 0


def test_classes_that_no_example_shows_are_kept_but_on_labelled_slices(session: Session, tube: Case) -> None:
    array = tube[1].array.copy()
    array[:, :4, :4] = 9
    classes = (*tube[1].classes, SegmentClass(9, "vein", (0.1, 0.2, 0.9)))
    result = session.propagate(draft=LabelMap(array, tube[1].geometry, classes))
    others = [k for k in range(14) if k not in KNOWN]
    assert (result.labels.array[others, :4, :4] == 9).all()
    assert not (result.labels.array[list(KNOWN)] == 9).any()
    assert [each.name for each in result.kept] == ["vein"] and 9 in result.labels.ids
    assert any("kept as they were except on labelled slices: vein" in note for note in result.notes)


def test_a_draft_on_another_grid_is_brought_to_the_image_and_says_what_was_cut(
    session: Session, tube: Case
) -> None:
    labels = tube[1]
    part = LabelMap(labels.array[:10], replace_shape(labels.geometry, 10), labels.classes)
    assert not [n for n in session.propagate(draft=part).notes if n.startswith("Of the draft")]
    larger = Geometry(
        (18, 40, 36), labels.geometry.spacing, labels.geometry.origin, labels.geometry.direction
    )
    padded = np.pad(labels.array, ((0, 4), (0, 0), (0, 0)), mode="edge")
    notes = session.propagate(draft=LabelMap(padded, larger, labels.classes)).notes
    assert any("of the labelled voxels lie outside the image: cut off" in note for note in notes)
    far = Geometry(labels.geometry.shape, labels.geometry.spacing, (900.0, 0.0, 0.0))
    with pytest.raises(GeometryMismatchError, match="do not lie on the image"):
        session.propagate(draft=replace(labels, geometry=far))


def replace_shape(geometry: Geometry, slices: int) -> Geometry:
    return Geometry((slices, *geometry.shape[1:]), geometry.spacing, geometry.origin, geometry.direction)


def test_requests_say_the_same(session: Session, tube: Case) -> None:
    wished = {"draft": tube[1], "ranges": (IntensityRange(low=20.0),)}
    result = session.propagate(**wished)
    told: dict[int, np.ndarray] = {}

    def shown(event: object) -> None:
        if isinstance(event, SliceDone):
            told[event.index] = event.values

    summary = session.run(SegmentVolume(**wished), shown)
    assert isinstance(summary, Propagated) and summary.notes == result.notes
    np.testing.assert_array_equal(np.stack([told[k] for k in range(14)]), result.labels.array)
    session.run(PreviewSlice(index=4, **wished), shown)
    assert tube[0].array[4][told[4] > 0].min() >= 20
    assert dice(told[4], tube[1].array[4]) > 0.98


def test_a_range_without_room_is_refused() -> None:
    with pytest.raises(InputError, match="lower end first"):
        IntensityRange(300, 100)
    with pytest.raises(InputError, match="lower end first"):
        IntensityRange(float("nan"), 1)
