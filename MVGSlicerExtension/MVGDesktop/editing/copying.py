"""Copying the labels of a neighbouring slice."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGDesktop.document import Document
from MVGDesktop.editing import shapes
from MVGDesktop.editing.recorder import Recorder
from MVGDesktop.editing.shapes import FloatArray
from MVGDesktop.editing.strokes import finish
from MVGDesktop.editing.voxels import Mode, Others, Voxels

Masks = dict[str, NDArray[np.bool_]]  # name of a segment -> where it is on a slice


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
    ahead = [each for each in range(index + step, size if step > 0 else -1, step) if labelled[each]]
    if not ahead:
        side = "after" if step > 0 else "before"
        raise InputError(f"No slice {side} this one is labelled; label one, or copy from the other side.")
    return ahead[0]


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
    origin = Voxels(source)
    document.need_segment()
    grid = document.voxels().grid
    if origin.grid.shape != grid.shape or not np.allclose(origin.grid.to_world, grid.to_world, atol=1e-3):
        raise InputError("The result lies on another grid than your labels; accept it instead.")
    axis, index = shapes.slice_region(grid, point, normal)
    box = shapes.slice_box(grid, axis, index)
    masks = {}
    for segment_id in source.GetSegmentation().GetSegmentIDs():
        place = origin.place(segment_id)
        name = source.GetSegmentation().GetSegment(segment_id).GetName()
        masks[name] = origin.layer(place.layer)[box] == place.value
    _write_slice(document, box, masks, f"Take slice {index}")


def fill_slice(document: Document, axis: int, index: int, parts: Sequence[Masks]) -> None:
    """Give segments their part of a slice where nothing is drawn yet; can be taken back.

    Args:
        document: Whose segmentation is changed.
        axis, index: The slice.
        parts: Name of a segment -> (H, W), where it is on the slice; one that is new is added. Segments of
            different parts may overlap.

    Raises:
        InputError: The segmentation cannot be edited, or lies on other voxels than the image.
    """
    grid = document.voxels().grid
    box = shapes.slice_box(grid, axis, index)
    shape = tuple(each.stop - each.start for each in box)
    if any(mask.size != np.prod(shape) for masks in parts for mask in masks.values()):
        raise InputError("The segmentation lies on other voxels than the image; make one of the image.")
    rest: Masks = {}
    for masks in parts:
        apart = {name for other in parts if other is not masks for name in other}
        drawn = _drawn(document, box, apart)
        rest |= {name: mask.reshape(shape) & ~drawn for name, mask in masks.items()}
    _write_slice(document, box, rest, f"Complete slice {index}", keep=True)


def _drawn(document: Document, box: shapes.Box, apart: Collection[str]) -> NDArray[np.bool_]:
    """Where segments are on a slice, but those of some names."""
    voxels = document.voxels()
    drawn = np.zeros([each.stop - each.start for each in box], bool)
    for segment_id in document.segment_ids():
        if _name_of(document, segment_id) not in apart:
            place = voxels.place(segment_id)
            drawn |= voxels.layer(place.layer)[box] == place.value
    return drawn


def _write_slice(
    document: Document,
    box: shapes.Box,
    masks: Masks,
    text: str,
    keep: bool = False,
) -> None:
    """Give segments masks of the box of a slice, in place of all that is labelled there or beside it."""
    own = {_name_of(document, each): each for each in document.segment_ids()}
    for name in masks:
        if name not in own:
            own[name] = document.add_segment(name)
    voxels = document.voxels()
    recorder = Recorder(voxels)
    if keep:
        with document.changing():
            _separate(voxels, recorder, box, {own[name]: mask for name, mask in masks.items()})
    recorder.before(box)
    for layer in () if keep else voxels.layers():
        layer[box] = 0
    for name, mask in masks.items():
        voxels.write(
            own[name],
            shapes.Region(box, mask),
            Mode(others=Others.OVERLAP if keep else Others.GIVE_WAY),
            None,
        )
    finish(document, recorder, text)


def _separate(voxels: Voxels, recorder: Recorder, box: shapes.Box, masks: Masks) -> None:
    """Give segments layers of their own that would be written over others of their layer.

    Args:
        voxels: Of the segmentation.
        recorder: Of what is written.
        box: Of the slice.
        masks: Id of a segment -> where it is to be written.
    """
    taken = {number: layer[box] > 0 for number, layer in enumerate(voxels.layers())}
    for segment_id, mask in masks.items():
        layer = voxels.place(segment_id).layer
        if (taken[layer] & mask).any():
            recorder.separate(segment_id)
        else:
            taken[layer] |= mask


def _name_of(document: Document, segment_id: str) -> str:
    return str(document.segmentation.GetSegmentation().GetSegment(segment_id).GetName())
