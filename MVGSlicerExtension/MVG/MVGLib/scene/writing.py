"""Writing labels into the segments of a user, and into nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.volume import SegmentClass, SliceKey
from MVGLib.scene.placement import (
    Matrix,
    Sampler,
    covered_extent,
    image_to_local,
    local_to_world,
    volume_shape,
    volume_to_world,
)
from MVGLib.scene.segments import LABELS, SURFACE, segment_ids
from MVGLib.scene.voxels import array_of, modified, new_label_image
from MVGLib.texts import _


@dataclass(frozen=True, eq=False)
class Change:
    """Labels that replace what segments have in a part of a volume.

    Attributes:
        volume_node: The volume.
        labels: (K, J, I) ids of classes on its grid.
        region: (K, J, I) bool, where they count; elsewhere nothing changes.
        classes: What the ids stand for.
        among: These and the classes of other changes to the same segments, in the order in which segments of
            one name stand for them; by default these alone.
    """

    volume_node: Any
    labels: NDArray[Any]
    region: NDArray[np.bool_]
    classes: tuple[SegmentClass, ...]
    among: tuple[SegmentClass, ...] = ()


def region_of(
    shape: Sequence[int], axis: int, slices: Iterable[int], keep: Iterable[SliceKey]
) -> NDArray[np.bool_]:
    """The voxels of some slices along an axis, without those of the slices that are to be kept."""
    region = np.zeros(tuple(shape), bool)
    for index in slices:
        region[(slice(None),) * axis + (index,)] = True
    for key in keep:
        region[(slice(None),) * key.axis + (key.index,)] = False
    return region


def slice_change(
    volume_node: Any,
    key: SliceKey,
    labels: NDArray[Any],
    where: NDArray[np.bool_],
    classes: tuple[SegmentClass, ...],
) -> Change:
    """The (H, W) labels of one slice, where they count on it."""
    shape = volume_shape(volume_node)
    whole, region = np.zeros(shape, labels.dtype), np.zeros(shape, bool)
    np.moveaxis(whole, key.axis, 0)[key.index] = labels
    np.moveaxis(region, key.axis, 0)[key.index] = where
    return Change(volume_node, whole, region, classes)


def write_into(node: Any, change: Change) -> None:
    """Give the segments of a segmentation that are named like the classes the voxels of these classes.

    A class without a segment of its name gets a new segment. Segments of other names keep every voxel, also
    where they overlap with what is written; so do all segments outside the region. The closed surface is made
    anew if it was shown.

    Raises:
        InputError: The segments are kept as surfaces, or a transform is not linear.
    """
    segmentation = node.GetSegmentation()
    check_writable(node)
    _prepare(node, change.volume_node)
    to_world = local_to_world(node)
    had_surface = _shows_surface(node)
    own = {each.id: _segment_of(node, each, change.among or change.classes) for each in change.classes}
    _separate_overlapped(node, own, change, to_world)
    written = []
    for image, ids in _images(node, own).values():
        _replace(image, ids, change, to_world)
        written.append(image)
    homeless = [each for each in change.classes if not _has_voxels(segmentation.GetSegment(own[each.id]))]
    _give_image(node, {each.id: own[each.id] for each in homeless}, change, to_world)
    for image in written:
        modified(image)
    if had_surface:
        node.CreateClosedSurfaceRepresentation()


def add_segment(node: Any, class_: SegmentClass) -> str:
    """Add an empty segment that looks like a class, and give its id."""
    segment = slicer.vtkSegment()
    segment.SetName(class_.name)
    segment.SetColor(*class_.color)
    if class_.terminology:
        segment.SetTag(segment.GetTerminologyEntryTagName(), class_.terminology)
    segmentation = node.GetSegmentation()
    segment_id = segmentation.GenerateUniqueSegmentID("Segment")  # names may have what files cannot
    segmentation.AddSegment(segment, segment_id)
    return segment_id


def share_image(node: Any, values: Mapping[str, int], image: Any) -> None:
    """Make an image the label image of segments; `values` gives each segment id its label value."""
    for segment_id, value in values.items():
        segment = node.GetSegmentation().GetSegment(segment_id)
        segment.SetLabelValue(value)
        segment.AddRepresentation(LABELS, image)


def check_writable(node: Any) -> None:
    """Raise `InputError` if `write_into` cannot write into this segmentation."""
    local_to_world(node)
    segmentation = node.GetSegmentation()
    if segmentation.GetNumberOfSegments() and segmentation.GetSourceRepresentationName() != LABELS:
        raise InputError(
            _(
                "The segments of '{name}' are kept as surfaces; make the binary labelmap their source "
                "(Segmentations module, Representations), or take the result as a segmentation of its own."
            ).format(name=node.GetName())
        )


def _prepare(node: Any, volume_node: Any) -> None:
    """What Slicer's Segment Editor does with a segmentation that it sees for the first time."""
    segmentation = node.GetSegmentation()
    if not segmentation.GetNumberOfSegments():
        segmentation.SetSourceRepresentationName(LABELS)
    name = slicer.vtkSegmentationConverter.GetReferenceImageGeometryParameterName()
    if not segmentation.GetConversionParameter(name):
        node.SetReferenceImageGeometryParameterFromVolumeNode(volume_node)


def _segment_of(node: Any, class_: SegmentClass, classes: Sequence[SegmentClass]) -> str:
    """The id of the segment of a class: for the first class of a name the first segment of that name, ..."""
    place = [each.id for each in classes if each.name == class_.name].index(class_.id)
    segmentation = node.GetSegmentation()
    alike = [each for each in segment_ids(node) if segmentation.GetSegment(each).GetName() == class_.name]
    return alike[place] if place < len(alike) else add_segment(node, class_)


def _shows_surface(node: Any) -> bool:
    display = node.GetDisplayNode()
    has = node.GetSegmentation().ContainsRepresentation(SURFACE)
    return bool(has and display and display.GetVisibility() and display.GetVisibility3D())


def _has_voxels(segment: Any) -> bool:
    image = segment.GetRepresentation(LABELS)
    return image is not None and not image.IsEmpty()


def _images(node: Any, own: Mapping[int, str]) -> dict[int, tuple[Any, dict[int, int]]]:
    """The label images of the segments `own` (class id -> segment id): image, class id -> label value."""
    images: dict[int, tuple[Any, dict[int, int]]] = {}
    for class_id, segment_id in own.items():
        segment = node.GetSegmentation().GetSegment(segment_id)
        if _has_voxels(segment):
            image = segment.GetRepresentation(LABELS)
            key = node.GetSegmentation().GetLayerIndex(segment_id)
            images.setdefault(key, (image, {}))[1][class_id] = int(segment.GetLabelValue())
    return images


def _separate_overlapped(node: Any, own: Mapping[int, str], change: Change, to_world: Matrix) -> None:
    """Move each segment that would be written over a foreign one of its layer into a layer of its own."""
    segmentation = node.GetSegmentation()
    for layer, (image, ids) in _images(node, own).items():
        if set(segmentation.GetSegmentIDsForLayer(layer)) <= set(own.values()):
            continue
        window = _window(image, change, to_world)
        if window is None:
            continue
        foreign = (window.voxels != 0) & ~np.isin(window.voxels, list(ids.values()))
        if not foreign.any():
            continue
        for class_id in np.unique(window.labels[foreign & window.region]):
            if int(class_id) in ids:
                segmentation.SeparateSegmentLabelmap(own[int(class_id)])


@dataclass(frozen=True, eq=False)
class _Window:
    """The part of a label image that the volume covers: its voxels (a view) and the change at these."""

    voxels: NDArray[Any]
    labels: NDArray[Any]
    region: NDArray[np.bool_]


def _window(image: Any, change: Change, to_world: Matrix) -> _Window | None:
    voxels = array_of(image)
    if not voxels.size:
        return None
    first = np.array(image.GetExtent()[::2])
    matrix = np.linalg.inv(volume_to_world(change.volume_node)) @ to_world @ image_to_local(image)
    matrix[:3, 3] += matrix[:3, :3] @ first
    of_labels = Sampler(change.labels, (0, 0, 0), matrix, voxels.shape)
    of_region = Sampler(change.region, (0, 0, 0), matrix, voxels.shape)
    box = of_region.filled_box()
    if box is None:
        return None
    part = voxels[tuple(slice(a, b) for a, b in zip(*box, strict=True))]
    return _Window(part, of_labels.box(box), of_region.box(box))


def _replace(image: Any, ids: Mapping[int, int], change: Change, to_world: Matrix) -> None:
    """Write the change into a label image; `ids` gives the label value of each class that lives in it."""
    _grow(image, change, to_world)
    window = _window(image, change, to_world)
    if window is None:
        return
    window.voxels[window.region & np.isin(window.voxels, list(ids.values()))] = 0
    for class_id, value in ids.items():
        window.voxels[window.region & (window.labels == class_id)] = value


def _grow(image: Any, change: Change, to_world: Matrix) -> None:
    """Extend an image so that it covers all that is to be written; its voxels stay where they are."""
    matrix = np.linalg.inv(to_world @ image_to_local(image)) @ volume_to_world(change.volume_node)
    needed = covered_extent(change.region & (change.labels > 0), matrix)
    if needed is None:
        return
    old = image.GetExtent()
    new = [f(a, b) for f, a, b in zip((min, max) * 3, old, needed, strict=True)]
    if tuple(new) == tuple(old):
        return
    before = array_of(image).copy()
    grown = new_label_image(tuple(new), image_to_local(image), before.dtype)
    at = tuple(slice(old[2 * a] - new[2 * a], old[2 * a + 1] - new[2 * a] + 1) for a in (2, 1, 0))
    array_of(grown)[at] = before
    image.ShallowCopy(grown)


def _give_image(node: Any, own: Mapping[int, str], change: Change, to_world: Matrix) -> None:
    """Give segments that have no voxels yet an image of their own, on the grid of the volume."""
    numbers = np.where(change.region, change.labels, 0)
    present = [class_id for class_id in own if (numbers == class_id).any()]
    if not present:
        return
    k, j, i = volume_shape(change.volume_node)
    to_local = np.linalg.inv(to_world) @ volume_to_world(change.volume_node)
    image = new_label_image((0, i - 1, 0, j - 1, 0, k - 1), to_local)
    for value, class_id in enumerate(present, start=1):
        array_of(image)[numbers == class_id] = value
    share_image(node, {own[each]: value for value, each in enumerate(present, start=1)}, image)
