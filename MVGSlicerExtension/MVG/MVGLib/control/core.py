"""The heart of the controller: its state, and how it follows the scene. No Qt, no torch."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

from MVGCore.errors import InputError, MVGError
from MVGCore.session.results import FailureKind
from MVGCore.volume import SliceKey
from MVGCore.worker.host.client import Worker
from MVGLib.control.advice import Situation, blocked
from MVGLib.control.orders import OrderBook
from MVGLib.control.parameters import MASK, VOLUME, Parameters
from MVGLib.control.protocols import Clock, Installer, SceneAccess
from MVGLib.control.reviewer import Reviewer
from MVGLib.control.runner import RunCarrier
from MVGLib.control.signals import Signal
from MVGLib.control.state import Level, Message, PanelState, Phase, Remedy, Review, RunProgress
from MVGLib.control.timing import Timing
from MVGLib.control.viewmaker import make_view
from MVGLib.control.watching import NodeFollower
from MVGLib.control.workspace import Workspace
from MVGLib.texts import _

SETTLE = 0.25  # seconds without an edit after which examples are read again
MESSAGE_SECONDS = 8.0  # for which a message without a problem and a remedy stays


def action(method: Callable[..., Any]) -> Callable[..., Any]:
    """What the user does: an expected failure becomes a message; the choices are kept."""

    @functools.wraps(method)
    def run(self: Core, *arguments: Any, **choices: Any) -> Any:
        if self._closed:  # widgets may outlive the panel
            return None
        self.message = None
        try:
            return method(self, *arguments, **choices)
        except MVGError as error:
            self.say(str(error), Level.ERROR)
            return None
        finally:
            self.workspace.save()
            self.update()

    return run


class Core:
    """The state that all actions share; see `controller.Controller`.

    Attributes:
        changed: Emitted when `view()` is a new one.
        scene: The MRML scene.
        installer: Installs what a run needs, or None.
        workspace: What the user chose.
        runner: Carries out runs.
        reviewer: Keeps the result.
        orders: Makes orders for the runner.
        phase: What is going on.
        message: What happened last.
        progress: Of a run.
        timing: How long it takes.
        preview_place: The slice whose preview is shown.
        missing: What has to be installed.
        basis: Which examples the result was made from, as `versions` gives them.
    """

    def __init__(
        self,
        scene: SceneAccess,
        worker: Worker,
        parameters: Callable[[], Parameters],
        clock: Clock,
        installer: Installer | None = None,
    ) -> None:
        """
        Args:
            scene: The MRML scene.
            worker: Computes; it is started with the first run.
            parameters: Gives the parameters of the scene, which it makes if there are none.
            clock: Seconds.
            installer: Installs what a run needs; None takes it for granted.
        """
        self.changed = Signal()
        self.scene = scene
        self.installer = installer
        self.workspace = Workspace(scene, parameters)
        self.runner = RunCarrier(worker, clock)
        self.reviewer = Reviewer(scene, self.workspace)
        self.orders = OrderBook(scene, self.workspace)
        self.phase = Phase.IDLE
        self.message: Message | None = None
        self.progress: RunProgress | None = None
        self.timing = Timing(clock)
        self.preview_place: SliceKey | None = None
        self.missing = ""
        self.basis: tuple[object, ...] | None = None
        self._clock = clock
        self._message_until: float | None = None
        self._gathering = self._changed = False
        self._watcher = NodeFollower(scene, self._content, self._renamed, self._removed)
        self._stale_since: float | None = None
        self._search: Iterator[int | None] | None = None
        self._view: PanelState | None = None
        self._closed = False
        self.runner.trouble.connect(self._failed)
        scene.on_scene(self.scene_closing, self.scene_closed, self.scene_imported)
        self.workspace.load()
        self.reviewer.open(self.workspace.parameters.review())
        self.refresh()

    def view(self) -> PanelState:
        """All that a panel shows."""
        if self._view is None:
            self._view = make_view(self)
        return self._view

    def update(self) -> None:
        """The view is out of date; during a `poll`, what has changed is told once at its end."""
        self._view = None
        if self._gathering:
            self._changed = True
        elif not self._closed:
            nodes = {*self.workspace.nodes.values(), *self.workspace.book.node_ids()}
            self._watcher.follow(nodes | ({self.reviewer.review.node_id} if self.reviewer.review else set()))
            self.changed.emit()

    def say(
        self, text: str, level: Level = Level.INFO, remedy: Remedy | None = None, stays: bool = False
    ) -> None:
        """Show a message; an empty text hides the one that is shown.

        Information without a remedy goes by itself after a while, unless it `stays`.
        """
        self.message = Message(text, level, remedy) if text else None
        passes = level is Level.INFO and remedy is None and not stays
        self._message_until = self._clock() + MESSAGE_SECONDS if passes else None

    def refresh(self) -> None:
        """Look again at what may have changed outside, such as what is installed."""
        self.missing = self.installer.missing() if self.installer else ""
        if self.phase in (Phase.IDLE, Phase.SETUP):
            self.phase = Phase.SETUP if self.missing else Phase.IDLE
        self.update()

    def close(self) -> None:
        """The host goes away: no worker, no observer, no preview. May be called again."""
        if self._closed:
            return
        self._closed = True
        self.runner.abandon()
        self._watcher.follow(set())
        self.scene.detach()
        self.runner.worker.close()

    def set_parameter_node(self, node: Any) -> None:
        """Read the choices from another parameter node; None takes the scene's own."""
        self._take_up(Parameters(node) if node is not None else None)

    def scene_closing(self) -> None:
        """The scene is about to be closed: stop, and forget what is in it."""
        self.runner.abandon()
        self.scene.hide_preview()
        self._watcher.follow(set())
        self.reviewer.forget_all()
        self.workspace.clear()
        self.preview_place, self.progress, self.message = None, None, None
        self.basis, self._search, self._stale_since = None, None, None
        self.phase = Phase.SETUP if self.missing else Phase.IDLE
        self._view = None

    def scene_closed(self) -> None:
        """The scene is empty."""
        self.update()

    def scene_imported(self) -> None:
        """A scene was opened, or added to this one: go on where it was saved."""
        if self.workspace.is_kept():
            self.update()
        else:
            self._take_up(None)

    def versions(self) -> tuple[object, ...]:
        """Differs whenever a run would be told something else by its examples."""
        workspace = self.workspace
        return (*workspace.book.versions(workspace.task), *workspace.absences.versions())

    def situation(self) -> Situation:
        """What advice depends on."""
        workspace, review = self.workspace, self.reviewer.review
        examples = workspace.book.of(workspace.task)
        usable = workspace.book.used(workspace.task)
        return Situation(
            phase=self.phase,
            settings=workspace.settings,
            install=self.missing,
            volume=bool(workspace.volume_id),
            partner=bool(workspace.partner_id),
            mask=bool(workspace.nodes[MASK]),
            examples=len(examples),
            usable=len(usable),
            unshown=workspace.book.unshown(workspace.partner_id),
            review=review,
            same_result=review is None or self._fills_again(review),
            changed=review is not None
            and not self.runner.busy
            and self.basis is not None
            and self.basis != self.versions(),
            previewing=self.preview_place is not None,
        )

    def _may(self, what: str) -> None:
        """Raise `InputError` with the reason if something cannot be done now."""
        why = blocked(self.situation()).get(what)
        if why:
            raise InputError(why)

    def _fills_again(self, review: Review) -> bool:
        """Whether a run with the choices of now would fill the result that is there."""
        workspace = self.workspace
        if review.task is not workspace.task or review.volume_id != workspace.volume_id:
            return False
        try:
            return not review.task.makes_segments or self.orders.axis() == review.axis
        except MVGError:
            return False

    def _take_up(self, parameters: Parameters | None) -> None:
        self.runner.abandon()
        self._hide_preview()
        self.workspace.use(parameters)
        self.reviewer.open(self.workspace.parameters.review())
        self.basis = None
        self.phase, self.progress = Phase.IDLE, None
        self.refresh()

    def _hide_preview(self) -> None:
        if self.preview_place is not None:
            self.preview_place = None
            self.scene.hide_preview()

    def _place_in_view(self) -> SliceKey | None:
        """The slice in view; None, and a message with a remedy, if the view is oblique or elsewhere."""
        try:
            return self.scene.slice_in_view(self.workspace.volume_id)
        except MVGError as error:
            self.say(str(error), Level.ERROR, Remedy.ROTATE_VIEWS)
            return None

    def _failed(self, message: str, kind: FailureKind) -> None:
        """The worker could not do something."""
        logged = kind in (FailureKind.CRASHED, FailureKind.HUNG, FailureKind.INTERNAL)
        self.say(message, Level.ERROR, Remedy.OPEN_LOG if logged else None)
        if kind is FailureKind.SETUP and self.installer is not None:
            self.refresh()
        self.update()

    def _content(self, node_id: str) -> None:
        """A node that is watched has another content."""
        if self.reviewer.writing:
            return
        review = self.reviewer.review
        if review is not None and node_id == review.node_id:
            self._search = None  # begins anew when the edit has settled
        elif node_id == self.workspace.volume_id:
            self._hide_preview()
        self._stale_since = self._clock()

    def _renamed(self, _node_id: str) -> None:
        self.update()

    def _removed(self, node_id: str) -> None:
        """A node that is watched is gone."""
        if self.reviewer.writing:  # MVG itself removes a result
            return
        review, nodes = self.reviewer.review, self.workspace.nodes
        needed = {nodes[VOLUME], nodes[MASK], *((review.node_id, review.volume_id) if review else ())}
        if self.runner.busy and node_id in needed:
            self.runner.abandon()
            self.phase, self.progress = Phase.IDLE, None
            self.say(_("The run was stopped: a node that it needs was removed."), Level.WARNING)
            if review is None or node_id != review.node_id:
                self.reviewer.stop()
        if review is not None and node_id == review.node_id:
            self.reviewer.forget()
        self.workspace.parameters.set_review(self.reviewer.review)
        self._hide_preview()
        self.workspace.forget_node(node_id)
        self.workspace.save()
        self.update()
