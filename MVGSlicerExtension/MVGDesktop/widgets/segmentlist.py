"""The segments that are edited: shown or not, colour, name, opacity; add and remove."""

from __future__ import annotations

from typing import Any

import slicer
from PyQt5 import QtCore, QtGui, QtWidgets

from MVGCore.errors import MVGError
from MVGDesktop.document import Document
from MVGDesktop.editing.segments import Look
from MVGDesktop.qtwidgets import qMRMLNodeComboBox
from MVGDesktop.statistics import Sizes
from MVGDesktop.stubs import present

_SHOWN, _COLOR, _NAME, _SIZE = range(4)
_SWATCH = 18
_OFFERED = {
    "nodeTypes": ["vtkMRMLSegmentationNode"],
    "noneEnabled": True,
    "noneDisplay": "No segmentation yet",
    "addEnabled": False,
    "removeEnabled": False,
    "renameEnabled": True,
}


def volume_text(ml: float) -> str:
    """A volume with three digits: "0.123", "45.6", "1410"."""
    return f"{ml:.0f}" if ml >= 100 else f"{ml:.3g}"


class SegmentList(QtWidgets.QWidget):
    """Lists the segments of the document's segmentation; the selected one is painted into."""

    failed = QtCore.pyqtSignal(str)

    def __init__(self, document: Document, sizes: Sizes, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._document, self._sizes = document, sizes
        self.chooser = qMRMLNodeComboBox(self)
        for name, value in _OFFERED.items():
            self.chooser.setProperty(name, value)
        self.chooser.setAccessibleName("Segmentation to edit")
        self.chooser.setToolTip("The segmentation that the tools below change")
        self.table = self._make_table()
        self.add_button = _button("Add", "Add a segment (Ctrl+N)")
        self.remove_button = _button("Remove", "Remove the selected segment (Delete); Ctrl+Z brings it back")
        self.opacity = QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal, self)
        self.opacity.setRange(0, 100)
        self.opacity.setAccessibleName("Opacity of the selected segment")
        self.opacity.setToolTip("Opacity of the selected segment")
        self._lay_out()
        self._connect()
        self.refresh()

    def refresh(self) -> None:
        """Show the segments as they are now."""
        ids = self._document.segment_ids()
        self.chooser.setCurrentNodeID(self._document.segmentation_id)
        with QtCore.QSignalBlocker(self.table):
            self.table.setRowCount(len(ids))
            for row, segment_id in enumerate(ids):
                self._fill_row(row, segment_id)
        self._show_sizes()
        with QtCore.QSignalBlocker(self.table):
            if self._document.segment_id in ids:
                self.table.setCurrentCell(ids.index(self._document.segment_id), _NAME)
            else:
                self.table.setCurrentCell(-1, -1)
        has_one = bool(self._document.segment_id)
        self.remove_button.setEnabled(has_one)
        self.opacity.setEnabled(has_one)
        if has_one:
            display = self._display()
            with QtCore.QSignalBlocker(self.opacity):
                value = display.GetSegmentOpacity2DFill(self._document.segment_id)
                self.opacity.setValue(round(100 * value))

    def add(self) -> None:
        """Add a segment and make it the one that is painted into."""
        try:
            self._document.add_segment()
        except MVGError as error:
            self.failed.emit(str(error))

    def remove(self) -> None:
        """Remove the selected segment."""
        if self._document.segment_id:
            self._document.remove_segment(self._document.segment_id)

    def select(self, row: int) -> None:
        """Select a segment by its place in the list, from 0; others are left alone."""
        ids = self._document.segment_ids()
        if 0 <= row < len(ids):
            self._document.set_segment(ids[row])

    def _display(self) -> Any:
        node = self._document.segmentation
        return node.GetDisplayNode() if node is not None else None

    def _fill_row(self, row: int, segment_id: str) -> None:
        segment = self._document.segmentation.GetSegmentation().GetSegment(segment_id)
        display = self._display()
        color = QtGui.QColor.fromRgbF(*segment.GetColor())
        check = QtWidgets.QTableWidgetItem()
        flag = QtCore.Qt.ItemFlag
        selectable = QtCore.Qt.ItemFlags(flag.ItemIsEnabled) | flag.ItemIsSelectable
        check.setFlags(selectable | flag.ItemIsUserCheckable)
        visible = display is None or display.GetSegmentVisibility(segment_id)
        check.setCheckState(QtCore.Qt.CheckState.Checked if visible else QtCore.Qt.CheckState.Unchecked)
        check.setToolTip(f"Show {segment.GetName()}")
        swatch = QtWidgets.QTableWidgetItem()
        swatch.setFlags(selectable)
        swatch.setIcon(_swatch(color))
        swatch.setToolTip("Double-click to change the colour")
        swatch.setData(
            QtCore.Qt.ItemDataRole.AccessibleTextRole, f"Colour of {segment.GetName()}: {color.name()}"
        )
        name = QtWidgets.QTableWidgetItem(segment.GetName())
        name.setToolTip("Double-click or F2 to rename")
        size = QtWidgets.QTableWidgetItem()
        size.setFlags(selectable)
        size.setTextAlignment(QtCore.Qt.AlignmentFlag.AlignRight | QtCore.Qt.AlignmentFlag.AlignVCenter)
        for column, item in ((_SHOWN, check), (_COLOR, swatch), (_NAME, name), (_SIZE, size)):
            item.setData(QtCore.Qt.ItemDataRole.UserRole, segment_id)
            self.table.setItem(row, column, item)

    def _show_sizes(self) -> None:
        """Nothing else is touched: somebody may be typing a name."""
        for row in range(self.table.rowCount()):
            item = present(self.table.item(row, _SIZE))
            known = self._sizes.of.get(item.data(QtCore.Qt.ItemDataRole.UserRole))
            with QtCore.QSignalBlocker(self.table):
                item.setText(volume_text(known.ml) if known else "")
                item.setToolTip(f"{known.ml:.4g} ml, {known.voxels:,} voxels" if known else "")

    def _make_table(self) -> QtWidgets.QTableWidget:
        table = QtWidgets.QTableWidget(0, 4, self)
        table.setAccessibleName("Segments")
        table.setHorizontalHeaderLabels(["Show", "Colour", "Name", "ml"])
        present(table.verticalHeader()).hide()
        header = present(table.horizontalHeader())
        for column in (_SHOWN, _COLOR, _SIZE):
            header.setSectionResizeMode(column, QtWidgets.QHeaderView.ResizeToContents)
        header.setSectionResizeMode(_NAME, QtWidgets.QHeaderView.Stretch)
        table.setSelectionBehavior(QtWidgets.QAbstractItemView.SelectRows)
        table.setSelectionMode(QtWidgets.QAbstractItemView.SingleSelection)
        table.setTabKeyNavigation(False)
        table.setShowGrid(False)
        table.setMinimumHeight(110)
        return table

    def _lay_out(self) -> None:
        buttons = QtWidgets.QHBoxLayout()
        buttons.addWidget(self.add_button)
        buttons.addWidget(self.remove_button)
        see = QtWidgets.QHBoxLayout()
        label = QtWidgets.QLabel("Opacity", self)
        label.setBuddy(self.opacity)
        see.addWidget(label)
        see.addWidget(self.opacity, 1)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.chooser)
        layout.addWidget(self.table, 1)
        layout.addLayout(buttons)
        layout.addLayout(see)

    def _connect(self) -> None:
        document = self._document
        self.chooser.setMRMLScene(slicer.mrmlScene)
        # The box stands on other nodes also while a scene is read; only what the user chooses is told on.
        self.chooser.nodeActivated.connect(
            lambda node: document.set_segmentation(node.GetID() if node is not None else "")
        )
        document.segmentationChanged.connect(lambda _id: self.refresh())
        document.segmentChanged.connect(lambda _id: self.refresh())
        document.contentChanged.connect(self.refresh)
        self._sizes.updated.connect(self._show_sizes)
        self.table.itemChanged.connect(self._on_item)
        self.table.itemDoubleClicked.connect(self._on_double_click)
        self.table.currentCellChanged.connect(lambda row, *_: self.select(row))
        self.add_button.clicked.connect(self.add)
        self.remove_button.clicked.connect(self.remove)
        delete = QtWidgets.QShortcut(QtGui.QKeySequence("Delete"), self.table)
        delete.setContext(QtCore.Qt.ShortcutContext.WidgetShortcut)
        delete.activated.connect(self.remove)
        self.opacity.valueChanged.connect(self._on_opacity)

    def _on_item(self, item: QtWidgets.QTableWidgetItem) -> None:
        segment_id = item.data(QtCore.Qt.ItemDataRole.UserRole)
        if item.column() == _SHOWN:
            self._display().SetSegmentVisibility(
                segment_id, item.checkState() == QtCore.Qt.CheckState.Checked
            )
        elif item.column() == _NAME:
            self._rename(segment_id, item.text().strip())

    def _rename(self, segment_id: str, name: str) -> None:
        segment = self._document.segmentation.GetSegmentation().GetSegment(segment_id)
        if name and name != segment.GetName():
            self._document.change_look(segment_id, Look(name, tuple(segment.GetColor())))
        else:
            self.refresh()

    def _on_double_click(self, item: QtWidgets.QTableWidgetItem) -> None:
        if item.column() != _COLOR:
            return
        segment_id = item.data(QtCore.Qt.ItemDataRole.UserRole)
        segment = self._document.segmentation.GetSegmentation().GetSegment(segment_id)
        before = QtGui.QColor.fromRgbF(*segment.GetColor())
        color = QtWidgets.QColorDialog.getColor(before, self, f"Colour of {segment.GetName()}")
        if color.isValid():
            look = Look(segment.GetName(), (color.redF(), color.greenF(), color.blueF()))
            self._document.change_look(segment_id, look)

    def _on_opacity(self, percent: int) -> None:
        display, segment_id = self._display(), self._document.segment_id
        if display is not None and segment_id:
            display.SetSegmentOpacity2DFill(segment_id, percent / 100)
            display.SetSegmentOpacity2DOutline(segment_id, min(1.0, percent / 50))
            display.SetSegmentOpacity3D(segment_id, max(percent / 100, 0.05))


def _swatch(color: QtGui.QColor) -> QtGui.QIcon:
    picture = QtGui.QPixmap(_SWATCH, _SWATCH)
    picture.fill(color)
    icon = QtGui.QIcon(picture)
    # Qt would tint the picture of a selected row.
    icon.addPixmap(picture, QtGui.QIcon.Mode.Selected)
    return icon


def _button(text: str, tip: str) -> QtWidgets.QPushButton:
    button = QtWidgets.QPushButton(text)
    button.setToolTip(tip)
    button.setAccessibleDescription(tip)
    button.setAutoDefault(False)
    return button
