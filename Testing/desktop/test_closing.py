"""Windows that come and go: unsaved changes, what is remembered."""

from __future__ import annotations

from pathlib import Path

import pytest
from PyQt5 import QtCore, QtWidgets

from MVGCore.volume import write_volume
from MVGDesktop.files.nodes import volume_node

pytestmark = pytest.mark.display


def test_recent_files_are_offered(make_window, a_volume, tmp_path: Path) -> None:
    image_file = tmp_path / "Bild mit Leerzeichen é.nii.gz"
    write_volume(image_file, a_volume)
    window = make_window()
    window.filing.recent.add("gone.nrrd")
    window.filing.recent.add(image_file)
    assert window.close()
    again = make_window()
    assert again.filing.recent.paths() == [str(image_file)]
    assert again.welcome.recent.count() == 1
    again.welcome.recent.itemActivated.emit(again.welcome.recent.item(0))
    assert again.document.volume.GetName() == "Bild mit Leerzeichen é"


@pytest.mark.parametrize("button, closes", [("Save", True), ("Discard", True), ("Cancel", False)])
def test_unsaved_changes_are_asked_about(make_window, a_volume, tmp_path, button: str, closes: bool) -> None:
    window = make_window()
    window.document.set_volume(volume_node(a_volume).GetID())
    window.document.need_segment()
    target = tmp_path / "kept.seg.nrrd"
    window.keeper.paths[window.document.segmentation_id] = str(target)
    asked = []

    def answer() -> None:
        box = QtWidgets.QApplication.activeModalWidget()
        asked.append(box.text())
        box.button(getattr(QtWidgets.QMessageBox, button)).click()

    QtCore.QTimer.singleShot(50, answer)
    assert window.close() == closes
    assert asked == ["Not saved yet: 'ball labels'."]
    assert target.exists() == (button == "Save")


def test_nothing_is_asked_when_all_is_saved(make_window, a_volume, tmp_path: Path) -> None:
    window = make_window()
    window.document.set_volume(volume_node(a_volume).GetID())
    window.document.need_segment()
    assert window.keeper.save_to(tmp_path / "a.seg.nrrd")
    assert window.close()
