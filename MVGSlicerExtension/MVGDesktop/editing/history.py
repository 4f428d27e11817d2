"""Undo and redo of what was done in a case, on Qt's own stack."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from PyQt5 import QtCore, QtWidgets

from MVGCore.errors import InputError, MVGError

_MAX_COMMANDS = 200


class Command(QtWidgets.QUndoCommand):
    """One action of the user; subclasses say how it is done and taken back.

    Attributes:
        node_id: The segmentation that it changes.
        trouble: Why it could not be done or taken back, or empty.
        depends_on_voxels: Whether it makes no sense any more once somebody else wrote into the segmentation.
    """

    depends_on_voxels = True

    def __init__(self, name: str, node_id: str, done: bool = False) -> None:
        """
        Args:
            name: What it does, for the menu.
            node_id: The segmentation that it changes.
            done: Whether it has been done already; Qt does every command that is given to its stack.
        """
        super().__init__(name)
        self.node_id = node_id
        self.trouble = ""
        self._done = done

    def do(self) -> None:
        """Do it, for the first time or again."""
        raise NotImplementedError

    def take_back(self) -> None:
        """Undo it."""
        raise NotImplementedError

    def redo(self) -> None:
        """Qt's hook."""
        if self._done:
            self._done = False
        else:
            self._try(self.do)

    def undo(self) -> None:
        """Qt's hook."""
        self._try(self.take_back)

    def _try(self, action: Callable[[], object]) -> None:
        try:
            action()
        except MVGError as error:  # Qt knows no errors
            self.trouble = str(error)
            self.setObsolete(True)


class History(QtCore.QObject):
    """The actions that can be taken back, one after the other, whichever segmentation they changed.

    Attributes:
        busy: Whether one is just being taken back or done again.
    """

    changed = QtCore.pyqtSignal()

    def __init__(self, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self.busy = False
        self._stack = QtWidgets.QUndoStack(self)
        self._stack.setUndoLimit(_MAX_COMMANDS)
        self._stack.indexChanged.connect(self.changed)

    def add(self, command: Command) -> None:
        """Do an action, unless it is done already, and keep it.

        Raises:
            InputError: It cannot be done.
        """
        self._stack.push(command)
        self._tell(command)

    def undo(self) -> None:
        """Take the last action back, if there is one.

        Raises:
            InputError: It cannot be taken back any more; it is forgotten.
        """
        command = self.next_undo
        if command is not None:
            self._step(self._stack.undo, command)

    def redo(self) -> None:
        """Do the action again that was taken back last, if there is one.

        Raises:
            InputError: It cannot be done again; it is forgotten.
        """
        command = self.next_redo
        if command is not None:
            self._step(self._stack.redo, command)

    def outdate(self, node_id: str) -> None:
        """Somebody else wrote into a segmentation: its strokes could only be taken back into what is gone."""
        for number in range(self._stack.count()):
            command = self._command(number)
            if command is not None and command.node_id == node_id and command.depends_on_voxels:
                command.setObsolete(True)
        self._drop_outdated()
        self.changed.emit()

    def clear(self) -> None:
        """Forget everything, as for another case."""
        self._stack.clear()
        self.changed.emit()

    @property
    def next_undo(self) -> Command | None:
        """What `undo` would take back."""
        index = self._stack.index()
        return self._command(index - 1) if index else None

    @property
    def next_redo(self) -> Command | None:
        """What `redo` would do again."""
        return self._command(self._stack.index())

    def _command(self, number: int) -> Command | None:
        return cast("Command | None", self._stack.command(number))

    @property
    def undo_name(self) -> str:
        """What `undo` would take back, or empty."""
        return str(self._stack.undoText())

    @property
    def redo_name(self) -> str:
        """What `redo` would do again, or empty."""
        return str(self._stack.redoText())

    def _step(self, step: Callable[[], None], command: Command) -> None:
        self.busy = True
        try:
            step()
        finally:
            self.busy = False
        self._drop_outdated()
        self._tell(command)

    def _drop_outdated(self) -> None:
        """Qt drops an obsolete command when its turn comes, without calling it."""
        while (command := self.next_undo) is not None and command.isObsolete():
            self._stack.undo()
        while (command := self.next_redo) is not None and command.isObsolete():
            self._stack.redo()

    def _tell(self, command: Command) -> None:
        if command.trouble:
            raise InputError(command.trouble)
