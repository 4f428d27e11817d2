"""The whole story with the real worker: open, paint three slices, run, check, correct, undo, save, reload."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PyQt5 import QtCore, QtTest

from MVGCore.volume import Volume, read_segmentation
from MVGDesktop.editing.tools import Tool
from MVGDesktop.files.nodes import volume_node
from Testing.desktop.acting import CONTROL, apply, done, fake_worker, label, press_key
from Testing.desktop.conftest import settle, wait_until
from Testing.desktop.mouse import click, drag, place_of

pytestmark = pytest.mark.display

RELOAD = """
import sys
import numpy as np
from MVGDesktop.app import prepare
prepare()
import slicer
from MVGDesktop.files.opening import open_file
from MVGDesktop.editing.voxels import Voxels
volume = open_file(sys.argv[1]).node
node = open_file(sys.argv[2], volume).node
voxels = Voxels(node)
masks = {node.GetSegmentation().GetSegment(each).GetName(): voxels.mask(each)
         for each in node.GetSegmentation().GetSegmentIDs()}
np.savez(sys.argv[3], **masks)
"""


def dice(first: np.ndarray, second: np.ndarray) -> float:
    return float(2 * (first & second).sum() / (first.sum() + second.sum()))


def paint_disc(window, index: int, radius: float) -> None:
    """Fill a circle around the middle of the ball with a brush of half its radius, as a hand would."""
    axial = window.views.panels[0]
    axial.go_to(index)
    window.editor.use(Tool.PAINT)
    window.editor.set_radius(radius)
    click(axial.view, place_of(axial, (30, 32, index)))


def radius_at(index: int) -> float:
    """Of the ball of 16 mm on a slice 2 mm thick."""
    return float(np.sqrt(max(16**2 - (2.0 * (index - 12)) ** 2, 0)))


def test_open_paint_run_correct_undo_save_reload(
    open_window, a_volume: Volume, application, tmp_path: Path
) -> None:
    window, axial = open_window, open_window.views.panels[0]
    controller = window.panel.controller
    truth = (a_volume.array > 150).astype(bool)

    for index in (7, 12, 17):
        paint_disc(window, index, radius_at(index))
        QtTest.QTest.keyClick(axial.view, "A")  # the panel's key: add the slice in view
    own = window.document.voxels().mask(window.document.segment_id)
    assert own.any(axis=(1, 2)).nonzero()[0].tolist() == [7, 12, 17]
    assert min(dice(own[index], truth[index]) for index in (7, 12, 17)) > 0.9
    assert len(controller.view().examples) == 3
    assert axial.slider.marks.examples == (7, 12, 17)

    window.panel.ui.applyButton.click()
    wait_until(lambda: controller.view().review is not None and controller.view().progress is None, 240)
    result_id = controller.view().review.node_id
    assert window.document.segmentation_id == result_id  # the tools correct the result now
    result = window.document.voxels().mask(window.document.segment_ids()[0]).copy()
    between = [index for index in range(5, 20) if index not in (7, 12, 17)]
    assert dice(result[between], truth[between]) > 0.8
    assert np.array_equal(result[[7, 12, 17]], own[[7, 12, 17]])

    axial.go_to(14)
    window.editor.use(Tool.ERASE)
    window.editor.set_radius(5.0)
    click(axial.view, place_of(axial, (30, 32, 14)))
    corrected = window.document.voxels().mask(window.document.segment_ids()[0]).copy()
    assert not corrected[14, 32, 30] and (corrected != result).any(axis=(1, 2)).nonzero()[0].tolist() == [14]
    axial.view.setFocus()
    settle(application, 500)  # the panel has found the correction meanwhile
    assert window.menus.undo.text() == "Undo Erase"
    QtTest.QTest.keyClick(axial.view, QtCore.Qt.Key_Z, QtCore.Qt.ControlModifier)
    assert np.array_equal(window.document.voxels().mask(window.document.segment_ids()[0]), result)

    window.panel.ui.acceptButton.click()
    assert controller.view().review is None and window.document.unsaved.ids()
    image, labels, masks = tmp_path / "ball.nrrd", tmp_path / "ball.seg.nrrd", tmp_path / "masks.npz"
    from MVGCore.volume import write_volume

    write_volume(image, a_volume)
    assert window.keeper.save_to(labels)
    assert window.document.unsaved.names() == ["ball labels"]  # what the result was made from
    saved = window.document.voxels().mask(window.document.segment_ids()[0])
    subprocess.run([sys.executable, "-c", RELOAD, image, labels, masks], check=True, timeout=120)
    again = np.load(masks)
    names = [each.class_.name for each in read_segmentation(labels).segments]
    assert list(again) == names == ["Segment 1"]
    assert np.array_equal(again["Segment 1"], saved) and np.array_equal(saved, result)


def test_the_slice_to_label_next_is_never_an_empty_one(window, a_volume: Volume) -> None:
    """Most would be gained in the middle between the examples, but there this image is blank."""
    axial, controller = window.views.panels[0], window.panel.controller
    array = a_volume.array.copy()
    array[[11, 12, 13]] = 0
    window.document.set_volume(volume_node(Volume(array, a_volume.geometry, "ball")).GetID())
    paint_disc(window, 7, radius_at(7))
    press_key(window, "A")
    paint_disc(window, 17, radius_at(17))
    press_key(window, "A")
    press_key(window, QtCore.Qt.Key_Return, CONTROL)
    wait_until(lambda: done(window), 240)
    press_key(window, "N")
    proposed = axial.slice_number()
    assert proposed == controller.view().review.next_slice
    assert array[proposed].max() > 150


def test_a_slice_of_the_result_can_be_taken_into_the_labels(open_window) -> None:
    window, axial = open_window, open_window.views.panels[0]
    with fake_worker(window) as worker:
        for index in (7, 17):
            label(window, index)
        own_id = window.document.segmentation_id
        apply(window, worker)
        result = window.document.voxels().mask(window.document.segment_ids()[0]).copy()
        window.document.set_segmentation(own_id)
        axial.go_to(12)
        window.views.activate(axial)
        window.tools.copy_result.click()
        own = window.document.voxels().mask(window.document.segment_ids()[0])
        assert own[12].any() and np.array_equal(own[12], result[12])
        assert own.any(axis=(1, 2)).nonzero()[0].tolist() == [7, 12, 17]


def test_moving_along_a_stroke_asks_nothing_of_the_panel(open_window) -> None:
    """Only the end of a stroke is an edit; else the panel would compute thumbnails under the hand."""
    window, axial = open_window, open_window.views.panels[0]
    seen = []
    window.document.contentChanged.connect(lambda: seen.append(1))
    window.editor.use(Tool.PAINT)
    axial.go_to(12)
    window.document.need_segment()
    seen.clear()
    drag(axial.view, [place_of(axial, (x, 32, 12)) for x in range(10, 50, 4)])
    assert len(seen) == 1
