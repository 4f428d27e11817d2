"""What can be done now."""

from __future__ import annotations

from dataclasses import dataclass

from MVGCore.errors import InputError, MVGError
from MVGLib.control.activity import Activity
from MVGLib.control.advice import Situation, blocked
from MVGLib.control.orders import OrderBook
from MVGLib.control.parameters import MASK
from MVGLib.control.previewing import ShownPreview
from MVGLib.control.questions import Questions
from MVGLib.control.reviewer import Reviewer
from MVGLib.control.reviewstate import Review
from MVGLib.control.workspace import Workspace


@dataclass(eq=False, repr=False)
class Permissions:
    """Knows from the state of everything which actions are possible."""

    _workspace: Workspace
    _orders: OrderBook
    _reviewer: Reviewer
    _activity: Activity
    _preview: ShownPreview
    _questions: Questions

    def require(self, what: str) -> None:
        """Raise `InputError` with the reason if something cannot be done now."""
        why = blocked(self.situation()).get(what)
        if why:
            raise InputError(why)

    def situation(self) -> Situation:
        """What advice depends on."""
        workspace, review = self._workspace, self._reviewer.review
        return Situation(
            phase=self._activity.phase,
            settings=workspace.settings,
            install=self._activity.missing,
            volume=bool(workspace.volume_id),
            partner=bool(workspace.partner_id),
            mask=bool(workspace.nodes[MASK]),
            examples=len(workspace.book.of(workspace.task)),
            usable=len(workspace.book.used(workspace.task)),
            unshown=workspace.book.unshown(workspace.partner_id),
            review=review,
            same_result=review is None or self._fills_again(review),
            changed=self._made_from_others(),
            previewing=self._preview.place is not None,
            question=self._questions.asked_now(),
        )

    def _made_from_others(self) -> bool:
        """Whether the examples have changed since the result was made."""
        reviewer = self._reviewer
        if reviewer.review is None or reviewer.made_from is None or self._activity.busy:
            return False
        return reviewer.made_from != self._workspace.versions()

    def _fills_again(self, review: Review) -> bool:
        """Whether a run with the choices of now would fill the result that is there."""
        workspace = self._workspace
        if review.task is not workspace.task or review.volume_id != workspace.volume_id:
            return False
        try:
            return not review.task.makes_segments or self._orders.axis() == review.axis
        except MVGError:
            return False
