"""A slider over the slices of a volume with marks: labelled slices, unsure ones, the one to label next."""

from __future__ import annotations

from dataclasses import dataclass

from PyQt5 import QtCore, QtGui, QtWidgets

from MVGDesktop.stubs import present

_MARK = 7
_EXAMPLE, _UNSURE = QtGui.QColor("#0b7a75"), QtGui.QColor("#c2571a")


@dataclass(frozen=True)
class Marks:
    """Slices to point out, by index.

    Attributes:
        examples: Labelled and in use; a filled triangle.
        unsure: Where the result is least sure; an open circle.
        following: The slice to label next; a ring around it, or None.
    """

    examples: tuple[int, ...] = ()
    unsure: tuple[int, ...] = ()
    following: int | None = None


class SliceSlider(QtWidgets.QSlider):
    """Horizontal slider whose marks lie above the groove; shape tells them apart, not colour alone."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(QtCore.Qt.Orientation.Horizontal, parent)
        self.marks = Marks()
        self.setPageStep(5)
        self.setMinimumHeight(24)

    def set_marks(self, marks: Marks) -> None:
        """Show other marks."""
        if marks != self.marks:
            self.marks = marks
            self.setToolTip(_text(marks))
            self.setAccessibleDescription(_text(marks))
            self.update()

    def mark_x(self, index: int) -> int:
        """Where in the widget the mark of a slice is."""
        option = QtWidgets.QStyleOptionSlider()
        self.initStyleOption(option)
        style = present(self.style())
        groove = style.subControlRect(
            QtWidgets.QStyle.ComplexControl.CC_Slider,
            option,
            QtWidgets.QStyle.SubControl.SC_SliderGroove,
            self,
        )
        handle = style.subControlRect(
            QtWidgets.QStyle.ComplexControl.CC_Slider,
            option,
            QtWidgets.QStyle.SubControl.SC_SliderHandle,
            self,
        )
        span = groove.width() - handle.width()
        along = QtWidgets.QStyle.sliderPositionFromValue(self.minimum(), self.maximum(), index, span)
        return int(groove.x() + handle.width() / 2 + along)

    def paintEvent(self, event: QtGui.QPaintEvent | None) -> None:
        super().paintEvent(event)
        painter = QtGui.QPainter(self)
        painter.setRenderHint(QtGui.QPainter.Antialiasing)
        painter.setPen(QtGui.QPen(_UNSURE, 1.6))
        for index in self.marks.unsure:
            painter.drawEllipse(QtCore.QPointF(self.mark_x(index), self.height() - 4.0), 2.6, 2.6)
        painter.setPen(QtCore.Qt.PenStyle.NoPen)
        painter.setBrush(_EXAMPLE)
        for index in self.marks.examples:
            x = self.mark_x(index)
            corners = [(x - _MARK / 2, 0), (x + _MARK / 2, 0), (x, _MARK)]
            painter.drawPolygon(QtGui.QPolygonF([QtCore.QPointF(*corner) for corner in corners]))
        if self.marks.following is not None:
            painter.setBrush(QtCore.Qt.BrushStyle.NoBrush)
            painter.setPen(QtGui.QPen(_UNSURE, 2.2))
            centre = QtCore.QPointF(self.mark_x(self.marks.following), self.height() - 5.0)
            painter.drawEllipse(centre, 4.4, 4.4)
        painter.end()


def _text(marks: Marks) -> str:
    parts = []
    if marks.examples:
        parts.append("Labelled (triangles): " + ", ".join(map(str, marks.examples)))
    if marks.unsure:
        parts.append("Least sure (circles): " + ", ".join(map(str, marks.unsure)))
    if marks.following is not None:
        parts.append(f"Label next (large circle): {marks.following}")
    return "\n".join(parts)
