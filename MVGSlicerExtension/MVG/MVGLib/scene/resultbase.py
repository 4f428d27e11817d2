"""What all results in the scene have in common: they fill slice by slice and wait for review."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGLib.scene.placement import volume_shape
from MVGLib.texts import _

KIND = "MVG.Result"  # attribute of a node that waits for review; its value is one of the next two
SEGMENTS, VOLUME = "segments", "volume"
INPUT = "MVGInput"  # role of the reference to the volume that the result belongs to
_AXIS, _SLICES = "MVG.Axis", "MVG.Slices"
MARKS = (KIND, _AXIS, _SLICES)  # attributes of a node that waits for review


class ResultNode:
    """What segment results and volume results have in common.

    Attributes:
        id: The node that holds the result.
        axis: Array axis of its slices.
    """

    def __init__(self, scene: Any, node: Any) -> None:
        self.id = str(node.GetID())
        self.axis = int(node.GetAttribute(_AXIS))
        self._scene = scene
        passes = (node.GetAttribute(_SLICES) or "").split(";")
        self._slices = {number: set(_indices(text)) for number, text in enumerate(passes)}

    def put_slices(self, layer: int | None = None) -> list[int]:
        """The slices that were written, ascending; those of one pass if that is named."""
        passes = self._slices.values() if layer is None else [self._slices.get(layer, set())]
        return sorted(set().union(*passes))

    def finish(self) -> None:
        """All slices of a run were put: observers of the node are told."""
        self._node().Modified()

    def _was_put(self, index: int, layer: int = 0) -> None:
        """Remember a slice, in the node too: the scene may be saved at any time."""
        own = self._slices.setdefault(layer, set())
        if index in own:
            return
        own.add(index)
        node = self._node()
        quiet = node.GetDisableModifiedEvent()
        node.SetDisableModifiedEvent(True)  # else every slice would be told of twice
        passes = range(max(self._slices) + 1)
        node.SetAttribute(_SLICES, ";".join(_ranges(self._slices.get(number, ())) for number in passes))
        node.SetDisableModifiedEvent(quiet)

    def _node(self) -> Any:
        node = self._scene.GetNodeByID(self.id)
        if node is None:
            raise InputError(_("The result was removed from the scene; press Apply to compute it again."))
        return node

    def _input(self) -> Any:
        volume = self._node().GetNodeReference(INPUT)
        if volume is None:
            raise InputError(
                _("The volume of the result was removed from the scene; load it again and press Apply.")
            )
        return volume

    def _check(self, index: int, pixels: NDArray[Any]) -> None:
        shape = list(volume_shape(self._input()))
        depth = shape.pop(self.axis)
        if not 0 <= index < depth or pixels.shape != tuple(shape):
            raise InputError(
                _("Slice {index} of {size} voxels does not fit the result; press Apply again.").format(
                    index=index, size=" x ".join(map(str, pixels.shape))
                )
            )

    def _settled(self) -> None:
        """The node is one like any other from now on."""
        node = self._node()
        for attribute in MARKS:
            node.RemoveAttribute(attribute)
        node.RemoveNodeReferenceIDs(INPUT)


def mark(node: Any, kind: str, axis: int, volume_node: Any) -> None:
    """Make a node a result that waits for review."""
    node.SetAttribute(KIND, kind)
    node.SetAttribute(_AXIS, str(axis))
    node.SetNodeReferenceID(INPUT, volume_node.GetID())


def remove_node(scene: Any, node: Any) -> None:
    """Remove a node with what was made for it alone."""
    for each in reversed(with_helpers(node)):
        if each.GetScene() is not None:
            scene.RemoveNode(each)


def with_helpers(node: Any) -> list[Any]:
    """What was made for a node alone, its display and storage, and the node as the last."""
    owned = [node.GetNthStorageNode(n) for n in range(node.GetNumberOfStorageNodes())]
    owned += [node.GetNthDisplayNode(n) for n in range(node.GetNumberOfDisplayNodes())]
    return [*(each for each in owned if each is not None), node]


def _ranges(numbers: Iterable[int]) -> str:
    """ "3-5,8" for 3, 4, 5, 8."""
    parts: list[list[int]] = []
    for each in sorted(numbers):
        if parts and parts[-1][1] == each - 1:
            parts[-1][1] = each
        else:
            parts.append([each, each])
    return ",".join(f"{a}-{b}" if a < b else str(a) for a, b in parts)


def _indices(text: str) -> Iterable[int]:
    for part in filter(None, text.split(",")):
        first, _dash, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)
