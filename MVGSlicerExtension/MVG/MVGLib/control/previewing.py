"""The preview in the views."""

from __future__ import annotations

from MVGCore.session.results import SliceDone
from MVGCore.volume import SliceKey
from MVGLib.control.protocols import SceneAccess
from MVGLib.control.runner import Order


class ShownPreview:
    """The result on one slice, shown and not written.

    Attributes:
        place: The slice, or None if no preview is shown.
    """

    def __init__(self, scene: SceneAccess) -> None:
        self._scene = scene
        self.place: SliceKey | None = None

    def show(self, volume_id: str, place: SliceKey, order: Order, done: SliceDone) -> None:
        """Show the slice that a worker has made."""
        if order.prompts is not None:
            classes, adding = order.classes_of(done.layer), done.layer > 0
            self._scene.show_preview(volume_id, place, labels=done.values, classes=classes, adding=adding)
        else:
            self._scene.show_preview(volume_id, place, values=done.values)
        self.place = place

    def hide(self) -> None:
        """Remove it from the views, if it is there."""
        if self.place is not None:
            self.place = None
            self._scene.hide_preview()
