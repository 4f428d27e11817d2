"""Sections 3 to 5 of docs/tutorial-slicer.md, word by word: every numbered step is done in the panel."""

from __future__ import annotations

from typing import Any

import numpy as np
import qt
import slicer

from MVGCore.outcomes import Question
from MVGCore.volume import SliceKey
from MVGLib.control.parameters import Parameters
from MVGLib.panel.panel import Panel
from MVGLib.panel.shortcuts import MODULE_KEYS
from Testing.slicer.nodes import LABELLED, put_segment, segment_array
from Testing.slicer.panel.mouse import click, press
from Testing.slicer.panel.steps import finish, segments_of, settle
from Testing.tutorials import Tutorial

TUTORIAL = Tutorial("tutorial-slicer.md", ("3. Examples", "4. Run", "5. Review"))


class Case:
    """What the steps share; instead of the phantom they have the nodes of the tests."""

    def __init__(self, panel: Panel, worker: Any, clock: Any, volume: Any, labels: Any) -> None:
        self.panel, self.controller = panel, panel.controller
        self.worker, self.clock, self.volume, self.labels = worker, clock, volume, labels

    def view(self):
        return self.controller.view()

    def seen(self) -> SliceKey:
        return self.controller.scene.slice_in_view(self.volume.GetID())

    def go_to(self, index: int) -> None:
        self.controller.scene.jump(self.volume.GetID(), SliceKey(0, index))

    def masks(self) -> dict[str, np.ndarray]:
        return segments_of(self.labels, self.volume)

    def apply(self) -> None:
        click(self.panel.ui.applyButton)
        finish(self.controller)
        qt.QApplication.processEvents()


def correct(case: Case, index: int) -> None:
    """Change a slice of the result, as an effect of the Segment Editor does."""
    node = slicer.mrmlScene.GetNodeByID(case.view().review.node_id)
    segment_id = node.GetSegmentation().GetNthSegmentID(0)
    mask = segment_array(node, segment_id, case.volume).copy()
    mask[index, 1:4, 1:4] = True
    put_segment(node, segment_id, mask, case.volume)


def text_of(label: Any) -> str:
    """What a label with rich text shows."""
    document = qt.QTextDocument()
    document.setHtml(label.text())
    return document.toPlainText()


@TUTORIAL.step("*Volume*: MVGPhantom. *Task*: **Segment**.")
def _(case: Case) -> None:
    ui = case.panel.ui
    ui.volumeSelector.setCurrentNodeID(case.volume.GetID())
    click(ui.segmentButton)
    assert case.view().volume_id == case.volume.GetID() and case.view().settings.task.makes_segments


@TUTORIAL.step(
    "*Labels*: MVGPhantomSlices. Press **All labelled**: the five slices appear, each with a "
    "thumbnail, its place and its segments. Click one to go there; untick one to leave it out."
)
def _(case: Case) -> None:
    case.panel.ui.labelsSelector.setCurrentNodeID(case.labels.GetID())
    click(case.panel.ui.addAllButton)
    rows = case.view().examples
    assert [row.slice.index for row in rows] == list(LABELLED)
    assert all(row.thumbnail.any() and row.segments and row.place for row in rows)
    first = case.panel.examples.rows[rows[0].key].widget
    click(first.findChild(qt.QToolButton, "jumpButton"))
    assert case.seen() == rows[0].slice
    box = first.findChild(qt.QCheckBox, "enabledCheckBox")
    box.click()
    assert not case.view().examples[0].enabled
    box.click()


@TUTORIAL.step("**Preview** (Space) shows the current slice only and changes nothing.")
def _(case: Case) -> None:
    before = case.masks()
    case.go_to(7)
    press(case.panel, qt.Qt.Key_Space)
    finish(case.controller)
    assert case.view().preview == SliceKey(0, 7) and case.view().review is None
    assert all(np.array_equal(mask, before[name]) for name, mask in case.masks().items())
    press(case.panel, qt.Qt.Key_Escape)


@TUTORIAL.step(
    "**Complete slice** (C) fills in the rest of a slice on which you have drawn a little of each "
    "segment, from the examples on other slices. What you drew stays; correct the rest, then add the "
    "slice."
)
def _(case: Case) -> None:
    case.go_to(7)
    dot = np.zeros(case.masks()["liver"].shape[1:], np.uint16)
    dot[10:12, 10:12] = 1
    place, nodes = SliceKey(0, 7), (case.labels.GetID(), case.volume.GetID())
    case.controller.scene.fill_slice(*nodes, place, [(dot, case.controller.scene.classes(nodes[0]))])
    drawn = case.masks()
    press(case.panel, qt.Qt.Key_C)
    finish(case.controller)
    filled = case.masks()
    assert sum(each[7].sum() for each in filled.values()) > 4
    assert all((filled[name][7] >= drawn[name][7]).all() for name in drawn)
    press(case.panel, qt.Qt.Key_A)
    assert case.view().examples[-1].slice == place


@TUTORIAL.step(
    "**Apply** (Ctrl+Enter) fills the other slices, nearest to the examples first. Scroll through the"
    " volume meanwhile; **Cancel** (Esc) stops at once; slices that are finished by then are kept for"
    " you to accept or discard."
)
def _(case: Case) -> None:
    press(case.panel, qt.Qt.Key_Return, qt.Qt.ControlModifier)
    case.controller.runner.worker.step(8)
    case.controller.poll()
    case.go_to(3)  # scrolling goes on
    press(case.panel, qt.Qt.Key_Escape)
    finish(case.controller)
    assert "are kept" in case.panel.ui.messageLabel.text() and case.view().review is not None
    click(case.panel.ui.discardButton)
    assert case.view().review is None


@TUTORIAL.step(
    "*Adapt to the examples first* trains the network for some seconds on your slices. It is kept "
    "only if it does better on a slice left out. Worth it for an unusual contrast or structure."
)
def _(case: Case) -> None:
    click(case.panel.ui.adaptCheckBox, qt.QPoint(8, case.panel.ui.adaptCheckBox.height() // 2))
    case.apply()
    assert "Adapted: 0.80 became 0.85" in case.panel.ui.notesLabel.text()
    click(case.panel.ui.adaptCheckBox, qt.QPoint(8, case.panel.ui.adaptCheckBox.height() // 2))


@TUTORIAL.step(
    "*Look along all three axes* corrects the slices once all are done, by what the volume shows "
    "along its other two axes, and then chooses the labels that promise the best Dice: what is hard "
    "to see is drawn a little more generously. It makes the result more exact and takes about as long"
    " again. A run of some slices only leaves it out."
)
def _(case: Case) -> None:
    assert case.panel.ui.allAxesCheckBox.isChecked()
    case.apply()
    assert case.worker.request.all_axes


@TUTORIAL.step(
    "The result is a new segmentation. Your labelled slices and all other segments are as they were, "
    "voxel for voxel."
)
def _(case: Case) -> None:
    review = case.view().review
    result = slicer.mrmlScene.GetNodeByID(review.node_id)
    assert result is not case.labels
    made, drawn = segments_of(result, case.volume), case.masks()
    for name, mask in drawn.items():
        assert np.array_equal(made[name][list(LABELLED)], mask[list(LABELLED)])


@TUTORIAL.step(
    "*Expected Dice* is MVG's estimate of how well the result fits, and the plot says it for every "
    "slice: click to go there."
)
def _(case: Case) -> None:
    assert "0.91 ± 0.03" in case.panel.ui.expectedLabel.text()
    label = case.panel.ui.plotLabel
    click(label, qt.QPoint(label.width() // 2, 20))
    assert case.seen().index == case.panel.plot.index_at(label.width() // 2)


@TUTORIAL.step(
    "*Label next* names the slice where another example helps most (N goes there). Correct it with "
    "any Segment Editor effect, add it, press Apply again: only what depends on it is computed anew."
)
def _(case: Case) -> None:
    assert "axial 11" in case.panel.ui.nextLabel.text()
    case.controller.asking.skip()  # the question comes first where it helps more
    press(case.panel, qt.Qt.Key_N)
    assert case.seen() == SliceKey(0, 11)
    before = len(case.view().examples)
    correct(case, 11)
    settle(case.controller, case.clock)
    assert len(case.view().examples) == before + 1
    case.apply()


@TUTORIAL.step(
    "Where a structure may end or go on, MVG asks: *Is 'organ' still on axial 11?* **Show slice** (N)"
    " goes there, **Yes** (Y) and **No** (N) answer, **Ends here** says more on the last slice that shows it;"
    " the next *Apply* goes by the answers."
)
def _(case: Case) -> None:
    assert "Is 'liver' still on axial 10?" in text_of(case.panel.ui.questionLabel)
    press(case.panel, qt.Qt.Key_N)
    assert case.seen() == SliceKey(0, 10) and case.panel.ui.endButton.isVisibleTo(case.panel.widget)
    press(case.panel, qt.Qt.Key_Y)
    assert case.view().examples[-1].place == "axial 10: liver is there"
    case.apply()
    assert len(case.worker.prompts.presences) == 1


@TUTORIAL.step("*Before / after* (Shift+B) shows the scene without the result, and with it again.")
def _(case: Case) -> None:
    press(case.panel, qt.Qt.Key_B, qt.Qt.ShiftModifier)
    assert not case.view().review.visible
    press(case.panel, qt.Qt.Key_B, qt.Qt.ShiftModifier)
    assert case.view().review.visible


@TUTORIAL.step(
    "**Accept** (or **Discard**). *Edit > Undo* in the Segment Editor takes back what was written "
    "into your segmentation."
)
def _(case: Case) -> None:
    node_id = case.view().review.node_id
    click(case.panel.ui.acceptButton)
    assert case.view().review is None and slicer.mrmlScene.GetNodeByID(node_id) is not None


@TUTORIAL.step("Save the scene (`.mrb`): examples, choices and result are there when you open it again.")
def _(case: Case) -> None:
    kept = Parameters.of_scene(case.controller.scene.mrml)
    assert len(kept.examples(case.view().settings.task)) == len(
        [row for row in case.view().examples if "is there" not in row.place]
    )
    assert kept.settings() == case.view().settings


def test_every_word_of_the_tutorial_is_done(
    application: Any,
    make_controller: Any,
    worker: Any,
    clock: Any,
    a_volume_node: Any,
    a_segmentation_node: Any,
) -> None:
    worker.questions, worker.ask_first = (Question(1, 0, 10, 11, 0.5, 0.1),), True
    panel = Panel(None, make_controller(worker), keys=MODULE_KEYS)
    panel.widget.resize(400, 1000)
    panel.widget.show()
    panel.enter()
    try:
        case = Case(panel, worker, clock, a_volume_node, a_segmentation_node)
        TUTORIAL.follow(case)
    finally:
        panel.cleanup()
        panel.widget.close()
