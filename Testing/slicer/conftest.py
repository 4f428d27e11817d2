"""Slicer's real scene, empty for every test, and nodes that many tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from MVGDesktop.headless import add_slice_view, start

start()  # before anything imports MVGLib: it expects `slicer` as Slicer has it

import slicer  # noqa: E402

from MVGDesktop import qtcompat  # noqa: E402
from MVGLib.scene import Scene  # noqa: E402
from Testing.slicer import slicershim  # noqa: E402
from Testing.slicer.nodes import make_image, make_segmentation, make_volume, turn  # noqa: E402


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """Slicer's application with an empty scene, in which nothing is to be installed."""
    app = start()
    qtcompat.application()
    qtcompat.install()
    slicershim.install(monkeypatch, app)
    slicershim.put_on_path(monkeypatch, tmp_path / "PythonSlicer")
    app.mrmlScene().Clear(0)
    yield app
    app.mrmlScene().Clear(0)


@pytest.fixture
def mrml_scene() -> Iterator[Any]:
    """An empty `slicer.mrmlScene`."""
    _empty(slicer.mrmlScene)
    yield slicer.mrmlScene
    _empty(slicer.mrmlScene)


@pytest.fixture
def scene(mrml_scene: Any) -> Iterator[Scene]:
    """The facade on an empty scene."""
    facade = Scene(mrml_scene)
    yield facade
    facade.detach()


@pytest.fixture
def a_volume_node(mrml_scene: Any) -> Any:
    """12 x 20 x 16 voxels (k, j, i) of int16, two bright blocks, anisotropic, along the axes."""
    return make_volume(make_image())


@pytest.fixture
def an_oblique_volume_node(mrml_scene: Any) -> Any:
    """As `a_volume_node`, turned by 0.4 rad about the patient's long axis, then 0.3 rad about x."""
    return make_volume(make_image(), turn(0.4, 0.3), name="oblique")


@pytest.fixture
def a_segmentation_node(a_volume_node: Any) -> Any:
    """Segments "liver" and "spleen" on the axial slices 2, 5 and 9 of `a_volume_node`, in one layer."""
    return make_segmentation(a_volume_node)


@pytest.fixture
def a_transform_node(mrml_scene: Any) -> Any:
    """A linear transform: turned and shifted."""
    node = mrml_scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "turned")
    matrix = turn(0.5, -0.2)
    matrix[:3, 3] = (10.0, -20.0, 30.0)
    node.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    return node


@pytest.fixture
def red_view(mrml_scene: Any) -> Any:
    """The slice node of an axial view "Red"."""
    return add_slice_view("Red", "Axial").GetSliceNode()


def _empty(mrml: Any) -> None:
    mrml.Clear(False)
    logics = slicer.app.applicationLogic().GetSliceLogics()
    logics.RemoveAllItems()
    for class_name in ("vtkMRMLSliceNode", "vtkMRMLSliceCompositeNode"):
        for node in slicer.util.getNodesByClass(class_name):
            mrml.RemoveNode(node)
