"""A result that waits for its review: the tools correct it, and its end can be taken back."""

from __future__ import annotations

from typing import Any

import slicer

from MVGCore.errors import InputError
from MVGDesktop.document import Document
from MVGDesktop.editing.history import Command


class ReviewEnd(Command):
    """Accept or Discard: one action, after which the result can wait for its review again."""

    depends_on_voxels = False

    def __init__(self, controller: Any, ended: Any) -> None:
        """
        Args:
            controller: `MVGLib.control.controller.Controller`.
            ended: `MVGLib.control.state.EndedReview`, the review that has just ended.
        """
        super().__init__("Accept" if ended.accepted else "Discard", ended.node_id, done=True)
        self._controller, self._ended = controller, ended

    def do(self) -> None:
        controller, ended = self._controller, self._ended
        if ended.accepted:
            controller.choices.set(into_own=bool(ended.into))
            controller.reviews.accept()
        else:
            controller.reviews.discard()
        self._ended = self._outcome(controller.view().review is None).ended[-1]

    def take_back(self) -> None:
        self._controller.reviews.take_back(self._ended.key)
        self._outcome(self._controller.view().review is not None)

    def _outcome(self, happened: bool) -> Any:
        """The view afterwards; an action that could not be done says why in its message."""
        view = self._controller.view()
        if not happened:
            raise InputError(view.message.text if view.message else f"{self.text()} cannot be done now.")
        return view


class NoteAboutSlices(Command):
    """What the user has said of slices that nobody has drawn, by a key, a button or an answer."""

    depends_on_voxels = False

    def __init__(self, controller: Any, before: tuple[Any, ...], after: tuple[Any, ...]) -> None:
        """
        Args:
            controller: `MVGLib.control.controller.Controller`.
            before: `MVGLib.control.claims.Claim`s, all that were known.
            after: All that are known now.
        """
        super().__init__("Note about slices", "", done=True)
        self._controller, self._before, self._after = controller, before, after

    def do(self) -> None:
        self._restore(self._after)

    def take_back(self) -> None:
        self._restore(self._before)

    def _restore(self, claims: tuple[Any, ...]) -> None:
        self._controller.asking.restore(claims)
        view = self._controller.view()
        if "edit" in view.blocked:
            raise InputError(view.blocked["edit"])


class ReviewFollower:
    """Lets the tools correct a result while it is looked at, then goes back to the user's labels."""

    def __init__(self, document: Document, controller: Any) -> None:
        self._document, self._controller = document, controller
        self._reviewing, self._edited_before = "", ""
        self._known: tuple[int, ...] = ()
        self._hidden: Any = None  # display of the mask of what was filled in
        controller.claims_changed.connect(self._note_claims)

    def reviews(self, node: Any) -> bool:
        """Whether a segmentation is a result that waits for its review."""
        review = self._controller.view().review
        return node.GetID() == self._reviewing or (review is not None and node.GetID() == review.node_id)

    def follow(self, view: Any) -> None:
        """The panel shows something else.

        Args:
            view: `MVGLib.control.state.View`.
        """
        review = view.review
        if review is not None and view.progress is None:
            self._begin(view)
        elif review is None and self._reviewing:
            self._end(view)
        self._note(view)

    def _begin(self, view: Any) -> None:
        review = view.review
        if self._reviewing == review.node_id:
            return
        self._reviewing = review.node_id
        self._document.unsaved.add(review.node_id)
        mask = slicer.mrmlScene.GetNodeByID(view.mask_id) if view.mask_id else None
        if not review.task.takes_examples and mask is not None:  # it would cover what was filled in
            self._hidden = mask.GetDisplayNode()
            self._hidden.SetVisibility(False)
        if review.task.makes_segments:
            self._edited_before = self._document.segmentation_id
            self._document.set_segmentation(review.node_id)

    def _end(self, view: Any) -> None:
        was, self._reviewing = self._reviewing, ""
        if self._hidden is not None and self._hidden.GetScene() is not None:
            self._hidden.SetVisibility(True)
        self._hidden = None
        before = self._edited_before
        kept = slicer.mrmlScene.GetNodeByID(was) is not None
        if not kept and before != was and slicer.mrmlScene.GetNodeByID(before) is not None:
            self._document.set_segmentation(before)
        self._document.unsaved.refresh()

    def _note(self, view: Any) -> None:
        """Keep ends of reviews that nobody has told the history of yet."""
        new = [each for each in view.ended if each.key not in self._known]
        self._known = tuple(each.key for each in view.ended)
        for each in new:
            if each.into:
                self._document.unsaved.add(each.into)
            if not self._document.history.busy:
                self._document.history.add(ReviewEnd(self._controller, each))

    def _note_claims(self, before: tuple[Any, ...], after: tuple[Any, ...]) -> None:
        self._document.history.add(NoteAboutSlices(self._controller, before, after))
