"""The parts of the panel that need neither Qt nor a scene."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from MVGCore.errors import InputError
from MVGCore.volume import Geometry, SegmentClass, Window
from MVGLib.control.advice import Situation, blocked, examples_note, hint
from MVGLib.control.examples import ClassTable, renumbered
from MVGLib.control.reviewstate import Review, SliceScore
from MVGLib.control.runsettings import PanelTask, RunSettings
from MVGLib.control.signals import Signal
from MVGLib.control.state import Phase
from MVGLib.control.thumbnails import outline, thumbnail
from MVGLib.panel.qtread import chosen_path, read

GEOMETRY = Geometry((6, 20, 30), (1.0, 1.0, 3.0), (0, 0, 0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
REVIEW = Review("node", "volume", PanelTask.SEGMENT, 0, 6, "axial", {1: SliceScore(0.9)}, next_slice=4)


def test_a_signal_calls_its_slots_in_order_and_no_longer_once_they_are_disconnected():
    heard, signal = [], Signal()
    first, second = (
        (lambda value: heard.append(("first", value))),
        (lambda value: heard.append(("second", value))),
    )
    signal.connect(first)
    signal.connect(second)
    signal.emit(1)
    signal.disconnect(first)
    signal.disconnect(first)
    signal.emit(2)
    assert heard == [("first", 1), ("second", 1), ("second", 2)]


def test_a_slot_may_disconnect_itself_while_it_is_called():
    heard, signal = [], Signal()

    def once() -> None:
        heard.append("once")
        signal.disconnect(once)

    signal.connect(once)
    signal.connect(lambda: heard.append("always"))
    signal.emit()
    signal.emit()
    assert heard == ["once", "always", "always"]


class _LikePythonQt:
    checked = True
    value = 0


class _LikePyQt5:
    def isChecked(self) -> bool:  # noqa: N802 - Qt's name
        return True

    def value(self) -> int:
        return 0


@pytest.mark.parametrize("widget", [_LikePythonQt(), _LikePyQt5()])
def test_properties_are_read_in_both_bindings(widget):
    assert read(widget, "checked") is True
    assert read(widget, "value") == 0


def test_a_file_dialog_is_understood_in_both_bindings():
    assert (
        chosen_path("a b.mvgprompts")
        == chosen_path(("a b.mvgprompts", "MVG (*.mvgprompts)"))
        == "a b.mvgprompts"
    )


def test_classes_of_the_same_name_have_one_number_everywhere():
    table = ClassTable()
    one = table.adopt([SegmentClass(1, "liver", (1, 0, 0)), SegmentClass(2, "spleen", (0, 1, 0))])
    other = table.adopt([SegmentClass(1, "spleen", (0, 0, 1)), SegmentClass(7, "liver", (1, 1, 0))])
    assert other == {1: one[2], 7: one[1]}
    assert ClassTable(table.numbers).adopt([SegmentClass(3, "liver", (1, 0, 0))]) == {3: one[1]}


def test_two_segments_of_the_same_name_stay_two_classes():
    numbers = ClassTable().adopt([SegmentClass(1, "lesion", (1, 0, 0)), SegmentClass(2, "lesion", (1, 0, 0))])
    assert len(set(numbers.values())) == 2


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40))
def test_renumbering_back_and_forth_gives_the_same_labels(values):
    labels = np.array(values, np.uint16)
    there = {value: value + 10 for value in range(1, 6)}
    back = {new: old for old, new in there.items()}
    assert np.array_equal(renumbered(renumbered(labels, there), back), labels)


def test_a_label_that_stands_for_nothing_is_refused():
    with pytest.raises(InputError, match="add the slice again"):
        renumbered(np.array([[0, 3]], np.uint16), {1: 1})


def test_of_many_segments_without_an_example_a_few_are_named():
    now = Situation(Phase.IDLE, RunSettings(), examples=2, usable=2, unshown=tuple("abcde"))
    assert examples_note(now) == "2 slices; none shows 'a', 'b', 'c' and 2 more yet"


@given(
    task=st.sampled_from(PanelTask),
    phase=st.sampled_from(Phase),
    chosen=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    counts=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    review=st.sampled_from([None, REVIEW]),
    install=st.sampled_from(["", "PyTorch is missing."]),
)
def test_advice_is_always_a_sentence_and_a_reason_for_what_is_blocked(
    task, phase, chosen, counts, review, install
):
    volume, partner, mask = chosen
    now = Situation(
        phase, RunSettings(task=task), install, volume, partner, mask, max(counts), min(counts), review
    )
    assert hint(now)
    assert not hint(now).endswith(".")
    assert examples_note(now)
    why = blocked(now)
    assert all(reason.endswith((".", "…")) or reason == install for reason in why.values())
    assert ("cancel" in why) != (phase in (Phase.RUNNING, Phase.PREVIEWING))
    assert "apply" in why or (volume and not install and not now.busy)
    assert ("accept" in why) == (review is None or now.busy)


def test_an_empty_range_is_said_before_the_run():
    settings = RunSettings(limited=True, first=5, last=3)
    why = blocked(Situation(Phase.IDLE, settings, volume=True, partner=True, examples=1, usable=1))
    assert "range" in why["apply"]


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_thumbnail_shows_the_slice_with_the_outline_in_its_colour(axis):
    shape = tuple(np.delete(GEOMETRY.shape, axis))
    labels = np.zeros(shape, np.uint16)
    labels[1:-1, 5:15] = 4
    picture = thumbnail(
        np.full(shape, 50.0), labels, {4: (1.0, 0.0, 0.0)}, GEOMETRY, axis, Window(0, 100), 60
    )
    assert picture.shape == (60, 60, 3) and picture.dtype == np.uint8
    red = (picture == (255, 0, 0)).all(axis=2)
    gray = (picture == (127, 127, 127)).all(axis=2)
    assert red.any() and gray.any()


def test_a_thumbnail_of_an_axial_slice_has_the_front_at_the_top():
    image = np.zeros((20, 30))
    image[0] = 100.0  # the first row, which is anterior: y points to the back in LPS
    picture = thumbnail(image, None, {}, GEOMETRY, 0, Window(0, 100), 60)
    rows = picture.max(axis=(1, 2))
    assert rows[:30].max() == 255 and rows[30:].max() == 0


def test_an_outline_is_the_rim_of_its_mask():
    mask = np.zeros((7, 7), bool)
    mask[1:6, 1:6] = True
    rim = outline(mask)
    assert rim.sum() == 16 and not rim[2:5, 2:5].any()
    assert outline(np.ones((3, 3), bool)).sum() == 8


def test_scores_have_two_decimals():
    assert SliceScore(0.914, 0.031).text == "0.91 ± 0.03"
    assert SliceScore(1.0).text == "1.00"
