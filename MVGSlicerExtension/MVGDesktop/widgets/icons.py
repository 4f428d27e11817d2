"""Small icons, drawn in the colour of the text so that they suit light and dark themes."""

from __future__ import annotations

from collections.abc import Callable

from PyQt5 import QtCore, QtGui

_SIZE = 64
_Point = tuple[float, float]


def icon(name: str, palette: QtGui.QPalette) -> QtGui.QIcon:
    """The icon of a tool, in the colours of a palette."""
    result = QtGui.QIcon()
    for mode, group in (
        (QtGui.QIcon.Mode.Normal, QtGui.QPalette.Active),
        (QtGui.QIcon.Mode.Disabled, QtGui.QPalette.Disabled),
    ):
        picture = QtGui.QPixmap(_SIZE, _SIZE)
        picture.fill(QtCore.Qt.GlobalColor.transparent)
        painter = QtGui.QPainter(picture)
        painter.setRenderHint(QtGui.QPainter.Antialiasing)
        pen = QtGui.QPen(palette.color(group, QtGui.QPalette.ButtonText), 4.5)
        pen.setCapStyle(QtCore.Qt.PenCapStyle.RoundCap)
        pen.setJoinStyle(QtCore.Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        _DRAWINGS[name](painter)
        painter.end()
        result.addPixmap(picture, mode)
    return result


def _polyline(painter: QtGui.QPainter, *points: _Point, closed: bool = False) -> None:
    shape = QtGui.QPolygonF([QtCore.QPointF(*point) for point in points])
    if closed:
        painter.drawPolygon(shape)
    else:
        painter.drawPolyline(shape)


def _look(painter: QtGui.QPainter) -> None:
    _polyline(painter, (20, 10), (20, 50), (30, 41), (37, 56), (44, 53), (37, 38), (50, 37), closed=True)


def _brush(painter: QtGui.QPainter) -> None:
    _polyline(painter, (54, 10), (30, 36))
    path = QtGui.QPainterPath(QtCore.QPointF(26, 34))
    path.cubicTo(14, 36, 20, 50, 9, 53)
    path.cubicTo(20, 58, 36, 54, 35, 42)
    path.closeSubpath()
    painter.drawPath(path)


def _eraser(painter: QtGui.QPainter) -> None:
    _polyline(painter, (36, 10), (54, 28), (30, 52), (20, 52), (10, 40), closed=True)
    _polyline(painter, (24, 24), (42, 40))
    _polyline(painter, (30, 54), (54, 54))


def _polygon(painter: QtGui.QPainter) -> None:
    corners = ((12, 44), (20, 14), (50, 20), (44, 52))
    _polyline(painter, *corners, closed=True)
    painter.setBrush(painter.pen().color())
    for x, y in corners:
        painter.drawEllipse(QtCore.QPointF(x, y), 3.5, 3.5)


def _bucket(painter: QtGui.QPainter) -> None:
    _polyline(painter, (30, 8), (52, 32), (30, 52), (10, 32), closed=True)
    _polyline(painter, (14, 33), (50, 33))
    path = QtGui.QPainterPath(QtCore.QPointF(56, 40))
    path.cubicTo(62, 50, 60, 56, 56, 56)
    path.cubicTo(52, 56, 50, 50, 56, 40)
    painter.drawPath(path)


def _contour(painter: QtGui.QPainter) -> None:
    path = QtGui.QPainterPath(QtCore.QPointF(14, 34))
    path.cubicTo(10, 10, 34, 6, 42, 16)
    path.cubicTo(60, 20, 58, 44, 46, 50)
    path.cubicTo(30, 62, 18, 54, 14, 34)
    painter.drawPath(path)
    painter.setBrush(painter.pen().color())
    painter.drawEllipse(QtCore.QPointF(33, 33), 3.5, 3.5)


def _ruler(painter: QtGui.QPainter) -> None:
    _polyline(painter, (8, 44), (44, 8), (56, 20), (20, 56), closed=True)
    for step in range(1, 5):
        x, y = 8 + 7.2 * step, 44 - 7.2 * step
        _polyline(painter, (x, y), (x + 5, y + 5))


_DRAWINGS: dict[str, Callable[[QtGui.QPainter], None]] = {
    "navigate": _look,
    "paint": _brush,
    "erase": _eraser,
    "polygon": _polygon,
    "fill": _bucket,
    "trace": _contour,
    "measure": _ruler,
}
