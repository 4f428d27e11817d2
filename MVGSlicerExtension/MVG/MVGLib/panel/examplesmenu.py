"""The menu of the list of examples: from another volume, from files, from the library, from a data set."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import qt

from MVGLib.control.library import Library
from MVGLib.panel.qtread import chosen_path
from MVGLib.texts import _

_FILES = "MVG (*.mvgprompts)"
_LISTS = "MVG (list.json)"
SHARED_SETTING = "MVG/SharedLibrary"


class ExamplesMenu:
    """What is under the button More.

    Attributes:
        actions: Name as in `View.blocked` (without "more_") -> entry.
        cases: Entry that opens a list of cases.
        page: Entry that opens the review page.
    """

    def __init__(
        self,
        widget: Any,
        button: Any,
        controller: Any,
        open_other: Callable[[], object],
        open_page: Callable[[], object],
    ) -> None:
        """
        Args:
            widget: The panel, over which dialogs open.
            button: Opens the menu.
            controller: `MVGLib.control.controller.Controller`.
            open_other: Shows the choice of another volume.
            open_page: Shows the review page.
        """
        self._widget = widget
        self._controller = controller
        menu = qt.QMenu(button)
        self.actions: dict[str, Any] = {}
        for name, text, action in (
            ("other", _("From another volume"), open_other),
            ("load", _("Load examples from a file…"), self._load),
            ("save", _("Save examples to a file…"), self._save),
        ):
            self.actions[name] = _entry(menu, text, action)
        self.library = menu.addMenu(_("Library"))
        self.library.aboutToShow.connect(self.fill_library)
        self.fill_library()
        menu.addSeparator()
        self.cases = _entry(menu, _("Cases to label next…"), self._open_cases)
        self.page = _entry(menu, _("Review page of the labels"), open_page)
        button.setMenu(menu)

    def fill_library(self) -> None:
        """List the example sets that there are now; one click adds the examples of a set."""
        self.library.clear()
        library = _library()
        for each in library.sets():
            text = _("{name} (shared)").format(name=each.name) if each.shared else each.name
            path = str(each.path)
            entry = _entry(self.library, text, partial(self._controller.examples.load_prompts, path))
            entry.setToolTip(path)
        if not library.sets():
            _entry(self.library, _("No example set is there yet"), lambda: None).setEnabled(False)
        self.library.addSeparator()
        _entry(self.library, _("Save the examples under a name…"), self._save_named)
        _entry(self.library, _("Choose a shared folder…"), self._choose_shared)

    def _load(self) -> None:
        title = _("Load examples")
        path = chosen_path(qt.QFileDialog.getOpenFileName(self._widget, title, "", _FILES))
        if path:
            self._controller.examples.load_prompts(path)

    def _open_cases(self) -> None:
        title = _("Open the list that mvg label --next wrote")
        path = chosen_path(qt.QFileDialog.getOpenFileName(self._widget, title, "", _LISTS))
        if path:
            self._controller.cases.open(path)

    def _save(self) -> None:
        self._save_from("", _("Save examples"))

    def _save_named(self) -> None:
        try:
            folder = str(_library().make_own_folder())
        except OSError:
            folder = ""  # the dialog begins elsewhere
        self._save_from(folder, _("Name of the example set"))

    def _save_from(self, folder: str, title: str) -> None:
        path = chosen_path(qt.QFileDialog.getSaveFileName(self._widget, title, folder, _FILES))
        if path:
            self._controller.examples.save_prompts(path)

    def _choose_shared(self) -> None:
        folder = qt.QFileDialog.getExistingDirectory(self._widget, _("Shared folder of example sets"), "")
        if folder:
            qt.QSettings().setValue(SHARED_SETTING, folder)


def _library() -> Library:
    return Library(shared=[str(qt.QSettings().value(SHARED_SETTING) or "")])


def _entry(menu: Any, text: str, action: Callable[[], object]) -> Any:
    entry = menu.addAction(text)

    def run(*_arguments: Any) -> None:
        action()

    entry.triggered.connect(run)
    return entry
