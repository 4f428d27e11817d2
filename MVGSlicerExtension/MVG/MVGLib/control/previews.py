"""Makes the result on the slice in view; nothing is written."""

from __future__ import annotations

from typing import Any

from MVGCore.errors import InputError
from MVGCore.session.results import FailureKind, SliceDone
from MVGCore.volume import SliceKey
from MVGLib.control.computing import Computing
from MVGLib.control.dialogue import Dialogue, action
from MVGLib.control.orders import OrderBook
from MVGLib.control.permissions import Permissions
from MVGLib.control.previewing import ShownPreview
from MVGLib.control.protocols import SceneAccess
from MVGLib.control.runner import Listener, Order
from MVGLib.control.state import Phase
from MVGLib.control.workspace import Workspace
from MVGLib.texts import _


class Previews:
    """The actions about previews."""

    def __init__(
        self,
        dialogue: Dialogue,
        permissions: Permissions,
        scene: SceneAccess,
        workspace: Workspace,
        orders: OrderBook,
        preview: ShownPreview,
        computing: Computing,
    ) -> None:
        self._dialogue = dialogue
        self._permissions = permissions
        self._scene = scene
        self._workspace = workspace
        self._orders = orders
        self._preview = preview
        self._computing = computing

    @action
    def make(self) -> None:
        """Show the result on the slice in view."""
        self._permissions.require("preview")
        volume_id = self._workspace.volume_id
        place, axis = self._workspace.slice_in_view(), self._orders.axis()
        plane = self._scene.plane_name(volume_id, axis)
        if place.axis != axis:
            text = _("The examples are {plane} and this view is {other}; point at the {plane} view.")
            other = self._scene.plane_name(volume_id, place.axis)
            raise InputError(text.format(plane=plane, other=other))
        self._preview.hide()
        order = self._orders.order(preview=place.index)
        listener = _PreviewListener(self._dialogue, self._computing, self._preview, order, volume_id, place)
        self._computing.begin(Phase.PREVIEWING, f"{plane} {place.index}", order, listener)

    @action
    def hide(self) -> None:
        """Remove the preview from the views."""
        self._preview.hide()


class _PreviewListener(Listener):
    """Shows the slice of a preview."""

    def __init__(
        self,
        dialogue: Dialogue,
        computing: Computing,
        preview: ShownPreview,
        order: Order,
        volume_id: str,
        place: SliceKey,
    ) -> None:
        self._dialogue = dialogue
        self._computing = computing
        self._preview = preview
        self._order = order
        self._volume_id = volume_id
        self._place = place

    def progressed(self, fraction: float, text: str) -> None:
        self._computing.reached(fraction, text)

    def slice_done(self, done: SliceDone) -> None:
        self._preview.show(self._volume_id, self._place, self._order, done)

    def finished(self, summary: Any) -> None:
        self._computing.end()
        self._dialogue.update()

    def failed(self, message: str, kind: FailureKind) -> None:
        self._computing.fail(message, kind)

    def cancelled(self) -> None:
        self._computing.end()
        self._preview.hide()
        self._dialogue.update()
