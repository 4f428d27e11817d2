"""A slice view with its bar: name, slider with marks, number of the slice."""

from __future__ import annotations

import numpy as np
import slicer
from PyQt5 import QtCore, QtWidgets

from MVGDesktop.editing.shapes import VoxelGrid
from MVGDesktop.grids import volume_grid
from MVGDesktop.views.sliceview import SliceView
from MVGDesktop.views.slider import SliceSlider

# Slicer's colours of the three views.
COLORS = {"Red": "#f34a33", "Green": "#6eb04b", "Yellow": "#edd54c"}


class SlicePanel(QtWidgets.QWidget):
    """One of the four fields of the window.

    Attributes:
        view: The slice view.
        slider: Runs over the slices of the volume along the array axis that the view looks along.
    """

    maximizeRequested = QtCore.pyqtSignal()
    used = QtCore.pyqtSignal()  # by mouse or keyboard, in the view or its bar

    def __init__(self, name: str, orientation: str, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.view = SliceView(name, orientation, self)
        self.slider = SliceSlider(self)
        self.slider.setAccessibleName(f"{orientation} slice number")
        self._orientation = orientation
        self._title = QtWidgets.QLabel(orientation, self)
        self.number = QtWidgets.QSpinBox(self)
        self.number.setButtonSymbols(QtWidgets.QAbstractSpinBox.NoButtons)
        self.number.setFrame(False)
        self.number.setKeyboardTracking(False)  # while a number is typed, the view waits for its end
        self.number.setAlignment(
            QtCore.Qt.Alignment(QtCore.Qt.AlignmentFlag.AlignRight) | QtCore.Qt.AlignmentFlag.AlignVCenter
        )
        self.number.setAccessibleName(f"{orientation} slice")
        self.number.setToolTip("The slice that is shown, counted from 0; type a number to go there")
        self.number.setMinimumWidth(self.fontMetrics().horizontalAdvance("8888 / 8888") + 10)
        stripe = QtWidgets.QFrame(self)
        stripe.setFixedWidth(6)
        stripe.setStyleSheet(f"background: {COLORS[name]}; border-radius: 2px;")
        bar = QtWidgets.QHBoxLayout()
        bar.setContentsMargins(4, 2, 6, 2)
        bar.setSpacing(6)
        bar.addWidget(stripe)
        bar.addWidget(self._title)
        bar.addWidget(self.slider, 1)
        bar.addWidget(self.number)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(bar)
        layout.addWidget(self.view, 1)
        self.view.used.connect(lambda _view: self.used.emit())
        self.slider.valueChanged.connect(lambda _value: self.used.emit())
        self.number.valueChanged.connect(lambda _value: self.used.emit())
        self.slider.valueChanged.connect(self.go_to)
        self.number.valueChanged.connect(self.go_to)
        self.number.editingFinished.connect(self.view.setFocus)
        self.view.changed.connect(self._follow)
        self.view.doubleClicked.connect(self.maximizeRequested)
        self._follow()

    @property
    def grid(self) -> VoxelGrid | None:
        """The voxels of the volume that is shown, in the world, or None."""
        volume = slicer.mrmlScene.GetNodeByID(self.view.composite.GetBackgroundVolumeID() or "")
        return volume_grid(volume) if volume is not None and volume.GetImageData() else None

    @property
    def axis(self) -> int:
        """The array axis that the view looks along; 0 where nothing is shown."""
        grid = self.grid
        return grid.axis_along(self.view.normal) if grid is not None else 0

    def slice_number(self) -> int:
        """Index of the slice that is shown along `axis`, which may lie outside of the volume."""
        grid = self.grid
        if grid is None:
            return 0
        matrix = self.view.node.GetSliceToRAS()
        point = [matrix.GetElement(row, 3) for row in range(3)]
        return int(np.floor(grid.index(point)[2 - self.axis] + 0.5))

    def go_to(self, index: int) -> None:
        """Show the slice of an index along `axis`."""
        grid = self.grid
        if grid is None or index == self.slice_number():
            return
        middle = (np.array(grid.shape[::-1]) - 1) / 2
        middle[2 - self.axis] = index
        self.view.node.JumpSliceByOffsetting(*grid.position(middle))

    def set_active(self, active: bool) -> None:
        """Show whether the keys, and "the current slice", mean this view."""
        self.view.node.SetActive(int(active))  # MVGLib asks the node which slice is the current one
        self._title.setText(f"<b>{self._orientation}</b> \u25c2" if active else self._orientation)
        self._title.setToolTip("Keys act on this view, and its slice is the current one" if active else "")
        self._title.setAccessibleDescription("The current view" if active else "")

    def step(self, count: int) -> None:
        """Go some slices on or back."""
        self.slider.setValue(self.slider.value() + count)

    def _follow(self) -> None:
        grid = self.grid
        for widget in (self.slider, self.number):
            widget.setEnabled(grid is not None)
        self.number.setVisible(grid is not None)
        if grid is None:
            return
        last = grid.shape[self.axis] - 1
        number = self.slice_number()
        for widget in (self.slider, self.number):
            with QtCore.QSignalBlocker(widget):
                widget.setRange(0, last)
                widget.setValue(number)
        self.number.setSuffix(f" / {last}")
