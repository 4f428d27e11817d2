"""Observers of VTK objects that neither keep a widget alive nor outlive it."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import vtk


class ObserverTags:
    """Observers that call methods of one object, for as long as it lives."""

    def __init__(self) -> None:
        self._tags: list[tuple[Any, int]] = []

    def add(self, thing: Any, event: int, method: Callable[[Any], object], priority: float = 0.0) -> None:
        """Call a bound method with the object that is observed."""
        weak = weakref.WeakMethod(method)

        def call(caller: Any, _event: str) -> None:
            living = weak()
            if living is not None:
                living(caller)

        self._tags.append((thing, thing.AddObserver(event, call, priority)))

    def add_with_node(
        self, scene: Any, event: int, method: Callable[[Any], object], priority: float = 0.0
    ) -> None:
        """Call a bound method with the node that an event of a scene is about."""
        weak = weakref.WeakMethod(method)

        def call(_caller: Any, _event: str, node: Any) -> None:
            living = weak()
            if living is not None:
                living(node)

        call.CallDataType = vtk.VTK_OBJECT  # type: ignore[attr-defined]
        self._tags.append((scene, scene.AddObserver(event, call, priority)))

    def has(self, thing: Any) -> bool:
        """Whether something of an object is observed."""
        return any(each is thing for each, _tag in self._tags)

    def forget(self, thing: Any) -> None:
        """Remove the observers of one object."""
        for each, tag in self._tags:
            if each is thing:
                each.RemoveObserver(tag)
        self._tags = [entry for entry in self._tags if entry[0] is not thing]

    def clear(self) -> None:
        """Remove all observers."""
        for thing, tag in self._tags:
            thing.RemoveObserver(tag)
        self._tags = []
