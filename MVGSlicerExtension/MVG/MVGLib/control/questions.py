"""Questions about where segments end: which of them are open, and which one is asked now."""

from __future__ import annotations

from MVGCore.errors import MVGError
from MVGCore.volume import SliceKey
from MVGLib.control.claims import PanelClaim
from MVGLib.control.protocols import SceneAccess
from MVGLib.control.reviewer import Reviewer
from MVGLib.control.reviewstate import EndQuestion, ShownQuestion
from MVGLib.control.runsettings import PanelTask
from MVGLib.control.workspace import Workspace
from MVGLib.texts import _


class Questions:
    """Knows which questions about a result are open.

    A question is open until a claim or a labelled slice settles it: whoever takes the answer back is asked
    again. An answer counts only after the slice was shown, so that no key answers what nobody has seen.

    Attributes:
        asked: The question whose slice was shown last, or None.
    """

    def __init__(self, scene: SceneAccess, workspace: Workspace, reviewer: Reviewer) -> None:
        self.asked: EndQuestion | None = None
        self._scene = scene
        self._workspace = workspace
        self._reviewer = reviewer
        self._skipped: list[EndQuestion] = []
        self._all: tuple[EndQuestion, ...] = ()

    def open(self) -> list[EndQuestion]:
        """The questions that are not settled, those that were skipped left out."""
        review = self._reviewer.review
        if review is None or not review.questions:
            return []
        if review.questions is not self._all:  # of another result, even if it asks the same
            self._all, self.asked, self._skipped = review.questions, None, []
        own = [each for each in self._workspace.claims.all if each.volume_id == review.volume_id]
        used = self._workspace.book.used(PanelTask.SEGMENT)
        labelled = {each.place for each in used if each.volume_id == review.volume_id}
        left = [each for each in review.questions if not is_settled(each, own, labelled)]
        return [each for each in left if each not in self._skipped]

    def asked_now(self) -> ShownQuestion | None:
        """The question that is asked now, or None."""
        review, left = self._reviewer.review, self.open()
        if review is None or not left:
            return None
        question = self.asked if self.asked in left else left[0]
        text = _("Is '{name}' still on {place}?").format(name=question.name, place=self.place_text(question))
        place = SliceKey(question.axis, question.index)
        return ShownQuestion(text, place, question is self.asked, review.ask_first, len(left))

    def ask(self) -> None:
        """Show the slice of the first open question; without one nothing is asked any more."""
        review, left = self._reviewer.review, self.open()
        self.asked = left[0] if left else None
        if self.asked is not None and review is not None:
            self._scene.jump(review.volume_id, SliceKey(self.asked.axis, self.asked.index))

    def skip(self) -> None:
        """Leave the question that is shown."""
        left = self.open()
        self._skipped += [self.asked if self.asked in left else left[0]] if left else []

    def is_in_view(self) -> bool:
        """Whether the question that was shown last is open, and a view still shows its slice."""
        asked, review = self.asked, self._reviewer.review
        if asked is None or review is None or asked not in self.open():
            return False
        try:
            return self._scene.shows(review.volume_id, SliceKey(asked.axis, asked.index))
        except MVGError:
            return False

    def place_text(self, question: EndQuestion) -> str:
        """Where it is about: "axial 11"."""
        return f"{self._scene.plane_name(self._workspace.volume_id, question.axis)} {question.index}"


def answer(question: EndQuestion, yes: bool, volume_id: str) -> PanelClaim:
    """What an answer says: a segment that has ended is on no slice from there on.

    Args:
        question: What was asked.
        yes: Whether the segment is on the slice.
        volume_id: The volume.
    """
    first, last = sorted((question.index, question.index if yes else question.until))
    return PanelClaim(volume_id, question.axis, first, last, question.name, present=yes)


def is_settled(question: EndQuestion, claims: list[PanelClaim], labelled: set[SliceKey]) -> bool:
    """Whether the user has answered it, or has said as much otherwise, as that the segment ends farther out.

    Args:
        question: What is asked.
        claims: What is known of the volume.
        labelled: Slices of the volume that are examples.
    """
    place, name = SliceKey(question.axis, question.index), question.name
    step = 1 if question.until > question.index else -1
    farther = [SliceKey(place.axis, k) for k in range(place.index, question.until + step, step)]
    return place in labelled or any(
        each.covers(place, name) or (each.present and any(each.covers(k, name) for k in farther))
        for each in claims
        if each.enabled
    )
