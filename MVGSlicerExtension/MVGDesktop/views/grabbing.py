"""A picture of a widget, without what lay in the memory before."""

from __future__ import annotations

from PyQt5 import QtCore, QtGui, QtWidgets


def grabbed(widget: QtWidgets.QWidget) -> QtGui.QImage:
    """What a widget shows, in whole device pixels.

    `QWidget.grab()` rounds up where a pixel of the screen is no whole part of one of Qt's (96.05 dpi, 150 %),
    and draws nothing into the last column and row.
    """
    ratio = widget.devicePixelRatioF()
    size = QtCore.QSize(int(widget.width() * ratio), int(widget.height() * ratio))
    image = QtGui.QImage(size, QtGui.QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(ratio)
    image.fill(widget.palette().color(QtGui.QPalette.ColorRole.Window))
    widget.render(image)
    return image
