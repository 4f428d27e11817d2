"""The panel as a real window, used by mouse and keyboard."""

from __future__ import annotations

import numpy as np
import qt
from PyQt5 import QtTest

from MVGCore.volume import SliceKey
from MVGLib.control.state import Phase
from Testing.slicer.nodes import LABELLED, make_labels, put_segment
from Testing.slicer.panel.mouse import click, press
from Testing.slicer.panel.steps import finish, segments_of, settle

LEFT = qt.Qt.LeftButton


def test_a_new_panel_asks_for_a_volume_and_says_why_nothing_can_be_done(make_panel, make_controller, worker):
    panel = make_panel(make_controller(worker))
    assert "Choose a volume" in panel.ui.hintLabel.text()
    for button in (panel.ui.applyButton, panel.ui.previewButton, panel.ui.addCurrentButton):
        assert not button.isEnabled()
        assert "Choose a volume first." in button.toolTip()
    assert not panel.ui.reviewSection.isEnabled()
    assert "press Apply" in panel.ui.reviewSection.toolTip()


def test_volume_and_labels_are_chosen_in_the_selectors(
    make_panel, make_controller, worker, a_volume_node, a_segmentation_node
):
    panel = make_panel(make_controller(worker))
    panel.ui.volumeSelector.setCurrentNodeID(a_volume_node.GetID())
    panel.ui.labelsSelector.setCurrentNodeID(a_segmentation_node.GetID())
    view = panel.controller.view()
    assert (view.volume_id, view.partner_id) == (a_volume_node.GetID(), a_segmentation_node.GetID())
    assert "Choose a segmentation first" not in panel.ui.addAllButton.toolTip()
    click(panel.ui.addAllButton)
    assert len(panel.examples.rows) == 3
    assert panel.ui.applyButton.isEnabled()


def test_run_review_and_accept_by_mouse(panel, a_volume_node, a_segmentation_node):
    drawn = segments_of(a_segmentation_node, a_volume_node)
    assert not panel.ui.progressFrame.isVisible()
    click(panel.ui.applyButton)
    assert panel.ui.progressFrame.isVisible() and not panel.ui.applyButton.isEnabled()
    assert "going on" in panel.ui.applyButton.toolTip()
    panel.controller.runner.worker.step(5)  # those that were drawn, and one slice with how far it is
    panel.controller.poll()
    assert 0 < panel.ui.progressBar.value() < panel.ui.progressBar.maximum()
    assert "%" in panel.ui.progressLabel.text()
    finish(panel.controller)
    assert not panel.ui.progressFrame.isVisible()
    assert "0.91 ± 0.03" in panel.ui.expectedLabel.text()
    assert "axial 11" in panel.ui.nextLabel.text()
    click(panel.ui.intoOwnCheckBox, qt.QPoint(8, panel.ui.intoOwnCheckBox.height() // 2))
    click(panel.ui.acceptButton)
    assert not panel.ui.reviewSection.isEnabled()
    now = segments_of(a_segmentation_node, a_volume_node)
    for name, mask in drawn.items():
        assert now[name].any(axis=(1, 2)).all()
        assert np.array_equal(now[name][list(LABELLED)], mask[list(LABELLED)])
    click(panel.ui.remedyButton)  # undo
    now = segments_of(a_segmentation_node, a_volume_node)
    assert all(np.array_equal(now[name], mask) for name, mask in drawn.items())


def test_discard_by_mouse(reviewed, scene):
    node_id = reviewed.controller.view().review.node_id
    click(reviewed.ui.discardButton)
    assert not scene.nodes.exists(node_id)
    assert not reviewed.ui.reviewSection.isEnabled()


def test_cancel_by_mouse(panel):
    click(panel.ui.applyButton)
    click(panel.ui.cancelButton)
    panel.controller.poll()
    assert panel.controller.view().phase is Phase.IDLE
    assert "Stopped" in panel.ui.messageLabel.text()
    click(panel.ui.messageButton)
    assert not panel.ui.messageFrame.isVisible()


def test_after_a_crash_the_log_can_be_opened(panel, monkeypatch):
    opened = []
    monkeypatch.setattr(qt.QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    click(panel.ui.applyButton)
    panel.controller.runner.worker.fail("The worker ended unexpectedly; press Apply again.")
    panel.controller.poll()
    assert "ended unexpectedly" in panel.ui.messageLabel.text()
    click(panel.ui.remedyButton)
    assert opened == ["worker.log"]


def test_keys_do_what_the_buttons_do(panel, scene, a_volume_node):
    controller = panel.controller
    before = [each.place for each in controller.view().examples]
    controller.examples.remove(controller.view().examples[-1].key)
    scene.jump(a_volume_node.GetID(), SliceKey(0, 9))
    press(panel, qt.Qt.Key_A)
    assert [each.place for each in controller.view().examples] == before
    scene.jump(a_volume_node.GetID(), SliceKey(0, 4))
    press(panel, qt.Qt.Key_Space)
    assert controller.view().phase is Phase.PREVIEWING
    finish(controller)
    assert controller.view().preview == SliceKey(0, 4)
    press(panel, qt.Qt.Key_Escape)
    assert controller.view().preview is None
    press(panel, qt.Qt.Key_Return, qt.Qt.ControlModifier)
    assert controller.view().phase is Phase.RUNNING
    press(panel, qt.Qt.Key_Escape)
    controller.poll()
    assert controller.view().phase is Phase.IDLE
    press(panel, qt.Qt.Key_Enter, qt.Qt.ControlModifier)
    finish(controller)
    press(panel, qt.Qt.Key_N)
    assert scene.slice_in_view(a_volume_node.GetID()) == SliceKey(0, 11)
    press(panel, qt.Qt.Key_B)
    assert not controller.view().review.visible
    assert panel.ui.compareButton.isChecked()
    press(panel, qt.Qt.Key_B)
    assert controller.view().review.visible


def test_space_belongs_to_the_button_that_has_the_keyboard(panel):
    qt.QApplication.setActiveWindow(panel.widget)
    panel.ui.adaptCheckBox.setFocus()
    QtTest.QTest.keyClick(panel.ui.adaptCheckBox, qt.Qt.Key_Space)
    assert panel.controller.view().settings.adapt
    assert panel.controller.view().phase is Phase.IDLE


def test_a_click_on_a_button_leaves_space_to_the_preview(panel, scene, a_volume_node):
    scene.jump(a_volume_node.GetID(), SliceKey(0, 4))
    qt.QApplication.setActiveWindow(panel.widget)
    panel.widget.setFocus()
    click(panel.ui.adaptCheckBox, qt.QPoint(8, panel.ui.adaptCheckBox.height() // 2))
    QtTest.QTest.keyClick(panel.widget, qt.Qt.Key_Space)
    assert panel.controller.view().settings.adapt
    assert panel.controller.view().phase is Phase.PREVIEWING


def test_keys_are_off_after_the_panel_was_left(panel):
    panel.exit()
    press(panel, qt.Qt.Key_Return, qt.Qt.ControlModifier)
    assert panel.controller.view().phase is Phase.IDLE


def test_rows_jump_switch_off_and_remove(panel, scene, a_volume_node):
    keys = list(panel.examples.rows)
    row = panel.examples.rows[keys[2]].widget
    click(row.findChild(qt.QToolButton, "jumpButton"))
    assert scene.slice_in_view(a_volume_node.GetID()) == SliceKey(0, 9)
    box = row.findChild(qt.QCheckBox, "enabledCheckBox")
    click(box, qt.QPoint(8, box.height() // 2))
    assert [each.enabled for each in panel.controller.view().examples] == [True, True, False]
    assert "2 of 3" in panel.ui.examplesNote.text()
    click(row.findChild(qt.QToolButton, "removeButton"))
    assert list(panel.examples.rows) == keys[:2]


def test_only_the_row_of_an_edited_slice_is_made_anew(panel, clock, a_volume_node, a_segmentation_node):
    before = dict(panel.examples.rows)
    labels = make_labels()
    labels[5, 4:6] = 0
    put_segment(a_segmentation_node, "liver", labels == 1, a_volume_node)
    settle(panel.controller, clock)
    after = panel.examples.rows
    assert [before[key] is after[key] for key in before] == [True, False, True]


def test_a_click_into_the_plot_goes_to_the_slice(reviewed, scene, a_volume_node):
    plot = reviewed.ui.plotLabel
    click(plot, qt.QPoint(plot.width() - 7, 40))
    assert scene.slice_in_view(a_volume_node.GetID()) == SliceKey(0, 11)
    click(plot, qt.QPoint(27, 40))
    assert scene.slice_in_view(a_volume_node.GetID()) == SliceKey(0, 0)
    QtTest.QTest.mouseMove(plot, qt.QPoint(plot.width() - 7, 40))


def test_the_plot_shows_that_confidence_differs(reviewed):
    image = reviewed.ui.plotLabel.pixmap().toImage()
    colors = {image.pixel(x, y) for x in range(image.width()) for y in range(image.height())}
    assert len(colors) > 5


def test_the_menu_opens_the_choice_of_another_volume(panel):
    assert not panel.ui.otherFrame.isVisible()
    panel.menu_actions["other"].trigger()
    assert panel.ui.otherFrame.isVisible()
    click(panel.ui.addOtherButton)
    assert "Choose the other volume" in panel.ui.messageLabel.text()
    click(panel.ui.closeOtherButton)
    assert not panel.ui.otherFrame.isVisible()


def test_examples_are_saved_and_loaded_through_the_menu(panel, tmp_path, monkeypatch):
    path = str(tmp_path / "größer.mvgprompts")
    for name in ("getSaveFileName", "getOpenFileName"):
        monkeypatch.setattr(qt.QFileDialog, name, lambda *_arguments: (path, "MVG"))
    panel.menu_actions["save"].trigger()
    for key in list(panel.examples.rows):
        panel.controller.examples.remove(key)
    assert not panel.menu_actions["save"].isEnabled()
    panel.menu_actions["load"].trigger()
    assert len(panel.examples.rows) == 3


def test_what_is_missing_is_offered_to_be_installed(make_panel, make_controller, worker):
    class Installer:
        text = "PyTorch is not installed (1 GB)."

        def missing(self) -> str:
            return self.text

        def run(self) -> None:
            self.text = ""

        def version_text(self) -> str:
            return "MVG 0.1"

    panel = make_panel(make_controller(worker, installer=Installer()))
    assert panel.ui.installFrame.isVisible() and "PyTorch" in panel.ui.installLabel.text()
    click(panel.ui.helpButton)
    assert "MVG 0.1" in panel.ui.messageLabel.text()
    click(panel.ui.installButton)
    assert not panel.ui.installFrame.isVisible()


def test_cleanup_ends_the_worker_and_may_be_called_again(panel):
    panel.cleanup()
    panel.cleanup()
    assert panel.controller.runner.worker.closed


def test_the_timer_drives_a_run_to_its_end(panel):
    click(panel.ui.applyButton)
    panel.controller.runner.worker.finish()
    for _round in range(500):
        QtTest.QTest.qWait(5)
        if panel.controller.view().review and not panel.controller.view().progress:
            break
    assert panel.controller.view().review.known == LABELLED


def test_the_timer_rests_where_nobody_looks_and_nothing_runs(panel):
    assert panel._timer.isActive()
    panel.exit()
    assert not panel._timer.isActive()
    panel.enter()
    click(panel.ui.applyButton)
    panel.exit()
    assert panel._timer.isActive()  # the run goes on
    finish(panel.controller)
    panel._tick()
    assert not panel._timer.isActive()
    panel.enter()
    assert panel._timer.isActive()


def test_the_result_is_shown_in_3d_and_other_segments_are_protected(reviewed, a_segmentation_node, scene):
    ui, controller = reviewed.ui, reviewed.controller
    node_id = controller.view().review.node_id
    click(ui.surfaceButton)
    assert scene.shows_surface(node_id) and ui.surfaceButton.isChecked()
    click(ui.surfaceButton)
    assert not scene.shows_surface(node_id) and not ui.surfaceButton.isChecked()
    click(ui.protectCheckBox, qt.QPoint(8, ui.protectCheckBox.height() // 2))
    assert controller.view().settings.protect
    click(ui.denoiseButton)
    assert ui.surfaceButton.isVisible()  # of the result that waits, whatever is to come
