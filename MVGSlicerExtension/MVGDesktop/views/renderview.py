"""What slice and 3-D views share: a VTK window in a widget, fed by Slicer's displayable managers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from PyQt5 import QtCore, QtGui, QtWidgets
from vtk.util.numpy_support import vtk_to_numpy
from vtkmodules.qt.QVTKRenderWindowInteractor import QVTKRenderWindowInteractor


class RenderView(QVTKRenderWindowInteractor):
    """A VTK window that draws once per turn of the event loop, however often it is asked to.

    Attributes:
        renderer: The one renderer.
        closed: Whether it has let go of the scene.
    """

    closed = False

    def __init__(self, parent: QtWidgets.QWidget | None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(80, 80)
        self.GetRenderWindow().SetMultiSamples(0)
        self.renderer = vtk.vtkRenderer()
        self.GetRenderWindow().AddRenderer(self.renderer)
        self._group: Any = None
        self._tags: list[tuple[Any, int]] = []
        self._timer = QtCore.QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.render_now)

    def request_render(self, *_: Any, delay_ms: int = 0) -> None:
        """Draw soon; requests that come before are drawn together."""
        if not self.closed and not (self._timer.isActive() and self._timer.remainingTime() <= delay_ms):
            self._timer.start(delay_ms)

    def render_now(self) -> None:
        """Draw at once."""
        self._timer.stop()
        if not self.closed and self.isVisible() and not slicer.mrmlScene.IsBatchProcessing():
            self.GetRenderWindow().Render()

    def picture(self) -> QtGui.QImage:
        """What the view shows, drawn anew, in device pixels; `QWidget.grab()` cannot see it."""
        grabber = vtk.vtkWindowToImageFilter()
        grabber.SetInput(self.GetRenderWindow())
        grabber.ReadFrontBufferOff()
        grabber.Update()
        pixels = rgb_array(grabber.GetOutput())
        height, width, _ = pixels.shape
        image = QtGui.QImage(pixels.tobytes(), width, height, 3 * width, QtGui.QImage.Format_RGB888).copy()
        image.setDevicePixelRatio(self.devicePixelRatioF())
        return image

    def set_background(self, bottom: tuple[float, float, float], top: tuple[float, float, float]) -> None:
        """The colours behind everything, red, green and blue in 0..1."""
        self.renderer.SetBackground(*bottom)
        self.renderer.SetBackground2(*top)
        self.renderer.SetGradientBackground(bottom != top)
        self.request_render()

    def close_view(self) -> None:
        """Let go of scene and window; the widget must not be used afterwards."""
        if self.closed:
            return
        self.closed = True
        self._timer.stop()
        for thing, tag in self._tags:
            thing.RemoveObserver(tag)
        self._tags = []
        if self._group is not None:
            self._group.SetMRMLDisplayableNode(None)
            self._group = None
        self.Finalize()

    def display_managers(self, factory: Any, names: Sequence[str], node: Any) -> Any:
        """Let Slicer's displayable managers of these names draw what belongs to a slice or view node."""
        factory.SetMRMLApplicationLogic(slicer.app.applicationLogic())
        for name in names:
            if not factory.IsDisplayableManagerRegistered(name):
                factory.RegisterDisplayableManager(name)
        group = slicer.vtkMRMLDisplayableManagerGroup()
        group.Initialize(factory, self.renderer)
        group.SetMRMLDisplayableNode(node)
        self.watch(group, vtk.vtkCommand.UpdateEvent, self.request_render)
        self._group = group
        return group

    def watch(self, thing: Any, event: int, action: Any) -> None:
        """Observe until the view is closed."""
        self._tags.append((thing, thing.AddObserver(event, action)))

    def device_position(self, position: QtCore.QPointF) -> tuple[float, float]:
        """Position in the VTK window (x to the right, y upwards, device pixels) of one in the widget."""
        ratio = self.devicePixelRatioF()
        return position.x() * ratio, (self.height() - 1 - position.y()) * ratio

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        self.request_render()

    def closeEvent(self, event: QtGui.QCloseEvent) -> None:
        self.close_view()
        event.accept()


def rgb_array(image: Any) -> NDArray[np.uint8]:
    """(H, W, 3) pixels, top row first, of a `vtkImageData` with red, green and blue."""
    width, height, _ = image.GetDimensions()
    values = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, -1)
    return np.ascontiguousarray(values[::-1, :, :3])
