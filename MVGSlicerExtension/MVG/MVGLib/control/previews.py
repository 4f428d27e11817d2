"""Makes the result on the slice in view: shown, or filled in where a part of it is drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
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


@dataclass(eq=False, repr=False)
class Previews:
    """The actions about one slice.

    Attributes:
        fill: Writes the labels of a slice into a segmentation, as one action that can be taken back; by
            default by the scene. It is told segmentation, volume, slice, and of each pass the (H, W) labels
            and their classes, which may overlap those of another pass.
    """

    _dialogue: Dialogue
    _permissions: Permissions
    _scene: SceneAccess
    _workspace: Workspace
    _orders: OrderBook
    _preview: ShownPreview
    _computing: Computing

    def __post_init__(self) -> None:
        self.fill: Fill = self._scene.fill_slice

    @action
    def complete(self) -> None:
        """Fill in the rest of the slice in view, on which a little of each segment is drawn."""
        self._permissions.require("complete")
        workspace, place = self._workspace, self._workspace.slice_in_view()
        order = self._orders.completion(place)
        self._preview.hide()
        parts: dict[int, SlicePart] = {}

        def put(done: SliceDone) -> None:
            parts[done.layer] = done.values, order.classes_of(done.layer)

        nodes = workspace.partner_id, workspace.volume_id

        def finish() -> str:
            self.fill(*nodes, place, list(parts.values()))
            return _("The rest of the slice is filled in; correct it, then add it with A.")

        text = f"{self._scene.plane_name(workspace.volume_id, place.axis)} {place.index}"
        self._begin(text, order, put, finish, lambda: _("Stopped. Nothing was changed."))

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
        put = partial(self._preview.show, volume_id, place, order)
        self._begin(f"{plane} {place.index}", order, put, lambda: "", self._stop_showing)

    @action
    def hide(self) -> None:
        """Remove the preview from the views."""
        self._preview.hide()

    def _stop_showing(self) -> str:
        self._preview.hide()
        return ""

    def _begin(
        self,
        text: str,
        order: Order,
        put: Callable[[SliceDone], object],
        finish: Callable[[], str],
        stop: Callable[[], str],
    ) -> None:
        listener = _SliceListener(self._dialogue, self._computing, put, finish, stop)
        self._computing.begin(Phase.PREVIEWING, text, order, listener)


@dataclass(eq=False, repr=False)
class _SliceListener(Listener):
    """Hands the passes of a slice over; `finish` and `stop` give what is to be said at the end."""

    _dialogue: Dialogue
    _computing: Computing
    _put: Callable[[SliceDone], object]
    _finish: Callable[[], str]
    _stop: Callable[[], str]

    def progressed(self, fraction: float, text: str) -> None:
        self._computing.reached(fraction, text)

    def slice_done(self, done: SliceDone) -> None:
        self._put(done)

    def finished(self, summary: Any) -> None:
        self._end(self._finish())

    def failed(self, message: str, kind: FailureKind) -> None:
        self._computing.fail(message, kind)

    def cancelled(self) -> None:
        self._end(self._stop())

    def _end(self, text: str) -> None:
        self._computing.end()
        if text:
            self._dialogue.say(text)
        self._dialogue.update()
