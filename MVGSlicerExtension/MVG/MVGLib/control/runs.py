"""Makes the result, slice by slice."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from MVGCore.session.results import FailureKind, SliceDone
from MVGLib.control.computing import Computing
from MVGLib.control.corrections import Corrections
from MVGLib.control.dialogue import Dialogue, action
from MVGLib.control.frames import Frames
from MVGLib.control.orders import OrderBook
from MVGLib.control.permissions import Permissions
from MVGLib.control.previewing import ShownPreview
from MVGLib.control.protocols import SceneAccess
from MVGLib.control.reviewer import Reviewer
from MVGLib.control.runner import Listener, Order
from MVGLib.control.state import Level, Phase
from MVGLib.control.workspace import Workspace
from MVGLib.texts import _


@dataclass(eq=False, repr=False)
class Runs:
    """The actions that fill the result; the run that goes on tells here how it went."""

    _dialogue: Dialogue
    _permissions: Permissions
    _scene: SceneAccess
    _workspace: Workspace
    _orders: OrderBook
    _reviewer: Reviewer
    _preview: ShownPreview
    _corrections: Corrections
    _computing: Computing

    def __post_init__(self) -> None:
        self._frames = Frames(self._scene, self._workspace, self._reviewer)

    @action
    def apply(self) -> None:
        """Compute the result; slices fill in as they are done."""
        self._permissions.require("apply")
        self._preview.hide()
        self._corrections.finish()
        order = self._orders.order()
        self._reviewer.made_from = self._workspace.versions()
        self._frames.begin()
        self._computing.begin(Phase.RUNNING, self._computing.first_step(), order, self._listener(order))

    @action
    def cancel(self) -> None:
        """Stop what is being computed."""
        self._permissions.require("cancel")
        self._computing.stop()

    def break_off(self, why: str) -> None:
        """Something in the scene cannot be done: the run ends here."""
        was = self._computing.abandon()
        self._corrections.forget()
        if was in (Phase.RUNNING, Phase.CANCELLING):
            self._reviewer.stop()
        self._end()
        self._dialogue.say(why, Level.ERROR)
        self._dialogue.update()

    def progressed(self, fraction: float, text: str) -> None:
        """A fraction of 0..1 of the run is done."""
        self._computing.reached(fraction, text)

    def filled(self) -> None:
        """A slice is in the result."""
        self._dialogue.update()

    def finished(self, order: Order, note: str) -> None:
        """The result of a frame, or of all that there is, is complete."""
        if self._frames.go_on():
            volume = self._scene.volume(self._workspace.volume_id)
            # The examples stay those of the first frame; adapted weights stay in use, for adapting
            # to the same examples again would give the same ones.
            order = replace(order, volume=volume, request=replace(order.request, image=volume))
            self._computing.go_on(order, self._listener(order))
            return
        self._end()
        self._dialogue.say(note)
        self._dialogue.update()

    def failed(self, message: str, kind: FailureKind) -> None:
        """The run has ended without a result."""
        self._end()
        self._computing.fail(message, kind)

    def cancelled(self, end: str) -> None:
        """The run was stopped; `end` says what has become of the result."""
        self._end()
        self._dialogue.say(_("Stopped. {end}").format(end=end or _("Nothing was changed.")))
        self._dialogue.update()

    def _listener(self, order: Order) -> Listener:
        return _RunListener(self, self._reviewer, order, self._workspace.volume_id)

    def _end(self) -> None:
        self._frames.end()
        self._computing.end()
        self._workspace.parameters.set_review(self._reviewer.review)


@dataclass(eq=False, repr=False)
class _RunListener(Listener):
    """Fills the result."""

    _runs: Runs
    _reviewer: Reviewer
    _order: Order
    _volume_id: str
    _begun: bool = field(default=False, init=False)

    def progressed(self, fraction: float, text: str) -> None:
        self._runs.progressed(fraction, text)

    def slice_done(self, done: SliceDone) -> None:
        if not self._begun:  # the scene is not touched before there is something to show
            self._begun = True
            self._reviewer.begin(self._order, self._volume_id, done.axis)
        self._reviewer.put(done)
        self._runs.filled()

    def finished(self, summary: Any) -> None:
        adaptation = getattr(summary, "adaptation", None)
        notes = [adaptation.text] if adaptation is not None else []
        self._reviewer.finish(summary, [*notes, *summary.notes])
        self._runs.finished(self._order, notes[0] if notes else "")

    def failed(self, message: str, kind: FailureKind) -> None:
        end = self._reviewer.stop() if self._begun else ""
        self._runs.failed(f"{message} {end}".strip(), kind)

    def cancelled(self) -> None:
        self._runs.cancelled(self._reviewer.stop() if self._begun else "")
