"""Copying the labels of a neighbouring slice."""

from __future__ import annotations

from typing import Any

import numpy as np

from MVGCore.errors import InputError
from MVGDesktop.document import Document
from MVGDesktop.editing import shapes
from MVGDesktop.editing.recorder import Recorder
from MVGDesktop.editing.shapes import FloatArray
from MVGDesktop.editing.strokes import finish
from MVGDesktop.editing.voxels import Mode, Voxels


def copy_neighbour(document: Document, point: FloatArray, normal: FloatArray, step: int) -> None:
    """Replace the labels of a slice by those of the nearest labelled slice before or after it; can be undone.

    Args:
        document: Where the segmentation is.
        point: A world position on the slice.
        normal: The slice's normal.
        step: -1 looks towards lower indices, 1 towards higher ones.

    Raises:
        InputError: There is no labelled slice on that side.
    """
    voxels = document.voxels()
    grid = voxels.grid
    axis, index = shapes.slice_region(grid, point, normal)
    if not 0 <= index < grid.shape[axis]:
        raise InputError("The view shows no slice of the volume; scroll back to it.")
    source = _nearest_labelled(voxels.layers(), axis, index, step)
    target_box, source_box = shapes.slice_box(grid, axis, index), shapes.slice_box(grid, axis, source)
    recorder = Recorder(voxels)
    recorder.before(target_box)
    for layer in voxels.layers():
        layer[target_box] = layer[source_box]
    finish(document, recorder, f"Copy slice {source}")


def _nearest_labelled(layers: list[np.ndarray], axis: int, index: int, step: int) -> int:
    size = layers[0].shape[axis]
    others = tuple(each for each in range(3) if each != axis)
    labelled = np.zeros(size, bool)
    for layer in layers:
        labelled |= layer.any(axis=others)
    found = [each for each in range(index + step, size if step > 0 else -1, step) if labelled[each]]
    if not found:
        side = "after" if step > 0 else "before"
        raise InputError(f"No slice {side} this one is labelled; label one, or copy from the other side.")
    return found[0]


def copy_slice_of(document: Document, source: Any, point: FloatArray, normal: FloatArray) -> None:
    """Replace the labels of a slice by those that another segmentation has there; can be undone.

    Segments go together by their names; one that the document does not have yet is added.

    Args:
        document: Whose segmentation is changed.
        source: `vtkMRMLSegmentationNode` on the same grid.
        point: A world position on the slice.
        normal: The slice's normal.

    Raises:
        InputError: The grids differ, or the source is what is being edited.
    """
    if source is document.segmentation:
        raise InputError("The result itself is being edited; choose your own labels in the list of segments.")
    wanted = Voxels(source)
    document.need_segment()
    grid = document.voxels().grid
    if wanted.grid.shape != grid.shape or not np.allclose(wanted.grid.to_world, grid.to_world, atol=1e-3):
        raise InputError("The result lies on another grid than your labels; accept it instead.")
    axis, index = shapes.slice_region(grid, point, normal)
    box = shapes.slice_box(grid, axis, index)
    ids = list(source.GetSegmentation().GetSegmentIDs())
    names = [source.GetSegmentation().GetSegment(each).GetName() for each in ids]
    own = {_name_of(document, each): each for each in document.segment_ids()}
    for name in names:
        if name not in own:
            own[name] = document.add_segment(name)
    voxels = document.voxels()
    recorder = Recorder(voxels)
    recorder.before(box)
    for layer in voxels.layers():
        layer[box] = 0
    for segment_id, name in zip(ids, names, strict=True):
        place = wanted.place(segment_id)
        mask = wanted.layer(place.layer)[box] == place.value
        voxels.write(own[name], shapes.Region(box, mask), Mode(), None)
    finish(document, recorder, f"Take slice {index}")


def _name_of(document: Document, segment_id: str) -> str:
    return str(document.segmentation.GetSegmentation().GetSegment(segment_id).GetName())
