"""Which intensities are painted on, seen on the slices while they are chosen, and taken as a whole."""

from __future__ import annotations

import numpy as np
from PyQt5 import QtCore, QtWidgets

from MVGCore.volume import robust_window
from MVGDesktop.document import Document

_WIDE = 20.0  # from which range on a tenth is fine enough
Limits = tuple[float, float]


class RangeBar(QtWidgets.QWidget):
    """A switch, two numbers, and buttons that take all voxels between them into the segment.

    Signals: `changed(limits)` with (low, high), both included, or None while it is off; `taken(whole)`: in
    the whole volume, or on the current slice.
    """

    changed = QtCore.pyqtSignal(object)
    taken = QtCore.pyqtSignal(bool)

    def __init__(self, document: Document, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self.limited = QtWidgets.QCheckBox("Only intensities", self)
        self.limited.setToolTip(
            "Paint only where the image is within these values, both included; the slices show where"
        )
        self.low, self.high = self._box("Lowest intensity"), self._box("Highest intensity")
        self.slice = self._button(
            "Slice", "Take all voxels with these intensities on the current slice", False
        )
        self.volume = self._button("Volume", "Take all voxels with these intensities in the volume", True)
        grid = QtWidgets.QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(self.limited, 0, 0)
        grid.addWidget(self.low, 0, 1)
        grid.addWidget(self.high, 0, 2)
        self._take = QtWidgets.QLabel("Take all on", self)
        grid.addWidget(self._take, 1, 0)
        grid.addWidget(self.slice, 1, 1)
        grid.addWidget(self.volume, 1, 2)
        self.limited.toggled.connect(lambda _on: self._tell())
        for box in (self.low, self.high):
            box.valueChanged.connect(lambda _value: self._tell())
        document.volumeChanged.connect(lambda _id: self._follow())
        self._show_enabled()

    @property
    def limits(self) -> Limits | None:
        """(low, high), both included, or None while it is off."""
        return (self.low.value(), self.high.value()) if self.limited.isChecked() else None

    def _follow(self) -> None:
        """Offer what a new volume has: its brighter half, so that something is coloured at once."""
        self.limited.setChecked(False)
        array = self._document.intensities()
        if array is None:
            return
        window = robust_window(array)
        whole, wide = array.dtype.kind in "iu", float(np.ptp(array)) > _WIDE
        decimals = 0 if whole else 1 if wide else 3
        # Rounded outwards, or the darkest and the brightest voxel could not be reached.
        scale = 10**decimals
        low, high = np.floor(array.min() * scale) / scale, np.ceil(array.max() * scale) / scale
        for box, value in ((self.low, (window.low + window.high) / 2), (self.high, high)):
            with QtCore.QSignalBlocker(box):
                box.setDecimals(decimals)
                box.setSingleStep(max((window.high - window.low) / 100, 1 / scale))
                box.setRange(float(low), float(high))
                box.setValue(float(value))

    def _tell(self) -> None:
        self._show_enabled()
        self.changed.emit(self.limits)

    def _show_enabled(self) -> None:
        on = self.limited.isChecked()
        for widget in (self.low, self.high, self._take, self.slice, self.volume):
            widget.setEnabled(on)

    def _box(self, name: str) -> QtWidgets.QDoubleSpinBox:
        box = QtWidgets.QDoubleSpinBox(self)
        box.setAccessibleName(name)
        box.setMinimumWidth(60)
        box.setSizePolicy(QtWidgets.QSizePolicy.Ignored, QtWidgets.QSizePolicy.Fixed)
        return box

    def _button(self, text: str, tip: str, whole: bool) -> QtWidgets.QPushButton:
        button = QtWidgets.QPushButton(text, self)
        button.setToolTip(tip)
        button.setAccessibleName(f"Take intensities on {text.lower()}")
        button.setAutoDefault(False)
        button.clicked.connect(lambda: self.taken.emit(whole))
        return button
