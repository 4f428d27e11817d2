"""What lies in the slice views: their background and foreground volumes, changed and given back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class _Before:
    """What a view's foreground was."""

    volume_id: str
    opacity: float


class Overlay:
    """A volume laid over the slices of all views; taking it away gives back what was there."""

    def __init__(self, scene: Any) -> None:
        self._scene = scene
        self._before: dict[str, _Before] = {}

    def show(self, volume_id: str, opacity: float) -> None:
        """Lay a volume over the slices."""
        for composite in composites(self._scene):
            known = composite.GetForegroundVolumeID() or ""
            if known != volume_id:
                self._before.setdefault(composite.GetID(), _Before(known, composite.GetForegroundOpacity()))
            composite.SetForegroundVolumeID(volume_id)
            composite.SetForegroundOpacity(opacity)

    def hide(self, volume_id: str) -> None:
        """Take the volume away, in views where it still lies."""
        for composite in composites(self._scene):
            before = self._before.pop(composite.GetID(), _Before("", 0.0))
            if composite.GetForegroundVolumeID() == volume_id:
                composite.SetForegroundVolumeID(before.volume_id or None)
                composite.SetForegroundOpacity(before.opacity)


def exchange(scene: Any, former_id: str, following_id: str) -> None:
    """Show one volume instead of another in all views that have it as their background."""
    for composite in composites(scene):
        if composite.GetBackgroundVolumeID() == former_id:
            composite.SetBackgroundVolumeID(following_id)


def composites(scene: Any) -> list[Any]:
    """The `vtkMRMLSliceCompositeNode`s of the scene."""
    count = scene.GetNumberOfNodesByClass("vtkMRMLSliceCompositeNode")
    return [scene.GetNthNodeByClass(number, "vtkMRMLSliceCompositeNode") for number in range(count)]
