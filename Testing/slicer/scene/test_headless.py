"""Slicer without its application: what code written for Slicer finds there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer
import slicer.util

from MVGDesktop.headless import add_slice_view, start
from Testing.slicer.nodes import LABELLED, make_image, make_volume


def test_starting_again_changes_nothing() -> None:
    app, scene, logic = start(), slicer.mrmlScene, slicer.modules.volumes.logic()
    assert start() is app is slicer.app
    assert slicer.mrmlScene is scene and slicer.modules.volumes.logic() is logic
    assert app.mrmlScene() is scene and app.applicationLogic().GetMRMLScene() is scene


@pytest.mark.parametrize("module", sorted(vars(slicer.modules)))
def test_module_logics_know_the_scene_and_each_other(module: str) -> None:
    logic = getattr(slicer.modules, module).logic()
    assert logic.GetMRMLScene() is slicer.mrmlScene
    assert slicer.app.applicationLogic().GetModuleLogic(getattr(slicer.modules, module).name) is logic


def test_slicers_own_utilities_work(mrml_scene: Any) -> None:
    node = slicer.util.addVolumeFromArray(make_image(), name="image")
    assert slicer.util.getNode("image") is node
    with slicer.util.RenderBlocker(), slicer.util.NodeModify(node):
        slicer.util.arrayFromVolume(node)[0, 0, 0] = 9
        slicer.util.arrayFromVolumeModified(node)
    node.CreateDefaultDisplayNodes()
    assert node.GetDisplayNode().GetColorNode().GetName() == "Grey"
    slicer.util.setSliceViewerLayers(background=node)
    labels = slicer.modules.volumes.logic().CreateAndAddLabelVolume(node, "labels")
    assert slicer.util.arrayFromVolume(labels).shape == make_image().shape


def test_observation_mixin(mrml_scene: Any) -> None:
    class Watcher(slicer.util.VTKObservationMixin):
        def __init__(self) -> None:
            super().__init__()
            self.calls = 0

        def count(self, _caller: Any, _event: str) -> None:
            self.calls += 1

    watcher = Watcher()
    watcher.addObserver(mrml_scene, mrml_scene.StartCloseEvent, watcher.count)
    mrml_scene.Clear(False)
    watcher.removeObservers()
    mrml_scene.Clear(False)
    assert watcher.calls == 1


@pytest.mark.parametrize("suffix", [".nrrd", ".nii.gz", ".mha"])
def test_storage_nodes_read_and_write(mrml_scene: Any, tmp_path: Path, suffix: str) -> None:
    node = make_volume(make_image())
    path = tmp_path / f"größer als zuvor{suffix}"
    storage = mrml_scene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
    storage.SetFileName(str(path))
    assert storage.WriteData(node)
    read = mrml_scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    assert storage.ReadData(read)
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(read), make_image())


def test_segmentation_files(mrml_scene: Any, a_segmentation_node: Any, tmp_path: Path) -> None:
    storage = mrml_scene.AddNewNodeByClass("vtkMRMLSegmentationStorageNode")
    storage.SetFileName(str(tmp_path / "labels.seg.nrrd"))
    assert storage.WriteData(a_segmentation_node)
    read = mrml_scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    assert storage.ReadData(read)
    names = [read.GetSegmentation().GetNthSegment(n).GetName() for n in range(2)]
    assert names == ["liver", "spleen"] and LABELLED


def test_slice_views(mrml_scene: Any) -> None:
    logic = add_slice_view("Green", "Coronal")
    assert slicer.app.applicationLogic().GetSliceLogicByLayoutName("Green") is logic
    node = logic.GetSliceNode()
    assert (node.GetLayoutName(), node.GetOrientation()) == ("Green", "Coronal")
    assert logic.GetSliceCompositeNode() is not None and node.IsMappedInLayout()
    assert add_slice_view("Green", "Sagittal") is logic and node.GetOrientation() == "Sagittal"
