"""Makes the result on the slice in view: shown, or filled in where a part of it is drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.session.results import FailureKind, SliceDone
from MVGCore.volume import SegmentClass, SliceKey
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

SlicePart = tuple[NDArray[np.uint16], tuple[SegmentClass, ...]]
Fill = Callable[[str, str, SliceKey, Sequence[SlicePart]], object]


class Previews:
    """The actions about one slice.

    Attributes:
        fill: Writes the labels of a slice into a segmentation, as one action that can be taken back; by
            default by the scene. It is told segmentation, volume, slice, and of each pass the (H, W) labels
            and their classes, which may overlap those of another pass.
    """

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
        self.fill: Fill = scene.fill_slice

    @action
    def complete(self) -> None:
        """Fill in the rest of the slice in view, on which a little of each segment is drawn."""
        self._permissions.require("complete")
        workspace, place = self._workspace, self._workspace.slice_in_view()
        order = self._orders.completion(place)
        self._preview.hide()
        text = f"{self._scene.plane_name(workspace.volume_id, place.axis)} {place.index}"
        listener = _CompletionListener(self, order, place, (workspace.partner_id, workspace.volume_id))
        self._computing.begin(Phase.PREVIEWING, text, order, listener)

    def filled(self, text: str) -> None:
        """The rest of a slice has come, or why it has not."""
        self._computing.end()
        self._dialogue.say(text)
        self._dialogue.update()

    def failed(self, message: str, kind: FailureKind) -> None:
        """The worker could not do it."""
        self._computing.fail(message, kind)

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


class _CompletionListener(Listener):
    """Writes the rest of a slice into the segmentation in which it was begun."""

    def __init__(self, previews: Previews, order: Order, place: SliceKey, nodes: tuple[str, str]) -> None:
        self._previews = previews
        self._order = order
        self._place = place
        self._nodes = nodes  # segmentation and volume
        self._parts: dict[int, SlicePart] = {}

    def slice_done(self, done: SliceDone) -> None:
        self._parts[done.layer] = done.values, self._order.classes_of(done.layer)

    def finished(self, summary: Any) -> None:
        self._previews.fill(*self._nodes, self._place, list(self._parts.values()))
        self._previews.filled(_("The rest of the slice is filled in; correct it, then add it with A."))

    def failed(self, message: str, kind: FailureKind) -> None:
        self._previews.failed(message, kind)

    def cancelled(self) -> None:
        self._previews.filled(_("Stopped. Nothing was changed."))
