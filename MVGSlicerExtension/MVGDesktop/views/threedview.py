"""The 3-D view: closed surfaces of segments and, on request, the slices."""

from __future__ import annotations

from typing import Any, cast

import slicer
import vtk
from PyQt5 import QtGui, QtWidgets

from MVGDesktop.views.renderview import RenderView

Color = tuple[float, float, float]
Bounds = tuple[float, float, float, float, float, float]
_LEEWAY = 0.1  # of the size of what is shown
_MANAGERS = (
    "vtkMRMLCameraDisplayableManager",
    "vtkMRMLViewDisplayableManager",
    "vtkMRMLModelDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager3D",
    "vtkMRMLOrientationMarkerDisplayableManager",
)


class ThreeDView(RenderView):
    """Shows the scene in three dimensions; left drag turns, right drag or wheel zooms, Shift+left drag pans.

    Attributes:
        logic: Its `vtkMRMLViewLogic`.
        node: Its `vtkMRMLViewNode`.
    """

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        application_logic = slicer.app.applicationLogic()
        self.logic = slicer.vtkMRMLViewLogic()
        self.logic.SetMRMLApplicationLogic(application_logic)
        application_logic.GetViewLogics().AddItem(self.logic)
        self.logic.SetMRMLScene(slicer.mrmlScene)
        # The logic itself forgets the node when others come into the scene.
        self.node = self.logic.AddViewNode("1")
        self._colors = ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
        self._turned = False  # by hand, since everything was fitted
        self._fitted: Bounds | None = None
        self._set_up()
        factory = slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance()
        group = self.display_managers(factory, _MANAGERS, self.node)
        # Closing a scene gives the nodes of views their defaults back.
        self.watch(slicer.mrmlScene, slicer.vtkMRMLScene.EndCloseEvent, self._set_up)
        self._style = slicer.vtkMRMLThreeDViewInteractorStyle()
        self._style.SetDisplayableManagers(group)
        self._style.SetInteractor(self.GetRenderWindow().GetInteractor())
        self.GetRenderWindow().GetInteractor().SetInteractorStyle(vtk.vtkInteractorStyleUser())
        self.setAccessibleName("3-D view")

    def set_background(self, bottom: Color, top: Color) -> None:
        super().set_background(bottom, top)
        self._colors = (bottom, top)
        self._set_up()

    def _set_up(self, *_: Any) -> None:
        """What the view shows beside the surfaces."""
        node = self.node
        node.SetBoxVisible(False)
        node.SetAxisLabelsVisible(False)
        node.SetOrientationMarkerType(slicer.vtkMRMLViewNode.OrientationMarkerTypeCube)
        node.SetOrientationMarkerSize(slicer.vtkMRMLViewNode.OrientationMarkerSizeSmall)
        node.SetBackgroundColor(*self._colors[0])
        node.SetBackgroundColor2(*self._colors[1])

    def close_view(self) -> None:
        if not self.closed:
            super().close_view()
            slicer.app.applicationLogic().GetViewLogics().RemoveItem(self.logic)
            self.logic.SetMRMLScene(None)
            slicer.mrmlScene.RemoveNode(self.node)

    def mousePressEvent(self, event: QtGui.QMouseEvent) -> None:
        self._turned = True
        super().mousePressEvent(event)

    def wheelEvent(self, event: QtGui.QWheelEvent) -> None:
        self._turned = True
        super().wheelEvent(event)

    def fit(self, otherwise: Bounds | None = None) -> None:
        """Show everything, from the front.

        Args:
            otherwise: What to look at while nothing is shown: least and greatest R, A and S, in mm.
        """
        bounds = self._shown_bounds()
        self._turned, self._fitted = False, bounds
        bounds = bounds or otherwise
        if bounds is not None:
            centre = [(bounds[2 * axis] + bounds[2 * axis + 1]) / 2 for axis in range(3)]
            camera = self.renderer.GetActiveCamera()
            camera.SetFocalPoint(*centre)
            camera.SetPosition(centre[0] - 300.0, centre[1] + 500.0, centre[2] + 150.0)
            camera.SetViewUp(0.0, 0.0, 1.0)
            self.renderer.ResetCamera(bounds)
            camera.Zoom(1.3)
        self.request_render()

    def follow(self) -> None:
        """Keep what is shown in view as it grows, unless somebody has turned the view."""
        bounds = self._shown_bounds()
        if bounds is not None and not self._turned and (self._fitted is None or _grown(self._fitted, bounds)):
            self.fit()
        self.request_render()

    def _shown_bounds(self) -> Bounds | None:
        bounds = [0.0] * 6
        self.renderer.ComputeVisiblePropBounds(bounds)
        return cast(Bounds, tuple(bounds)) if vtk.vtkMath.AreBoundsInitialized(bounds) else None


def _grown(before: Bounds, bounds: Bounds) -> bool:
    """Whether something reaches out of what was fitted, by more than a tenth of it."""
    edge = _LEEWAY * max(before[2 * axis + 1] - before[2 * axis] for axis in range(3))
    return any(
        bounds[2 * axis] < before[2 * axis] - edge or bounds[2 * axis + 1] > before[2 * axis + 1] + edge
        for axis in range(3)
    )
