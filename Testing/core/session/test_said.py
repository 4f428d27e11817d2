"""What the user says of slices that are not drawn is kept bit for bit, and used by every stage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from MVGCore.prompts import PromptSet
from MVGCore.session import Session, SliceResult
from MVGCore.volume import LabelMap, Volume

Case = tuple[Volume, LabelMap]
KNOWN = (3, 9)
TUBE, BOX = 3, 300


@pytest.fixture
def prompts(tube: Case) -> PromptSet:
    return PromptSet.from_labelmap(*tube, axis=0, slices=KNOWN)


@pytest.fixture
def session(small_weights: Path, tube: Case) -> Session:
    made = Session(small_weights, "cpu")
    made.set_image(tube[0])
    return made


def labels_of(session: Session, prompts: PromptSet, first: int, last: int) -> np.ndarray:
    """Labels (14, 40, 36); only of these slices anything is generated."""
    session.set_prompts(prompts)
    return session.propagate(slice_range=(first, last)).labels.array


def test_slices_beyond_are_empty_and_nothing_is_computed_there(
    session: Session, tube: Case, prompts: PromptSet
) -> None:
    prompts.add_absence(tube[0], 0, 12, 13)
    session.set_prompts(prompts)
    came: list[SliceResult] = []
    result = session.propagate(shown=came.append)
    assert not result.labels.array[12:].any() and (result.confidence[12:] == 1).all()
    assert {done.index for done in came if done.given} == {*KNOWN, 12, 13}
    assert {done.index for done in came if not done.given} == set(range(12)) - set(KNOWN)
    assert result.next_slice not in (12, 13) and not {12, 13} & result.slice_dice.keys()
    np.testing.assert_array_equal(result.labels.array[list(KNOWN)], tube[1].array[list(KNOWN)])
    preview = session.preview(13)
    assert not preview.labels.any() and (preview.confidence == 1).all()


def test_one_class_ends_and_the_other_goes_on(session: Session, tube: Case, prompts: PromptSet) -> None:
    prompts.add_ends(tube[0], 0, 2, 10, BOX)
    planes = [set(np.unique(plane).tolist()) for plane in labels_of(session, prompts, 10, 11)]
    assert planes[10] == {0, TUBE, BOX} and planes[11] == {0, TUBE}


def test_columns_across_another_axis_and_a_gap_are_kept_free(
    session: Session, tube: Case, prompts: PromptSet
) -> None:
    prompts.add_absence(tube[0], 2, 28, 35, BOX)
    prompts.add_absence(tube[0], 0, 6, 6)
    labels = labels_of(session, prompts, 5, 7)
    for index in (5, 7):
        assert not (labels[index, :, 28:] == BOX).any() and (labels[index, :, :28] == BOX).any()
    assert not labels[6].any() and (labels[3, :, 28:] == BOX).any()  # what is drawn counts


def test_taken_back_or_of_another_image_nothing_has_changed(
    session: Session, tube: Case, prompts: PromptSet
) -> None:
    before = labels_of(session, prompts, 10, 10)
    assert before[10].any()
    prompts.add_absence(tube[0], 0, 10, 13)
    assert not labels_of(session, prompts, 10, 10)[10:].any()
    prompts.absences.clear()
    prompts.add_absence(Volume(tube[0].array + 1, tube[0].geometry), 0, 10, 13)
    np.testing.assert_array_equal(labels_of(session, prompts, 10, 10), before)


def test_the_order_of_what_is_said_does_not_matter(
    session: Session, tube: Case, prompts: PromptSet, small_weights: Path
) -> None:
    """One by one, with a result between, or all at once in a new session."""
    prompts.add_absence(tube[0], 0, 12, 13)
    labels_of(session, prompts, 10, 11)
    prompts.add_ends(tube[0], 0, 2, 11, TUBE)
    fresh = Session(small_weights, "cpu")
    fresh.set_image(tube[0])
    step_by_step, at_once = (labels_of(each, prompts, 10, 11) for each in (session, fresh))
    np.testing.assert_array_equal(step_by_step, at_once)
