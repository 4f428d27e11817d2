"""A user who knows the truth: answers to questions about ends, and where classes begin and end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from MVGCore.evaluation.cases import BenchmarkExample
from MVGCore.evaluation.firstlooks import KeptSession
from MVGCore.outcomes import Question
from MVGCore.prompts import PromptSet

if TYPE_CHECKING:
    from MVGCore.session import Result, Session

ANSWERS_PER_CLASS = 2
Reply = Callable[[BenchmarkExample, PromptSet, Question], object]


def yes_or_no(example: BenchmarkExample, prompts: PromptSet, question: Question) -> None:
    """Answer a question whether the class is on the slice."""
    there = bool((example.planes[question.index] == question.class_id).any())
    prompts.answer(example.image, question, there)


def by_end(example: BenchmarkExample, prompts: PromptSet, question: Question) -> None:
    """Answer a question by the last slice that shows the class on that side."""
    shown = np.flatnonzero((example.planes == question.class_id).any((1, 2)))
    until, index = question.until, question.index
    onwards = until > index or (until == index and shown[-1] <= until)
    prompts.answer_end(example.image, question, int(shown[-1] if onwards else shown[0]))


def answered(
    session: Session | KeptSession,
    example: BenchmarkExample,
    prompts: PromptSet,
    result: Result,
    all_axes: bool = True,
    reply: Reply = yes_or_no,
) -> tuple[Result, int]:
    """What becomes of a result once the best question about each class was answered, twice.

    Returns:
        The result, and how many questions were answered.
    """
    count = 0
    for _ in range(ANSWERS_PER_CLASS):
        best = {question.class_id: question for question in reversed(result.questions)}
        for question in best.values():
            reply(example, prompts, question)
        if not best:
            break
        count += len(best)
        session.set_prompts(prompts)
        result = session.propagate(all_axes=all_axes)
    return result, count


def tell_ends(example: BenchmarkExample, prompts: PromptSet) -> None:
    """Say of each class of a set where it truly begins and ends."""
    for each in prompts.classes:
        shown = np.flatnonzero((example.planes == each.id).any((1, 2)))
        first, last = int(shown[0]), int(shown[-1])
        prompts.add_ends(example.image, example.axis, first, last, each.id)
        for index in (first, last):  # at the border, too
            prompts.add_presence(example.image, example.axis, index, index, each.id)
