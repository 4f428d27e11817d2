"""Axial, coronal, sagittal and 3-D side by side, with one crosshair through all."""

from __future__ import annotations

import itertools

import numpy as np
import slicer
from PyQt5 import QtCore, QtGui, QtWidgets

from MVGDesktop.editing.shapes import VoxelGrid
from MVGDesktop.grids import volume_grid
from MVGDesktop.views.grabbing import grabbed
from MVGDesktop.views.slicepanel import SlicePanel
from MVGDesktop.views.sliceview import SliceView
from MVGDesktop.views.threedview import Bounds, ThreeDView

_VIEWS = (("Red", "Axial"), ("Green", "Coronal"), ("Yellow", "Sagittal"))
_GAP = 2
_THICK = 1.5  # times the other two voxel edges


class FourUp(QtWidgets.QWidget):
    """The middle of the window.

    Shift+move takes the other views to what lies under the mouse; a double click shows one view alone.

    Attributes:
        panels: Axial, coronal, sagittal.
        three_d: The 3-D view.
        active: The slice panel that was used last: its slice is the current one. The mouse that only passes
            over a view, on its way to a button, changes nothing.
        alone: The field that is shown alone, or None.
    """

    pointed = QtCore.pyqtSignal(object, object)  # a view and the world position under the mouse, or None
    activated = QtCore.pyqtSignal(object)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.panels = [SlicePanel(name, orientation, self) for name, orientation in _VIEWS]
        self.three_d = ThreeDView(self)
        self.active = self.panels[0]
        self.alone: QtWidgets.QWidget | None = None
        axial, coronal, sagittal = self.panels
        self._grid = QtWidgets.QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(_GAP)
        for widget, row, column in (
            (axial, 0, 0),
            (self.three_d, 0, 1),
            (coronal, 1, 0),
            (sagittal, 1, 1),
        ):
            self._grid.addWidget(widget, row, column)
        for line in (0, 1):
            self._grid.setRowStretch(line, 1)
            self._grid.setColumnStretch(line, 1)
        for panel in self.panels:
            panel.maximizeRequested.connect(lambda panel=panel: self.toggle_alone(panel))
            panel.used.connect(lambda panel=panel: self.activate(panel))
            panel.view.pointed.connect(self.pointed)
            panel.view.changed.connect(lambda panel=panel: self._follow_active(panel))
            panel.view.crosshairMoved.connect(lambda view, ras: self.jump(ras, but=view))
        self.active.set_active(True)
        self.set_crosshair(True)

    @property
    def views(self) -> list[SliceView]:
        """The slice views."""
        return [panel.view for panel in self.panels]

    def activate(self, panel: SlicePanel) -> None:
        """Let keys act on a panel."""
        if panel is not self.active:
            self.active.set_active(False)
            self.active = panel
            panel.set_active(True)
            self.activated.emit(panel)

    def _follow_active(self, panel: SlicePanel) -> None:
        """Whoever took a view somewhere may have made it the current one."""
        if panel.view.node.GetActive():
            self.activate(panel)

    def show_volume(self, volume_id: str) -> None:
        """Show a volume in every view, whole and through its middle."""
        # A left drag that no tool takes sets window and level; a scene that was opened may say otherwise.
        interaction = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLInteractionNode")
        interaction.SetCurrentInteractionMode(interaction.AdjustWindowLevel)
        for view in self.views:
            view.show_volume(volume_id)
        volume = slicer.mrmlScene.GetNodeByID(volume_id) if volume_id else None
        if volume is not None:
            grid = volume_grid(volume)
            self.jump(grid.position((np.array(grid.shape[::-1]) - 1) // 2))
            self._use_thick_slices(grid)
        self.three_d.fit(self._bounds())
        self.active.set_active(True)  # closing a scene has taken it from the view's node

    def _use_thick_slices(self, grid: VoxelGrid) -> None:
        """Where slices are much thicker than their pixels, these are the ones that are labelled."""
        steps = np.linalg.norm(grid.to_world[:3, :3], axis=0)[::-1]
        if steps.max() > _THICK * np.median(steps):
            along = [panel for panel in self.panels if panel.axis == int(steps.argmax())]
            self.activate(next(iter(along), self.active))

    def fit(self) -> None:
        """Show whole slices, and all of the 3-D view."""
        for view in self.views:
            view.fit()
        self.three_d.fit(self._bounds())

    def show_surfaces(self) -> None:
        """Surfaces are new; they stay in view as long as nobody has turned it."""
        self.three_d.follow()

    def jump(self, ras: np.ndarray, but: SliceView | None = None) -> None:
        """Take all views but one to a world position."""
        node = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
        if node is not None:
            node.SetCrosshairRAS(*ras)
        for view in self.views:
            if view is not but:
                view.node.JumpSliceByOffsetting(*ras)
                view.logic.SnapSliceOffsetToIJK()

    def set_crosshair(self, visible: bool) -> None:
        """Show in each view where the other two cut it, or not."""
        for view in self.views:
            display = view.logic.GetSliceDisplayNode()
            if display is not None:
                display.SetIntersectingSlicesVisibility(visible)
            view.request_render()

    def toggle_alone(self, panel: QtWidgets.QWidget) -> None:
        """Show one field alone, or all four again."""
        self._show(None if self.alone is panel else panel)

    def _show(self, alone: QtWidgets.QWidget | None) -> None:
        self.alone = alone
        widgets: list[QtWidgets.QWidget] = [*self.panels, self.three_d]
        for widget in widgets:
            widget.setVisible(self.alone is None or widget is self.alone)
        fields: list[QtWidgets.QWidget]
        for line, numbers in enumerate(((0, 1), (2, 3))):
            fields = [self.panels[0], self.three_d, self.panels[1], self.panels[2]]
            self._grid.setRowStretch(line, int(any(not fields[each].isHidden() for each in numbers)))
        for line in (0, 1):
            fields = [self.panels[0], self.panels[1]] if line == 0 else [self.three_d, self.panels[2]]
            self._grid.setColumnStretch(line, int(any(not each.isHidden() for each in fields)))

    def set_background(self, slices: str, low: str, high: str) -> None:
        """Colours behind the slices and, from bottom to top, in the 3-D view, as #rrggbb."""
        for view in self.views:
            view.set_background(_rgb(slices), _rgb(slices))
        self.three_d.set_background(_rgb(low), _rgb(high))

    def request_render(self) -> None:
        """Draw all views soon."""
        for view in [*self.views, self.three_d]:
            view.request_render()

    def picture(self) -> QtGui.QImage:
        """All views as they are, with their bars, in device pixels."""
        image = grabbed(self)
        painter = QtGui.QPainter(image)
        for view in [*self.views, self.three_d]:
            if view.isVisible():
                place = QtCore.QPointF(view.mapTo(self, QtCore.QPoint(0, 0)))
                drawn = view.picture()
                # VTK's window may be a pixel smaller than the widget; grab() sees old pixels there.
                painter.drawImage(QtCore.QRectF(place, QtCore.QSizeF(view.size())), drawn)
                painter.drawImage(place, drawn)
        painter.end()
        return image

    def _bounds(self) -> Bounds | None:
        """Of the volume that is shown."""
        grid = self.panels[0].grid
        if grid is None:
            return None
        size = np.array(grid.shape[::-1])
        corners = grid.position(np.array(list(itertools.product(*((0, each - 1) for each in size)))))
        low, high = corners.min(axis=0), corners.max(axis=0)
        return (low[0], high[0], low[1], high[1], low[2], high[2])

    def close_views(self) -> None:
        """Let go of the scene; the widget must not be used afterwards."""
        for view in [*self.views, self.three_d]:
            view.close_view()


def _rgb(color: str) -> tuple[float, float, float]:
    values = QtGui.QColor(color)
    return values.redF(), values.greenF(), values.blueF()
