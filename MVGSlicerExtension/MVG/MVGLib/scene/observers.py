"""Plain callbacks for what happens in the scene."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import slicer
import vtk

Callback = Callable[[], object]


@dataclass(eq=False)
class Watch:
    """What `Watcher.watch` gives, to end it."""

    node_id: str
    name: str
    renamed: Callback | None
    removed: Callback | None
    observations: list[tuple[Any, int]] = field(default_factory=list)


class Observers:
    """Keeps VTK observations so that none is forgotten; an error in a callback goes to the log."""

    def __init__(self) -> None:
        self._observations: list[tuple[Any, int]] = []

    def add(self, thing: Any, event: int | str, callback: Callback) -> tuple[Any, int]:
        """Call `callback` at an event of a VTK object, without arguments."""
        observation = (thing, thing.AddObserver(event, _plain(callback)))
        self._observations.append(observation)
        return observation

    def remove(self, observation: tuple[Any, int]) -> None:
        """End one observation; one that has ended is ignored."""
        if observation in self._observations:
            self._observations.remove(observation)
            observation[0].RemoveObserver(observation[1])

    def clear(self) -> None:
        """End all observations."""
        for observation in tuple(self._observations):
            self.remove(observation)


class Watcher:
    """Tells about single nodes."""

    def __init__(self, scene: Any, observers: Observers) -> None:
        self._scene = scene
        self._observers = observers
        self._watches: list[Watch] = []
        observers.add(scene, scene.NodeRemovedEvent, self._look_for_removed)

    def watch(
        self,
        node: Any,
        content: Callback | None = None,
        renamed: Callback | None = None,
        removed: Callback | None = None,
    ) -> Watch:
        """Watch a node.

        Args:
            node: A volume or a segmentation.
            content: Called when voxels, segments or the place of the node change, but not its display.
            renamed: Called when it has another name.
            removed: Called when it has left the scene.
        """
        watch = Watch(node.GetID(), node.GetName(), renamed, removed)
        for event in _content_events(node) if content else ():
            watch.observations.append(self._observers.add(node, event, content))  # type: ignore[arg-type]
        if renamed:
            looked = self._observers.add(
                node, vtk.vtkCommand.ModifiedEvent, lambda: _look_for_name(node, watch)
            )
            watch.observations.append(looked)
        self._watches.append(watch)
        return watch

    def unwatch(self, watch: Watch) -> None:
        """End a watch; one that has ended is ignored."""
        if watch in self._watches:
            self._watches.remove(watch)
        for observation in watch.observations:
            self._observers.remove(observation)
        watch.observations.clear()

    def _look_for_removed(self) -> None:
        for watch in tuple(self._watches):
            if self._scene.GetNodeByID(watch.node_id) is None:
                self.unwatch(watch)
                if watch.removed:
                    watch.removed()


def _content_events(node: Any) -> tuple[int, ...]:
    moved = slicer.vtkMRMLTransformableNode.TransformModifiedEvent
    if node.IsA("vtkMRMLSegmentationNode"):
        of = slicer.vtkSegmentation
        events = (of.SourceRepresentationModified, of.SegmentAdded, of.SegmentRemoved, of.SegmentModified)
        return (*events, of.SegmentsOrderModified, moved)
    return (slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent, moved)


def _look_for_name(node: Any, watch: Watch) -> None:
    if node.GetName() != watch.name:
        watch.name = node.GetName()
        if watch.renamed:
            watch.renamed()


def _plain(callback: Callback) -> Callable[..., None]:
    def call(*_arguments: Any) -> None:
        # VTK prints what a callback raises and goes on; the log is where the user can find it.
        try:
            callback()
        except Exception:
            logging.exception("MVG: an error while following the scene")

    return call
