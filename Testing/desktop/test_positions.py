"""What MVG writes lies in 3D Slicer's own scene where it lay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer
import vtk

from MVGCore.volume import Geometry, LabelMap, Volume, write_labelmap, write_volume

SHAPE = (4, 5, 6)
TURN, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))
GRIDS = {
    "straight": np.diag([0.8, 0.9, 2.0]),
    "turned": TURN @ np.diag([0.8, 0.9, 2.0]),
    "left-handed": np.diag([-0.8, 0.9, 2.0]),
    "sheared": np.diag([0.8, 0.9, 2.0]) + np.eye(3, k=1) * 0.3,
}


def matrix_of(source: Any, name: str) -> np.ndarray:
    matrix = vtk.vtkMatrix4x4()
    getattr(source, name)(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def read(kind: str, storage: str, path: Path) -> Any:
    scene = slicer.mrmlScene
    node, reader = scene.AddNewNodeByClass(kind), scene.AddNewNodeByClass(storage)
    reader.SetFileName(str(path))
    assert reader.ReadData(node)
    return node


def grid(name: str) -> Geometry:
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = GRIDS[name], (-10, 20, 30)
    return Geometry.from_affine_lps(SHAPE, affine)


@pytest.mark.parametrize("ending", [".nrrd", ".nhdr", ".nii.gz", ".mha"])
@pytest.mark.parametrize("name", ["straight", "turned", "left-handed"])
def test_images(application, tmp_path: Path, name: str, ending: str) -> None:
    array = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    path = tmp_path / f"image{ending}"
    write_volume(path, Volume(array, grid(name)))
    node = read("vtkMRMLScalarVolumeNode", "vtkMRMLVolumeArchetypeStorageNode", path)
    # Slicer turns left-handed axes round and the voxels with them: what counts is which lies where.
    seen = slicer.util.arrayFromVolume(node)
    ijk = np.argwhere(seen == seen)[:, ::-1]
    matrix = np.linalg.inv(grid(name).affine_ras) @ matrix_of(node, "GetIJKToRASMatrix")
    index = ijk @ matrix[:3, :3].T + matrix[:3, 3]
    assert np.abs(index - np.rint(index)).max() < 1e-4
    assert np.array_equal(array[tuple(np.rint(index).astype(int)[:, ::-1].T)], seen.ravel())


@pytest.mark.parametrize("name", GRIDS)
def test_segmentations(application, tmp_path: Path, name: str) -> None:
    array = np.arange(np.prod(SHAPE)).reshape(SHAPE) % 3
    path = tmp_path / "labels.seg.nrrd"
    write_labelmap(path, LabelMap.of(array, grid(name)))
    node = read("vtkMRMLSegmentationNode", "vtkMRMLSegmentationStorageNode", path)
    image = node.GetSegmentation().GetNthSegment(0).GetRepresentation("Binary labelmap")
    assert image.GetDimensions() == SHAPE[::-1]
    assert np.allclose(matrix_of(image, "GetImageToWorldMatrix"), grid(name).affine_ras, atol=1e-5)
