"""The nodes of the MRML scene by their ids, and who hears of their changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer

from MVGCore.errors import InputError
from MVGLib.scene.fingerprint import fingerprint
from MVGLib.scene.observers import NodeObserver, Observers, Watch
from MVGLib.texts import _

_LAST = -1e6  # priority of an observer that hears of an event after all others


class SceneNodes:
    """Looks up nodes and watches them.

    Attributes:
        mrml: The `vtkMRMLScene`.
        observers: All that is observed.
    """

    def __init__(self, mrml_scene: Any = None) -> None:
        """
        Args:
            mrml_scene: `vtkMRMLScene`; `slicer.mrmlScene` by default.
        """
        self.mrml = mrml_scene if mrml_scene is not None else slicer.mrmlScene
        self.observers = Observers()
        self._watcher = NodeObserver(self.mrml, self.observers)

    def get(self, node_id: str) -> Any:
        """The MRML node, or None."""
        return self.mrml.GetNodeByID(node_id) if node_id else None

    def exists(self, node_id: str) -> bool:
        """Whether there is a node of that id."""
        return self.get(node_id) is not None

    def name(self, node_id: str) -> str:
        """The name of a node, "" if it is gone."""
        node = self.get(node_id)
        return node.GetName() if node is not None else ""

    def is_volume(self, node_id: str) -> bool:
        """Whether a node is a scalar volume (label maps are not)."""
        node = self.get(node_id)
        return (
            node is not None
            and node.IsA("vtkMRMLScalarVolumeNode")
            and not node.IsA("vtkMRMLLabelMapVolumeNode")
            and not node.IsA("vtkMRMLVectorVolumeNode")
        )

    def is_segmentation(self, node_id: str) -> bool:
        """Whether a node is a segmentation."""
        node = self.get(node_id)
        return node is not None and node.IsA("vtkMRMLSegmentationNode")

    def fingerprint(self, node_id: str) -> str:
        """Differs whenever the voxels, the segments or the place of a node do; "" if it is gone."""
        return fingerprint(self.get(node_id))

    def watch(
        self,
        node_id: str,
        content: Callable[[], object] | None = None,
        renamed: Callable[[], object] | None = None,
        removed: Callable[[], object] | None = None,
    ) -> Watch | None:
        """Have functions called when a node changes (see `Watcher.watch`); None if it is gone."""
        node = self.get(node_id)
        return self._watcher.watch(node, content, renamed, removed) if node is not None else None

    def unwatch(self, token: Watch | None) -> None:
        """End what `watch` began."""
        if token is not None:
            self._watcher.unwatch(token)

    def on_scene(
        self,
        start_close: Callable[[], object] | None = None,
        end_close: Callable[[], object] | None = None,
        imported: Callable[[], object] | None = None,
    ) -> None:
        """Have functions called before the scene is closed, after that, and after one was opened."""
        events = (
            (self.mrml.StartCloseEvent, start_close),
            (self.mrml.EndCloseEvent, end_close),
            (self.mrml.EndImportEvent, imported),
        )
        for event, callback in events:
            if callback is not None:
                self.observers.add(self.mrml, event, callback)

    def on_rearranged(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Have a function called when nodes were imported or have gone, after all lists of nodes know it.

        Returns:
            What ends it.
        """
        events = (self.mrml.EndImportEvent, self.mrml.EndCloseEvent, self.mrml.NodeRemovedEvent)
        added = [self.observers.add(self.mrml, event, callback, _LAST) for event in events]

        def end() -> None:
            for observation in added:
                self.observers.remove(observation)

        return end

    def detach(self) -> None:
        """Remove every observer."""
        self.observers.clear()

    def volume(self, volume_id: str) -> Any:
        """The node of a volume.

        Raises:
            InputError: It is gone.
        """
        node = self.get(volume_id)
        if node is None or not node.IsA("vtkMRMLVolumeNode"):
            raise InputError(_("The volume is not in the scene; load it and choose it again."))
        return node

    def segmentation(self, segmentation_id: str) -> Any:
        """The node of a segmentation.

        Raises:
            InputError: It is gone.
        """
        node = self.get(segmentation_id)
        if node is None or not node.IsA("vtkMRMLSegmentationNode"):
            raise InputError(_("The segmentation is not in the scene; choose another one."))
        return node
