"""The first minute: open something, or try it with a real brain; then three steps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PyQt5 import QtCore, QtWidgets

STEPS = (
    ("Label", "Paint a structure on two or three slices: choose Paint at the right, drag in a slice."),
    ("Apply", "Add the slices as examples and press Apply in the panel at the left."),
    ("Review", "Scroll through the result, correct what is wrong, press Accept, save with Ctrl+S."),
)


class Welcome(QtWidgets.QWidget):
    """Shown while nothing is open."""

    openRequested = QtCore.pyqtSignal()
    folderRequested = QtCore.pyqtSignal()
    demoRequested = QtCore.pyqtSignal()
    recentChosen = QtCore.pyqtSignal(str)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        title = QtWidgets.QLabel("Label a few slices, the rest of the volume follows.", self)
        font = title.font()
        font.setPointSizeF(font.pointSizeF() * 1.5)
        font.setBold(True)
        title.setFont(font)
        title.setWordWrap(True)
        lead = QtWidgets.QLabel(
            "Open an image (NRRD, NIfTI, MetaImage, DICOM folder or a scene), or drop it on this window.",
            self,
        )
        lead.setWordWrap(True)
        self.demo = self._button("Try it with a brain image", self.demoRequested)
        self.demo.setDefault(True)
        self.open = self._button("Open a file…", self.openRequested)
        self.folder = self._button("Open a DICOM folder…", self.folderRequested)
        self.recent = QtWidgets.QListWidget(self)
        self.recent.setAccessibleName("Recent files")
        self.recent.setMaximumHeight(120)
        self.recent.itemActivated.connect(
            lambda item: self.recentChosen.emit(item.data(QtCore.Qt.ItemDataRole.UserRole))
        )
        self._recent_title = QtWidgets.QLabel("Recent files", self)
        self._recent_title.setBuddy(self.recent)
        column = QtWidgets.QVBoxLayout()
        column.setSpacing(12)
        column.addStretch(2)
        for widget in (title, lead, self.demo, self.open, self.folder):
            column.addWidget(widget)
        column.addWidget(_steps(self))
        column.addWidget(self._recent_title)
        column.addWidget(self.recent)
        column.addStretch(3)
        layout = QtWidgets.QHBoxLayout(self)
        layout.addStretch(1)
        layout.addLayout(column, 3)
        layout.addStretch(1)
        self.show_recent([])

    def show_recent(self, paths: Sequence[str]) -> None:
        """List the files that were opened last."""
        self.recent.clear()
        for path in paths:
            item = QtWidgets.QListWidgetItem(f"{Path(path).name}   ({Path(path).parent})")
            item.setData(QtCore.Qt.ItemDataRole.UserRole, path)
            self.recent.addItem(item)
        self.recent.setVisible(bool(paths))
        self._recent_title.setVisible(bool(paths))

    def _button(self, text: str, signal: QtCore.pyqtBoundSignal) -> QtWidgets.QPushButton:
        button = QtWidgets.QPushButton(text, self)
        button.setMinimumHeight(36)
        button.clicked.connect(lambda: signal.emit())
        return button


class Guide(QtWidgets.QFrame):
    """The three steps above the views; the one that comes next is marked."""

    labelRequested = QtCore.pyqtSignal()

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QtWidgets.QFrame.StyledPanel)
        self.step = 0
        self._text = QtWidgets.QLabel(self)
        self._text.setWordWrap(True)
        self._text.setTextFormat(QtCore.Qt.TextFormat.RichText)
        self._text.setAccessibleName("What to do next")
        self.label_button = QtWidgets.QPushButton("Label three slices for me", self)
        self.label_button.clicked.connect(lambda: self.labelRequested.emit())
        close = QtWidgets.QToolButton(self)
        close.setText("×")
        close.setAutoRaise(True)
        close.setToolTip("Close the guide")
        close.setAccessibleName("Close the guide")
        close.clicked.connect(self.hide)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(8, 4, 4, 4)
        layout.addWidget(self._text, 1)
        layout.addWidget(self.label_button)
        layout.addWidget(close)
        self.show_step(0)

    def show_step(self, step: int) -> None:
        """Mark a step: 0 label, 1 apply, 2 review; 3 is done."""
        self.step = step
        parts = []
        for number, (name, _hint) in enumerate(STEPS):
            mark = "✓" if number < step else str(number + 1)
            parts.append(f"<b>{mark} {name}</b>" if number == step else f"{mark} {name}")
        hint = (
            STEPS[step][1]
            if step < len(STEPS)
            else "That is all there is to it. Now with your own image: Ctrl+O."
        )
        self._text.setText(" &nbsp;›&nbsp; ".join(parts) + f"<br>{hint}")
        self.label_button.setVisible(step == 0)


def _steps(parent: QtWidgets.QWidget) -> QtWidgets.QLabel:
    lines = "".join(f"<li><b>{name}.</b> {hint}</li>" for name, hint in STEPS)
    label = QtWidgets.QLabel(f"<ol style='margin-left: 0'>{lines}</ol>", parent)
    label.setWordWrap(True)
    return label
