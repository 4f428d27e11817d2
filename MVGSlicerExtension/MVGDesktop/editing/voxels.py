"""The voxels of a segmentation node as arrays that can be written in place."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import vtk_to_numpy

from MVGCore.errors import InputError
from MVGDesktop.editing.shapes import Region, VoxelGrid

REPRESENTATION = "Binary labelmap"
Array = NDArray[Any]


@dataclass(frozen=True)
class Place:
    """Where a segment is kept: the layer's number and the segment's value in it."""

    layer: int
    value: int


class Others(Enum):
    """What becomes of other segments where one is written."""

    GIVE_WAY = "Other segments give way"
    STAY = "Spare other segments"
    OVERLAP = "Overlap other segments"


@dataclass(frozen=True)
class Mode:
    """How to write.

    Attributes:
        erase: Take voxels from the segment instead of adding them.
        others: What becomes of other segments; those of the same layer cannot overlap.
        intensities: Write only where the image is within these two values.
    """

    erase: bool = False
    others: Others = Others.GIVE_WAY
    intensities: tuple[float, float] | None = None


class Voxels:
    """Reads and writes the layers of one segmentation on its whole grid.

    Slicer cuts layers to their contents; they are made as large as the grid when they are first written, so
    that a stroke never moves memory.
    """

    def __init__(self, node: Any) -> None:
        """Args:
            node: `vtkMRMLSegmentationNode` with a reference geometry.

        Raises:
            InputError: It has no reference geometry, or lies under a transform that bends.
        """
        self.node = node
        self._reference = _reference_image(node)
        self._arrays: dict[int, tuple[Any, Any, Array]] = {}

    @property
    def segmentation(self) -> Any:
        """The `vtkSegmentation`."""
        return self.node.GetSegmentation()

    @property
    def local_matrix(self) -> NDArray[np.float64]:
        """4 x 4 matrix from (i, j, k, 1) to the node's own coordinates in mm, under its transform."""
        local = vtk.vtkMatrix4x4()
        self._reference.GetImageToWorldMatrix(local)
        matrix: NDArray[np.float64] = slicer.util.arrayFromVTKMatrix(local)
        # An array begins with the first voxel of the extent, which need not be 0.
        matrix[:3, 3] += matrix[:3, :3] @ np.array(self._reference.GetExtent()[::2], dtype=float)
        return matrix

    @property
    def grid(self) -> VoxelGrid:
        """The voxels in the world."""
        to_world = vtk.vtkMatrix4x4()
        slicer.vtkMRMLTransformNode.GetMatrixTransformBetweenNodes(
            self.node.GetParentTransformNode(), None, to_world
        )
        size = self._reference.GetDimensions()
        matrix = slicer.util.arrayFromVTKMatrix(to_world) @ self.local_matrix
        return VoxelGrid((size[2], size[1], size[0]), matrix)

    def place(self, segment_id: str) -> Place:
        """Where a segment is kept."""
        layer = self.segmentation.GetLayerIndex(segment_id, REPRESENTATION)
        return Place(layer, self.segmentation.GetSegment(segment_id).GetLabelValue())

    def layout(self) -> tuple[tuple[str, Place], ...]:
        """Which segments there are and where each is kept."""
        return tuple((each, self.place(each)) for each in self.segmentation.GetSegmentIDs())

    def layer(self, number: int) -> Array:
        """The whole (K, J, I) array of a layer; writing to it writes to the segmentation."""
        image = self.segmentation.GetLayerDataObject(number, REPRESENTATION)
        kept = self._arrays.get(number)
        scalars = image.GetPointData().GetScalars()
        if kept is None or kept[0] is not image or kept[1] is not scalars:
            if tuple(image.GetExtent()) != tuple(self._reference.GetExtent()):
                _spread(image, self._reference)
                scalars = image.GetPointData().GetScalars()
            size = image.GetDimensions()
            kept = (image, scalars, vtk_to_numpy(scalars).reshape(size[::-1]))
            self._arrays[number] = kept
        return kept[2]

    def layers(self) -> list[Array]:
        """All layers."""
        return [self.layer(number) for number in range(self.segmentation.GetNumberOfLayers(REPRESENTATION))]

    def mask(self, segment_id: str) -> NDArray[np.bool_]:
        """Where a segment is, (K, J, I)."""
        place = self.place(segment_id)
        mask: NDArray[np.bool_] = self.layer(place.layer) == place.value
        return mask

    def write(self, segment_id: str, region: Region, mode: Mode, image: Array | None) -> None:
        """Add the region to a segment, or take it away.

        Args:
            segment_id: The segment.
            region: The voxels.
            mode: How.
            image: (K, J, I) intensities on the same grid, for `mode.intensities`.
        """
        place, mask = self.place(segment_id), region.mask.copy()
        if mode.intensities is not None and image is not None:
            low, high = mode.intensities
            mask &= (image[region.box] >= low) & (image[region.box] <= high)
        layers = self.layers()
        own = layers[place.layer][region.box]
        if mode.erase:
            own[mask & (own == place.value)] = 0
            return
        others = [layer[region.box] for number, layer in enumerate(layers) if number != place.layer]
        if mode.others is Others.STAY:
            mask &= (own == 0) | (own == place.value)
            for other in others:
                mask &= other == 0
        elif mode.others is Others.GIVE_WAY:
            for other in others:
                other[mask] = 0
        own[mask] = place.value

    def separate(self, segment_id: str) -> None:
        """Give a segment a layer of its own, so that it may overlap others."""
        self.segmentation.SeparateSegmentLabelmap(segment_id)

    def beside(self, segment_id: str) -> str:
        """A segment that is kept in the same layer as another one, or ""."""
        layer, ids = self.place(segment_id).layer, self.segmentation.GetSegmentIDs()
        return next((each for each in ids if each != segment_id and self.place(each).layer == layer), "")

    def join(self, segment_id: str, neighbour_id: str, value: int) -> None:
        """Put a segment back into the layer of another one, as what value; where it is, that one is not."""
        mask = self.mask(segment_id)
        self.layer(self.place(neighbour_id).layer)[mask] = value
        segment, neighbour = map(self.segmentation.GetSegment, (segment_id, neighbour_id))
        segment.SetLabelValue(value)
        segment.AddRepresentation(REPRESENTATION, neighbour.GetRepresentation(REPRESENTATION))

    def show(self) -> None:
        """Let the views draw what was written; nothing else hears of it."""
        self.node.GetDisplayNode().Modified()

    def announce(self) -> None:
        """Tell everybody that the contents changed, once a stroke is done."""
        for number in range(self.segmentation.GetNumberOfLayers(REPRESENTATION)):
            image = self.segmentation.GetLayerDataObject(number, REPRESENTATION)
            # Not image.Modified(): it would throw the closed surfaces away before new ones are made.
            image.GetPointData().GetScalars().Modified()
        self.segmentation.InvokeEvent(slicer.vtkSegmentation.SourceRepresentationModified)


def _reference_image(node: Any) -> Any:
    converter = slicer.vtkSegmentationConverter
    text = node.GetSegmentation().GetConversionParameter(converter.GetReferenceImageGeometryParameterName())
    image = slicer.vtkOrientedImageData()
    if not text or not converter.DeserializeImageGeometry(text, image, False):
        raise InputError("The segmentation does not say which volume it belongs to; open the volume first.")
    transform = node.GetParentTransformNode()
    if transform is not None and not transform.IsTransformToWorldLinear():
        raise InputError("The segmentation lies under a transform that bends; harden the transform first.")
    return image


def _spread(image: Any, reference: Any) -> None:
    """Make a layer as large as the grid, in place."""
    whole = slicer.vtkOrientedImageData()
    kind = image.GetScalarType() if image.GetPointData().GetScalars() else vtk.VTK_UNSIGNED_CHAR
    if (
        image.IsEmpty()
        or not slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(
            image, reference, whole, False, False
        )
    ):
        whole.DeepCopy(reference)
        whole.AllocateScalars(kind, 1)
        whole.GetPointData().GetScalars().Fill(0)
    image.DeepCopy(whole)
