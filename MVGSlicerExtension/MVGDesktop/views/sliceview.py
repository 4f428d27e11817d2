"""One slice view: Slicer's slice pipeline, segmentation outlines and crosshair, drawn in a PyQt5 widget."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from PyQt5 import QtCore, QtGui, QtWidgets

from MVGDesktop.headless import add_slice_view
from MVGDesktop.views.directions import Directions
from MVGDesktop.views.renderview import RenderView

_MANAGERS = (
    "vtkMRMLScalarBarDisplayableManager",  # window and level by the mouse
    "vtkMRMLModelSliceDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLCrosshairDisplayableManager",
    "vtkMRMLOrientationMarkerDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
)
FloatArray = NDArray[np.float64]


class MouseTool(Protocol):
    """Something that takes the mouse in slice views before Slicer's own handling; True means taken."""

    def press(self, view: SliceView, event: QtGui.QMouseEvent) -> bool: ...

    def move(self, view: SliceView, event: QtGui.QMouseEvent) -> bool: ...

    def release(self, view: SliceView, event: QtGui.QMouseEvent) -> bool: ...

    def double_click(self, view: SliceView, event: QtGui.QMouseEvent) -> bool: ...

    def wheel(self, view: SliceView, event: QtGui.QWheelEvent) -> bool: ...

    def leave(self, view: SliceView) -> None: ...

    def wants_key(self, view: SliceView, key: int) -> bool: ...

    def key(self, view: SliceView, key: int) -> None: ...


class SliceView(RenderView):
    """Shows a slice of the scene.

    Mouse, as in Slicer: wheel scrolls, right drag zooms, middle or Shift+left drag pans, left drag sets
    window and level, Shift+move moves the crosshair.

    Attributes:
        name: The view's name in the layout, "Red", "Green" or "Yellow".
        logic: Its `vtkMRMLSliceLogic`.
        tool: Takes the mouse first, if there is one.
        directions: The letters at its edges.
    """

    tool: MouseTool | None = None
    changed = QtCore.pyqtSignal()  # offset, zoom, orientation, or what is shown
    used = QtCore.pyqtSignal(object)  # this view, when the mouse presses or the wheel turns in it
    pointed = QtCore.pyqtSignal(object, object)  # this view and the world position under the mouse, or None
    crosshairMoved = QtCore.pyqtSignal(object, object)  # this view and a world position: Shift and move
    doubleClicked = QtCore.pyqtSignal()

    def __init__(self, name: str, orientation: str, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.name, self.orientation = name, orientation
        self.logic = add_slice_view(name, orientation)
        self._image = vtk.vtkImageMapper()
        self._image.SetColorWindow(255)
        self._image.SetColorLevel(127.5)
        self._actor = vtk.vtkActor2D()
        self._actor.SetMapper(self._image)
        self._actor.SetVisibility(False)
        self.renderer.AddViewProp(self._actor)
        self.renderer.GetActiveCamera().ParallelProjectionOn()
        self.directions = Directions(self.renderer)
        self._set_up()
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        group = self.display_managers(factory, _MANAGERS, self.node)
        self._style = slicer.vtkMRMLSliceViewInteractorStyle()
        self._style.SetSliceLogic(self.logic)
        self._style.SetDisplayableManagers(group)
        self._style.SetInteractor(self.GetRenderWindow().GetInteractor())
        self.GetRenderWindow().GetInteractor().SetInteractorStyle(vtk.vtkInteractorStyleUser())
        # Closing a scene gives the nodes of views their defaults back.
        self.watch(slicer.mrmlScene, slicer.vtkMRMLScene.EndCloseEvent, self._set_up)
        self.watch(self.logic, vtk.vtkCommand.ModifiedEvent, self._on_logic)
        self.watch(self.node, vtk.vtkCommand.ModifiedEvent, self._on_node)
        self.setMouseTracking(True)
        self.setAccessibleName(f"{orientation} slice")
        self.setCursor(QtCore.Qt.CursorShape.CrossCursor)
        self._on_logic()

    @property
    def node(self) -> Any:
        """The `vtkMRMLSliceNode`."""
        return self.logic.GetSliceNode()

    @property
    def composite(self) -> Any:
        """The `vtkMRMLSliceCompositeNode`: which volumes are shown."""
        return self.logic.GetSliceCompositeNode()

    @property
    def normal(self) -> FloatArray:
        """Unit normal of the slice, in RAS."""
        matrix: FloatArray = slicer.util.arrayFromVTKMatrix(self.node.GetSliceToRAS())
        return matrix[:3, 2]

    @property
    def origin(self) -> FloatArray:
        """World position of the middle of the view, on the slice."""
        matrix: FloatArray = slicer.util.arrayFromVTKMatrix(self.node.GetSliceToRAS())
        return matrix[:3, 3]

    def ras(self, position: QtCore.QPointF) -> FloatArray:
        """World position (R, A, S) in mm on the slice under a position in the widget."""
        x, y = self.device_position(position)
        return np.array(self.node.GetXYToRAS().MultiplyPoint((x, y, 0.0, 1.0))[:3])

    def widget_position(self, ras: FloatArray) -> QtCore.QPoint:
        """Where in the widget a world position is seen."""
        inverse = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(self.node.GetXYToRAS(), inverse)
        x, y = inverse.MultiplyPoint((*ras, 1.0))[:2]
        ratio = self.devicePixelRatioF()
        return QtCore.QPoint(round(x / ratio), round(self.height() - 1 - y / ratio))

    def show_volume(self, volume_id: str, fit: bool = True) -> None:
        """Show a volume, in the whole view where `fit`; an empty id shows nothing."""
        self.composite.SetBackgroundVolumeID(volume_id or None)
        if volume_id and fit:
            self.fit()

    def fit(self) -> None:
        """Show the whole slice, along the axes of the volume, through its middle."""
        volume = slicer.mrmlScene.GetNodeByID(self.composite.GetBackgroundVolumeID() or "")
        if volume is not None:
            self.node.SetOrientation(self.orientation)
            self.logic.RotateSliceToLowestVolumeAxes()
            self.logic.FitSliceToAll()
            self.logic.SnapSliceOffsetToIJK()

    def close_view(self) -> None:
        if not self.closed:
            super().close_view()
            logics = slicer.app.applicationLogic().GetSliceLogics()
            nodes = [self.composite, self.node]
            logics.RemoveItem(self.logic)
            self.logic.SetMRMLScene(None)
            for node in nodes:
                if node is not None and node.GetScene() is not None:
                    slicer.mrmlScene.RemoveNode(node)

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:
        super().resizeEvent(event)
        ratio = self.devicePixelRatioF()
        width, height = round(self.width() * ratio), round(self.height() * ratio)
        self.logic.ResizeSliceNode(max(width, 1), max(height, 1))

    def event(self, event: QtCore.QEvent) -> bool:
        # What the tool wants of the keyboard goes before the shortcuts of the window.
        asked = event.type() == QtCore.QEvent.Type.ShortcutOverride
        key = event.key() if asked and isinstance(event, QtGui.QKeyEvent) else None
        if key is not None and self.tool is not None and self.tool.wants_key(self, key):
            event.accept()
            return True
        return bool(super().event(event))

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        if self.tool and self.tool.wants_key(self, event.key()):
            self.tool.key(self, event.key())
        else:
            event.ignore()  # VTK's own keys, such as q for quit, are not wanted

    def keyReleaseEvent(self, event: QtGui.QKeyEvent) -> None:
        event.ignore()

    def mousePressEvent(self, event: QtGui.QMouseEvent) -> None:
        self.setFocus(QtCore.Qt.FocusReason.MouseFocusReason)
        self.used.emit(self)
        if not (self.tool and self.tool.press(self, event)):
            super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QtGui.QMouseEvent) -> None:
        ras = self.ras(event.localPos())
        self.pointed.emit(self, ras)
        if event.modifiers() & QtCore.Qt.KeyboardModifier.ShiftModifier and not event.buttons():
            self.crosshairMoved.emit(self, ras)
        if not (self.tool and self.tool.move(self, event)):
            super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QtGui.QMouseEvent) -> None:
        if not (self.tool and self.tool.release(self, event)):
            super().mouseReleaseEvent(event)

    def mouseDoubleClickEvent(self, event: QtGui.QMouseEvent) -> None:
        if not (self.tool and self.tool.double_click(self, event)):
            self.doubleClicked.emit()

    def wheelEvent(self, event: QtGui.QWheelEvent) -> None:
        self.used.emit(self)
        if not (self.tool and self.tool.wheel(self, event)):
            super().wheelEvent(event)

    def leaveEvent(self, event: QtCore.QEvent) -> None:
        super().leaveEvent(event)
        self.pointed.emit(self, None)
        if self.tool:
            self.tool.leave(self)

    def _set_up(self, *_: Any) -> None:
        """What the view shows beside the image."""
        self.node.SetRulerType(slicer.vtkMRMLSliceNode.RulerTypeThin)
        self.node.SetRulerColor(slicer.vtkMRMLSliceNode.RulerColorWhite)

    def _on_node(self, *_: Any) -> None:
        self._show_directions()
        self.changed.emit()

    def _show_directions(self) -> None:
        matrix = slicer.util.arrayFromVTKMatrix(self.node.GetSliceToRAS())
        size = self.node.GetDimensions()[:2]
        self.directions.show(matrix, size, self.devicePixelRatioF())
        self.directions.set_visible(bool(self.composite.GetBackgroundVolumeID()))

    def _on_logic(self, *_: Any) -> None:
        connection = self.logic.GetImageDataConnection()
        self._image.SetInputConnection(connection)
        self._actor.SetVisibility(connection is not None)
        self._show_directions()
        self.changed.emit()
        self.request_render()
