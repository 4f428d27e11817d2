"""A result in the scene, from its first slice until it is accepted or discarded."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from MVGCore.errors import InputError, MVGError
from MVGCore.session.results import SliceDone
from MVGCore.volume import SliceKey
from MVGLib.control.endedreviews import EndedRecord, EndedReviews
from MVGLib.control.passes import PassRecord
from MVGLib.control.protocols import ResultWriter, SceneAccess
from MVGLib.control.resultedits import ResultEdits
from MVGLib.control.reviewstate import EndedReview, Review
from MVGLib.control.runner import Order
from MVGLib.control.runsettings import PanelTask
from MVGLib.control.scores import summed_up
from MVGLib.control.workspace import Workspace
from MVGLib.texts import _


def _writes(method: Callable[..., Any]) -> Callable[..., Any]:
    """What changes the result: the controller must not take it for an edit of the user."""

    @functools.wraps(method)
    def run(self: Reviewer, *arguments: Any) -> Any:
        was, self.writing = self.writing, True
        try:
            return method(self, *arguments)
        finally:
            self.writing = was

    return run


class Reviewer:
    """Writes slices into the result's node, remembers how sure they are, and notices corrections.

    Attributes:
        review: What is shown of the result, or None.
        made_from: Which examples the result was made from, as `Workspace.versions` gives them; None: unknown.
        writing: Whether MVG itself is just changing the result.
    """

    def __init__(self, scene: SceneAccess, workspace: Workspace) -> None:
        """
        Args:
            scene: Where the result lies.
            workspace: The user's choices.
        """
        self.review: Review | None = None
        self.made_from: tuple[object, ...] | None = None
        self._scene = scene
        self._workspace = workspace
        self._writer: ResultWriter | None = None
        self._edits = ResultEdits(scene, workspace)
        self._fresh = False  # whether the result was begun by the run that goes on
        self._of_a_range = False  # whether that run fills a part of the slices only
        self._passes = PassRecord()  # of that run
        self._before: Review | None = None
        self._ended = EndedReviews(scene, workspace)
        self.writing = False

    def open(self, review: Review | None) -> None:
        """Take up a result of a scene that was opened; one whose node is unusable is forgotten."""
        self.forget()
        if review is None:
            return
        try:
            self._writer = self._scene.open_result(review.node_id)
        except MVGError:
            return
        self.review = review
        self._settle()

    def forget(self) -> None:
        """Know of no result any more; the scene is not touched."""
        self.review, self._writer, self._before = None, None, None
        self._fresh, self.made_from = False, None
        self._edits.forget()

    def forget_all(self) -> None:
        """The scene is closed: know of no earlier results either."""
        self.forget()
        self._ended.forget()

    @_writes
    def begin(self, order: Order, volume_id: str, axis: int) -> None:
        """Get ready to write the slices of a run; a result that is there already is filled again.

        Args:
            order: Of the run.
            volume_id: The input.
            axis: Array axis of the slices.
        """
        self._before = self.review
        self._fresh = self._writer is None
        task = order.settings.task
        name = task.result_name(self._scene.nodes.name(volume_id))
        onto = self.review.node_id if self.review else ""
        if task.makes_segments:
            self._writer = self._scene.start_segments(
                volume_id, axis, order.classes, name, onto, order.overlapping
            )
        else:
            like = self._workspace.partner_id if task is PanelTask.SYNTHESIZE else ""
            self._writer = self._scene.start_volume(volume_id, axis, name, onto, like)
        depth, plane = order.volume.geometry.shape[axis], self._scene.plane_name(volume_id, axis)
        slices = dict(self.review.slices) if self.review else {}
        self.review = Review(self._writer.id, volume_id, task, axis, depth, plane, slices, ())
        self._of_a_range = getattr(order.request, "slice_range", None) is not None
        self._passes = PassRecord(1 + len(order.overlapping))

    @_writes
    def put(self, done: SliceDone) -> None:
        """Write a slice."""
        assert self._writer is not None and self.review is not None
        self._writer.put(done.index, done.values, done.confidence, done.layer)
        planes, score = self._passes.take(done)
        self._edits.written(done.index, planes)
        if done.given:
            self.review = replace(self.review, known=tuple(sorted({*self.review.known, done.index})))
        elif score is not None:
            self.review = replace(self.review, slices={**self.review.slices, done.index: score})

    @_writes
    def finish(self, summary: Any, notes: Iterable[str]) -> None:
        """The run is complete."""
        assert self._writer is not None and self.review is not None
        self._writer.finish()
        self._passes = PassRecord()
        partial = self._before is not None and self._of_a_range
        self.review = summed_up(self.review, summary, notes, partial, self._workspace.classes.classes)
        self._settle()

    @_writes
    def record_frame(self) -> None:
        """Keep the result as that of the frame of the sequence that is shown."""
        assert self.review is not None
        self._scene.record_frame(self.review.volume_id, self.review.node_id)

    @_writes
    def show_frame(self, number: int) -> None:
        """Show a frame of the sequence, with its result where there is one."""
        assert self.review is not None
        self._scene.set_frame(self.review.volume_id, number)
        self._settle()

    @_writes
    def stop(self) -> str:
        """The run was stopped or has failed: what was computed is kept; a result without any of it goes."""
        if self._writer is None or self.review is None:
            return ""
        if self._fresh:
            return self._keep_computed()
        if self._before is not None:
            self.review = replace(self._before, slices=self.review.slices)
            self._before = None
            if self._scene.nodes.exists(self.review.node_id):
                self._edits.read_again(self.review, self._passes.unfinished())
                self._writer.finish()
                self._settle()
        return _("The result keeps the slices that were computed so far.")

    def _keep_computed(self) -> str:
        """Let the slices that a new result has so far wait for their review; one sentence about it."""
        assert self._writer is not None and self.review is not None
        there = set(self._writer.put_slices()) if self._scene.nodes.exists(self.review.node_id) else set()
        given = set(self.review.known)
        if not there - given:
            self._writer.discard()
            self.forget()
            return _("The scene is as it was.")
        self._writer.finish()
        count = len(there - given)
        note = _("The run was stopped (slices computed: {count}); the others are empty.").format(count=count)
        self.review = replace(self.review, notes=(note,))
        self._fresh = False
        self._settle()
        text = _("Computed slices are kept ({count}): accept or discard them, or press Apply for all.")
        return text.format(count=count)

    @_writes
    def accept(self) -> str:
        """Keep the result; gives the user's segmentation that has it now, or empty if it has its own."""
        assert self._writer is not None and self.review is not None
        workspace, writer, review = self._workspace, self._writer, self.review
        into = workspace.partner_id if workspace.settings.into_own and workspace.task.makes_segments else ""
        keep: list[SliceKey] = []
        if into:
            drawn = workspace.generated.drawn(into, review.volume_id)
            keep = sorted({*drawn, *workspace.book.drawn_in(into)})
        ended = self._record_end(True, into)
        written = {SliceKey(review.axis, index) for index in writer.put_slices()}
        writer.show(True)
        writer.show_confidence(False)
        writer.accept(into, keep, workspace.settings.protect)
        if into:
            corrected = workspace.book.drawn_in(review.node_id)
            workspace.generated.note(into, review.volume_id, sorted(written - {*keep, *corrected}))
            workspace.book.move(review.node_id, into)  # what was corrected is there now
        self.forget()
        self._ended.keep(ended)
        return into

    @_writes
    def discard(self) -> None:
        """Remove the result, and the examples that were drawn in it."""
        assert self._writer is not None and self.review is not None
        ended = self._record_end(False)
        self._workspace.book.forget_node(self.review.node_id)
        self._writer.discard()
        self.forget()
        self._ended.keep(ended)

    @property
    def ended(self) -> tuple[EndedReview, ...]:
        """The last reviews that have ended, whose results can wait for their review again."""
        return self._ended.told

    @_writes
    def undo(self, key: int) -> int:
        """Take an `accept` or `discard` back: the result waits for its review again, all is as it was before.

        Raises:
            InputError: The scene has changed too much since.
        """
        ended = self._find(key)
        if ended.told.into and not self._scene.undo_accept():
            raise InputError(_("The segmentation was edited since; undo that first."))
        self._take_up(ended)
        if ended.told.into:
            self._workspace.generated.sums = ended.generated
        return key

    @_writes
    def bring_back(self, key: int) -> int:
        """Let a result wait for its review again; what it was accepted into stays as it is.

        Raises:
            InputError: The scene has changed too much since.
        """
        self._take_up(self._find(key))
        return key

    def _find(self, key: int) -> EndedRecord:
        if self.review is not None:
            raise InputError(_("Another result waits for its review; accept or discard it first."))
        return self._ended.find(key)

    def _take_up(self, ended: EndedRecord) -> None:
        self._scene.bring_back(ended.snapshot)
        self.open(ended.review)
        assert self._writer is not None
        self._writer.show(True)
        self._edits.sums, self.made_from = dict(ended.sums), ended.made_from
        self._ended.taken_up(ended)

    def _record_end(self, accepted: bool, into: str = "") -> EndedRecord | None:
        assert self.review is not None
        return self._ended.record(self.review, self._edits.sums, self.made_from, accepted, into)

    @_writes
    def show(self, on: bool) -> None:
        """Show the result, or the scene as it was before."""
        if self._writer is not None and self.review is not None:
            self._writer.show(on)
            if self.review.overlay:  # of a result that is not shown it would be the confidence of nothing
                self._writer.show_confidence(on)
            self.review = replace(self.review, visible=on)
            self._settle()

    @_writes
    def show_confidence(self, on: bool) -> None:
        """Colour the slices by confidence, or not."""
        if self._writer is not None and self.review is not None:
            self._writer.show_confidence(on)
            self.review = replace(self.review, overlay=on)
            self._settle()

    @_writes
    def show_surface(self, on: bool) -> None:
        """Show the segments in 3-D, or not."""
        if self.review is not None:
            self._scene.show_surface(self.review.node_id, on)
            self._settle()

    def corrected(self) -> Iterator[int | None]:
        """Look through the slices for the user's corrections; as `ResultEdits.search`."""
        if self.review is not None and self.review.task.makes_segments:
            yield from self._edits.search(self.review)

    def _settle(self) -> None:
        """What is in the node now is what MVG knows of."""
        if self.review is not None:
            self._edits.settle(self.review)
