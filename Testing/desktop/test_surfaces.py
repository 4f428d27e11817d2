"""Closed surfaces: where they are, how much they enclose, which way they face."""

from __future__ import annotations

import numpy as np
import pytest
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from MVGDesktop import surfaces
from MVGDesktop.surfaces import closed_surface

MIDDLE = np.array([14.0, 15.0, 13.0])  # of the ball, (i, j, k)


def a_ball() -> np.ndarray:
    k, j, i = np.ogrid[:26, :30, :28]
    ball: np.ndarray = (i - MIDDLE[0]) ** 2 + (j - MIDDLE[1]) ** 2 + (k - MIDDLE[2]) ** 2 <= 11**2
    return ball


@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, -1, 1), (-1, 1, 1)])
def test_it_encloses_the_voxels_and_faces_outwards(signs: tuple[int, int, int]) -> None:
    matrix = np.diag([0.8 * signs[0], 0.8 * signs[1], 2.0 * signs[2], 1.0])
    matrix[:3, 3] = (5, -7, 30)
    surface = closed_surface(a_ball(), matrix)
    mass = vtk.vtkMassProperties()
    mass.SetInputData(surface)
    voxel = 0.8 * 0.8 * 2.0
    assert mass.GetVolume() == pytest.approx(a_ball().sum() * voxel, rel=0.02)
    points = vtk_to_numpy(surface.GetPoints().GetData())
    middle = matrix[:3, :3] @ MIDDLE + matrix[:3, 3]
    assert points.mean(axis=0) == pytest.approx(middle, abs=0.3)
    normals = vtk_to_numpy(surface.GetPointData().GetNormals())
    assert (((points - middle) * normals).sum(axis=1) > 0).mean() > 0.99


def test_it_is_closed_at_the_border_of_the_volume() -> None:
    surface = closed_surface(np.ones((4, 5, 6), bool), np.eye(4))
    edges = vtk.vtkFeatureEdges()
    edges.SetInputData(surface)
    edges.FeatureEdgesOff()
    edges.NonManifoldEdgesOff()
    edges.Update()
    assert surface.GetNumberOfCells() > 0 and edges.GetOutput().GetNumberOfCells() == 0


def test_large_segments_are_coarser_and_stay_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    fine = closed_surface(a_ball(), np.eye(4))
    monkeypatch.setattr(surfaces, "_MOST_VOXELS", 4000)
    coarse = closed_surface(a_ball(), np.eye(4))
    assert coarse.GetNumberOfPoints() < fine.GetNumberOfPoints() / 2
    assert np.array(coarse.GetBounds()) == pytest.approx(np.array(fine.GetBounds()), abs=2.0)


def test_nothing_has_no_surface() -> None:
    assert closed_surface(np.zeros((3, 3, 3), bool), np.eye(4)).GetNumberOfPoints() == 0
