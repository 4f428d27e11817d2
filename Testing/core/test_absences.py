from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from MVGCore.errors import InputError
from MVGCore.outcomes import Question
from MVGCore.prompts import Absence, Presence, PromptSet, image_digest
from MVGCore.volume import Geometry, LabelMap, Volume

DEPTH = 6  # of the image of the fixtures; its slices 1 and 4 are labelled


@pytest.fixture
def a_set(an_image: Volume, a_labelmap: LabelMap) -> PromptSet:
    return PromptSet.from_labelmap(an_image, a_labelmap)


def test_what_is_said_of_a_slice_is_of_one_image(an_image: Volume, a_set: PromptSet) -> None:
    absence = a_set.add_absence(an_image, 0, 5, 5)
    assert a_set.absences == [absence] and a_set.add_absence(an_image, 0, 5, 5) == absence
    assert a_set.absences == [absence]
    assert absence.is_of(an_image) and absence.concerns(1) and absence.covers(0, 5)
    assert not absence.covers(1, 5) and not absence.covers(0, 4)
    assert not absence.is_of(Volume(an_image.array + 1, an_image.geometry))
    assert not absence.is_of(Volume(an_image.array, Geometry.identity(an_image.array.shape)))


def test_ends_are_the_outermost_slices_that_show_a_class(an_image: Volume, a_set: PromptSet) -> None:
    a_set.add_ends(an_image, 0, 1, 4, 1)
    assert [(each.first, each.last, each.class_id) for each in a_set.absences] == [(0, 0, 1), (5, 5, 1)]
    assert [(each.first, each.last, each.class_id) for each in a_set.presences] == [(1, 1, 1), (4, 4, 1)]
    assert a_set.add_ends(an_image, 0, 0, DEPTH - 1, 5) == []  # at the border nothing is said
    with pytest.raises(InputError, match="no slice 6"):
        a_set.add_ends(an_image, 0, 1, 6, 1)
    with pytest.raises(InputError, match="swap"):
        a_set.add_ends(an_image, 0, 4, 1, 1)


def test_an_end_answers_a_question(an_image: Volume, a_set: PromptSet) -> None:
    question = Question(1, 0, 3, 0, 0.5, 0.1)
    said = a_set.answer_end(an_image, question, 1)
    assert [(each.first, each.last) for each in said] == [(1, 1), (0, 0)]
    assert a_set.presences == said[:1] and a_set.absences == said[1:]
    assert a_set.answer_end(an_image, Question(5, 0, 3, 5, 0.5, 0.1), 5) == a_set.presences[1:]  # it goes on
    with pytest.raises(InputError, match="lies beyond slice 4"):
        a_set.answer_end(an_image, Question(5, 0, 3, 4, 0.5, 0.1), 5)


def test_contradictions_are_named(an_image: Volume, a_set: PromptSet) -> None:
    with pytest.raises(InputError, match="Slice 4 is labelled as"):
        a_set.add_absence(an_image, 0, 3, 5, 1)
    with pytest.raises(InputError, match="no class 77 in the set"):
        a_set.add_absence(an_image, 0, 5, 5, 77)
    a_set.add_presence(an_image, 0, 5, 5, 1)
    with pytest.raises(InputError, match="take one of both back"):
        a_set.add_absence(an_image, 0, 5, 5)
    a_set.add_absence(an_image, 0, 0, 0, 1)
    with pytest.raises(InputError, match="take one of both back"):
        a_set.add_presence(an_image, 0, 0, 0, 1)
    other = Volume(an_image.array + 1, an_image.geometry)
    assert a_set.add_absence(other, 0, 4, 4, 1).digest == image_digest(other)  # of another volume all is open


def test_a_drawn_slice_moves_the_end_outwards(an_image: Volume, a_labelmap: LabelMap) -> None:
    few = PromptSet.from_labelmap(an_image, a_labelmap, axis=0, slices=[1])
    few.add_absence(an_image, 0, 3, 5, 1)
    few.add_absence(an_image, 0, 3, 4)
    few.add_slice(an_image, a_labelmap, 0, 4)
    assert [(each.first, each.last, each.class_id) for each in few.absences] == [(5, 5, 1), (3, 3, None)]


def test_saved_and_merged(tmp_path: Path, an_image: Volume, a_labelmap: LabelMap, a_set: PromptSet) -> None:
    path = tmp_path / "x.mvgprompts"
    a_set.save(path)
    before = path.read_bytes()
    a_set.add_absence(an_image, 0, 5, 5)
    a_set.add_presence(an_image, 0, 2, 3, 1)
    a_set.save(path)
    again = PromptSet.load(path)
    assert again.absences == a_set.absences and again.presences == a_set.presences
    fresh = PromptSet.from_labelmap(an_image, a_labelmap)
    fresh.merge(again)
    fresh.merge(again)
    assert fresh.absences == a_set.absences and fresh.presences == a_set.presences
    fresh.absences.clear(), fresh.presences.clear()
    fresh.save(path)
    assert path.read_bytes() == before  # as former versions wrote it, for them to read
    assert PromptSet.load(path).absences == []


@given(st.data())
def test_what_is_left_of_an_absence(data: st.DataObject) -> None:
    depth = data.draw(st.integers(1, 9))
    first = data.draw(st.integers(0, depth - 1))
    last = data.draw(st.integers(first, depth - 1))
    index = data.draw(st.integers(first, last))
    absence = Absence(0, first, last, 1, Geometry.identity((depth, 2, 2)), "x")
    left = {k for part in absence.without(index) for k in range(part.first, part.last + 1)}
    assert index not in left and left <= set(range(first, last + 1))
    ends_above, ends_below = last == depth - 1 and first > 0, first == 0 and last < depth - 1
    expected = set(range(first, last + 1)) - {index}
    if ends_above:
        expected = {k for k in expected if k > index}
    if ends_below:
        expected = {k for k in expected if k < index}
    assert left == expected


def test_a_presence_is_of_one_class() -> None:
    with pytest.raises(InputError, match="which class"):
        Presence(0, 0, 0, None, Geometry.identity((2, 2, 2)), "")


def test_the_digest_follows_the_image(an_image: Volume) -> None:
    same = Volume(an_image.array.astype(np.float32), an_image.geometry)
    assert image_digest(an_image) == image_digest(same)
