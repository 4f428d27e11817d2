"""What the user does with the questions about a result."""

from __future__ import annotations

from dataclasses import dataclass

from MVGLib.control.claims import PanelClaim
from MVGLib.control.dialogue import Dialogue, action
from MVGLib.control.permissions import Permissions
from MVGLib.control.questions import Questions, answer
from MVGLib.control.reviewer import Reviewer
from MVGLib.control.workspace import Workspace
from MVGLib.texts import _


@dataclass(eq=False, repr=False)
class Asking:
    """The actions that show and answer questions, one after the other."""

    _dialogue: Dialogue
    _permissions: Permissions
    _workspace: Workspace
    _reviewer: Reviewer
    _questions: Questions

    @action
    def show(self) -> None:
        """Show the slice of the next question, which can be answered from then on."""
        self._permissions.require("question")
        self._questions.ask()

    @action
    def answer(self, yes: bool) -> None:
        """Answer the question whose slice was shown last; the next one follows.

        A question that was not shown yet is shown instead.
        """
        self._permissions.require("question")
        question, review = self._questions.asked, self._reviewer.review
        if review is None or question is None or not self._questions.is_in_view():
            self._questions.ask()
            return
        self._workspace.claims.add(answer(question, yes, review.volume_id))
        said = _("'{name}' is on {place}.") if yes else _("'{name}' has ended on {place}.")
        text = said.format(name=question.name, place=self._questions.place_text(question))
        self._questions.ask()
        end = _("Press Apply to take it into account.")
        self._dialogue.say(f"{text} {_('The next question follows.') if self._questions.asked else end}")

    @action
    def skip(self) -> None:
        """Leave the question that is shown; the next one follows."""
        self._permissions.require("question")
        self._questions.skip()
        self._questions.ask()

    @action
    def restore(self, claims: tuple[PanelClaim, ...]) -> None:
        """Know of other slices exactly this, as undo and redo do; what was asked is asked again."""
        self._permissions.require("edit")
        left = {each.key for each in claims}
        fewer = any(each.key not in left for each in self._workspace.claims.all)
        self._workspace.claims.set(claims)
        if fewer:
            self._questions.ask()
