"""Two hundred actions of a user in random order: nothing breaks, and no slice that the user drew changes."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import qt
import slicer
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from MVGCore.session.results import FailureKind
from MVGCore.volume import SliceKey
from MVGDesktop import qtcompat
from MVGDesktop.headless import add_slice_view
from MVGLib.control.controller import Controller
from MVGLib.control.parameters import Parameters
from MVGLib.control.runsettings import PanelTask
from MVGLib.panel.panel import Panel
from MVGLib.scene import Scene
from Testing.slicer.nodes import (
    LABELLED,
    SHAPE,
    make_image,
    make_labels,
    make_segmentation,
    make_volume,
    put_segment,
    segment_array,
)
from Testing.slicer.panel.fakes import FakeClock, FakeWorker

ACTIONS = 200


class _Errors(logging.Handler):
    """Keeps what was logged as an error: exceptions in observers end there."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


class User(RuleBasedStateMachine):
    """Somebody who presses everything."""

    @initialize()
    def open(self) -> None:
        self.errors = _Errors()
        logging.getLogger().addHandler(self.errors)
        slicer.mrmlScene.Clear(False)
        add_slice_view("Red", "Axial")
        self.volume = make_volume(make_image())
        self.other = make_volume(make_image()[:, ::-1].copy(), name="other")
        self.labels = make_segmentation(self.volume)
        self.other_labels = make_segmentation(self.other)
        self.drawn = make_labels()
        self.clock, self.worker = FakeClock(), FakeWorker()
        scene = Scene(slicer.mrmlScene)
        self.controller = Controller(
            scene, self.worker, lambda: Parameters.of_scene(slicer.mrmlScene), self.clock
        )
        self.panel = Panel(None, self.controller)
        self.panel.widget.show()
        self.panel.enter()
        self.controller.choices.set_volume(self.volume.GetID())
        self.controller.choices.set_partner(self.labels.GetID())

    def teardown(self) -> None:
        if hasattr(self, "panel"):
            self.panel.cleanup()
            self.panel.widget.deleteLater()
            logging.getLogger().removeHandler(self.errors)
            slicer.mrmlScene.Clear(False)

    def _here(self, node: Any) -> bool:
        return slicer.mrmlScene.IsNodePresent(node)

    def _press(self, button: Any) -> None:
        if button.isEnabled() and button.isVisible():
            button.click()

    @rule(name=st.sampled_from(["addCurrent", "addAll", "preview", "apply", "cancel", "accept", "discard"]))
    def press(self, name: str) -> None:
        self._press(getattr(self.panel.ui, f"{name}Button"))

    @rule(
        name=st.sampled_from(
            ["next", "compare", "message", "remedy", "help", "segment", "denoise", "inpaint"]
        )
    )
    def press_more(self, name: str) -> None:
        self._press(getattr(self.panel.ui, f"{name}Button"))

    @rule(name=st.sampled_from(["overlay", "intoOwn", "adapt", "range", "intensities"]))
    def tick(self, name: str) -> None:
        self._press(getattr(self.panel.ui, f"{name}CheckBox"))

    @rule(own=st.booleans(), chosen=st.booleans())
    def choose_draft(self, own: bool, chosen: bool) -> None:
        node = self.labels if own else self.other_labels
        self.controller.choices.set_draft(node.GetID() if chosen and self._here(node) else "")

    @rule(steps=st.integers(1, 12))
    def worker_goes_on(self, steps: int) -> None:
        self.worker.step(steps)
        self.clock.now += 0.1
        self.controller.poll()

    @rule()
    def worker_finishes(self) -> None:
        for _round in range(4):
            self.worker.finish()
            for _poll in range(30):
                self.controller.poll()

    @precondition(lambda self: self.worker.busy)
    @rule()
    def worker_crashes(self) -> None:
        self.worker.fail("The worker ended unexpectedly; press Apply again.", FailureKind.CRASHED)
        self.controller.poll()

    @rule(index=st.integers(0, SHAPE[0] - 1))
    def scroll(self, index: int) -> None:
        if self._here(self.volume):
            self.controller.scene.jump(self.volume.GetID(), SliceKey(0, index))

    @rule(index=st.sampled_from(LABELLED), rows=st.integers(1, 5))
    def edit_own_slice(self, index: int, rows: int) -> None:
        if self._here(self.labels) and self._here(self.volume):
            self.drawn[index] = 0
            self.drawn[index, 4 : 4 + rows, 2:8] = 1
            self.drawn[index, 10 : 10 + rows, 9:14] = 2
            now = self._own_masks()
            for value, name in enumerate(("liver", "spleen"), start=1):
                now[name][index] = self.drawn[index] == value
                put_segment(self.labels, name, now[name], self.volume)

    @precondition(lambda self: self.controller.view().review is not None)
    @rule(index=st.integers(0, SHAPE[0] - 1))
    def correct_the_result(self, index: int) -> None:
        node = slicer.mrmlScene.GetNodeByID(self.controller.view().review.node_id)
        if not node.IsA("vtkMRMLSegmentationNode") or not self._here(self.volume):
            return
        self.controller.scene.jump(self.volume.GetID(), SliceKey(0, index))
        segment_id = node.GetSegmentation().GetNthSegmentID(0)
        mask = segment_array(node, segment_id, self.volume)
        mask[index, 5:9, 3:6] = ~mask[index, 5:9, 3:6]
        put_segment(node, segment_id, mask, self.volume)

    @rule()
    def edits_settle(self) -> None:
        self.clock.now += 1.0
        for _poll in range(5):
            self.controller.poll()

    @rule(place=st.integers(0, 5), on=st.booleans(), remove=st.booleans())
    def use_the_list(self, place: int, on: bool, remove: bool) -> None:
        rows = self.controller.view().examples
        if rows:
            key = rows[place % len(rows)].key
            self.controller.examples.jump(key)
            self.controller.examples.remove(key) if remove else self.controller.examples.enable(key, on)

    @rule()
    def add_other(self) -> None:
        if self._here(self.other) and self._here(self.other_labels):
            self.controller.examples.add_from(self.other.GetID(), self.other_labels.GetID())

    @rule(task=st.sampled_from(PanelTask))
    def choose_task(self, task: PanelTask) -> None:
        self.controller.choices.set_task(task)
        if task is PanelTask.INPAINT and self._here(self.labels):
            self.controller.choices.set_mask(self.labels.GetID())

    @rule(first=st.integers(0, 11), last=st.integers(0, 11))
    def choose_range(self, first: int, last: int) -> None:
        self.controller.choices.set(first=first, last=last)

    @rule()
    def choose_again(self) -> None:
        if self._here(self.volume) and self._here(self.labels):
            self.panel.ui.volumeSelector.setCurrentNodeID(self.volume.GetID())
            self.controller.choices.set_task(PanelTask.SEGMENT)
            self.panel.ui.labelsSelector.setCurrentNodeID(self.labels.GetID())

    @rule()
    def remove_the_result(self) -> None:
        review = self.controller.view().review
        if review is not None:
            slicer.mrmlScene.RemoveNode(slicer.mrmlScene.GetNodeByID(review.node_id))

    @rule()
    def remove_the_other(self) -> None:
        slicer.mrmlScene.RemoveNode(self.other)

    @rule(key=st.sampled_from([qt.Qt.Key_A, qt.Qt.Key_Space, qt.Qt.Key_N, qt.Qt.Key_B, qt.Qt.Key_Escape]))
    def press_key(self, key: Any) -> None:
        from PyQt5 import QtTest

        qt.QApplication.setActiveWindow(self.panel.widget)
        self.panel.widget.setFocus()
        QtTest.QTest.keyClick(self.panel.widget, key)

    @rule()
    def leave_and_come_back(self) -> None:
        self.panel.exit()
        self.panel.enter()

    @invariant()
    def nothing_broke(self) -> None:
        if hasattr(self, "panel"):
            qtcompat.application().processEvents()
            assert self.controller.view().hint
            assert not self.errors.records, self.errors.records[0].getMessage()

    @invariant()
    def drawn_slices_are_as_they_were_drawn(self) -> None:
        if hasattr(self, "panel") and self._here(self.labels) and self._here(self.volume):
            for value, name in enumerate(("liver", "spleen"), start=1):
                mask = self._own_masks()[name]
                for index in LABELLED:
                    assert np.array_equal(mask[index], self.drawn[index] == value), (name, index)

    def _own_masks(self) -> dict[str, Any]:
        return {name: segment_array(self.labels, name, self.volume) for name in ("liver", "spleen")}


TestUser = User.TestCase
TestUser.settings = settings(
    max_examples=2,
    stateful_step_count=ACTIONS,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
