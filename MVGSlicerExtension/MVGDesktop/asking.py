"""The questions that stop the work: what may be lost, what a crash left, where to save."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from pathlib import Path

from PyQt5 import QtWidgets

_MOST_NAMES = 4


class Answer(Enum):
    """What is to be done with what is not saved."""

    SAVE = "save"
    LOSE = "lose"
    STAY = "stay"


def ask_about(parent: QtWidgets.QWidget, names: Sequence[str], running: bool) -> Answer:
    """Ask what becomes of the work.

    Args:
        parent: The window.
        names: What exists in memory only.
        running: Whether MVG is just computing.
    """
    box = QtWidgets.QMessageBox(parent)
    box.setIcon(QtWidgets.QMessageBox.Question)
    box.setWindowTitle("MVG")
    sentences = [f"Not saved yet: {_listed(names)}."] if names else []
    sentences += ["MVG is just computing; its result would be lost."] if running else []
    box.setText(" ".join(sentences))
    buttons = QtWidgets.QMessageBox.Discard | QtWidgets.QMessageBox.Cancel
    box.setStandardButtons(buttons | QtWidgets.QMessageBox.Save if names else buttons)
    box.setDefaultButton(QtWidgets.QMessageBox.Save if names else QtWidgets.QMessageBox.Cancel)
    answers = {QtWidgets.QMessageBox.Save: Answer.SAVE, QtWidgets.QMessageBox.Discard: Answer.LOSE}
    return answers.get(box.exec_(), Answer.STAY)


def ask_to_recover(parent: QtWidgets.QWidget, what: str) -> bool:
    """Ask whether to take up the work that a crash left."""
    box = QtWidgets.QMessageBox(parent)
    box.setWindowTitle("MVG")
    box.setText(f"MVG did not end well last time. Take up this work again?\n\n{what}")
    box.setStandardButtons(QtWidgets.QMessageBox.Yes | QtWidgets.QMessageBox.No)
    return bool(box.exec_() == QtWidgets.QMessageBox.Yes)


def ask_to_trust(parent: QtWidgets.QWidget, why: str) -> bool:
    """Ask whether voxels may be read from where a header says, outside its folder."""
    box = QtWidgets.QMessageBox(parent)
    box.setIcon(QtWidgets.QMessageBox.Warning)
    box.setWindowTitle("MVG")
    box.setText(f"{why}\n\nRead that file? Do so only if you know where the header comes from.")
    box.setStandardButtons(QtWidgets.QMessageBox.Yes | QtWidgets.QMessageBox.No)
    box.setDefaultButton(QtWidgets.QMessageBox.No)
    return bool(box.exec_() == QtWidgets.QMessageBox.Yes)


def ask_where_to_save(
    parent: QtWidgets.QWidget, title: str, suggested: Path, filters: Sequence[tuple[str, str]]
) -> str:
    """Ask for a file's name, with the ending of the kind that was chosen; empty if none was.

    Args:
        parent: The window.
        title: Of the dialog.
        suggested: Folder and name without an ending.
        filters: What the list of kinds says, and the ending, the first one being proposed.
    """
    path, chosen = QtWidgets.QFileDialog.getSaveFileName(
        parent, title, f"{suggested}{filters[0][1]}", ";;".join(text for text, _ in filters)
    )
    ending = next((end for text, end in filters if text == chosen), filters[0][1])
    known = tuple(end for _, end in filters)
    return path if not path or path.lower().endswith(known) else path + ending


def _listed(names: Sequence[str]) -> str:
    listed = ", ".join(f"'{name}'" for name in names[:_MOST_NAMES])
    return f"{listed} and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else listed
