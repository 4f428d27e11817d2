"""Questions about where segments end: shown, answered, taken back, asked again, kept with the scene."""

from __future__ import annotations

from dataclasses import replace

import pytest

from MVGCore.outcomes import Question
from MVGCore.volume import SliceKey
from MVGLib.control.claims import PanelClaim
from MVGLib.control.parameters import Parameters
from MVGLib.control.questions import is_settled
from MVGLib.control.reviewstate import EndQuestion
from Testing.slicer.panel.steps import finish, problem

LIVER, SPLEEN = 1, 2
BEYOND = Question(LIVER, 0, 11, 11, 0.5, 0.1)  # the examples are the slices 2, 5 and 9
WITHIN = Question(LIVER, 0, 7, 8, 0.5, 0.1)  # it ends before slice 9
BEFORE = Question(SPLEEN, 0, 0, 0, 0.4, 0.05)


@pytest.fixture
def asked(ready, worker):
    """A controller with a result about which two questions are open."""
    worker.questions, worker.ask_first = (BEYOND, BEFORE), True
    ready.runs.apply()
    finish(ready)
    return ready


def claims(worker) -> tuple[list, list]:
    prompts = worker.prompts
    return (
        [(each.first, each.last, each.class_id) for each in prompts.absences],
        [(each.first, each.last, each.class_id) for each in prompts.presences],
    )


def test_a_question_is_shown_before_it_can_be_answered(asked, scene, a_volume_node) -> None:
    question = asked.view().question
    assert question.text == "Is 'liver' still on axial 11?" and question.count == 2
    assert not question.asked and question.first and "N shows it" in asked.view().hint
    asked.asking.answer(True)  # of a slice that nobody has seen: it is shown
    assert scene.slice_in_view(a_volume_node.GetID()) == SliceKey(0, 11)
    assert asked.view().question.asked and "liver" in asked.view().hint
    scene.jump(a_volume_node.GetID(), SliceKey(0, 3))
    asked.asking.answer(True)  # somewhere else by now: it is shown again
    assert scene.slice_in_view(a_volume_node.GetID()) == SliceKey(0, 11)
    assert asked.view().question.count == 2


def test_answers_are_examples_of_the_next_run(asked, worker, scene, a_volume_node) -> None:
    asked.asking.show()
    asked.asking.answer(False)
    assert scene.slice_in_view(a_volume_node.GetID()) == SliceKey(0, 0)  # the next question follows
    assert asked.view().question.text == "Is 'spleen' still on axial 0?"
    assert "'liver' has ended on axial 11" in asked.view().message.text
    asked.asking.answer(True)
    view = asked.view()
    assert view.question is None and "Press Apply" in view.message.text and "changed" in view.hint
    places = [row.place for row in view.examples[3:]]
    assert places[0].endswith("no liver") and places[1] == "axial 0: spleen is there"
    depth = scene.volume(a_volume_node.GetID()).geometry.shape[0]
    worker.questions = ()
    asked.runs.apply()
    finish(asked)
    assert claims(worker) == ([(11, depth - 1, LIVER)], [(0, 0, SPLEEN)])
    assert problem(asked) == "" and asked.view().question is None


def test_what_ends_between_examples_is_absent_up_to_the_next_one(ready, worker) -> None:
    worker.questions = (WITHIN,)
    ready.runs.apply()
    finish(ready)
    ready.asking.show()
    assert ready.view().question.text == "Is 'liver' still on axial 7?"
    ready.asking.answer(False)
    worker.questions = ()
    ready.runs.apply()
    finish(ready)
    assert claims(worker) == ([(7, 8, LIVER)], [])


def test_who_takes_an_answer_back_is_asked_again(asked) -> None:
    heard = []
    asked.claims_changed.connect(lambda before, after: heard.append((before, after)))
    asked.asking.show()
    asked.asking.answer(False)
    ((before, after),) = heard
    assert before == () and len(after) == 1
    asked.asking.restore(before)
    assert asked.view().question.text == "Is 'liver' still on axial 11?" and asked.view().question.asked
    asked.asking.restore(after)
    assert asked.view().question.text == "Is 'spleen' still on axial 0?"
    assert len(heard) == 1  # undo and redo tell nobody
    asked.examples.remove(after[0].key)
    assert asked.view().question.count == 2


def test_a_question_is_settled_by_a_slice_that_is_labelled_or_by_another_word(asked) -> None:
    asked.asking.show()
    asked.examples.nothing_here("")
    assert asked.view().question.text == "Is 'spleen' still on axial 0?"
    asked.asking.skip()
    assert asked.view().question is None


def test_the_last_word_about_a_slice_counts(asked, scene, a_volume_node) -> None:
    asked.asking.show()
    asked.asking.answer(True)
    assert [row.place for row in asked.view().examples[3:]] == ["axial 11: liver is there"]
    scene.jump(a_volume_node.GetID(), SliceKey(0, 11))
    asked.examples.nothing_here("liver")
    assert [row.place for row in asked.view().examples[3:]] == ["axial 11: no liver"]


def test_what_ends_on_a_slice_is_on_it(asked, scene, a_volume_node) -> None:
    asked.end_of_asked()  # nothing was shown yet
    assert not asked.view().examples[3:]
    asked.asking.show()
    scene.jump(a_volume_node.GetID(), SliceKey(0, 10))
    asked.end_of_asked()
    places = [row.place for row in asked.view().examples[3:]]
    assert places == ["axial 11: no liver", "axial 10: liver is there"]
    assert asked.view().question.text == "Is 'spleen' still on axial 0?"  # that of the liver is settled


@pytest.mark.parametrize(("until", "end", "settled"), [(11, 10, True), (11, 8, False), (0, 3, True)])
def test_a_question_is_settled_where_the_segment_goes_on_farther(until: int, end: int, settled: bool) -> None:
    there = PanelClaim("volume", 0, end, end, "liver", present=True)
    assert is_settled(EndQuestion("liver", 0, 9, until, 0.5), [there], set()) == settled
    assert not is_settled(EndQuestion("spleen", 0, 9, until, 0.5), [there], set())


def test_one_key_goes_on_and_says_no(asked, scene, a_volume_node) -> None:
    volume_id = a_volume_node.GetID()
    asked.no_or_next()
    assert scene.slice_in_view(volume_id) == SliceKey(0, 11) and asked.view().question.count == 2
    asked.no_or_next()
    assert asked.view().question.text == "Is 'spleen' still on axial 0?"
    scene.jump(volume_id, SliceKey(0, 5))
    asked.no_or_next()  # no question is in view: to the slice to label next
    assert asked.view().question is not None
    assert scene.slice_in_view(volume_id) == SliceKey(0, asked.view().review.next_slice)


def test_questions_survive_the_scene_and_unknown_classes_are_left_out(ready, worker) -> None:
    worker.questions = (BEYOND, replace(BEFORE, class_id=99))
    ready.runs.apply()
    finish(ready)
    review = ready.view().review
    assert [each.name for each in review.questions] == ["liver"] and not review.ask_first
    kept = Parameters.of_scene(ready.scene.mrml).review()
    assert kept.questions == review.questions


def test_nothing_is_asked_while_a_run_goes_on_or_without_a_result(ready, worker) -> None:
    ready.asking.answer(True)
    assert "Nothing is asked" in problem(ready)
    worker.questions = (BEYOND,)
    ready.runs.apply()
    ready.asking.show()
    assert "run is going on" in problem(ready)
    finish(ready)
    ready.asking.show()
    ready.reviews.discard()
    assert ready.view().question is None
