"""Plain callbacks for what happens in the scene."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import slicer
import vtk

from MVGLib.scene.fingerprint import fingerprint

Callback = Callable[[], object]


@dataclass(eq=False)
class Watch:
    """What `Watcher.watch` gives, to end it."""

    node_id: str
    name: str
    stamp: str
    content: Callback | None
    renamed: Callback | None
    removed: Callback | None
    observations: list[tuple[Any, int]] = field(default_factory=list)


class Observers:
    """Keeps VTK observations so that none is forgotten; an error in a callback goes to the log."""

    def __init__(self) -> None:
        self._observations: list[tuple[Any, int]] = []

    def add(self, thing: Any, event: int | str, callback: Callback, priority: float = 0.0) -> tuple[Any, int]:
        """Call `callback` at an event of a VTK object, without arguments; the highest priority first."""
        observation = (thing, thing.AddObserver(event, _plain(callback), priority))
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


class NodeObserver:
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
        watch = Watch(node.GetID(), node.GetName(), fingerprint(node), content, renamed, removed)
        look = partial(_look, node, watch)
        for event in _events(node):
            watch.observations.append(self._observers.add(node, event, look))
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


def _events(node: Any) -> tuple[int, ...]:
    """Events after which the content of a node may be another, or its name."""
    # `slicer.util.arrayFromVolumeModified` tells about new voxels by a plain ModifiedEvent.
    common = (vtk.vtkCommand.ModifiedEvent, slicer.vtkMRMLTransformableNode.TransformModifiedEvent)
    if node.IsA("vtkMRMLSegmentationNode"):
        of = slicer.vtkSegmentation
        own = (of.SourceRepresentationModified, of.SegmentAdded, of.SegmentRemoved, of.SegmentModified)
        return (*common, *own, of.SegmentsOrderModified)
    return (*common, slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent)


def _look(node: Any, watch: Watch) -> None:
    name, stamp = node.GetName(), fingerprint(node)
    renamed, changed = name != watch.name, stamp != watch.stamp
    watch.name, watch.stamp = name, stamp
    if renamed and watch.renamed:
        watch.renamed()
    if changed and watch.content:
        watch.content()


def _plain(callback: Callback) -> Callable[..., None]:
    def call(*_arguments: Any) -> None:
        # VTK prints what a callback raises and goes on; the log is where the user can find it.
        try:
            callback()
        except Exception:
            logging.exception("MVG: an error while following the scene")

    return call
