"""Short names of what nodes hold, made of ids and modified times: comparing them costs nothing."""

from __future__ import annotations

import hashlib
from typing import Any

import vtk

from MVGLib.scene.placement import to_array
from MVGLib.scene.segments import LABELS, segment_ids, terminology_of


def fingerprint(node: Any) -> str:
    """Differs whenever the voxels, the segments or the place of a node do; display does not count.

    Args:
        node: A volume or a segmentation; others, and None, have the fingerprint "".
    """
    if node is None or node.GetScene() is None:
        return ""
    if node.IsA("vtkMRMLVolumeNode"):
        parts = [_time(node.GetImageData()), _ijk_to_ras(node)]
    elif node.IsA("vtkMRMLSegmentationNode"):
        parts = [_segment(node.GetSegmentation(), each) for each in segment_ids(node)]
    else:
        return ""
    text = repr((node.GetID(), parts, _transform(node)))
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def _segment(segmentation: Any, segment_id: str) -> tuple[Any, ...]:
    segment = segmentation.GetSegment(segment_id)
    source = segment.GetRepresentation(LABELS) or segment.GetRepresentation(
        segmentation.GetSourceRepresentationName()
    )
    look = (segment.GetName(), segment.GetColor(), terminology_of(segment))
    return (segment_id, *look, segment.GetLabelValue(), _time(source))


def _time(data: Any) -> int:
    # The modified times of VTK come from one counter: another object has another time.
    return int(data.GetMTime()) if data is not None else 0


def _ijk_to_ras(node: Any) -> tuple[float, ...]:
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return tuple(to_array(matrix).ravel().tolist())


def _transform(node: Any) -> tuple[Any, ...]:
    parent = node.GetParentTransformNode()
    if parent is None:
        return ()
    if not parent.IsTransformToWorldLinear():
        return (parent.GetID(), _time(parent.GetTransformToParent()))
    matrix = vtk.vtkMatrix4x4()
    parent.GetMatrixTransformToWorld(matrix)
    return tuple(to_array(matrix).ravel().tolist())
