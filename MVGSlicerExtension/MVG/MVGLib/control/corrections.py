"""Notices what the user corrects on a result."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from MVGLib.control.dialogue import Dialogue
from MVGLib.control.examples import Example
from MVGLib.control.parameters import LABELS
from MVGLib.control.protocols import Clock
from MVGLib.control.reviewer import Reviewer
from MVGLib.control.runsettings import PanelTask
from MVGLib.control.workspace import Workspace
from MVGLib.texts import _

SETTLING_SECONDS = 0.25  # seconds without an edit after which examples are read again


@dataclass(eq=False, repr=False)
class Corrections:
    """Searches the result for slices that somebody has changed, once an edit has settled."""

    _dialogue: Dialogue
    _workspace: Workspace
    _reviewer: Reviewer
    _clock: Clock
    _edited_at: float | None = field(default=None, init=False)
    _search: Iterator[int | None] | None = field(default=None, init=False)

    def edited(self, result: bool) -> None:
        """Something was edited; a search that goes on begins anew if it was the result."""
        if result:
            self._search = None
        self._edited_at = self._clock()

    def forget(self) -> None:
        """There is nothing to search."""
        self._edited_at, self._search = None, None

    def follow(self, seconds: float) -> None:
        """Go on with the search, for about so many seconds."""
        if self._edited_at is not None and self._clock() - self._edited_at >= SETTLING_SECONDS:
            self._edited_at, self._search = None, self._reviewer.corrected()
            self._dialogue.update()
        until = self._clock() + seconds
        for index in self._search or ():
            self._take(index)
            if self._clock() >= until:
                return
        self._search = None

    def finish(self) -> None:
        """Know of every correction, as before the next run."""
        if self._edited_at is not None:
            self._edited_at, self._search = None, self._reviewer.corrected()
        for index in self._search or ():
            self._take(index)
        self._search = None

    def _take(self, index: int | None) -> None:
        """A slice of the result that the user has corrected is an example from now on."""
        if index is None:
            return
        review, book = self._reviewer.review, self._workspace.book
        assert review is not None
        drawn = Example(review.volume_id, review.node_id, review.axis, index)
        # Whatever else labels this slice was drawn before: looked at first, it counts as the older one.
        if self._workspace.nodes[LABELS]:
            book.cut(replace(drawn, partner_id=self._workspace.nodes[LABELS]))
        book.add(PanelTask.SEGMENT, drawn)
        book.cut(drawn)
        text = _("{plane} {index} was corrected and is an example now; press Apply to update its neighbours.")
        self._dialogue.say(text.format(plane=review.plane.capitalize(), index=index))
        self._workspace.save()
        self._dialogue.update()
