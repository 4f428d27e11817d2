"""From what a slice view shows to a slice of a volume, and back.

Which slice is shown follows from matrices (voxel -> world, view -> world): Slicer's own slice index counts
from 1 and needs a loaded background.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.report.orientation import SliceOrientation as Orientation
from MVGCore.volume import SliceKey
from MVGLib.scene.observers import Observers
from MVGLib.scene.placement import geometry_of, to_array, volume_shape, volume_to_world
from MVGLib.texts import _

# A view is oblique when its plane leaves the slice that it crosses in the middle of the volume: then what is
# drawn in the view is not on one slice. The rest is for rounding.
_HALF_A_SLICE = 0.5 + 1e-3

# Towards which side of R, A and S the offset grows in Slicer's presets of slice orientations.
_OFFSET_GROWS = (-1.0, 1.0, 1.0)

Vector = NDArray[np.float64]


class Views:
    """Knows in which slice view the mouse was last."""

    def __init__(self, scene: Any, observers: Observers) -> None:
        self._scene = scene
        self._observers = observers
        self._followed: Any = None
        self._last_id = ""
        self._follow()

    def current(self) -> Any:
        """The slice node that a host has made active, else the one under the mouse, else where it was last,
        else "Red", else the first that is shown.

        Raises:
            InputError: There is no slice view.
        """
        self._follow()
        nodes = slice_nodes(self._scene)
        under = self._under_mouse()
        names = {node.GetLayoutName(): node for node in nodes}
        by_id = {node.GetID(): node for node in nodes}
        active = next((node for node in nodes if node.GetActive()), None)
        chosen = active or under or by_id.get(self._last_id) or names.get("Red") or next(iter(nodes), None)
        if chosen is None:
            raise InputError(_("No slice view is shown; choose a layout with slice views."))
        return chosen

    def shown_slice(self, volume_node: Any) -> SliceKey:
        """The slice of a volume in the current view (see `slice_of_view`)."""
        return slice_of_view(self.current(), volume_node)

    def jump(self, volume_node: Any, key: SliceKey) -> None:
        """Show a slice in all views along its axis; if there is none, the current view is turned to it."""
        shape = volume_shape(volume_node)
        if not 0 <= key.index < shape[key.axis]:
            raise InputError(
                _("'{name}' has no slice {index}; choose 0 to {last}.").format(
                    name=volume_node.GetName(), index=key.index, last=shape[key.axis] - 1
                )
            )
        along = [node for node in slice_nodes(self._scene) if axis_of_view(node, volume_node) == key.axis]
        if not along:
            node = self.current()
            turn_to(node, volume_node, key.axis)
            along = [node]
        middle = (np.array(shape) - 1) / 2
        middle[key.axis] = key.index
        at = volume_to_world(volume_node) @ np.array([*middle[::-1], 1.0])
        self._make_active(along[0])
        for node in along:
            node.JumpSliceByOffsetting(*at[:3])

    def shows(self, volume_node: Any, key: SliceKey) -> bool:
        """Whether a view shows a slice."""
        for node in slice_nodes(self._scene):
            try:
                if slice_of_view(node, volume_node) == key:
                    return True
            except InputError:
                continue
        return False

    def rotate_to_volume(self, volume_node: Any) -> None:
        """Turn all slice views to the nearest planes of a volume."""
        for node in slice_nodes(self._scene):
            node.RotateToVolumePlane(volume_node)

    def _make_active(self, chosen: Any) -> None:
        """Where a host has an active view, it is the one that is looked at from now on."""
        nodes = slice_nodes(self._scene)
        if any(node.GetActive() for node in nodes):
            for node in nodes:
                node.SetActive(int(node is chosen))

    def _under_mouse(self) -> Any:
        crosshair = _crosshair(self._scene)
        if crosshair is None or not crosshair.GetCursorPositionRAS([0.0, 0.0, 0.0]):
            return None
        return crosshair.GetCursorPositionXYZ([0.0, 0.0, 0.0])

    def _follow(self) -> None:
        """Follow the mouse; Slicer may make the node that tells of it later than us, or anew."""
        crosshair = _crosshair(self._scene)
        if crosshair is not None and crosshair is not self._followed:
            self._observers.add(crosshair, crosshair.CursorPositionModifiedEvent, self._remember)
            self._followed = crosshair

    def _remember(self) -> None:
        node = self._under_mouse()
        if node is not None:
            self._last_id = node.GetID()


def slice_of_view(slice_node: Any, volume_node: Any) -> SliceKey:
    """The slice of a volume that a view shows.

    Raises:
        InputError: The view is oblique to the volume, or shows no slice of it.
    """
    axis = axis_of_view(slice_node, volume_node)
    name = volume_node.GetName()
    if axis is None:
        raise InputError(
            _(
                "The view is oblique to '{name}'; turn it to the volume's plane (menu of the view: Rotate to "
                "volume plane)."
            ).format(name=name)
        )
    plane = _plane_in_volume(slice_node, volume_node)
    index = int(np.floor(plane[3] / plane[axis] + 0.5))
    if not 0 <= index < volume_shape(volume_node)[axis]:
        raise InputError(_("The view shows no slice of '{name}'; scroll to it.").format(name=name))
    return SliceKey(axis, index)


def axis_of_view(slice_node: Any, volume_node: Any) -> int | None:
    """The array axis of a volume that a view looks along; None if it is oblique."""
    plane = _plane_in_volume(slice_node, volume_node)
    normal = plane[:3]
    axis = int(np.argmax(np.abs(normal)))
    if not normal[axis]:
        return None
    half = (np.array(volume_shape(volume_node)) - 1) / 2
    others = [each for each in range(3) if each != axis]
    deviation = sum(abs(normal[each] / normal[axis]) * half[each] for each in others)
    return axis if deviation <= _HALF_A_SLICE else None


def turn_to(slice_node: Any, volume_node: Any, axis: int) -> None:
    """Turn a view to the slices along an array axis of a volume, the right way up."""
    geometry = geometry_of(volume_node)
    orientation = Orientation.of(geometry, axis)
    rows, columns = (each for each in range(3) if each != axis)
    if orientation.transposed:
        rows, columns = columns, rows
    to_world = volume_to_world(volume_node)
    up = to_world[:3, 2 - rows] * (1 if orientation.flipped[0] else -1)
    right = to_world[:3, 2 - columns] * (-1 if orientation.flipped[1] else 1)
    right /= np.linalg.norm(right)
    up -= (up @ right) * right
    up /= np.linalg.norm(up)
    normal = np.cross(right, up)
    main = int(np.argmax(np.abs(normal)))
    normal *= np.sign(normal[main]) * _OFFSET_GROWS[main]
    matrix = slice_node.GetSliceToRAS()
    for column, vector in enumerate((right, up, normal)):
        for row in range(3):
            matrix.SetElement(row, column, vector[row])
    slice_node.UpdateMatrices()


def plane_name(volume_node: Any, axis: int) -> str:
    """ "axial", "coronal" or "sagittal", whichever is nearest to slices along an array axis."""
    return Orientation.of(geometry_of(volume_node), axis).plane


def slice_nodes(scene: Any) -> list[Any]:
    """The slice nodes of the views in the layout; all of them where the layout is not known."""
    count = scene.GetNumberOfNodesByClass("vtkMRMLSliceNode")
    nodes = [scene.GetNthNodeByClass(number, "vtkMRMLSliceNode") for number in range(count)]
    return [node for node in nodes if node.IsMappedInLayout()] or nodes


def _plane_in_volume(slice_node: Any, volume_node: Any) -> Vector:
    """The plane of a view in voxels, as (n_k, n_j, n_i, d).

    On the line along the main axis through the middle of the volume: n_axis * index = d.
    """
    to_world = volume_to_world(volume_node)
    view = to_array(slice_node.GetSliceToRAS())
    normal, origin = view[:3, 2], view[:3, 3]
    along_ijk = normal @ to_world[:3, :3]
    distance = normal @ (origin - to_world[:3, 3])
    plane = np.array([*along_ijk[::-1], distance])
    # An oblique plane within the tolerance: the slice is read where it crosses the middle of the volume.
    axis = int(np.argmax(np.abs(plane[:3])))
    middle = (np.array(volume_shape(volume_node)) - 1) / 2
    plane[3] -= sum(plane[each] * middle[each] for each in range(3) if each != axis)
    return plane


def _crosshair(scene: Any) -> Any:
    return scene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
