"""Changes of the selected segment as a whole."""

from __future__ import annotations

from PyQt5 import QtCore, QtWidgets

from MVGDesktop.editing.effects import Choice, Effect
from MVGDesktop.editing.voxels import Others

_BY_SIZE = (Effect.DROP_SMALL,)
_WITHOUT = (Effect.KEEP_LARGEST, Effect.FILL_HOLES)


class EffectBar(QtWidgets.QWidget):
    """Chooses an effect and how far it reaches; the signal tells whether the whole volume is meant."""

    requested = QtCore.pyqtSignal(object, bool)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.effects = QtWidgets.QComboBox(self)
        self.effects.setAccessibleName("What to do with the segment")
        self.effects.setToolTip("What to do with the selected segment; Ctrl+Z takes it back")
        for effect in Effect:
            self.effects.addItem(effect.value, effect)
        self.amount = QtWidgets.QDoubleSpinBox(self)
        self.amount.setAccessibleName("How far")
        self.slice = self._button("Slice", False)
        self.volume = self._button("Volume", True)
        rows = QtWidgets.QGridLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addWidget(self.effects, 0, 0, 1, 2)
        rows.addWidget(self.amount, 0, 2)
        rows.addWidget(QtWidgets.QLabel("Change on", self), 1, 0)
        rows.addWidget(self.slice, 1, 1)
        rows.addWidget(self.volume, 1, 2)
        self.effects.currentIndexChanged.connect(lambda _index: self._show_amount())
        self._show_amount()

    @property
    def effect(self) -> Effect:
        """What is chosen."""
        return Effect(self.effects.currentData())

    def choice(self, others: Others) -> Choice:
        """How far it is to reach."""
        if self.effect in _BY_SIZE:
            return Choice(smallest=int(self.amount.value()), others=others)
        return Choice(radius=self.amount.value(), others=others)

    def _show_amount(self) -> None:
        by_size = self.effect in _BY_SIZE
        self.amount.setEnabled(self.effect not in _WITHOUT)
        self.amount.setDecimals(0 if by_size else 1)
        self.amount.setRange(1 if by_size else 0.1, 1e6 if by_size else 50)
        self.amount.setSuffix(" voxels" if by_size else " mm")
        self.amount.setValue(Choice.smallest if by_size else Choice.radius)
        self.amount.setToolTip("Smaller pieces go" if by_size else "How far, at least one voxel")

    def _button(self, text: str, whole: bool) -> QtWidgets.QPushButton:
        button = QtWidgets.QPushButton(text, self)
        where = "in the whole volume" if whole else "on the current slice"
        button.setToolTip(f"Change the selected segment {where}")
        button.setAccessibleName(f"Change on {text.lower()}")
        button.setAutoDefault(False)
        button.clicked.connect(lambda: self.requested.emit(self.effect, whole))
        return button
