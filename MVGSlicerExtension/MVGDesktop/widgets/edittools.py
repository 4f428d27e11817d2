"""The controls of the tools that change segments."""

from __future__ import annotations

from functools import partial

from PyQt5 import QtCore, QtWidgets

from MVGDesktop.document import Document
from MVGDesktop.editing.tools import MAX_RADIUS, MIN_RADIUS, Editor, Tool
from MVGDesktop.editing.voxels import Others
from MVGDesktop.keys import add_key
from MVGDesktop.widgets.effectbar import EffectBar
from MVGDesktop.widgets.icons import icon
from MVGDesktop.widgets.rangebar import RangeBar

_TOOLS = (
    (Tool.NAVIGATE, "Look", "V", "Left drag changes window and level"),
    (Tool.PAINT, "Paint", "P", "Paint into the selected segment; Shift+wheel changes its radius"),
    (Tool.ERASE, "Erase", "E", "Take away from the selected segment"),
    (Tool.POLYGON, "Draw", "D", "Click corners; double click or Enter fills the outline, Esc drops it"),
    (Tool.FILL, "Fill", "F", "Fill what is enclosed around the mouse on this slice"),
    (Tool.TRACE, "Trace", "T", "Click to fill the line of one intensity around the mouse"),
    (Tool.MEASURE, "Measure", "M", "Drag to measure a distance"),
)


class EditTools(QtWidgets.QWidget):
    """Chooses the tool and how it works.

    Signals tell which copy is wanted: -1 from the slice before, 1 from the one after, 0 from the result.
    """

    copyRequested = QtCore.pyqtSignal(int)

    def __init__(self, editor: Editor, document: Document, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._editor = editor
        self.buttons: dict[Tool, QtWidgets.QToolButton] = {}
        self.radius = QtWidgets.QDoubleSpinBox(self)
        self.radius.setRange(MIN_RADIUS, MAX_RADIUS)
        self.radius.setSuffix(" mm")
        self.radius.setDecimals(1)
        self.radius.setSingleStep(0.5)
        self.radius.setValue(editor.choices.radius)
        self.radius.setAccessibleName("Radius of the brush")
        self.radius.setToolTip("Radius of the brush; [ and ] or Shift+wheel change it")
        self.sphere = QtWidgets.QCheckBox("Ball (3-D)", self)
        self.sphere.setToolTip("Paint on all slices that the ball reaches, not only on this one")
        self.others = QtWidgets.QComboBox(self)
        for each in Others:
            self.others.addItem(each.value, each)
        self.others.setAccessibleName("Other segments")
        self.others.setToolTip("What becomes of other segments where this one is painted or filled")
        self.range = RangeBar(document, self)
        self.effects = EffectBar(self)
        self.copy_before = self._copy_button("From below", -1, "Copy the labels of the nearest slice before")
        self.copy_after = self._copy_button("From above", 1, "Copy the labels of the nearest slice after")
        self.copy_result = self._copy_button(
            "From result", 0, "Take this slice of MVG's result into your labels, to correct it"
        )
        self._lay_out()
        self._connect()
        self._set_enabled()

    def _lay_out(self) -> None:
        row = QtWidgets.QHBoxLayout()
        row.setSpacing(2)
        group = QtWidgets.QButtonGroup(self)
        for tool, text, key, tip in _TOOLS:
            button = QtWidgets.QToolButton(self)
            button.setText(text)
            button.setIcon(icon(tool.value, self.palette()))
            button.setIconSize(QtCore.QSize(22, 22))
            button.setToolButtonStyle(QtCore.Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
            button.setCheckable(True)
            button.setAutoRaise(True)
            button.setToolTip(f"{tip} ({key})")
            button.setAccessibleName(text)
            button.setAccessibleDescription(f"{tip}; key {key}")
            button.setSizePolicy(QtWidgets.QSizePolicy.Expanding, QtWidgets.QSizePolicy.Fixed)
            button.clicked.connect(lambda _on, tool=tool: self._editor.use(tool))
            group.addButton(button)
            self.buttons[tool] = button
            row.addWidget(button)
        self.buttons[self._editor.choices.tool].setChecked(True)
        form = QtWidgets.QGridLayout()
        label = QtWidgets.QLabel("Radius", self)
        label.setBuddy(self.radius)
        form.addWidget(label, 0, 0)
        form.addWidget(self.radius, 0, 1)
        form.addWidget(self.sphere, 0, 2)
        form.addWidget(self.others, 1, 0, 1, 3)
        copies = QtWidgets.QHBoxLayout()
        copies.addWidget(QtWidgets.QLabel("Copy slice", self))
        for button in (self.copy_before, self.copy_after, self.copy_result):
            copies.addWidget(button)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addLayout(form)
        layout.addWidget(self.range)
        layout.addWidget(self.effects)
        layout.addLayout(copies)

    def changeEvent(self, event: QtCore.QEvent | None) -> None:
        super().changeEvent(event)
        if event is not None and event.type() == QtCore.QEvent.Type.PaletteChange:
            for tool, button in self.buttons.items():
                button.setIcon(icon(tool.value, self.palette()))

    def _connect(self) -> None:
        editor = self._editor
        editor.toolChanged.connect(lambda tool: self.buttons[tool].setChecked(True))
        editor.toolChanged.connect(lambda _tool: self._set_enabled())
        editor.radiusChanged.connect(self._show_radius)
        self.radius.valueChanged.connect(editor.set_radius)
        self.sphere.toggled.connect(lambda on: setattr(editor.choices, "sphere", on))
        self.others.currentIndexChanged.connect(
            lambda _index: setattr(editor.choices, "others", self.others.currentData())
        )
        self.range.changed.connect(lambda limits: setattr(editor.choices, "intensities", limits))

    def _show_radius(self, radius: float) -> None:
        with QtCore.QSignalBlocker(self.radius):
            self.radius.setValue(radius)

    def _set_enabled(self) -> None:
        brush = self._editor.choices.tool in (Tool.PAINT, Tool.ERASE)
        self.radius.setEnabled(brush)
        self.sphere.setEnabled(brush)

    def _copy_button(self, text: str, step: int, tip: str) -> QtWidgets.QPushButton:
        button = QtWidgets.QPushButton(text, self)
        button.setToolTip(tip)
        button.setAccessibleName(f"Copy slice {text.lower()}")
        button.setAutoDefault(False)
        button.clicked.connect(lambda: self.copyRequested.emit(step))
        return button


def add_shortcuts(window: QtWidgets.QWidget, editor: Editor) -> None:
    """Keys for the tools, active in the whole window unless somebody is typing."""
    for tool, _text, letter, _tip in _TOOLS:
        add_key(window, letter, partial(editor.use, tool))
    add_key(window, "[", lambda: editor.set_radius(editor.choices.radius / 1.25))
    add_key(window, "]", lambda: editor.set_radius(editor.choices.radius * 1.25))
