"""How intensities become grey: presets, and window and level as numbers."""

from __future__ import annotations

from typing import Any

import slicer
import vtk
from PyQt5 import QtCore, QtWidgets

from MVGCore.volume import CT_WINDOWS, robust_window
from MVGDesktop.document import Document

_AUTOMATIC, _OWN = "", "own"
_AIR_HU = -500  # only CT goes below


class WindowLevel(QtWidgets.QWidget):
    """Follows the display of the volume, however it was changed.

    Attributes:
        presets: The list.
        window: Width of the range of intensities that is shown.
        level: Its middle.
    """

    def __init__(self, document: Document, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._watched: tuple[Any, int] | None = None
        self.presets = QtWidgets.QComboBox(self)
        self.presets.setAccessibleName("Window preset")
        self.presets.setToolTip("Which intensities are shown from black to white")
        self.presets.activated.connect(self._choose)
        self.width_box, self.level_box = self._box("Window"), self._box("Level")
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(4, 0, 4, 0)
        for text, widget in (("Window", self.presets), ("W", self.width_box), ("L", self.level_box)):
            label = QtWidgets.QLabel(text, self)
            label.setBuddy(widget)
            row.addWidget(label)
            row.addWidget(widget)
        document.volumeChanged.connect(lambda _id: self._follow())
        self._follow()

    def close_widget(self) -> None:
        """Follow the scene no longer."""
        if self._watched is not None:
            display, tag = self._watched
            display.RemoveObserver(tag)
            self._watched = None

    def _box(self, name: str) -> QtWidgets.QDoubleSpinBox:
        box = QtWidgets.QDoubleSpinBox(self)
        box.setKeyboardTracking(False)
        box.setAccessibleName(name)
        box.setToolTip(f"{name} of the intensities that are shown")
        box.setRange(-1e9, 1e9)
        box.setButtonSymbols(QtWidgets.QAbstractSpinBox.NoButtons)
        box.setFixedWidth(70)
        box.valueChanged.connect(lambda _value: self._set(self.width_box.value(), self.level_box.value()))
        return box

    def _display(self) -> Any:
        volume = self._document.volume
        return volume.GetDisplayNode() if volume is not None else None

    def _follow(self) -> None:
        self.close_widget()
        display = self._display()
        self.setEnabled(display is not None)
        if display is None:
            return
        tag = display.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self._show())
        self._watched = (display, tag)
        self._fill()
        self._show()

    def _fill(self) -> None:
        """Offer what suits the volume: the windows of CT where it can be one."""
        array = slicer.util.arrayFromVolume(self._document.volume)
        self.presets.clear()
        self.presets.addItem("Automatic", _AUTOMATIC)
        if array.min() < _AIR_HU:
            for name in CT_WINDOWS:
                self.presets.addItem(f"CT {name}", name)
        self.presets.addItem("As set", _OWN)
        span = float(array.max()) - float(array.min())
        for box in (self.width_box, self.level_box):
            with QtCore.QSignalBlocker(box):
                box.setDecimals(0 if span > 20 else 3)
                box.setSingleStep(max(span / 100, 10 ** -box.decimals()))

    def _show(self) -> None:
        """The numbers of now, and the preset that they are."""
        display = self._display()
        if display is None:
            return
        low, high = display.GetWindowLevelMin(), display.GetWindowLevelMax()
        for box, value in ((self.width_box, high - low), (self.level_box, (low + high) / 2)):
            with QtCore.QSignalBlocker(box):
                box.setValue(value)
        names = [name for name, each in CT_WINDOWS.items() if (each.low, each.high) == (low, high)]
        if not names and self.presets.currentData() == _AUTOMATIC:
            automatic = robust_window(slicer.util.arrayFromVolume(self._document.volume))
            names = [_AUTOMATIC] if (automatic.low, automatic.high) == (low, high) else []
        self.presets.setCurrentIndex(self.presets.findData(names[0] if names else _OWN))

    def _choose(self, index: int) -> None:
        name = self.presets.itemData(index)
        if name != _OWN:
            array = slicer.util.arrayFromVolume(self._document.volume)
            chosen = CT_WINDOWS[name] if name else robust_window(array)
            self._set(chosen.high - chosen.low, (chosen.low + chosen.high) / 2)

    def _set(self, window: float, level: float) -> None:
        display = self._display()
        if display is not None and window > 0:
            display.SetAutoWindowLevel(False)
            display.SetWindowLevelMinMax(level - window / 2, level + window / 2)
