"""A scalar volume that fills slice by slice while it is computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.volume import SliceKey
from MVGLib.scene.backdrop import exchange
from MVGLib.scene.resultbase import INPUT, VOLUME, ResultNode, mark, remove_node
from MVGLib.scene.volumes import new_volume_like, put_slice


class VolumeResult(ResultNode):
    """A scalar volume on the grid, under the transform and with the display of the input."""

    @classmethod
    def start(cls, volume_node: Any, axis: int, name: str, like: Any = None) -> VolumeResult:
        """Add a volume with the input's voxels, or with the lowest intensity of `like`."""
        node = new_volume_like(volume_node, name, like)
        mark(node, VOLUME, axis, volume_node)
        result = cls(volume_node.GetScene(), node)
        result.show(True)
        return result

    def put(
        self,
        index: int,
        pixels: NDArray[Any],
        confidence: NDArray[np.float32] | None = None,
        layer: int = 0,
    ) -> None:
        """Write one slice.

        Args:
            index: Its place along `axis`.
            pixels: (H, W) intensities; rounded and clipped if the volume has whole numbers.
            confidence: Not kept.
            layer: Always 0: intensities do not overlap.

        Raises:
            InputError: The result or its volume is gone, or the slice does not fit it.
        """
        self._check(index, pixels)
        put_slice(self._node(), self.axis, index, pixels)
        self._was_put(index)

    def show(self, on: bool) -> None:
        """Show the result in the views that show its input, or the other way round."""
        node, volume = self._node(), self._node().GetNodeReference(INPUT)
        if volume is not None:
            former, following = (volume, node) if on else (node, volume)
            exchange(self._scene, former.GetID(), following.GetID())

    def show_confidence(self, on: bool) -> None:
        """Does nothing: images have no confidence."""

    def confidence(self, index: int) -> None:
        """None: images have no confidence."""

    def accept(self, into: str = "", keep: Sequence[SliceKey] = (), protect: bool = False) -> None:
        """Keep the result as a volume like any other."""
        self.show(True)
        self._settled()

    def discard(self) -> None:
        """Remove all that the result added to the scene; views show the input again."""
        node = self._scene.GetNodeByID(self.id)
        if node is not None:
            self.show(False)
            remove_node(self._scene, node)
