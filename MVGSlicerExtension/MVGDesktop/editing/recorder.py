"""What a stroke overwrites, kept so that it can be taken back."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from MVGCore.errors import InputError
from MVGDesktop.editing.history import Command
from MVGDesktop.editing.shapes import Box
from MVGDesktop.editing.voxels import Array, Voxels

FindVoxels = Callable[[str], Voxels]
_FASTEST = 1


@dataclass(frozen=True)
class _Patch:
    layer: int
    box: Box
    shape: tuple[int, ...]
    before: bytes
    after: bytes


@dataclass(frozen=True)
class _Separated:
    """A segment that had shared the layer of another one, as what value."""

    segment_id: str
    neighbour_id: str
    value: int


class VoxelEdit(Command):
    """A stroke: what it changed, before and after, compressed."""

    def __init__(
        self,
        name: str,
        node_id: str,
        find: FindVoxels,
        patches: Sequence[_Patch],
        separated: Sequence[_Separated] = (),
    ) -> None:
        """
        Args:
            name: For the menu.
            node_id: The segmentation, in which it is done already.
            find: Gives the voxels of a segmentation, whichever objects hold them by then.
            patches: What it changed.
            separated: Segments that got layers of their own before.
        """
        super().__init__(name, node_id, done=True)
        self._find, self._patches, self._separated = find, patches, separated
        self._layout = find(node_id).layout()

    def do(self) -> None:
        for each in self._separated:
            self._find(self.node_id).separate(each.segment_id)
        self._write("after")

    def take_back(self) -> None:
        self._write("before")
        for each in reversed(self._separated):
            self._find(self.node_id).join(each.segment_id, each.neighbour_id, each.value)

    def _write(self, which: str) -> None:
        voxels = self._find(self.node_id)
        if voxels.layout() != self._layout:
            raise InputError(
                f"{self.text()} cannot be taken back any more: the segments were rearranged since."
            )
        for patch in self._patches:
            layer = voxels.layer(patch.layer)
            values = np.frombuffer(zlib.decompress(getattr(patch, which)), layer.dtype)
            layer[patch.box] = values.reshape(patch.shape)
        voxels.show()
        voxels.announce()


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
        self._separated: list[_Separated] = []

    def separate(self, segment_id: str) -> None:
        """Give a segment a layer of its own, unless it has one; before anything is noted."""
        neighbour_id = self._voxels.beside(segment_id)
        if neighbour_id:
            value = self._voxels.place(segment_id).value
            self._separated.append(_Separated(segment_id, neighbour_id, value))
            self._voxels.separate(segment_id)

    def join_again(self) -> None:
        """Nothing was written: the layers are as they were."""
        while self._separated:
            last = self._separated.pop()
            self._voxels.join(last.segment_id, last.neighbour_id, last.value)

    def before(self, box: Box) -> None:
        """Note what is in a box that will be written."""
        self._kept.append((box, [layer[box].copy() for layer in self._voxels.layers()]))

    def command(self, name: str, find: FindVoxels) -> VoxelEdit | None:
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
        if not patches:
            return None
        return VoxelEdit(name, self._voxels.node.GetID(), find, patches, self._separated)

    def _patch(self, number: int, layer: Array) -> _Patch | None:
        boxes = [box for box, _ in self._kept if all(each.stop > each.start for each in box)]
        if not boxes:
            return None
        first, second, third = (
            slice(min(box[axis].start for box in boxes), max(box[axis].stop for box in boxes))
            for axis in range(3)
        )
        union = (first, second, third)
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
