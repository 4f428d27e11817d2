"""The controller: what the user does, and what follows from it. No Qt, no torch."""

from __future__ import annotations

from typing import Any

from MVGCore.errors import MVGError
from MVGCore.volume import SliceKey
from MVGLib.control.choosing import Choosing
from MVGLib.control.core import action
from MVGLib.control.running import Running
from MVGLib.control.state import EndedReview, Level, Phase, Remedy
from MVGLib.texts import _


class Controller(Choosing, Running):
    """Runs MVG for a panel.

    Every action may be called at any time: one that cannot be done now says why in `view().message`.

    Example:
        >>> controller = Controller(Scene(), Client(), parameters, time.monotonic)
        >>> controller.set_volume(volume.GetID())
        >>> controller.set_partner(segmentation.GetID())
        >>> controller.add_all_labelled()
        >>> controller.apply()
        >>> while controller.view().progress:  # a host calls poll from a timer instead
        ...     controller.poll()
        >>> controller.accept()
    """

    def __init__(self, *arguments: Any, **choices: Any) -> None:
        # `basis` of the results of reviews that have ended.
        self._made_from: dict[int, tuple[object, ...] | None] = {}
        super().__init__(*arguments, **choices)

    @action
    def accept(self) -> None:
        """Keep the result; one step of undo."""
        self._may("accept")
        review, before = self.reviewer.review, self.reviewer.ended
        assert review is not None
        into = self.reviewer.accept()
        text = _("The result is in the segments of '{name}'.") if into else _("'{name}' is kept.")
        self._review_ended(text.format(name=self.scene.name(into or review.node_id)), before)

    @action
    def discard(self) -> None:
        """Remove the result; the scene is as it was before. One step of undo."""
        self._may("discard")
        before = self.reviewer.ended
        self.reviewer.discard()
        self._review_ended(_("The result was discarded."), before)

    @action
    def compare(self, before: bool) -> None:
        """Show the scene as it was before the result, or the result again."""
        self._may("compare")
        self.reviewer.show(not before)

    @action
    def toggle_compare(self) -> None:
        """Show the other of before and after."""
        self._may("compare")
        review = self.reviewer.review
        assert review is not None
        self.reviewer.show(not review.shown)

    @action
    def show_confidence(self, on: bool) -> None:
        """Colour the slices by confidence, or not."""
        self._may("overlay")
        self.reviewer.show_confidence(on)

    @action
    def show_surface(self, on: bool) -> None:
        """Show the result in 3-D, or not."""
        self._may("surface")
        self.reviewer.show_surface(on)

    @action
    def protect(self, on: bool) -> None:
        """Let nothing be drawn or accepted over the user's other segments, or allow it."""
        self.workspace.set(protect=on)
        self.scene.protect_segments(on)

    @action
    def go_next(self) -> None:
        """Show the slice where another example helps most."""
        self._may("next")
        review = self.reviewer.review
        assert review is not None and review.next_slice is not None
        self.scene.jump(review.volume_id, SliceKey(review.axis, review.next_slice))

    @action
    def go_to(self, index: int) -> None:
        """Show a slice of the result."""
        review = self.reviewer.review
        if review is not None and 0 <= index < review.depth:
            self.scene.jump(review.volume_id, SliceKey(review.axis, index))

    def escape(self) -> None:
        """Stop what is going on; else hide the preview; else hide the message."""
        if self.phase in (Phase.RUNNING, Phase.PREVIEWING):
            self.cancel()
        elif self.preview_place is not None:
            self.hide_preview()
        else:
            self.dismiss()

    def remedy(self) -> None:
        """Do what the button beside the message says."""
        wanted = self.message.remedy if self.message else None
        if wanted is Remedy.ROTATE_VIEWS:
            self._rotate_views()
        elif wanted is Remedy.UNDO:
            self.take_back(self.reviewer.ended[-1].key)
        elif wanted is Remedy.MAKE_GRAY:
            self._make_gray()

    @action
    def _rotate_views(self) -> None:
        self.scene.rotate_to_volume(self.workspace.volume_id)

    def _make_gray(self) -> None:
        try:
            gray_id = self.scene.make_luminance(self.workspace.volume_id)
        except MVGError as error:
            self.say(str(error), Level.ERROR)
            self.update()
        else:
            self.set_volume(gray_id)

    @action
    def take_back(self, key: int) -> None:
        """Take Accept or Discard back: the result waits for its review again, and all is as it was before.

        Args:
            key: Of one of `view().ended`.
        """
        self._may("edit")
        self._restored(self.reviewer.undo(key))
        self.say(_("All is as it was; the result waits for its review again."))

    @action
    def bring_back(self, key: int) -> None:
        """Let an earlier result wait for its review again; what it was accepted into stays as it is.

        Args:
            key: Of one of `view().ended`. A result that waits now takes its place among them.
        """
        self._may("edit")
        if self.reviewer.review is not None:
            self.discard()
        self._restored(self.reviewer.bring_back(key))
        self.say(_("The result waits for its review again."))

    def _restored(self, key: int) -> None:
        self.basis = self._made_from.pop(key, None)
        self.workspace.parameters.set_review(self.reviewer.review)

    def _review_ended(self, text: str, before: tuple[EndedReview, ...]) -> None:
        kept = [each for each in self.reviewer.ended if each not in before]
        for each in kept:
            self._made_from[each.key] = self.basis
        self.basis, self._search, self._stale_since = None, None, None
        self.workspace.parameters.set_review(None)
        self.say(text, Level.INFO, Remedy.UNDO if kept else None)
