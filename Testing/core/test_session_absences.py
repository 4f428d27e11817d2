"""What the user says of slices that are not drawn is kept bit for bit, and used by every stage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from MVGCore.prompts import Prompt, PromptSet
from MVGCore.session import Session
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


def labels_of(session: Session, prompts: PromptSet, all_axes: bool = False) -> np.ndarray:
    session.set_prompts(prompts)
    return session.propagate(all_axes=all_axes).labels.array


@pytest.mark.parametrize("all_axes", [False, True])
def test_slices_beyond_are_empty_and_nothing_is_computed_there(
    session: Session, tube: Case, prompts: PromptSet, all_axes: bool
) -> None:
    prompts.add_absence(tube[0], 0, 12, 13)
    session.set_prompts(prompts)
    came: list[int] = []
    result = session.propagate(shown=lambda done: came.append(done.index), all_axes=all_axes)
    assert not result.labels.array[12:].any() and (result.confidence[12:] == 1).all()
    assert set(came) == set(range(12)) - set(KNOWN)
    assert result.next_slice not in (12, 13) and not {12, 13} & result.slice_dice.keys()
    np.testing.assert_array_equal(result.labels.array[list(KNOWN)], tube[1].array[list(KNOWN)])
    preview = session.preview(13)
    assert not preview.labels.any() and (preview.confidence == 1).all()


def test_one_class_ends_and_the_other_goes_on(session: Session, tube: Case, prompts: PromptSet) -> None:
    prompts.add_ends(tube[0], 0, 2, 10, BOX)
    labels = labels_of(session, prompts)
    planes = [set(np.unique(plane).tolist()) for plane in labels]
    assert all(BOX in plane for plane in planes[3:10])
    assert not any(BOX in plane for plane in (*planes[:2], *planes[11:]))
    assert all(TUBE in plane for plane in planes)


def test_columns_across_another_axis_are_kept_free(session: Session, tube: Case, prompts: PromptSet) -> None:
    assert (labels_of(session, prompts)[..., 28:] == BOX).any()
    prompts.add_absence(tube[0], 2, 28, 35, BOX)
    free = [k for k in range(14) if k not in KNOWN]  # what is drawn counts
    assert not (labels_of(session, prompts)[free][..., 28:] == BOX).any()


def test_an_empty_gap_between_labelled_slices(session: Session, tube: Case, prompts: PromptSet) -> None:
    prompts.add_absence(tube[0], 0, 6, 6)
    labels = labels_of(session, prompts)
    assert not labels[6].any() and labels[4].any() and labels[8].any()


def test_taken_back_all_is_as_before(session: Session, tube: Case, prompts: PromptSet) -> None:
    before = labels_of(session, prompts)
    prompts.add_absence(tube[0], 0, 10, 13)
    assert not labels_of(session, prompts)[10:].any()
    prompts.absences.clear()
    np.testing.assert_array_equal(labels_of(session, prompts), before)
    other = Volume(tube[0].array + 1, tube[0].geometry)
    prompts.add_absence(other, 0, 10, 13)  # of another image: nothing is said of this one
    np.testing.assert_array_equal(labels_of(session, prompts), before)


def test_absences_count_as_they_are_when_asked_not_when_added(
    session: Session, tube: Case, prompts: PromptSet, small_weights: Path
) -> None:
    """The way there does not matter: one by one, or all at once in a new session."""
    prompts.add_absence(tube[0], 0, 12, 13)
    labels_of(session, prompts)
    prompts.add_ends(tube[0], 0, 2, 13, TUBE)
    step_by_step = labels_of(session, prompts)
    fresh = Session(small_weights, "cpu")
    fresh.set_image(tube[0])
    np.testing.assert_array_equal(labels_of(fresh, prompts), step_by_step)


def test_prompts_of_the_set_are_untouched(session: Session, tube: Case, prompts: PromptSet) -> None:
    def digests(each: Prompt) -> str:
        return each.fingerprint

    before = [digests(each) for each in prompts.prompts]
    prompts.add_absence(tube[0], 0, 12, 13)
    labels_of(session, prompts)
    assert [digests(each) for each in prompts.prompts] == before
