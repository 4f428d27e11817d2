"""Named example sets: the user's folder, shared folders, and the menu that picks from them in one click."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import qt

from MVGLib.control.library import VARIABLE, Library
from MVGLib.panel import examplesmenu
from MVGLib.panel.panel import Panel
from Testing.slicer.panel.steps import problem


def names(library: Library) -> list[tuple[str, bool]]:
    return [(each.name, each.shared) for each in library.sets()]


def test_sets_are_listed_by_name_the_own_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own, shared, named = (tmp_path / each for each in ("own", "größer geteilt", "named"))
    for folder, files in ((own, ("knee", "brain")), (shared, ("heart",)), (named, ("lung",))):
        folder.mkdir()
        for name in files:
            (folder / f"{name}.mvgprompts").touch()
        (folder / "notes.txt").touch()
    monkeypatch.setenv(VARIABLE, os.pathsep.join([str(named), "", str(tmp_path / "not connected")]))
    library = Library(own, [shared, "", named])
    assert names(library) == [("brain", False), ("knee", False), ("lung", True), ("heart", True)]


def test_the_own_folder_is_made_when_it_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    library = Library(tmp_path / "a" / "b")
    assert library.sets() == [] and not library.own.exists()
    assert library.make_own_folder() == library.own and library.own.is_dir()


class Settings:
    """`QSettings` without a file."""

    values: dict[str, Any] = {}

    def value(self, key: str) -> Any:
        return self.values.get(key)

    def setValue(self, key: str, value: Any) -> None:
        self.values[key] = value


@pytest.fixture
def panel(ready: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Panel]:
    """The panel with three examples, and the library in a folder of the test."""
    monkeypatch.setattr(Settings, "values", {})
    monkeypatch.setattr(qt, "QSettings", Settings)
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(
        examplesmenu, "Library", lambda shared: Library(tmp_path / "own", [each for each in shared if each])
    )
    panel = Panel(None, ready, owns=False)
    yield panel
    panel.cleanup()


def entry(panel: Panel, text: str) -> Any:
    panel.library.aboutToShow.emit()
    return next(each for each in panel.library.actions() if text in each.text())


def test_an_empty_library_says_so(panel: Panel) -> None:
    assert not entry(panel, "No example set").isEnabled()


def test_a_set_is_saved_under_a_name_and_picked_in_one_click(
    panel: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def choose(_widget: Any, _title: str, folder: str, _kinds: str) -> tuple[str, str]:
        asked.append(folder)
        return f"{folder}/zwei Organe", "MVG"

    monkeypatch.setattr(qt.QFileDialog, "getSaveFileName", choose)
    entry(panel, "under a name").trigger()
    assert asked == [str(tmp_path / "own")] and problem(panel.controller) == ""
    for key in list(panel.examples.rows):
        panel.controller.examples.remove(key)
    entry(panel, "zwei Organe").trigger()
    assert len(panel.controller.view().examples) == 3


def test_a_shared_folder_is_remembered(panel: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    panel.controller.examples.save_prompts(str(shared / "of the clinic"))
    monkeypatch.setattr(qt.QFileDialog, "getExistingDirectory", lambda *_arguments: str(shared))
    entry(panel, "shared folder").trigger()
    assert entry(panel, "of the clinic (shared)").toolTip().endswith("of the clinic.mvgprompts")
    assert Settings.values == {examplesmenu.SHARED_SETTING: str(shared)}


def test_a_damaged_set_is_told_and_nothing_is_lost(panel: Panel, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "broken.mvgprompts").write_bytes(b"nothing of that kind")
    entry(panel, "broken").trigger()
    assert problem(panel.controller) and len(panel.controller.view().examples) == 3
