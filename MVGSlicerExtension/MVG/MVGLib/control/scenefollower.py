"""What follows when somebody else changes the scene."""

from __future__ import annotations

from dataclasses import dataclass

from MVGLib.control.computing import Computing
from MVGLib.control.corrections import Corrections
from MVGLib.control.dialogue import Dialogue
from MVGLib.control.parameters import MASK, VOLUME, Parameters
from MVGLib.control.previewing import ShownPreview
from MVGLib.control.protocols import SceneAccess
from MVGLib.control.reviewer import Reviewer
from MVGLib.control.setup import Setup
from MVGLib.control.state import Level, Phase
from MVGLib.control.watching import NodeFollower
from MVGLib.control.workspace import Workspace
from MVGLib.texts import _


@dataclass(eq=False, repr=False)
class SceneFollower:
    """Keeps choices, result and preview true to the scene."""

    _dialogue: Dialogue
    _scene: SceneAccess
    _workspace: Workspace
    _reviewer: Reviewer
    _preview: ShownPreview
    _corrections: Corrections
    _computing: Computing
    _setup: Setup

    def __post_init__(self) -> None:
        self._watcher = NodeFollower(self._scene, self._content, self._renamed, self._removed)
        self._dialogue.changed.connect(self._watch)
        self._scene.nodes.on_scene(self.closing, self.closed, self.imported)

    def take_up(self, parameters: Parameters | None) -> None:
        """Go on with the choices that are kept in other parameters; None takes the scene's own."""
        self._computing.abandon()
        self._preview.hide()
        self._workspace.use(parameters)
        self._reviewer.open(self._workspace.parameters.review())
        self._setup.refresh()

    def detach(self) -> None:
        """The host goes away: observe nothing any more."""
        self._watcher.follow(set())
        self._scene.detach()

    def closing(self) -> None:
        """The scene is about to be closed: stop, and forget what is in it."""
        self._computing.abandon()
        self._scene.hide_preview()
        self._watcher.follow(set())
        self._reviewer.forget_all()
        self._workspace.clear()
        self._corrections.forget()
        self._preview.place = None
        self._dialogue.forget()

    def closed(self) -> None:
        """The scene is empty."""
        self._dialogue.update()

    def imported(self) -> None:
        """A scene was opened, or added to this one: go on where it was saved."""
        if self._workspace.is_kept():
            self._dialogue.update()
        else:
            self.take_up(None)

    def _watch(self) -> None:
        """Follow the nodes that are in use now."""
        review = self._reviewer.review
        nodes = {*self._workspace.nodes.values(), *self._workspace.book.node_ids()}
        self._watcher.follow(nodes | ({review.node_id} if review else set()))

    def _content(self, node_id: str) -> None:
        """A node that is watched has another content."""
        if self._reviewer.writing:
            return
        review = self._reviewer.review
        is_result = review is not None and node_id == review.node_id
        if node_id == self._workspace.volume_id and not is_result:
            self._preview.hide()
        self._corrections.edited(is_result)

    def _renamed(self, _node_id: str) -> None:
        self._dialogue.update()

    def _removed(self, node_id: str) -> None:
        """A node that is watched is gone."""
        if self._reviewer.writing:  # MVG itself removes a result
            return
        review = self._reviewer.review
        is_result = review is not None and node_id == review.node_id
        self._stop_without(node_id, is_result)
        if is_result:
            self._reviewer.forget()
        self._workspace.parameters.set_review(self._reviewer.review)
        self._preview.hide()
        self._workspace.forget_node(node_id)
        self._workspace.save()
        self._dialogue.update()

    def _stop_without(self, node_id: str, is_result: bool) -> None:
        """Stop what cannot go on without a node."""
        review, nodes = self._reviewer.review, self._workspace.nodes
        needed = {nodes[VOLUME], nodes[MASK], *((review.node_id, review.volume_id) if review else ())}
        if node_id not in needed or self._computing.abandon() not in _AT_WORK:
            return
        self._dialogue.say(_("The run was stopped: a node that it needs was removed."), Level.WARNING)
        if not is_result:
            self._reviewer.stop()


_AT_WORK = (Phase.RUNNING, Phase.PREVIEWING, Phase.CANCELLING)
