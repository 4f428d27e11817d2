"""Undo and redo of what was done to segments."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PyQt5 import QtCore

from MVGCore.errors import InputError
from MVGDesktop.editing.shapes import Box
from MVGDesktop.editing.voxels import Array, Voxels

_MAX_COMMANDS = 200
_FASTEST = 1


class Command(Protocol):
    """One action of the user."""

    @property
    def name(self) -> str:
        """What it did, for the menu."""
        ...

    @property
    def repeatable(self) -> bool:
        """Whether it can be done again once it was taken back."""
        ...

    def undo(self) -> None: ...

    def redo(self) -> None: ...


class History(QtCore.QObject):
    """The actions that can be taken back, newest last; each segmentation has its own."""

    changed = QtCore.pyqtSignal()

    def __init__(self, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self._stacks: dict[str, tuple[list[Command], list[Command]]] = {}
        self.use("")

    def use(self, key: str) -> None:
        """Go on with the actions of another segmentation."""
        self._done, self._undone = self._stacks.setdefault(key, ([], []))
        self.changed.emit()

    def forget(self, key: str) -> None:
        """A segmentation is gone for good."""
        if key:
            self._stacks.pop(key, None)

    def add(self, command: Command) -> None:
        """Keep an action that has just been done."""
        self._done.append(command)
        del self._done[:-_MAX_COMMANDS]
        self._undone.clear()
        self.changed.emit()

    def undo(self) -> None:
        """Take the last action back, if there is one.

        Raises:
            InputError: It cannot be taken back any more; it is forgotten.
        """
        if self._done:
            command = self._done.pop()
            try:
                command.undo()
                if command.repeatable:
                    self._undone.append(command)
            finally:
                self.changed.emit()

    def redo(self) -> None:
        """Do the action again that was taken back last, if there is one."""
        if self._undone:
            command = self._undone.pop()
            command.redo()
            self._done.append(command)
            self.changed.emit()

    def clear(self) -> None:
        """Forget everything: another scene, or a change that nobody can take back."""
        self._done.clear()
        self._undone.clear()
        self.changed.emit()

    @property
    def undo_name(self) -> str:
        """What `undo` would take back, or empty."""
        return self._done[-1].name if self._done else ""

    @property
    def redo_name(self) -> str:
        """What `redo` would do again, or empty."""
        return self._undone[-1].name if self._undone else ""


@dataclass(frozen=True)
class _Patch:
    layer: int
    box: Box
    shape: tuple[int, ...]
    before: bytes
    after: bytes


class VoxelEdit:
    """A stroke: what it changed, before and after, compressed."""

    repeatable = True

    def __init__(self, name: str, find: Callable[[], Voxels], patches: list[_Patch]) -> None:
        self._name, self._find, self._patches = name, find, patches

    @property
    def name(self) -> str:
        return self._name

    def undo(self) -> None:
        self._write("before")

    def redo(self) -> None:
        self._write("after")

    def _write(self, which: str) -> None:
        voxels = self._find()
        for patch in self._patches:
            layer = voxels.layer(patch.layer)
            values = np.frombuffer(zlib.decompress(getattr(patch, which)), layer.dtype)
            layer[patch.box] = values.reshape(patch.shape)
        voxels.show()
        voxels.announce()


class ForeignEdit:
    """What somebody else did, who knows how to take it back."""

    repeatable = False

    def __init__(self, name: str, take_back: Callable[[], bool]) -> None:
        """Args:
        name: For the menu.
        take_back: Takes it back, or gives False if that cannot be done any more.
        """
        self._name, self._take_back = name, take_back

    @property
    def name(self) -> str:
        return self._name

    def undo(self) -> None:
        if not self._take_back():
            raise InputError(f"{self._name} cannot be taken back any more: the segments were edited since.")

    def redo(self) -> None:
        raise NotImplementedError("It is not kept by the history.")


class Recorder:
    """Keeps what a stroke overwrites, bit by bit, and makes one command of it.

    Example:
        >>> recorder = Recorder(voxels)
        >>> recorder.before(region.box)
        >>> voxels.write(segment_id, region, mode, None)
        >>> command = recorder.command("Paint", find_voxels)
    """

    def __init__(self, voxels: Voxels) -> None:
        self._voxels = voxels
        self._kept: list[tuple[Box, list[Array]]] = []

    def before(self, box: Box) -> None:
        """Note what is in a box that will be written."""
        self._kept.append((box, [layer[box].copy() for layer in self._voxels.layers()]))

    def command(self, name: str, find: Callable[[], Voxels]) -> VoxelEdit | None:
        """The whole stroke, or None if it changed nothing.

        Args:
            name: For the menu.
            find: Gives the voxels again when the stroke is taken back, perhaps after the scene was changed.
        """
        patches = [
            patch
            for number, layer in enumerate(self._voxels.layers())
            if (patch := self._patch(number, layer)) is not None
        ]
        return VoxelEdit(name, find, patches) if patches else None

    def _patch(self, number: int, layer: Array) -> _Patch | None:
        boxes = [box for box, _ in self._kept if all(each.stop > each.start for each in box)]
        if not boxes:
            return None
        union = tuple(
            slice(min(box[axis].start for box in boxes), max(box[axis].stop for box in boxes))
            for axis in range(3)
        )
        after = layer[union]
        before = after.copy()
        for box, layers in reversed(self._kept):
            if number < len(layers) and layers[number].size:
                inner = tuple(
                    slice(each.start - whole.start, each.stop - whole.start)
                    for each, whole in zip(box, union, strict=True)
                )
                before[inner] = layers[number]
        if np.array_equal(before, after):
            return None
        packed = [zlib.compress(np.ascontiguousarray(each).tobytes(), _FASTEST) for each in (before, after)]
        return _Patch(number, union, after.shape, packed[0], packed[1])
