"""Slice views: which slice they show, how they are moved, what is laid over them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import slicer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from MVGCore.errors import InputError
from MVGCore.volume import SegmentClass, SliceKey
from MVGDesktop.headless import add_slice_view
from MVGLib.scene import Scene
from MVGLib.scene.views import slice_of_view
from Testing.slicer.nodes import SHAPE, bend, make_image, make_volume, move, turn, world_of

MIDDLE = (7, 9, 5)  # i, j, k


@pytest.fixture
def views(mrml_scene: Any) -> dict[str, Any]:
    """Red, Green and Yellow as in Slicer's layout."""
    planes = {"Red": "Axial", "Green": "Coronal", "Yellow": "Sagittal"}
    return {name: add_slice_view(name, plane).GetSliceNode() for name, plane in planes.items()}


def show(node: Any, volume: Any, ijk: tuple[float, float, float]) -> None:
    node.JumpSliceByCentering(*world_of(volume, ijk))


@pytest.mark.parametrize(("name", "axis"), [("Red", 0), ("Green", 1), ("Yellow", 2)])
@pytest.mark.parametrize("off", [-0.49, 0.0, 0.49])
def test_the_slice_of_a_view(
    scene: Scene, a_volume_node: Any, views: dict[str, Any], name: str, axis: int, off: float
) -> None:
    at = [float(each) for each in MIDDLE]
    at[2 - axis] += off
    show(views[name], a_volume_node, tuple(at))
    assert slice_of_view(views[name], a_volume_node) == SliceKey(axis, MIDDLE[2 - axis])


def test_slicers_own_index_agrees(scene: Scene, a_volume_node: Any, views: dict[str, Any]) -> None:
    """With a background in the view; ours needs none and counts from 0 along the array."""
    logic = slicer.app.applicationLogic().GetSliceLogicByLayoutName("Red")
    logic.GetSliceCompositeNode().SetBackgroundVolumeID(a_volume_node.GetID())
    for k in range(SHAPE[0]):
        show(views["Red"], a_volume_node, (7, 9, k))
        own = slice_of_view(views["Red"], a_volume_node).index
        assert own == k == logic.GetSliceIndexFromOffset(views["Red"].GetSliceOffset()) - 1


def test_beyond_the_volume(scene: Scene, a_volume_node: Any, views: dict[str, Any]) -> None:
    for k in (-0.6, 11.6):
        show(views["Red"], a_volume_node, (7, 9, k))
        with pytest.raises(InputError, match="shows no slice of 'CT größer'; scroll to it"):
            scene.slice_in_view(a_volume_node.GetID())
    bend(a_volume_node)
    with pytest.raises(InputError, match="harden the transform"):
        scene.slice_in_view(a_volume_node.GetID())
    with pytest.raises(InputError, match="not in the scene"):
        scene.slice_in_view("")


def test_oblique_views_are_refused_until_they_are_turned(
    scene: Scene, an_oblique_volume_node: Any, views: dict[str, Any]
) -> None:
    volume_id = an_oblique_volume_node.GetID()
    show(views["Red"], an_oblique_volume_node, MIDDLE)
    with pytest.raises(InputError, match="oblique to 'oblique'"):
        scene.slice_in_view(volume_id)
    scene.rotate_to_volume(volume_id)
    found = set()
    for node in views.values():
        show(node, an_oblique_volume_node, MIDDLE)
        key = slice_of_view(node, an_oblique_volume_node)
        assert key.index == MIDDLE[2 - key.axis]
        found.add(key.axis)
    assert found == {0, 1, 2}


@pytest.mark.parametrize(("angle", "fits"), [(0.0, True), (0.05, True), (0.3, False), (1.2, False)])
def test_the_tolerance_is_half_a_slice(scene: Scene, views: dict[str, Any], angle: float, fits: bool) -> None:
    """Turned about x, the plane leaves the slice after 1.5 mm; the volume reaches 8.55 mm each way."""
    volume = make_volume(make_image(), turn(0.0, angle))
    show(views["Red"], volume, (7.5, 9.5, 5.0))
    if fits:
        assert slice_of_view(views["Red"], volume) == SliceKey(0, 5)
    else:
        with pytest.raises(InputError, match="oblique"):
            slice_of_view(views["Red"], volume)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    angles=st.tuples(*[st.floats(-3, 3)] * 3),
    flips=st.tuples(*[st.sampled_from((1.0, -1.0))] * 3),
    axis=st.integers(0, 2),
    share=st.floats(0, 1),
    parent=st.booleans(),
)
def test_jump_and_read_back(
    scene: Scene,
    angles: tuple[float, ...],
    flips: tuple[float, ...],
    axis: int,
    share: float,
    parent: bool,
) -> None:
    """On any grid, under any rotation: the view that was sent to a slice shows that slice."""
    add_slice_view("Red", "Axial")
    volume = make_volume(make_image(), turn(angles[0], angles[1]) @ np.diag([*flips, 1.0]))
    if parent:
        move(volume, turn(angles[2], 0.7))
    key = SliceKey(axis, round(share * (SHAPE[axis] - 1)))
    scene.jump(volume.GetID(), key)
    assert scene.slice_in_view(volume.GetID()) == key
    slicer.mrmlScene.Clear(False)


@pytest.mark.parametrize(("axis", "name"), [(0, "Axial"), (1, "Coronal"), (2, "Sagittal")])
def test_a_view_is_turned_as_slicer_turns_it(
    scene: Scene, a_volume_node: Any, red_view: Any, axis: int, name: str
) -> None:
    red_view.SetOrientation("Coronal" if axis == 0 else "Axial")
    scene.jump(a_volume_node.GetID(), SliceKey(axis, 3))
    assert red_view.GetOrientation() == name
    preset = slicer.util.arrayFromVTKMatrix(red_view.GetSliceOrientationPreset(name))
    turned = slicer.util.arrayFromVTKMatrix(red_view.GetSliceToRAS())[:3, :3]
    np.testing.assert_allclose(turned, preset, atol=1e-9)


def test_jump_moves_only_the_views_along_the_axis(
    scene: Scene, a_volume_node: Any, views: dict[str, Any]
) -> None:
    for node in views.values():
        show(node, a_volume_node, MIDDLE)
    scene.jump(a_volume_node.GetID(), SliceKey(1, 17))
    shown = {name: slice_of_view(node, a_volume_node) for name, node in views.items()}
    assert shown == {"Red": SliceKey(0, 5), "Green": SliceKey(1, 17), "Yellow": SliceKey(2, 7)}
    with pytest.raises(InputError, match="choose 0 to 19"):
        scene.jump(a_volume_node.GetID(), SliceKey(1, 20))


def test_the_view_under_the_mouse_then_the_last_one(
    scene: Scene, a_volume_node: Any, views: dict[str, Any]
) -> None:
    for node in views.values():
        show(node, a_volume_node, MIDDLE)
    volume_id = a_volume_node.GetID()
    crosshair = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
    crosshair.SetCursorPositionInvalid()
    assert scene.slice_in_view(volume_id).axis == 0  # Red, as long as the mouse was nowhere
    crosshair.SetCursorPositionXYZ([10.0, 10.0, 0.0], views["Yellow"])
    assert scene.slice_in_view(volume_id).axis == 2
    crosshair.SetCursorPositionInvalid()  # on its way to the panel
    assert scene.slice_in_view(volume_id).axis == 2
    slicer.mrmlScene.RemoveNode(views["Yellow"])
    assert scene.slice_in_view(volume_id).axis == 0


def test_the_node_that_tells_of_the_mouse_comes_late(
    mrml_scene: Any, a_volume_node: Any, views: dict[str, Any]
) -> None:
    for node in views.values():
        show(node, a_volume_node, MIDDLE)
    mrml_scene.RemoveNode(mrml_scene.GetFirstNodeByClass("vtkMRMLCrosshairNode"))
    scene = Scene(mrml_scene)
    assert scene.slice_in_view(a_volume_node.GetID()).axis == 0
    crosshair = slicer.vtkMRMLCrosshairNode()
    crosshair.SetCrosshairName("default")
    mrml_scene.AddNode(crosshair)
    assert scene.slice_in_view(a_volume_node.GetID()).axis == 0
    crosshair.SetCursorPositionXYZ([10.0, 10.0, 0.0], views["Green"])
    crosshair.SetCursorPositionInvalid()
    assert scene.slice_in_view(a_volume_node.GetID()).axis == 1
    scene.detach()


def test_no_view(scene: Scene, a_volume_node: Any) -> None:
    with pytest.raises(InputError, match="choose a layout with slice views"):
        scene.slice_in_view(a_volume_node.GetID())


@pytest.mark.parametrize(
    ("turned", "names"),
    [((0.0, 0.0), ("axial", "coronal", "sagittal")), ((0.0, 1.5), ("coronal", "axial", "sagittal"))],
)
def test_names_of_planes(scene: Scene, turned: tuple[float, float], names: tuple[str, ...]) -> None:
    volume = make_volume(make_image(), turn(*turned))
    assert tuple(scene.plane_name(volume.GetID(), axis) for axis in range(3)) == names


def test_a_preview_of_labels_leaves_no_trace(scene: Scene, a_volume_node: Any, views: dict[str, Any]) -> None:
    before = {node.GetID() for node in slicer.util.getNodesByClass("vtkMRMLNode")}
    labels = np.zeros((SHAPE[1], SHAPE[2]), np.uint16)
    labels[4:8, 3:9] = 7
    classes = (SegmentClass(7, "liver", (1.0, 0.5, 0.0)), SegmentClass(9, "spleen", (0.0, 0.5, 0.0)))
    for k in (4, 6):  # the second one takes the place of the first
        scene.show_preview(a_volume_node.GetID(), SliceKey(0, k), labels=labels, classes=classes)
    added = [node for node in slicer.util.getNodesByClass("vtkMRMLNode") if node.GetID() not in before]
    node = next(each for each in added if each.IsA("vtkMRMLSegmentationNode"))
    whole = scene.label_map(node.GetID(), a_volume_node.GetID())
    assert [(each.name, each.color) for each in whole.classes] == [("liver", (1.0, 0.5, 0.0))]
    np.testing.assert_array_equal(whole.array[6], labels == 7)
    assert not np.delete(whole.array, 6, 0).any()
    assert len(added) == 2  # with its display node
    for each in added:
        assert each.GetHideFromEditors() and not each.GetSaveWithScene() and not each.GetUndoEnabled()
    scene.hide_preview()
    assert {node.GetID() for node in slicer.util.getNodesByClass("vtkMRMLNode")} == before
    scene.hide_preview()


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_preview_of_intensities(
    scene: Scene, an_oblique_volume_node: Any, a_transform_node: Any, red_view: Any, axis: int
) -> None:
    an_oblique_volume_node.SetAndObserveTransformNodeID(a_transform_node.GetID())
    composite = slicer.app.applicationLogic().GetSliceLogicByLayoutName("Red").GetSliceCompositeNode()
    before = {node.GetID() for node in slicer.util.getNodesByClass("vtkMRMLNode")}
    values = np.random.default_rng(1).normal(size=np.delete(SHAPE, axis)).astype(np.float32)
    scene.show_preview(an_oblique_volume_node.GetID(), SliceKey(axis, 3), values=values)
    node = scene.nodes.get(composite.GetForegroundVolumeID())
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(node).squeeze(axis), values)
    at = [0, 0, 0]
    at[2 - axis] = 3
    np.testing.assert_allclose(world_of(node, (0, 0, 0)), world_of(an_oblique_volume_node, tuple(at)))
    assert node.GetHideFromEditors() and not node.GetSaveWithScene()
    scene.hide_preview()
    assert composite.GetForegroundVolumeID() is None
    assert {node.GetID() for node in slicer.util.getNodesByClass("vtkMRMLNode")} == before
    with pytest.raises(InputError):
        scene.show_preview(an_oblique_volume_node.GetID(), SliceKey(axis, 3), values=values[1:])
    assert {node.GetID() for node in slicer.util.getNodesByClass("vtkMRMLNode")} == before
