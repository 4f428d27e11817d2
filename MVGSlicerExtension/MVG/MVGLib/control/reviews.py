"""What the user does with a result."""

from __future__ import annotations

from dataclasses import dataclass

from MVGCore.volume import SliceKey
from MVGLib.control.corrections import Corrections
from MVGLib.control.dialogue import Dialogue, action
from MVGLib.control.permissions import Permissions
from MVGLib.control.protocols import SceneAccess
from MVGLib.control.reviewer import Reviewer
from MVGLib.control.reviewstate import EndedReview
from MVGLib.control.state import Level, Remedy
from MVGLib.control.workspace import Workspace
from MVGLib.texts import _


@dataclass(eq=False, repr=False)
class Reviews:
    """The actions on a result that waits for its review, and on those that have waited."""

    _dialogue: Dialogue
    _permissions: Permissions
    _scene: SceneAccess
    _workspace: Workspace
    _reviewer: Reviewer
    _corrections: Corrections

    @action
    def accept(self) -> None:
        """Keep the result; one step of undo."""
        self._permissions.require("accept")
        review, before = self._reviewer.review, self._reviewer.ended
        assert review is not None
        into = self._reviewer.accept()
        text = _("The result is in the segments of '{name}'.") if into else _("'{name}' is kept.")
        self._end(text.format(name=self._scene.nodes.name(into or review.node_id)), before)

    @action
    def discard(self) -> None:
        """Remove the result; the scene is as it was before. One step of undo."""
        self._permissions.require("discard")
        before = self._reviewer.ended
        self._reviewer.discard()
        self._end(_("The result was discarded."), before)

    @action
    def compare(self, before: bool) -> None:
        """Show the scene as it was before the result, or the result again."""
        self._permissions.require("compare")
        self._reviewer.show(not before)

    @action
    def toggle_compare(self) -> None:
        """Show the other of before and after."""
        self._permissions.require("compare")
        review = self._reviewer.review
        assert review is not None
        self._reviewer.show(not review.visible)

    @action
    def show_confidence(self, on: bool) -> None:
        """Colour the slices by confidence, or not."""
        self._permissions.require("overlay")
        self._reviewer.show_confidence(on)

    @action
    def show_surface(self, on: bool) -> None:
        """Show the result in 3-D, or not."""
        self._permissions.require("surface")
        self._reviewer.show_surface(on)

    @action
    def go_next(self) -> None:
        """Show the slice where another example helps most."""
        self._permissions.require("next")
        review = self._reviewer.review
        assert review is not None and review.next_slice is not None
        self._scene.jump(review.volume_id, SliceKey(review.axis, review.next_slice))

    @action
    def go_to(self, index: int) -> None:
        """Show a slice of the result."""
        review = self._reviewer.review
        if review is not None and 0 <= index < review.depth:
            self._scene.jump(review.volume_id, SliceKey(review.axis, index))

    @action
    def take_back(self, key: int) -> None:
        """Take Accept or Discard back: the result waits for its review again, and all is as it was before.

        Args:
            key: Of one of `view().ended`.
        """
        self._permissions.require("edit")
        self._reviewer.undo(key)
        self._keep()
        self._dialogue.say(_("All is as it was; the result waits for its review again."))

    @action
    def bring_back(self, key: int) -> None:
        """Let an earlier result wait for its review again; what it was accepted into stays as it is.

        Args:
            key: Of one of `view().ended`. A result that waits now takes its place among them.
        """
        self._permissions.require("edit")
        if self._reviewer.review is not None:
            self.discard()
        self._reviewer.bring_back(key)
        self._keep()
        self._dialogue.say(_("The result waits for its review again."))

    def _end(self, text: str, before: tuple[EndedReview, ...]) -> None:
        self._corrections.forget()
        self._keep()
        self._dialogue.say(text, Level.INFO, Remedy.UNDO if self._reviewer.ended != before else None)

    def _keep(self) -> None:
        self._workspace.parameters.set_review(self._reviewer.review)
