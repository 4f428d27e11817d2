"""A window that is killed loses at most what was done since the last autosave."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import slicer
from PyQt5 import QtTest

from MVGCore.volume import Volume, write_volume
from MVGDesktop.editing.tools import Tool
from MVGDesktop.files.recovery import Leftover, leftovers
from MVGLib.control.runsettings import PanelTask
from Testing.desktop.acting import answering, done, fake_worker, label
from Testing.desktop.conftest import settle, wait_until
from Testing.desktop.mouse import LEFT, click, place_of

pytestmark = pytest.mark.display

PAINTER = """
import sys, time
from pathlib import Path
from MVGDesktop.app import prepare
application = prepare()
import numpy as np
from PyQt5 import QtCore
from MVGDesktop.window import MainWindow
from MVGDesktop.editing.tools import Tool
sys.path.insert(0, sys.argv[4])
from Testing.desktop.conftest import settle, wait_until
from Testing.desktop.mouse import click, place_of

folder = Path(sys.argv[2])
window = MainWindow(QtCore.QSettings(str(folder / "s.ini"), QtCore.QSettings.IniFormat), folder / "recovery")
window.show()
window.filing.open(sys.argv[1])
settle(application, 100)
axial = window.views.panels[0]
axial.go_to(12)
window.editor.use(Tool.PAINT)
click(axial.view, place_of(axial, (30, 32, 12)))
np.save(sys.argv[3], window.document.voxels().mask(window.document.segment_id))
window.autosave._timer.setInterval(50)
wait_until(lambda: (window.autosave.folder / "record.json").exists(), 60)
print("saved", flush=True)
settle(application, 60_000)
"""
ROOT = Path(__file__).resolve().parents[2]


def test_after_kill_the_work_is_taken_up_again(window, a_volume: Volume, tmp_path: Path) -> None:
    image, mask = tmp_path / "ball.nrrd", tmp_path / "mask.npy"
    write_volume(image, a_volume)
    words = [sys.executable, "-c", PAINTER, image, tmp_path, mask, ROOT]
    with subprocess.Popen(list(map(str, words)), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline().strip() == "saved"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    found = leftovers(tmp_path / "recovery")
    assert [each.volume for each in found] == [image]

    window.recoverer.recover(found[0])
    painted = np.load(mask)
    assert painted.any()
    assert np.array_equal(window.document.voxels().mask(window.document.segment_id), painted)
    assert window.document.volume.GetName() == "ball" and window.document.unsaved.ids()
    assert not found[0].folder.exists()
    wait_until(lambda: not window.autosave.writing)
    # It is safe again at once, in this window's own folder, which is in use and so not offered to others.
    assert (window.autosave.folder / "record.json").exists()
    assert leftovers(tmp_path / "recovery") == [] and leftovers(window.autosave.folder.parent) == []


def test_what_is_saved_or_closed_leaves_nothing(open_window, application, tmp_path: Path) -> None:
    window, axial = open_window, open_window.views.panels[0]
    axial.go_to(12)
    window.editor.use(Tool.PAINT)
    click(axial.view, place_of(axial, (30, 32, 12)))
    window.autosave.save()
    wait_until(lambda: not window.autosave.writing)
    record = json.loads((window.autosave.folder / "record.json").read_text())
    assert Path(record["volume"]).exists()  # the volume has no file, so it was written as well
    assert window.keeper.save_to(tmp_path / "x.seg.nrrd")
    assert not window.autosave.folder.exists()


def test_nothing_is_written_while_nothing_changes(open_window, application) -> None:
    window = open_window
    window.document.need_segment()
    window.autosave.save()
    wait_until(lambda: not window.autosave.writing)
    record = window.autosave.folder / "record.json"
    before = record.stat().st_mtime_ns
    time.sleep(0.05)
    window.autosave.save()
    settle(application)
    assert record.stat().st_mtime_ns == before


RECORD = {
    "pid": 999999999,
    "started": 1.0,
    "saved_at": 2.0,
    "volume": "/x.nrrd",
    "volume_name": "x",
    "segmentations": {"labels-1-0.seg.nrrd": "labels"},
}


def write_record(folder: Path, text: str) -> None:
    folder.mkdir(parents=True)
    (folder / "record.json").write_text(text)


JUNK = [None, [], {}, True, "x", "\0", -1, 1e400, 10**400, 1e18, -1e18, {"a": 1}, [[]], float("nan")]
DAMAGED = [
    "{",
    "[]",
    '{"pid": 1}',
    "[" * 100_000,
    '{"pid": ' * 5000,
    *(json.dumps({**RECORD, key: value}) for key in RECORD for value in JUNK),
    *(
        json.dumps({**RECORD, "segmentations": {name: "x"}})
        for name in ("../x", "/etc/passwd", "a/b", "..", "")
    ),
    *(json.dumps({key: value for key, value in RECORD.items() if key != lacking}) for lacking in RECORD),
]


def test_damaged_records_are_skipped_and_nothing_else_is(tmp_path: Path) -> None:
    for number, text in enumerate(DAMAGED):
        write_record(tmp_path / f"{number}", text)
    write_record(tmp_path / "good", json.dumps(RECORD))
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / "record.json").symlink_to(tmp_path / "good" / "record.json")
    found = leftovers(tmp_path)
    assert all(each.folder.parent == tmp_path and each.text for each in found)
    files = [file for each in found for file in each.segmentations]
    assert all(file.parent.parent == tmp_path and not file.is_symlink() for file in files)
    assert "good" in [each.folder.name for each in found]
    assert "link" not in [each.folder.name for each in found]


def test_autosaves_are_for_this_user_alone(open_window, tmp_path: Path) -> None:
    window = open_window
    window.document.need_segment()
    window.document.volume.SetName("x")
    slicer.mrmlScene.GetNodeByID(window.document.segmentation_id).SetName("../../labels")
    window.autosave.save()
    wait_until(lambda: not window.autosave.writing)
    folder = window.autosave.folder
    assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    record = json.loads((folder / "record.json").read_text())
    assert {*record["segmentations"]} == {each.name for each in folder.glob("*.seg.nrrd")}
    assert [*record["segmentations"].values()] == ["../../labels"]


def left_behind(window, folder: Path) -> Leftover:
    """What would be found if the window were killed now."""
    window.autosave.save()
    wait_until(lambda: not window.autosave.writing)
    shutil.copytree(window.autosave.folder, folder / "1-x")
    record = json.loads((folder / "1-x" / "record.json").read_text())
    text = json.dumps(record | {"pid": 999999999}).replace(str(window.autosave.folder), str(folder / "1-x"))
    (folder / "1-x" / "record.json").write_text(text)
    (found,) = leftovers(folder)
    return found


@pytest.mark.parametrize("task", [PanelTask.SEGMENT, PanelTask.DENOISE])
def test_examples_and_a_result_in_review_are_taken_up_again(
    open_window, application, tmp_path: Path, task: PanelTask
) -> None:
    window, document = open_window, open_window.document
    with fake_worker(window) as worker:
        label(window, 7)
        label(window, 17)
        window.panel.controller.choices.set_task(task)
        QtTest.QTest.mouseClick(window.panel.ui.applyButton, LEFT)
        worker.step(9)
        settle(application, 200)
        window.autosave.save()  # the clock strikes before the result is complete
        wait_until(lambda: not window.autosave.writing)
        worker.finish()
        wait_until(lambda: done(window))
        before = window.panel.controller.view()
        result = document.voxels().mask(document.segment_ids()[0]).copy()
        image = slicer.util.arrayFromVolume(slicer.mrmlScene.GetNodeByID(before.review.volume_id)).copy()
        found = left_behind(window, tmp_path / "recovery")
        with answering("Discard"):
            assert window.filing.close_case()
        window.recoverer.recover(found)
        after = window.panel.controller.view()
        assert [each.place for each in after.examples] == [each.place for each in before.examples]
        assert after.review is not None and after.review.slices == before.review.slices
        assert (after.settings, after.review.expected) == (before.settings, before.review.expected)
        if task is PanelTask.SEGMENT:
            assert document.segmentation_id == after.review.node_id
        assert np.array_equal(document.voxels().mask(document.segment_ids()[0]), result)
        assert np.array_equal(
            slicer.util.arrayFromVolume(slicer.mrmlScene.GetNodeByID(after.review.volume_id)), image
        )
        made = slicer.mrmlScene.GetNodeByID(after.review.node_id)
        assert made.GetName() == slicer.mrmlScene.GetNodeByID(after.review.node_id).GetName()
        window.panel.controller.reviews.accept()
        assert window.panel.controller.view().review is None
        assert after.review.node_id in document.unsaved.ids()


def test_a_missing_image_is_told_and_the_labels_stay(window, tmp_path: Path) -> None:
    from MVGCore.errors import InputError

    folder = tmp_path / "recovery" / "1-x"
    folder.mkdir(parents=True)
    record = {"pid": 999999999, "started": 1.0, "saved_at": 2.0, "volume": str(tmp_path / "gone.nrrd")}
    (folder / "record.json").write_text(json.dumps({**record, "volume_name": "gone", "segmentations": {}}))
    (found,) = leftovers(tmp_path / "recovery")
    with pytest.raises(InputError, match="is gone"):
        window.recoverer.recover(found)
    assert folder.exists()
