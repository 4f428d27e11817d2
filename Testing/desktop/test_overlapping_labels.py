"""Labels whose segments overlap in the window: from the file to the result, its review and back to a file."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from PyQt5 import QtCore, QtTest

from MVGCore.volume import Segment, Segmentation, SegmentClass, read_segmentation, write_segmentation
from MVGDesktop.editing.tools import Tool
from MVGDesktop.editing.voxels import Voxels
from MVGDesktop.files.saving import save_segmentation
from Testing.desktop.acting import CONTROL, apply, fake_worker, press_key
from Testing.desktop.conftest import wait_until
from Testing.desktop.mouse import LEFT, click, place_of

pytestmark = pytest.mark.display

DRAWN = (6, 12, 18)


@pytest.fixture
def worker(open_window):
    with fake_worker(open_window) as worker:
        yield worker


@pytest.fixture
def labelled(open_window, a_volume, tmp_path):
    """The window with a ball on three slices and a core within it on two of them, from a file."""
    k, j, i = np.ogrid[: a_volume.array.shape[0], : a_volume.array.shape[1], : a_volume.array.shape[2]]
    distance = (j - 32.0) ** 2 + (i - 30.0) ** 2 + 0 * k
    chosen = np.isin(k, DRAWN)
    ball, core = (distance <= 100) & chosen, (distance <= 16) & chosen & (k != 18)
    classes = (SegmentClass(1, "ball", (1, 0, 0)), SegmentClass(2, "core", (0, 1, 0)))
    segments = tuple(Segment(each, layer, 1) for layer, each in enumerate(classes))
    layers = (ball.astype(np.uint8), core.astype(np.uint8))
    path = tmp_path / "both.seg.nrrd"
    write_segmentation(path, Segmentation(layers, a_volume.geometry, segments))
    assert open_window.filing.open_as_labels(path)
    open_window.panel.controller.examples.add_all_labelled()
    assert len(open_window.panel.controller.view().examples) == 3
    return open_window


def masks(node) -> dict[str, np.ndarray]:
    voxels, segmentation = Voxels(node), node.GetSegmentation()
    ids = segmentation.GetSegmentIDs()
    return {segmentation.GetSegment(each).GetName(): voxels.mask(each).copy() for each in ids}


def result(window):
    return slicer.mrmlScene.GetNodeByID(window.panel.controller.view().review.node_id)


def test_the_result_overlaps_and_is_saved_so(labelled, worker, tmp_path) -> None:
    window = labelled
    apply(window, worker)
    made = masks(result(window))
    assert made["ball"].any(axis=(1, 2)).all() and (made["core"][:15] <= made["ball"][:15]).all()
    assert made["core"][3].any() and not made["core"][17:].any()
    node = result(window)
    QtTest.QTest.mouseClick(window.panel.ui.acceptButton, LEFT)
    wait_until(lambda: window.panel.controller.view().review is None)
    save_segmentation(tmp_path / "result.seg.nrrd", node, window.document.volume)
    read = read_segmentation(tmp_path / "result.seg.nrrd")
    assert len(read.layers) == 2
    for each in read.segments:
        assert np.array_equal(read.layers[each.layer] == each.label_value, made[each.class_.name])


def test_accept_into_the_own_segments_is_one_action_that_is_taken_back(labelled, worker) -> None:
    window, own = labelled, labelled.document.segmentation
    before = masks(own)
    window.panel.controller.choices.set(into_own=True)
    apply(window, worker)
    made = masks(result(window))
    QtTest.QTest.mouseClick(window.panel.ui.acceptButton, LEFT)
    wait_until(lambda: window.panel.controller.view().review is None)
    after = masks(own)
    assert all(np.array_equal(after[name], made[name]) for name in made)
    press_key(window, QtCore.Qt.Key_Z, CONTROL)
    assert all(np.array_equal(mask, before[name]) for name, mask in masks(own).items())
    assert window.panel.controller.view().review is not None
    press_key(window, QtCore.Qt.Key_Y, CONTROL)
    assert all(np.array_equal(mask, made[name]) for name, mask in masks(own).items())


def test_a_begun_slice_is_completed_in_all_layers(labelled, worker) -> None:
    window, axial = labelled, labelled.views.panels[0]
    drawn = masks(window.document.segmentation)
    window.document.set_segment(window.document.segment_ids()[1])
    axial.go_to(10)
    window.editor.use(Tool.PAINT)
    window.editor.set_radius(2.0)
    click(axial.view, place_of(axial, (30, 32, 10)))
    press_key(window, "C")
    worker.finish()
    wait_until(lambda: window.panel.controller.view().progress is None)
    after = masks(window.document.segmentation)
    assert np.array_equal(after["ball"][10], drawn["ball"][12])
    assert np.array_equal(after["core"][10], drawn["core"][12])
    press_key(window, QtCore.Qt.Key_Z, CONTROL)
    assert not masks(window.document.segmentation)["ball"][10].any()
