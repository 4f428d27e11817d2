"""The panel with the real worker process and the bundled weights."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import psutil
import pytest
import slicer
from PyQt5 import QtTest

from MVGCore.volume import SliceKey
from MVGCore.worker.host.client import Client
from MVGLib.control.state import Phase
from MVGLib.panel.panel import Panel
from Testing.slicer.nodes import LABELLED, make_image
from Testing.slicer.panel.steps import node_names, problem, segments_of

PATIENCE = 120  # seconds; a run takes a few


class KeptClient(Client):
    """Outlives its panel, so that most tests need not wait for a process to load torch."""

    def close(self) -> None:
        self.cancel()


@pytest.fixture(scope="module")
def client(tmp_path_factory: Any) -> Iterator[Client]:
    made = KeptClient(log_folder=tmp_path_factory.mktemp("Protokolle größer"))
    yield made
    Client.close(made)


@pytest.fixture
def live(
    client: Client, make_controller: Any, a_volume_node: Any, a_segmentation_node: Any
) -> Iterator[Panel]:
    """The panel with three examples on the real worker."""
    controller = make_controller(client, clock=time.monotonic)
    controller.choices.set_volume(a_volume_node.GetID())
    controller.choices.set_partner(a_segmentation_node.GetID())
    controller.examples.add_all_labelled()
    panel = Panel(None, controller)
    panel.widget.show()
    panel.enter()
    yield panel
    panel.cleanup()
    panel.widget.deleteLater()


def wait(until: Callable[[], Any]) -> None:
    """Let the event loop and the panel's own timer run until something has happened."""
    end = time.monotonic() + PATIENCE
    while not until():
        QtTest.QTest.qWait(5)
        assert time.monotonic() < end, "It takes too long."


def ended(panel: Panel) -> bool:
    return panel.controller.view().phase is Phase.IDLE


def begun(panel: Panel) -> bool:
    """Whether a first slice is in the scene, or the run has ended."""
    return panel.controller.view().review is not None or ended(panel)


def test_preview_adapt_apply_and_accept(live, scene, a_volume_node, a_segmentation_node):
    controller = live.controller
    drawn = segments_of(a_segmentation_node, a_volume_node)
    scene.jump(a_volume_node.GetID(), SliceKey(0, 7))
    live.ui.previewButton.click()
    wait(lambda: ended(live))
    assert problem(controller) == "" and controller.view().preview == SliceKey(0, 7)
    live.ui.adaptCheckBox.click()
    controller.choices.set(adapt_seconds=5)
    live.ui.applyButton.click()
    assert controller.view().preview is None
    wait(lambda: ended(live))
    assert problem(controller) == ""
    review = controller.view().review
    assert set(review.slices) == set(range(12)) - set(LABELLED)
    assert review.known == LABELLED and review.notes
    result = slicer.mrmlScene.GetNodeByID(review.node_id)
    masks = segments_of(result, a_volume_node)
    bright = make_image() > 40
    for name, mask in drawn.items():
        assert np.array_equal(masks[name][list(LABELLED)], mask[list(LABELLED)])
        assert (masks[name][3:9] & bright[3:9]).sum() > 0.8 * masks[name][3:9].sum() > 0
    live.ui.acceptButton.click()
    assert slicer.mrmlScene.IsNodePresent(result) and controller.view().review is None
    after = segments_of(a_segmentation_node, a_volume_node)
    assert all(np.array_equal(after[name], mask) for name, mask in drawn.items())


def test_a_killed_worker_is_said_and_the_next_run_works(live):
    controller = live.controller
    before = node_names(slicer.mrmlScene)
    live.ui.applyButton.click()
    wait(lambda: begun(live))
    os.kill(controller.runner.worker.worker_pid, signal.SIGKILL)
    wait(lambda: ended(live))
    assert "stopped" in problem(controller)
    live.ui.applyButton.click()
    wait(lambda: ended(live))
    assert problem(controller) == "" and controller.view().review is not None
    controller.reviews.discard()
    assert node_names(slicer.mrmlScene) == before


def test_a_run_is_cancelled_and_discarded_and_the_scene_is_as_it_was(live):
    before = node_names(slicer.mrmlScene)
    live.ui.applyButton.click()
    wait(lambda: begun(live))
    live.ui.cancelButton.click()
    wait(lambda: ended(live))
    assert "Stopped" in live.controller.view().message.text
    if live.controller.view().review is not None:
        live.controller.reviews.discard()
    assert node_names(slicer.mrmlScene) == before


def test_the_scene_is_closed_in_mid_run(live):
    live.ui.applyButton.click()
    wait(lambda: begun(live))
    slicer.mrmlScene.Clear(False)
    assert ended(live) and live.controller.view().volume_id == ""
    QtTest.QTest.qWait(100)
    assert live.controller.view().review is None and live.controller.view().message is None


@pytest.mark.parametrize("task", ["denoise", "inpaint"])
def test_image_tasks_keep_what_they_must(task, live, a_volume_node, a_segmentation_node):
    controller = live.controller
    controller.choices.set_task(task)
    if task == "inpaint":
        controller.choices.set_mask(a_segmentation_node.GetID())
    live.ui.applyButton.click()
    wait(lambda: ended(live))
    assert problem(controller) == ""
    node = slicer.mrmlScene.GetNodeByID(controller.view().review.node_id)
    made, image = slicer.util.arrayFromVolume(node), slicer.util.arrayFromVolume(a_volume_node)
    assert made.dtype == image.dtype and (made != image).any()
    if task == "inpaint":
        hole = np.any(list(segments_of(a_segmentation_node, a_volume_node).values()), axis=0)
        assert np.array_equal(made[~hole], image[~hole])


def test_no_process_is_left_when_the_panel_goes(live):
    live.ui.applyButton.click()
    wait(lambda: begun(live))
    client = live.controller.runner.worker
    pid = client.worker_pid
    assert psutil.pid_exists(pid)
    live.cleanup()
    Client.close(client)
    wait(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
