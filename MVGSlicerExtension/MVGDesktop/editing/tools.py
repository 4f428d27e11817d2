"""The tools that take the mouse in slice views: brush, eraser, polygon, filling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from PyQt5 import QtCore, QtGui

from MVGDesktop.document import Document
from MVGDesktop.editing import shapes
from MVGDesktop.editing.gestures import Gesture, Measure, TraceGesture, ViewLines
from MVGDesktop.editing.shapes import FloatArray, Region
from MVGDesktop.editing.strokes import Reported, Stroke, apply_region, finish
from MVGDesktop.editing.voxels import Mode, Others
from MVGDesktop.views.outline import Outline
from MVGDesktop.views.sliceview import SliceView

MIN_RADIUS, MAX_RADIUS = 0.2, 100.0
_WHEEL_STEP = 1.15
_CLOSE_PX = 8.0
_LEFT, _SHIFT = QtCore.Qt.MouseButton.LeftButton, QtCore.Qt.KeyboardModifier.ShiftModifier
_CURSOR, _KEY = QtCore.Qt.CursorShape, QtCore.Qt.Key
_ENTER = (_KEY.Key_Return, _KEY.Key_Enter)
_OTHERS_MS = 40  # the other views follow a stroke a little later


class Tool(Enum):
    """What the left mouse button does."""

    NAVIGATE = "navigate"
    PAINT = "paint"
    ERASE = "erase"
    POLYGON = "polygon"
    FILL = "fill"
    TRACE = "trace"
    MEASURE = "measure"


@dataclass
class ToolChoices:
    """How the tools work; changed by the controls beside them.

    Attributes:
        tool: The tool in use.
        radius: Of the brush, in mm.
        sphere: Paint on all slices that a ball of the radius reaches.
        others: What becomes of other segments.
        intensities: Paint only where the image is within these values.
    """

    tool: Tool = Tool.NAVIGATE
    radius: float = 5.0
    sphere: bool = False
    others: Others = Others.GIVE_WAY
    intensities: tuple[float, float] | None = None


class Editor(QtCore.QObject):
    """Takes the mouse of the slice views for the chosen tool; everything else stays Slicer's.

    Shift+wheel changes the size of the brush. A polygon takes a corner per click; a double click, Enter or a
    click on its first corner closes it, Backspace takes a corner back, Escape drops it.

    Attributes:
        choices: How the tools work. Call `choices_changed` after changing them.
    """

    radiusChanged = QtCore.pyqtSignal(float)
    toolChanged = QtCore.pyqtSignal(object)
    failed = QtCore.pyqtSignal(str)  # a sentence for the user
    measured = QtCore.pyqtSignal(str)  # "34.2 mm"

    def __init__(self, document: Document, views: list[SliceView]) -> None:
        super().__init__()
        self.choices = ToolChoices()
        self._document, self._views = document, views
        self._outlines = {view: Outline(view.renderer) for view in views}
        lines = ViewLines(self._outlines)
        self._gestures: dict[Tool, Gesture] = {
            Tool.TRACE: TraceGesture(document, lines, self._fill_polygon),
            Tool.MEASURE: Measure(lines, self.measured.emit),
        }
        self._stroke: Stroke | None = None
        self._corners: list[FloatArray] = []
        self._polygon_view: SliceView | None = None
        for view in views:
            view.tool = self

    def use(self, tool: Tool) -> None:
        """Change the tool."""
        self.drop_polygon()
        for gesture in self._gestures.values():
            gesture.drop()
        self.choices.tool = tool
        for view in self._views:
            view.setCursor(_CURSOR.CrossCursor if tool is not Tool.NAVIGATE else _CURSOR.ArrowCursor)
            self._outlines[view].hide()
            view.request_render()
        self.toolChanged.emit(tool)

    def set_radius(self, radius: float) -> None:
        """Change the size of the brush, in mm."""
        self.choices.radius = float(np.clip(radius, MIN_RADIUS, MAX_RADIUS))
        self.radiusChanged.emit(self.choices.radius)

    # The mouse; True means that Slicer's own handling is not wanted.

    def press(self, view: SliceView, event: QtGui.QMouseEvent) -> bool:
        if event.button() != _LEFT or event.modifiers() & _SHIFT:
            return self._stroke is not None
        if self.choices.tool is Tool.NAVIGATE:
            return False
        with self._reported():
            point = view.ras(event.localPos())
            if self.choices.tool is Tool.POLYGON:
                self._add_corner(view, point)
            elif self.choices.tool is Tool.FILL:
                self._fill(view, point)
            elif self.choices.tool in self._gestures:
                self._gestures[self.choices.tool].press(view, point)
            else:
                self._begin(view, point)
        return True

    def move(self, view: SliceView, event: QtGui.QMouseEvent) -> bool:
        point = view.ras(event.localPos())
        if self._stroke is not None:
            with self._reported():
                self._continue(view, point)
        if self.choices.tool in (Tool.PAINT, Tool.ERASE):
            self.show_brush(view, event.localPos())
        elif self.choices.tool in self._gestures:
            self._gestures[self.choices.tool].move(view, point)
        elif self._corners and view is self._polygon_view:
            self._show_polygon(point)
        return self._stroke is not None

    def release(self, view: SliceView, event: QtGui.QMouseEvent) -> bool:
        if event.button() == _LEFT and self.choices.tool in self._gestures:
            self._gestures[self.choices.tool].release(view, view.ras(event.localPos()))
        if event.button() != _LEFT or self._stroke is None:
            return event.button() == _LEFT and self.choices.tool is not Tool.NAVIGATE
        stroke, self._stroke = self._stroke, None
        finish(self._document, stroke.recorder, "Erase" if stroke.mode.erase else "Paint")
        return True

    def double_click(self, view: SliceView, event: QtGui.QMouseEvent) -> bool:
        if self.choices.tool is Tool.POLYGON:
            self.close_polygon()
        return self.choices.tool is not Tool.NAVIGATE

    def wheel(self, view: SliceView, event: QtGui.QWheelEvent) -> bool:
        painting = self.choices.tool in (Tool.PAINT, Tool.ERASE)
        if painting and event.modifiers() & _SHIFT:
            # With Shift some systems turn the wheel sideways.
            turn = event.angleDelta().y() or event.angleDelta().x()
            self.set_radius(self.choices.radius * (_WHEEL_STEP if turn > 0 else 1 / _WHEEL_STEP))
            self.show_brush(view, event.position())
            return True
        return self._stroke is not None

    def leave(self, view: SliceView) -> None:
        if view is not self._polygon_view and self._outlines[view].visible:
            self._outlines[view].hide()
            view.request_render()

    def wants_key(self, view: SliceView, key: int) -> bool:
        return view is self._polygon_view and key in (*_ENTER, _KEY.Key_Escape, _KEY.Key_Backspace)

    def key(self, view: SliceView, key: int) -> None:
        if key in _ENTER:
            self.close_polygon()
        elif key == _KEY.Key_Escape or len(self._corners) < 2:
            self.drop_polygon()
        else:
            self._corners.pop()
            self._show_polygon(self._corners[-1])

    # Polygon.

    def close_polygon(self) -> None:
        """Fill the polygon that is being drawn."""
        corners, view = self._corners, self._polygon_view
        self.drop_polygon()
        if view is not None and len(corners) >= 3:
            self._fill_polygon("Draw", np.array(corners), view.normal)

    def _fill_polygon(self, name: str, corners: FloatArray, normal: FloatArray) -> None:
        self._once(name, lambda grid: shapes.polygon(grid, corners, normal))

    def drop_polygon(self) -> None:
        """Forget the polygon that is being drawn."""
        view, self._polygon_view, self._corners = self._polygon_view, None, []
        if view is not None:
            self._outlines[view].hide()
            view.request_render()

    def _add_corner(self, view: SliceView, point: FloatArray) -> None:
        self._document.need_segment()
        if view is not self._polygon_view:
            self.drop_polygon()
            self._polygon_view = view
        if len(self._corners) >= 3:
            way = view.widget_position(point) - view.widget_position(self._corners[0])
            if np.hypot(way.x(), way.y()) < _CLOSE_PX:
                self.close_polygon()
                return
        self._corners.append(point)
        self._show_polygon(point)

    def _show_polygon(self, point: FloatArray) -> None:
        view = self._polygon_view
        if view is None:
            return
        ratio = view.devicePixelRatioF()
        places = [view.widget_position(each) for each in [*self._corners, point]]
        line = np.array([(place.x() * ratio, (view.height() - 1 - place.y()) * ratio) for place in places])
        self._outlines[view].set_color(self._color())
        self._outlines[view].show_line(line, closed=True)
        view.request_render()

    # Filling.

    def _fill(self, view: SliceView, point: FloatArray) -> None:
        segment_id = self._document.need_segment()
        voxels = self._document.voxels()
        grid = voxels.grid
        axis, index = shapes.slice_region(grid, point, view.normal)
        box = shapes.slice_box(grid, axis, index)
        seed = np.floor(grid.index(point) + 0.5).astype(int)[::-1]
        if not all(0 <= value < size for value, size in zip(seed, grid.shape, strict=True)):
            return
        place = voxels.place(segment_id)
        # Every segment bounds the filling, in whichever layer it is.
        labels = np.zeros(np.delete(grid.shape, axis), np.int32)
        for number, layer in enumerate(voxels.layers()):
            values = layer[box].squeeze(axis).astype(np.int32)
            labels = np.where(values > 0, number * 65536 + values, labels)
        own = place.layer * 65536 + place.value
        here = tuple(int(value) for each, value in enumerate(seed) if each != axis)
        if labels[here] == own:
            return
        mask = np.expand_dims(shapes.fill(labels, here), axis)  # type: ignore[arg-type]
        self._once("Fill", lambda _grid: Region(box, mask))

    # Strokes.

    def _begin(self, view: SliceView, point: FloatArray) -> None:
        segment_id = self._document.need_segment()
        self._stroke = Stroke(
            self._document, segment_id, self._mode(), None if self.choices.sphere else view.normal
        )
        self._stroke.to(point, self.choices.radius)
        self._draw(view)

    def _continue(self, view: SliceView, point: FloatArray) -> None:
        assert self._stroke is not None
        self._stroke.to(point, self.choices.radius)
        self._draw(view)

    def _draw(self, view: SliceView) -> None:
        self._document.voxels().show()
        view.render_now()
        for other in self._views:
            if other is not view:
                other.request_render(delay_ms=_OTHERS_MS)

    def _once(self, name: str, region_of: Callable[[Any], Region]) -> None:
        """Write one region as one action."""
        with self._reported():
            segment_id = self._document.need_segment()
            apply_region(self._document, segment_id, name, region_of, self._mode(erase=False))
        for view in self._views:
            view.request_render()

    def _mode(self, erase: bool | None = None) -> Mode:
        erasing = self.choices.tool is Tool.ERASE if erase is None else erase
        return Mode(erasing, self.choices.others, self.choices.intensities)

    def show_brush(self, view: SliceView, position: QtCore.QPointF) -> None:
        """Show the size of the brush around a position in a view."""
        node = view.node
        mm_per_pixel = node.GetFieldOfView()[0] / max(node.GetDimensions()[0], 1)
        outline = self._outlines[view]
        outline.set_color((1.0, 1.0, 1.0) if self.choices.tool is Tool.ERASE else self._color())
        outline.show_circle(view.device_position(position), self.choices.radius / mm_per_pixel)
        if self._stroke is None:
            view.request_render()

    def _color(self) -> tuple[float, float, float]:
        segment = self._document.segment()
        return segment.GetColor() if segment is not None else (1.0, 1.0, 1.0)

    def _reported(self) -> Reported:
        return Reported(self.failed.emit)
