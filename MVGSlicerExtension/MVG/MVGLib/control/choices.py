"""What the user chooses: volume, task, settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from MVGCore.errors import MVGError
from MVGLib.control.dialogue import Dialogue, RemediableError, action
from MVGLib.control.orders import OrderBook
from MVGLib.control.parameters import DRAFT, LABELS, MASK, VOLUME
from MVGLib.control.permissions import Permissions
from MVGLib.control.previewing import ShownPreview
from MVGLib.control.protocols import SceneAccess
from MVGLib.control.runsettings import PanelTask
from MVGLib.control.state import Level, Remedy
from MVGLib.control.workspace import Workspace


@dataclass(eq=False, repr=False)
class Choices:
    """The actions that choose what a run is made of, but for its examples."""

    _dialogue: Dialogue
    _permissions: Permissions
    _scene: SceneAccess
    _workspace: Workspace
    _orders: OrderBook
    _preview: ShownPreview

    @action
    def set_volume(self, node_id: str) -> None:
        """Choose the input volume; an empty id chooses none."""
        self._permissions.require("edit")
        self._preview.hide()
        self._workspace.choose(VOLUME, node_id or "")
        self._workspace.set(limited=False, first=0, last=0, axis=-1, intensities=False, low=0.0, high=0.0)
        if not node_id:
            return
        try:
            self._scene.volume(node_id)  # says what is wrong with it, if anything
        except MVGError as error:
            gray = None if self._scene.nodes.is_volume(node_id) else Remedy.MAKE_GRAY
            raise RemediableError(str(error), gray) from error
        self._dialogue.say(" ".join(self._scene.volume_notes(node_id)), Level.WARNING)

    @action
    def set_partner(self, node_id: str) -> None:
        """Choose what examples are taken from: a segmentation, or the wanted volume."""
        self._permissions.require("edit")
        self._workspace.choose_partner(node_id or "")

    @action
    def set_mask(self, node_id: str) -> None:
        """Choose the segmentation that marks what to fill in."""
        self._permissions.require("edit")
        self._workspace.choose(MASK, node_id or "")

    @action
    def set_draft(self, node_id: str) -> None:
        """Choose the existing segmentation that is to be corrected; an empty id chooses none."""
        self._permissions.require("edit")
        self._preview.hide()
        self._workspace.choose(DRAFT, node_id or "")

    @action
    def set_task(self, task: PanelTask | str) -> None:
        """Choose what to do."""
        self._permissions.require("edit")
        self._preview.hide()
        self._workspace.set(task=PanelTask(task))
        if self._workspace.task is PanelTask.INPAINT and not self._workspace.nodes[MASK]:
            self._workspace.choose(MASK, self._workspace.nodes[LABELS])

    @action
    def set(self, **settings: Any) -> None:
        """Change settings, see `state.RunSettings`."""
        if set(settings) - {"into_own", "protect"}:
            self._permissions.require("edit")
        if settings.get("limited") and not self._workspace.settings.limited and self._workspace.volume_id:
            shape = self._scene.volume(self._workspace.volume_id).geometry.shape
            settings = {"first": 0, "last": shape[self._orders.axis()] - 1, **settings}
        if settings.get("intensities") and not self._workspace.settings.intensities:
            settings = {**self._intensities(), **settings}
        self._workspace.set(**settings)

    def _intensities(self) -> dict[str, float]:
        """The range of intensities to begin with: what was chosen before, else that of the volume."""
        workspace = self._workspace
        if workspace.settings.low < workspace.settings.high or not workspace.volume_id:
            return {}
        array = self._scene.volume(workspace.volume_id).array
        return {"low": float(array.min()), "high": float(array.max())}

    @action
    def protect(self, on: bool) -> None:
        """Let nothing be drawn or accepted over the user's other segments, or allow it."""
        self._workspace.set(protect=on)
        self._scene.protect_segments(on)

    @action
    def rotate_views(self) -> None:
        """Turn the views into the planes of the volume."""
        self._scene.rotate_to_volume(self._workspace.volume_id)

    @action
    def make_gray(self) -> None:
        """Choose the luminance of a volume of colours."""
        self.set_volume(self._scene.make_luminance(self._workspace.volume_id))
