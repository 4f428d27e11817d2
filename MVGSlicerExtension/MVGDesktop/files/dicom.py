"""Choosing among the DICOM series of a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PyQt5 import QtCore, QtWidgets

from MVGCore.errors import InputError
from MVGCore.volume import Window

_TAGS = {
    "description": "0008|103e",
    "modality": "0008|0060",
    "date": "0008|0020",
    "number": "0020|0011",
    "center": "0028|1050",
    "width": "0028|1051",
}
_MOST_FOLDERS = 200


@dataclass(frozen=True)
class Series:
    """One series of a folder.

    Attributes:
        file: One of its files; `MVGCore.read_volume` reads the whole series from it.
        count: Number of files.
        description: As the scanner named it, perhaps empty.
        modality: "CT", "MR", ...
        date: As in the file, YYYYMMDD.
        number: Of the series within its study, perhaps empty.
        window: How the scanner would show it, or None.
    """

    file: Path
    count: int
    description: str
    modality: str
    date: str
    number: str = ""
    window: Window | None = None

    @property
    def name(self) -> str:
        """What the volume is called: nothing that tells who was scanned."""
        return self.description or f"{self.modality or 'DICOM'} series {self.number}".strip()

    @property
    def text(self) -> str:
        """One line for a list."""
        parts = [self.description or self.file.parent.name, self.modality, f"{self.count} slices", self.date]
        return "  ·  ".join(part for part in parts if part)


def find_series(folder: Path) -> list[Series]:
    """The series in a folder and the folders in it, longest first.

    Raises:
        InputError: There is none.
    """
    import SimpleITK as sitk

    found = []
    folders = [folder, *sorted(each for each in folder.rglob("*") if each.is_dir())][:_MOST_FOLDERS]
    for each in folders:
        for series_id in sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(each)):
            files = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(each), series_id)
            found.append(_describe(Path(files[0]), len(files)))
    if not found:
        raise InputError(f"The folder '{folder}' holds no DICOM series; choose the folder of the slices.")
    return sorted(found, key=lambda series: -series.count)


def choose_series(folder: Path, parent: QtWidgets.QWidget | None = None) -> Series | None:
    """Let the user choose a series where a folder has several; None if none was chosen.

    Raises:
        InputError: The folder has no series.
    """
    series = find_series(folder)
    if len(series) == 1:
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


def series_of(path: Path) -> Series | None:
    """What a single DICOM file says about its series; None of a file of another kind."""
    if path.suffix.lower() not in (".dcm", ".ima"):
        return None
    return _describe(path, 1)


def _describe(file: Path, count: int) -> Series:
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetFileName(str(file))
    reader.ReadImageInformation()
    values = {
        name: reader.GetMetaData(tag).strip() if reader.HasMetaDataKey(tag) else ""
        for name, tag in _TAGS.items()
    }
    # ITK marks what it cannot decode; the name goes into Qt, which wants valid text.
    clean = {name: text.encode("utf-8", "replace").decode() for name, text in values.items()}
    window = _window(clean["center"], clean["width"])
    told = (clean["description"], clean["modality"], clean["date"], clean["number"])
    return Series(file, count, *told, window)


def _window(center: str, width: str) -> Window | None:
    """The first of the windows that a file proposes."""
    try:
        middle, whole = float(center.split("\\")[0]), float(width.split("\\")[0])
    except ValueError:
        return None
    return Window(middle - whole / 2, middle + whole / 2) if whole > 1 else None
