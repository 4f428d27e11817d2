"""Lines over a slice view: the brush, a polygon that is being drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import numpy_to_vtk

_CIRCLE = np.linspace(0.0, 2 * np.pi, 65)


class Outline:
    """One line in window coordinates, bright with a dark rim so that it shows on every image."""

    def __init__(self, renderer: Any) -> None:
        self._points = vtk.vtkPoints()
        self._data = vtk.vtkPolyData()
        self._data.SetPoints(self._points)
        self._actors = [_actor(self._data, (0, 0, 0), 3.0), _actor(self._data, (1, 1, 1), 1.2)]
        for actor in self._actors:
            renderer.AddViewProp(actor)

    def set_color(self, color: tuple[float, float, float]) -> None:
        """Red, green, blue in 0..1."""
        self._actors[1].GetProperty().SetColor(*color)

    def show_line(self, points: NDArray[np.float64], closed: bool = False) -> None:
        """Show a line through (N, 2) points."""
        count = len(points)
        if count == 0:
            self.hide()
            return
        padded = np.column_stack([points, np.zeros(count)])
        self._points.SetData(numpy_to_vtk(padded, deep=True))
        cells = vtk.vtkCellArray()
        cells.InsertNextCell(count + closed)
        for index in [*range(count), *([0] if closed else [])]:
            cells.InsertCellPoint(index)
        self._data.SetLines(cells)
        self._points.Modified()
        self._data.Modified()
        for actor in self._actors:
            actor.SetVisibility(True)

    def show_circle(self, centre: tuple[float, float], radius: float) -> None:
        """Show a circle; both in device pixels."""
        points = np.column_stack([centre[0] + radius * np.cos(_CIRCLE), centre[1] + radius * np.sin(_CIRCLE)])
        self.show_line(points)

    def hide(self) -> None:
        """Show nothing."""
        for actor in self._actors:
            actor.SetVisibility(False)

    @property
    def visible(self) -> bool:
        """Whether a line is shown."""
        return bool(self._actors[0].GetVisibility())


def _actor(data: Any, color: tuple[float, float, float], width: float) -> Any:
    mapper = vtk.vtkPolyDataMapper2D()
    mapper.SetInputData(data)
    actor = vtk.vtkActor2D()
    actor.SetMapper(mapper)
    actor.GetProperty().SetColor(*color)
    actor.GetProperty().SetLineWidth(width)
    actor.SetVisibility(False)
    return actor
