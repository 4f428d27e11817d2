"""Scalar volume nodes: as a `Volume` for the core, and new ones for its results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.volume import Volume
from MVGLib.scene.fingerprint import fingerprint
from MVGLib.scene.placement import geometry_of
from MVGLib.scene.voxels import allocate, array_of, modified
from MVGLib.texts import _

_READINGS_KEPT = 4
# ITU-R BT.709, as Slicer's own Vector to Scalar Volume module weighs red, green and blue.
_LUMINANCE = (0.2126, 0.7152, 0.0722)


@dataclass(frozen=True, eq=False)
class Reading:
    """A volume node as the core sees it.

    Attributes:
        volume: Its array is a view of the node's voxels unless something had to be replaced: do not write.
        notes: What the user should know, sentence by sentence.
    """

    volume: Volume
    notes: tuple[str, ...]


def read_volume_node(node: Any) -> Reading:
    """A scalar volume node as a `Volume` in world coordinates; NaN and infinite voxels become 0.

    Raises:
        InputError: A label map, a colour image, less than a slice, no voxels, or a transform that bends
            space.
    """
    check_volume_node(node)
    array, notes = _finite(array_of(node.GetImageData()), node.GetName())
    return Reading(Volume(array, geometry_of(node), name=node.GetName()), notes)


class Readings:
    """Keeps the last readings of volume nodes until their voxels, place or names change."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, Reading]] = {}

    def of(self, node: Any) -> Reading:
        """As `read_volume_node`."""
        stamp = f"{fingerprint(node)} {node.GetName()}"
        known = self._known.pop(node.GetID(), None)
        if known is None or known[0] != stamp:
            known = (stamp, read_volume_node(node))
        self._known[node.GetID()] = known  # the latest last, so that the oldest goes
        while len(self._known) > _READINGS_KEPT:
            self._known.pop(next(iter(self._known)))
        return known[1]

    def clear(self) -> None:
        """Keep nothing."""
        self._known.clear()


def check_volume_node(node: Any) -> None:
    """Raise `InputError` with a remedy unless the core can use this node as an image."""
    name = node.GetName() if node is not None else ""
    if node is None or not node.IsA("vtkMRMLScalarVolumeNode"):
        raise InputError(_("There is no volume; load one and choose it."))
    if node.IsA("vtkMRMLLabelMapVolumeNode"):
        raise InputError(
            _("'{name}' is a label map; choose the image that it belongs to, or convert it.").format(
                name=name
            )
        )
    image = node.GetImageData()
    if image is None or not image.GetNumberOfPoints() or not image.GetNumberOfScalarComponents():
        raise InputError(_("'{name}' has no voxels; load the volume again.").format(name=name))
    if image.GetNumberOfScalarComponents() > 1:
        raise InputError(
            _("'{name}' is a colour image; make a scalar volume of its luminance first.").format(name=name)
        )
    if sorted(image.GetDimensions())[1] < 2:
        size = " x ".join(map(str, image.GetDimensions()))
        raise InputError(
            _("'{name}' is less than a slice ({size} voxels); choose an image or a volume.").format(
                name=name, size=size
            )
        )


def luminance_volume(node: Any) -> Any:
    """A new scalar volume node with the luminance of a colour image, at its place.

    Args:
        node: `vtkMRMLVectorVolumeNode` of at least three components; a fourth (opacity) is left out.

    Raises:
        InputError: It has fewer components.
    """
    array = array_of(node.GetImageData())
    if array.ndim != 4 or array.shape[-1] < 3:
        raise InputError(_("'{name}' is not a colour image.").format(name=node.GetName()))
    gray = array[..., :3].astype(np.float32) @ np.asarray(_LUMINANCE, np.float32)
    name = _("{name} luminance").format(name=node.GetName())
    result = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    slicer.util.updateVolumeFromArray(result, _storable(gray, array.dtype))
    _put_at(result, node)
    result.CreateDefaultDisplayNodes()
    return result


def new_volume_like(node: Any, name: str, like: Any = None, scene: Any = None) -> Any:
    """A new scalar volume node with the geometry, the parent transform and the voxels of another.

    Args:
        node: Where it is to lie.
        name: Its name; a number is added if it is taken.
        like: Whose voxel type and display (window, level, colours) it gets, `node` by default. Unless it is
            `node`, all voxels have the lowest intensity of `like` instead of those of `node`.
        scene: The scene; that of `node` by default.
    """
    like = like or node
    scene = scene or node.GetScene()
    result = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", scene.GenerateUniqueName(name))
    _put_at(result, node)
    # Before the voxels: a display node looks through all of them for a window unless it is told one.
    _show_as(result, like)
    image = vtk.vtkImageData()
    image.DeepCopy(node.GetImageData())
    if like is not node:
        source = array_of(like.GetImageData())
        allocate(image, image.GetExtent(), source.dtype)[...] = source.min()
    result.SetAndObserveImageData(image)
    return result


def put_slice(node: Any, axis: int, index: int, values: NDArray[Any]) -> None:
    """Write one slice of a volume node in the type of its voxels: rounded and clipped if whole numbers.

    Args:
        node: The volume.
        axis: Array axis (0 = k, 1 = j, 2 = i) that the slice lies across.
        index: Its place along that axis.
        values: (H, W).
    """
    array = array_of(node.GetImageData())
    plane = array[(slice(None),) * axis + (index,)]
    plane[...] = _storable(values, array.dtype)
    modified(node.GetImageData())
    node.Modified()  # the slice views listen to the node


def _finite(array: NDArray[Any], name: str) -> tuple[NDArray[Any], tuple[str, ...]]:
    # VTK's scalar range leaves NaN out, so only the voxels themselves tell.
    if array.dtype.kind != "f":
        return array, ()
    finite = np.isfinite(array)
    bad = array.size - int(np.count_nonzero(finite))
    if not bad:
        return array, ()
    note = _("{count} voxels of '{name}' are NaN or infinite; they count as 0.").format(count=bad, name=name)
    return np.where(finite, array, 0).astype(array.dtype), (note,)


def _storable(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    if dtype.kind not in "iu" or values.dtype == dtype:
        return values.astype(dtype, copy=False)
    limits = np.iinfo(dtype)
    return np.clip(np.rint(values), limits.min, limits.max).astype(dtype)


def _put_at(node: Any, like: Any) -> None:
    matrix = vtk.vtkMatrix4x4()
    like.GetIJKToRASMatrix(matrix)
    node.SetIJKToRASMatrix(matrix)
    node.SetAndObserveTransformNodeID(like.GetTransformNodeID())


def _show_as(node: Any, like: Any) -> None:
    node.CreateDefaultDisplayNodes()
    display, model = node.GetDisplayNode(), like.GetDisplayNode()
    # Automatic window and level would look at all voxels again after every slice.
    display.AutoWindowLevelOff()
    if model is None:
        return
    if model.IsA("vtkMRMLScalarVolumeDisplayNode"):
        display.SetWindowLevel(model.GetWindow(), model.GetLevel())
    display.SetAndObserveColorNodeID(model.GetColorNodeID())
