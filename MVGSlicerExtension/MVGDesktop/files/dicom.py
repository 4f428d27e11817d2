"""Choosing among the DICOM series of a folder."""

from __future__ import annotations

from pathlib import Path

from PyQt5 import QtCore, QtWidgets

from MVGCore.volume.dicom import Series, find_series, is_series, list_series

__all__ = ["SeriesChooser", "choose_series", "find_series", "is_series"]


def choose_series(path: Path, parent: QtWidgets.QWidget | None = None) -> Series | None:
    """Let the user choose a series where there is a choice; None if none was chosen.

    Args:
        path: A folder, or a DICOM file.
        parent: The window that asks.

    Raises:
        InputError: There is no series.
    """
    series = sorted(list_series(path), key=lambda each: (not each.is_volume, -each.count, each.number))
    if sum(each.is_volume for each in series) == 1 or len(series) == 1:
        return series[0]
    dialog = SeriesChooser(series, parent)
    return dialog.chosen() if dialog.exec_() == QtWidgets.QDialog.Accepted else None


class SeriesChooser(QtWidgets.QDialog):
    """Lists series; a double click or Enter takes one."""

    def __init__(self, series: list[Series], parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Choose a series")
        self._series = series
        self.list = QtWidgets.QListWidget(self)
        self.list.setAccessibleName("Series in this folder")
        self.list.addItems([each.text for each in series])
        self.list.setCurrentRow(0)
        self.list.itemDoubleClicked.connect(lambda _item: self.accept())
        buttons = QtWidgets.QDialogButtonBox(
            QtWidgets.QDialogButtonBox.Open | QtWidgets.QDialogButtonBox.Cancel, self
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QtWidgets.QVBoxLayout(self)
        layout.addWidget(QtWidgets.QLabel("The folder holds several series:", self))
        layout.addWidget(self.list)
        layout.addWidget(buttons)
        self.resize(QtCore.QSize(560, 320))

    def chosen(self) -> Series:
        """The selected series."""
        return self._series[max(self.list.currentRow(), 0)]
