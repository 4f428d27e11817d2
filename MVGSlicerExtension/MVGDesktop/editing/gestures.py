"""Tools of one gesture: tracing a line of one intensity, measuring a distance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from MVGCore.errors import InputError
from MVGDesktop.document import Document
from MVGDesktop.editing.shapes import FloatArray
from MVGDesktop.editing.tracing import traced
from MVGDesktop.grids import volume_grid
from MVGDesktop.views.outline import Outline
from MVGDesktop.views.sliceview import SliceView

Fill = Callable[[str, FloatArray, FloatArray], None]  # name, corners, normal: fill a polygon


class Gesture(Protocol):
    """What a tool does with the left button; positions are in the world."""

    def press(self, view: SliceView, point: FloatArray) -> None: ...

    def move(self, view: SliceView, point: FloatArray) -> None: ...

    def release(self, view: SliceView, point: FloatArray) -> None: ...

    def drop(self) -> None: ...


class ViewLines:
    """The outline of each view, by world positions."""

    def __init__(self, outlines: dict[SliceView, Outline]) -> None:
        self._outlines = outlines

    def show(self, view: SliceView, corners: FloatArray, closed: bool) -> None:
        """Show a line in one view, in white."""
        ratio = view.devicePixelRatioF()
        places = [view.widget_position(each) for each in corners]
        line = np.array([(place.x() * ratio, (view.height() - 1 - place.y()) * ratio) for place in places])
        self._outlines[view].set_color((1.0, 1.0, 1.0))
        self._outlines[view].show_line(line, closed=closed)
        view.request_render()

    def hide(self) -> None:
        """Show none."""
        for view, outline in self._outlines.items():
            if outline.visible:
                outline.hide()
                view.request_render()


class TraceGesture:
    """Shows the line of the intensity under the mouse; a click fills it."""

    def __init__(self, document: Document, lines: ViewLines, fill: Fill) -> None:
        self._document, self._lines, self._fill = document, lines, fill
        self._line: FloatArray | None = None

    def press(self, view: SliceView, point: FloatArray) -> None:
        self.move(view, point)
        if self._line is None:
            raise InputError("No line of this intensity closes here; try beside it, or draw.")
        self._fill("Trace", self._line, view.normal)

    def move(self, view: SliceView, point: FloatArray) -> None:
        volume = self._document.volume
        self._lines.hide()
        self._line = None
        image = self._document.intensities()
        if volume is not None and image is not None:
            self._line = traced(volume_grid(volume), image, point, view.normal)
        if self._line is not None:
            self._lines.show(view, self._line, closed=True)

    def release(self, view: SliceView, point: FloatArray) -> None:
        """The click has done it."""

    def drop(self) -> None:
        self._lines.hide()
        self._line = None


class Measure:
    """Shows the length of the line that is dragged; nothing of it is kept."""

    def __init__(self, lines: ViewLines, tell: Callable[[str], None]) -> None:
        self._lines, self._tell = lines, tell
        self._start: FloatArray | None = None

    def press(self, view: SliceView, point: FloatArray) -> None:
        self._start = point
        self._lines.hide()

    def move(self, view: SliceView, point: FloatArray) -> None:
        if self._start is not None:
            self._lines.show(view, np.array([self._start, point]), closed=False)
            self._tell(f"{np.linalg.norm(point - self._start):.1f} mm")

    def release(self, view: SliceView, point: FloatArray) -> None:
        self.move(view, point)
        self._start = None

    def drop(self) -> None:
        self._lines.hide()
        self._start = None
