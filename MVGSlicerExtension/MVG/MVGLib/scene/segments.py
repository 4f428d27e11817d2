"""Segmentation nodes as the core sees them: one class per segment, one class per voxel of a volume's grid."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.volume import (
    Geometry,
    LabelMap,
    Segment,
    Segmentation,
    SegmentClass,
    SliceKey,
    labelled_slices,
)
from MVGCore.volume.labelmap import MAX_CLASSES
from MVGLib.scene.placement import (
    Matrix,
    Sampler,
    geometry_of,
    image_to_local,
    local_to_world,
    volume_shape,
    volume_to_world,
)
from MVGLib.scene.voxels import array_of
from MVGLib.texts import _

LABELS = "Binary labelmap"
SURFACE = "Closed surface"


@dataclass(frozen=True, eq=False)
class Layer:
    """One label image of a segmentation; its segments do not overlap.

    Attributes:
        image: `vtkOrientedImageData`.
        ids: Label value in the image -> id of the class.
    """

    image: Any
    ids: dict[int, int]


def segment_ids(node: Any) -> list[str]:
    """The ids of the segments, in their order."""
    return list(node.GetSegmentation().GetSegmentIDs())


def classes_of(node: Any) -> tuple[SegmentClass, ...]:
    """The segments as classes 1, 2, ... in their order, with name, colour and terminology.

    Raises:
        InputError: There are more segments than the core can tell apart.
    """
    ids = segment_ids(node)
    if len(ids) > MAX_CLASSES:
        raise InputError(
            _("'{name}' has {count} segments and at most {most} are possible; choose another one.").format(
                name=node.GetName(), count=len(ids), most=MAX_CLASSES
            )
        )
    return tuple(_class_of(node.GetSegmentation().GetSegment(each), n) for n, each in enumerate(ids, start=1))


def layers_of(node: Any) -> list[Layer]:
    """The label images of a segmentation with the ids of `classes_of`; empty segments have none.

    Segments that are kept as surfaces or as fractions are converted into images of their own; the node stays
    as it is.
    """
    segmentation = node.GetSegmentation()
    if segmentation.GetSourceRepresentationName() != LABELS and not segmentation.ContainsRepresentation(
        LABELS
    ):
        return _converted(node)
    layers: list[Layer] = []
    for number, segment_id in enumerate(segment_ids(node), start=1):
        segment = segmentation.GetSegment(segment_id)
        image = segment.GetRepresentation(LABELS)
        if image is None or image.IsEmpty():
            continue
        value = int(segment.GetLabelValue())
        for layer in layers:
            if layer.image is image:
                layer.ids[value] = number
                break
        else:
            layers.append(Layer(image, {value: number}))
    return layers


def slice_planes(node: Any, volume_node: Any, key: SliceKey) -> tuple[NDArray[np.uint16], ...]:
    """What is labelled on one slice of a volume: a plane for each label image, at least one.

    Args:
        node: A segmentation on any grid, under any linear transform.
        volume_node: The volume whose slice it is.
        key: The slice.

    Returns:
        (H, W) classes' ids each; segments of different planes may overlap.

    Raises:
        InputError: There is no such slice, or a transform is not linear.
    """
    depth = volume_shape(volume_node)[key.axis]
    if not 0 <= key.index < depth:
        raise InputError(
            _("'{name}' has no slice {index}; choose 0 to {last}.").format(
                name=volume_node.GetName(), index=key.index, last=depth - 1
            )
        )
    planes = [
        _numbers(sampler.slice(key), layer.ids).astype(np.uint16)
        for sampler, layer in _samplers(node, volume_node)
    ]
    shape = [n for axis, n in enumerate(volume_shape(volume_node)) if axis != key.axis]
    return tuple(planes) or (np.zeros(shape, np.uint16),)


def label_map(node: Any, volume_node: Any, among: Collection[int] | None = None) -> LabelMap:
    """All labels on the grid of a volume; where segments overlap, those of the later one.

    Args:
        node: The segmentation.
        volume_node: The volume.
        among: Ids of the classes that count, by default all.

    Raises:
        InputError: A transform is not linear.
    """
    classes = [each for each in classes_of(node) if among is None or each.id in among]
    labels = np.zeros(volume_shape(volume_node), np.uint8)
    for array, ids in _arrays(node, volume_node):
        own = {value: number for value, number in ids.items() if among is None or number in among}
        if own:
            np.maximum(labels, _numbers(array, own), out=labels)
    return LabelMap(labels, geometry_of(volume_node), tuple(classes))


def layered(node: Any, volume_node: Any) -> Segmentation:
    """All segments on the grid of a volume, overlapping as they do, with ids as `classes_of`.

    Raises:
        InputError: A transform is not linear.
    """
    known = {each.id: each for each in classes_of(node)}
    places, arrays = dict.fromkeys(known, 0), []
    for number, (array, ids) in enumerate(_arrays(node, volume_node)):
        arrays.append(_numbers(array, ids))
        places |= dict.fromkeys(ids.values(), number)
    if not arrays:
        arrays = [np.zeros(volume_shape(volume_node), np.uint8)]
    segments = tuple(Segment(each, places[each.id], each.id) for each in known.values())
    return Segmentation(tuple(arrays), geometry_of(volume_node), segments)


def filled_by_others(node: Any, volume_node: Any, names: Sequence[str]) -> NDArray[np.bool_]:
    """(K, J, I) where segments of other names than these have voxels, on the grid of a volume.

    Raises:
        InputError: A transform is not linear.
    """
    others = {each.id for each in classes_of(node) if each.name not in names}
    return label_map(node, volume_node, others).array > 0


def labelled(node: Any, volume_node: Any, axis: int | None = None) -> list[SliceKey]:
    """The slices of a volume that were labelled (see `MVGCore.volume.labelled_slices`), or [] if none.

    Raises:
        InputError: A transform is not linear.
    """
    samplers = _samplers(node, volume_node)
    boxes = [box for sampler, _layer in samplers if (box := sampler.filled_box()) is not None]
    if not boxes:
        return []
    start = np.min([box[0] for box in boxes], axis=0).tolist()
    stop = np.max([box[1] for box in boxes], axis=0).tolist()
    mask = np.zeros([b - a for a, b in zip(start, stop, strict=True)], np.uint8)
    for sampler, layer in samplers:
        mask |= _numbers(sampler.box((start, stop)), layer.ids) > 0
    if not mask.any():
        return []
    spacing = geometry_of(volume_node).spacing
    keys = labelled_slices(LabelMap.of(mask, Geometry.identity(mask.shape, spacing)), axis)
    return [SliceKey(key.axis, key.index + start[key.axis]) for key in keys]


def sampler_of(image: Any, to_world: Matrix, volume_node: Any) -> Sampler:
    """Reads a label image of a segmentation at the voxels of a volume.

    Args:
        image: `vtkOrientedImageData`.
        to_world: From the segmentation to the world (see `local_to_world`).
        volume_node: The volume.
    """
    extent = image.GetExtent()
    matrix = np.linalg.inv(to_world @ image_to_local(image)) @ volume_to_world(volume_node)
    return Sampler(array_of(image), (extent[0], extent[2], extent[4]), matrix, volume_shape(volume_node))


def _samplers(node: Any, volume_node: Any) -> list[tuple[Sampler, Layer]]:
    to_world = local_to_world(node)
    return [(sampler_of(layer.image, to_world, volume_node), layer) for layer in layers_of(node)]


def _arrays(node: Any, volume_node: Any) -> Iterator[tuple[NDArray[Any], dict[int, int]]]:
    """Each label image on the grid of a volume, and label value in it -> id of the class."""
    whole = ([0, 0, 0], list(volume_shape(volume_node)))
    for sampler, layer in _samplers(node, volume_node):
        yield sampler.box(whole), layer.ids


def _class_of(segment: Any, number: int) -> SegmentClass:
    red, green, blue = segment.GetColor()
    return SegmentClass(
        number, segment.GetName() or f"class {number}", (red, green, blue), terminology_of(segment)
    )


def tag_of(segment: Any, name: str) -> str:
    """A tag of a segment, or ""."""
    value = vtk.reference("")
    return str(value) if segment.GetTag(name, value) else ""


def terminology_of(segment: Any) -> str:
    """Slicer's terminology entry of a segment, or ""."""
    return tag_of(segment, segment.GetTerminologyEntryTagName())


def _converted(node: Any) -> list[Layer]:
    layers = []
    for number, segment_id in enumerate(segment_ids(node), start=1):
        image = slicer.vtkOrientedImageData()
        read = slicer.vtkSlicerSegmentationsModuleLogic.GetSegmentBinaryLabelmapRepresentation
        if read(node, segment_id, image, False) and not image.IsEmpty():
            layers.append(Layer(image, {1: number}))
    return layers


def _numbers(values: NDArray[Any], ids: dict[int, int]) -> NDArray[np.uint8]:
    """Label values of an image -> ids of classes; values that no segment has -> 0."""
    if values.dtype not in (np.uint8, np.uint16):
        values = np.where((values >= 0) & (values <= max(ids)), values, 0).astype(np.uint16)
    table = np.zeros(np.iinfo(values.dtype).max + 1, np.uint8)  # there are at most 255 classes
    for value, number in ids.items():
        table[value] = number
    return table[values]
