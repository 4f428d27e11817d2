"""What Slicer's own slice view draws of previews and results, pixel by pixel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import slicer
import vtk
from numpy.typing import NDArray

from MVGCore.volume import SegmentClass, SliceKey
from MVGDesktop.headless import add_slice_view
from MVGLib.scene import Scene
from MVGLib.scene.voxels import array_of
from Testing.slicer.nodes import SHAPE, world_of

pytestmark = pytest.mark.display

SIDE = 200  # pixels
ORANGE = SegmentClass(4, "liver", (1.0, 0.5, 0.0))


@pytest.fixture
def drawn(a_volume_node: Any) -> Iterator[Callable[[], NDArray[np.bool_]]]:
    """A function that renders slice 5 of `a_volume_node` and tells which pixels are orange, (SIDE, SIDE)."""
    logic = add_slice_view("Red")
    view = logic.GetSliceNode()
    view.SetDimensions(SIDE, SIDE, 1)
    view.SetFieldOfView(20.0, 20.0, 1.0)
    view.JumpSliceByCentering(*world_of(a_volume_node, (7.5, 9.5, 5)))
    window, renderer = vtk.vtkRenderWindow(), vtk.vtkRenderer()
    window.SetSize(SIDE, SIDE)
    window.SetOffScreenRendering(True)
    window.AddRenderer(renderer)
    renderer.GetActiveCamera().ParallelProjectionOn()
    interactor = vtk.vtkRenderWindowInteractor()
    interactor.SetRenderWindow(window)
    factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
    factory.SetMRMLApplicationLogic(slicer.app.applicationLogic())
    if not factory.IsDisplayableManagerRegistered("vtkMRMLSegmentationsDisplayableManager2D"):
        factory.RegisterDisplayableManager("vtkMRMLSegmentationsDisplayableManager2D")
    group = slicer.vtkMRMLDisplayableManagerGroup()
    group.Initialize(factory, renderer)
    group.SetMRMLDisplayableNode(view)

    def render() -> NDArray[np.bool_]:
        window.Render()
        grabbed = vtk.vtkWindowToImageFilter()
        grabbed.SetInput(window)
        grabbed.ReadFrontBufferOff()
        grabbed.Update()
        red, green, blue = np.moveaxis(array_of(grabbed.GetOutput())[0].astype(int), -1, 0)
        return (red > 90) & (abs(2 * green - red) < 40) & (blue < 40)

    yield render
    group.SetMRMLDisplayableNode(None)
    window.Finalize()


def block() -> NDArray[np.uint16]:
    labels = np.zeros(SHAPE[1:], np.uint16)
    labels[5:15, 4:12] = ORANGE.id
    return labels


def test_a_preview_is_an_outline_on_its_slice_only(scene: Scene, a_volume_node: Any, drawn: Any) -> None:
    assert not drawn().any()
    scene.show_preview(a_volume_node.GetID(), SliceKey(0, 5), labels=block(), classes=[ORANGE])
    outline = drawn()
    rows, columns = np.flatnonzero(outline.any(axis=1)), np.flatnonzero(outline.any(axis=0))
    assert rows[-1] - rows[0] == pytest.approx(90, abs=10)  # 10 voxels of 0.9 mm, 10 pixels per mm
    assert columns[-1] - columns[0] == pytest.approx(56, abs=10)  # 8 voxels of 0.7 mm
    middle = outline[rows[0] + 20 : rows[-1] - 20, columns[0] + 15 : columns[-1] - 15]
    assert not middle.any()
    scene.show_preview(a_volume_node.GetID(), SliceKey(0, 6), labels=block(), classes=[ORANGE])
    assert not drawn().any()
    scene.show_preview(a_volume_node.GetID(), SliceKey(0, 5), labels=block(), classes=[ORANGE])
    scene.hide_preview()
    assert not drawn().any()


def test_a_slice_appears_as_soon_as_it_is_put(scene: Scene, a_volume_node: Any, drawn: Any) -> None:
    result = scene.start_segments(a_volume_node.GetID(), 0, [ORANGE], "result")
    result.put(4, block())
    assert not drawn().any()
    result.put(5, block())
    shown = int(drawn().sum())
    assert shown > 100
    smaller = block()
    smaller[10:] = 0
    result.put(5, smaller)
    assert 50 < int(drawn().sum()) < shown
    result.show(False)
    assert not drawn().any()
    result.show(True)
    result.discard()
    assert not drawn().any()
