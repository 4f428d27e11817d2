"""Scalar volume nodes to the core and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import slicer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from MVGCore.errors import InputError
from MVGCore.volume import check_image
from MVGLib.scene import Scene
from MVGLib.scene.volumes import new_volume_like, put_slice
from Testing.slicer.nodes import bend, make_image, make_volume, move, turn, world_of

RAS = np.array([-1.0, -1.0, 1.0])

angles = st.floats(-3.0, 3.0)
lengths = st.floats(-500.0, 500.0)
spacings = st.floats(0.1, 8.0)


def test_the_array_is_a_view_of_the_voxels(scene: Scene, a_volume_node: Any) -> None:
    volume = scene.volume(a_volume_node.GetID())
    assert np.shares_memory(volume.array, slicer.util.arrayFromVolume(a_volume_node))
    np.testing.assert_array_equal(volume.array, make_image())
    assert volume.name == "CT größer"
    assert volume.array.flags.c_contiguous
    check_image(volume)


@pytest.mark.parametrize("ijk", [(0, 0, 0), (15, 0, 0), (0, 19, 11), (3, 4, 5)])
@pytest.mark.parametrize("moved", [False, True])
def test_voxels_lie_where_slicer_has_them(
    scene: Scene, an_oblique_volume_node: Any, a_transform_node: Any, ijk: tuple[int, int, int], moved: bool
) -> None:
    if moved:
        an_oblique_volume_node.SetAndObserveTransformNodeID(a_transform_node.GetID())
    geometry = scene.volume(an_oblique_volume_node.GetID()).geometry
    np.testing.assert_allclose(
        geometry.index_to_world(ijk) * RAS, world_of(an_oblique_volume_node, ijk), atol=1e-9
    )


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    about_z=angles,
    about_x=angles,
    spacing=st.tuples(spacings, spacings, spacings),
    flips=st.tuples(*[st.sampled_from((1.0, -1.0))] * 3),
    origin=st.tuples(lengths, lengths, lengths),
    turned=angles,
    shift=st.tuples(lengths, lengths, lengths),
)
def test_any_grid_under_any_linear_transform(
    scene: Scene,
    about_z: float,
    about_x: float,
    spacing: tuple[float, ...],
    flips: tuple[float, ...],
    origin: tuple[float, ...],
    turned: float,
    shift: tuple[float, ...],
) -> None:
    direction = turn(about_z, about_x) @ np.diag([*np.multiply(spacing, flips), 1.0])
    node = make_volume(make_image())
    affine = direction.copy()
    affine[:3, 3] = origin
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(affine))
    parent = turn(turned, 0.3) @ np.diag([1.0, 2.0, 1.0, 1.0])
    parent[:3, 3] = shift
    move(node, parent)
    volume = scene.volume(node.GetID())
    for ijk in ((0, 0, 0), (15, 19, 11), (7, 3, 2)):
        expected = world_of(node, ijk)
        np.testing.assert_allclose(volume.geometry.index_to_world(ijk) * RAS, expected, atol=1e-6)
    result = new_volume_like(node, "result")
    np.testing.assert_allclose(world_of(result, (15, 19, 11)), world_of(node, (15, 19, 11)), atol=1e-9)
    slicer.mrmlScene.Clear(False)


def test_nan_is_replaced_and_counted(scene: Scene, mrml_scene: Any) -> None:
    array = make_image().astype(np.float32)
    array[1, 2, 3], array[4, 5, 6] = np.nan, -np.inf
    node = make_volume(array, name="PET")
    # VTK's own range does not show it, which is why the voxels themselves are looked at.
    assert np.isfinite(node.GetImageData().GetScalarRange()[1])
    volume = scene.volume(node.GetID())
    assert scene.volume_notes(node.GetID()) == ("2 voxels of 'PET' are NaN or infinite; they count as 0.",)
    assert volume.array[1, 2, 3] == volume.array[4, 5, 6] == 0
    assert np.isnan(slicer.util.arrayFromVolume(node)[1, 2, 3])  # the user's voxels stay
    check_image(volume)


def test_a_reading_is_kept_until_the_node_changes(scene: Scene, a_volume_node: Any) -> None:
    first = scene.volume(a_volume_node.GetID())
    assert scene.volume(a_volume_node.GetID()) is first
    slicer.util.arrayFromVolume(a_volume_node)[0] = 7
    slicer.util.arrayFromVolumeModified(a_volume_node)
    assert scene.volume(a_volume_node.GetID()) is not first


def test_what_cannot_be_used_is_refused_with_a_remedy(scene: Scene, a_volume_node: Any) -> None:
    labels = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    slicer.util.updateVolumeFromArray(labels, np.zeros((3, 4, 5), np.uint8))
    line = make_volume(np.zeros((1, 1, 5), np.int16), name="line")
    empty = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty")
    colour = make_volume(
        np.zeros((3, 4, 5, 3), np.uint8), name="colour", nodeClassName="vtkMRMLVectorVolumeNode"
    )
    bent = make_volume(make_image(), name="bent")
    bend(bent)
    for node, words in (
        (labels, "label map"),
        (line, "less than a slice (5 x 1 x 1 voxels)"),
        (empty, "has no voxels"),
        (colour, "luminance"),
        (bent, "harden the transform"),
    ):
        with pytest.raises(InputError) as caught:
            scene.volume(node.GetID())
        assert words in str(caught.value) and node.GetName() in str(caught.value)
    for node_id in ("", "vtkMRMLScalarVolumeNode99"):
        with pytest.raises(InputError, match="not in the scene"):
            scene.volume(node_id)
    assert scene.nodes.is_volume(a_volume_node.GetID())
    assert not any(scene.nodes.is_volume(node.GetID()) for node in (labels, colour))


def test_luminance_of_a_colour_image(scene: Scene, a_transform_node: Any) -> None:
    array = np.zeros((3, 4, 5, 4), np.uint8)
    array[..., 0], array[..., 1], array[..., 2], array[..., 3] = 200, 100, 50, 255
    colour = make_volume(array, turn(0.2, 0.1), name="rgb", nodeClassName="vtkMRMLVectorVolumeNode")
    colour.SetAndObserveTransformNodeID(a_transform_node.GetID())
    node = scene.nodes.get(scene.make_luminance(colour.GetID()))
    volume = scene.volume(node.GetID())
    assert volume.array.dtype == np.uint8 and (volume.array == 118).all()  # 0.2126 R + 0.7152 G + 0.0722 B
    np.testing.assert_allclose(world_of(node, (4, 3, 2)), world_of(colour, (4, 3, 2)))


def test_a_new_volume_lies_and_looks_like_the_input(
    an_oblique_volume_node: Any, a_transform_node: Any
) -> None:
    source = an_oblique_volume_node
    source.SetAndObserveTransformNodeID(a_transform_node.GetID())
    source.GetDisplayNode().AutoWindowLevelOff()
    source.GetDisplayNode().SetWindowLevel(321.0, 45.0)
    source.GetDisplayNode().SetAndObserveColorNodeID("vtkMRMLColorTableNodeWarm1")
    node = new_volume_like(source, "result")
    display = node.GetDisplayNode()
    assert (display.GetWindow(), display.GetLevel()) == (321.0, 45.0)
    assert display.GetColorNodeID() == "vtkMRMLColorTableNodeWarm1"
    assert node.GetTransformNodeID() == a_transform_node.GetID()
    np.testing.assert_allclose(world_of(node, (3, 4, 5)), world_of(source, (3, 4, 5)))
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(node), slicer.util.arrayFromVolume(source))
    assert new_volume_like(source, "result").GetName() != node.GetName()


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.uint16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_are_written_in_the_type_of_the_volume(mrml_scene: Any, dtype: Any, axis: int) -> None:
    node = make_volume(np.zeros((3, 4, 5), dtype))
    shape = [n for a, n in enumerate((3, 4, 5)) if a != axis]
    values = np.full(shape, 99.6, np.float32)
    values.flat[0] = 1e9 if np.dtype(dtype).kind != "f" else 0.25
    put_slice(node, axis, 1, values)
    written = slicer.util.arrayFromVolume(node)
    assert written.dtype == dtype and not written.take([0, 2], axis).any()
    plane = written.take(1, axis)
    if np.dtype(dtype).kind == "f":
        np.testing.assert_allclose(plane, values, rtol=1e-6)
    else:
        assert plane.flat[1] == 100 and plane.flat[0] == min(np.iinfo(dtype).max, 10**9)
