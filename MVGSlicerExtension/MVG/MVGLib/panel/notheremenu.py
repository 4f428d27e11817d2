"""The menu that tells what is not on the current slice."""

from __future__ import annotations

from functools import partial
from typing import Any

import qt

from MVGLib.texts import _


class NotHereMenu:
    """Offers to say of all segments, and of each, that they are not on the slice or end there."""

    def __init__(self, button: Any, controller: Any) -> None:
        """
        Args:
            button: The QPushButton that opens it.
            controller: `MVGLib.control.controller.Controller`.
        """
        self._controller = controller
        self._menu = qt.QMenu(button)
        self._menu.aboutToShow.connect(self._fill)
        button.setMenu(self._menu)

    def _fill(self) -> None:
        examples = self._controller.examples
        self._menu.clear()
        entries = [
            (_("Nothing is on this slice"), examples.nothing_here, ""),
            (_("Everything ends on this slice"), examples.ends_here, ""),
        ]
        for name in self._controller.view().segments:
            entries += [
                (
                    _("'{name}' is not on this slice").format(name=name),
                    examples.nothing_here,
                    name,
                ),
                (_("'{name}' ends on this slice").format(name=name), examples.ends_here, name),
            ]
        for text, action, name in entries:
            self._menu.addAction(text).triggered.connect(_told(partial(action, name)))


def _told(action: Any) -> Any:
    """`action` for a signal that brings arguments."""

    def run(*_arguments: Any) -> None:
        action()

    return run
