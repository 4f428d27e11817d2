"""Finding the result that a node holds."""

from __future__ import annotations

from typing import Any, TypeVar

from MVGCore.errors import InputError
from MVGLib.scene.resultbase import INPUT, KIND, SEGMENTS, VOLUME
from MVGLib.scene.segmentresult import SegmentResult
from MVGLib.scene.undo import Undo
from MVGLib.scene.volumeresult import VolumeResult
from MVGLib.texts import _

ResultKind = TypeVar("ResultKind", SegmentResult, VolumeResult)

__all__ = ["SegmentResult", "VolumeResult", "earlier_result", "open_result"]


def open_result(scene: Any, node_id: str, undo: Undo) -> SegmentResult | VolumeResult:
    """The result that a node holds, also after the scene was saved and opened again.

    Raises:
        InputError: The node is gone, or holds no result that waits for review.
    """
    node = scene.GetNodeByID(node_id) if node_id else None
    kind = node.GetAttribute(KIND) if node is not None else None
    if node is None or kind not in (SEGMENTS, VOLUME) or node.GetNodeReference(INPUT) is None:
        raise InputError(_("The result is not in the scene any more; press Apply to compute it again."))
    return SegmentResult(scene, node, undo) if kind == SEGMENTS else VolumeResult(scene, node)


def earlier_result(
    scene: Any, node_id: str, kind: type[ResultKind], axis: int, undo: Undo
) -> ResultKind | None:
    """The result to be filled again; None if it is gone, of another kind, or has another axis."""
    try:
        result = open_result(scene, node_id, undo)
    except InputError:
        return None
    return result if isinstance(result, kind) and result.axis == axis else None
