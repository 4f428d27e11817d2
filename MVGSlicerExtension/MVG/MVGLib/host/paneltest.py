"""What `MVGTest` does to the panel inside Slicer, as a user would: a worker pretends, without torch.

pytest runs the same on the stand-ins for Slicer's widgets. Controls are driven by their properties and by
what PythonQt offers of them, so that a name that it does not know ends the test.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import slicer

from MVGLib.host.selftest import LABELLED, SEGMENTS, SHAPE, add_nodes
from MVGLib.panel.qtread import read


def test_every_control_works(case: Any) -> None:
    """From the choice of a volume to Accept, by the panel's controls; each of them is used."""
    volume, labels, _truth = add_nodes()
    panel = open_panel()
    ui = panel.ui
    choose(case, panel, volume, labels)
    case.assertIn("Press Apply", _hint_after(panel, ui.addAllButton))
    case.assertEqual(len(panel.controller.view().examples), len(LABELLED))
    for box in (
        ui.adaptCheckBox,
        ui.allAxesCheckBox,
        ui.rangeCheckBox,
        ui.framesCheckBox,
        ui.intensitiesCheckBox,
    ):
        before = read(box, "checked")
        box.click()
        case.assertNotEqual(read(box, "checked"), before)
        box.click()
    for spin, value in ((ui.adaptSeconds, 5), (ui.seedSpinBox, 3)):
        spin.setValue(value)
        case.assertEqual(int(read(spin, "value")), value)
    ui.highestIntensity.setValue(123.5)
    case.assertEqual(float(read(ui.highestIntensity, "value")), 123.5)
    case.assertEqual(panel.controller.view().settings.seed, 3)
    for combo in (ui.axisComboBox, ui.deviceComboBox, ui.qualityComboBox):
        combo.setCurrentIndex(1)
        case.assertEqual(int(read(combo, "currentIndex")), 1)
        combo.setCurrentIndex(0)
    case.assertEqual(panel.controller.view().settings.device, "auto")
    for button in (ui.denoiseButton, ui.inpaintButton, ui.synthesizeButton, ui.segmentButton):
        button.click()
    for section in (ui.examplesSection, ui.runSection, ui.optionsSection, ui.reviewSection):
        for folded in (True, False):
            section.setProperty("collapsed", folded)
            case.assertEqual(bool(read(section, "collapsed")), folded)
    _run_and_review(case, panel, labels)


def test_an_import_changes_no_choice(case: Any) -> None:
    """Another scene is added, the choices stay; a scene that was saved is opened with its choices."""
    volume, labels, _truth = add_nodes()
    panel = open_panel()
    choose(case, panel, volume, labels)
    panel.ui.addAllButton.click()
    kept = _choices(panel)
    with tempfile.TemporaryDirectory(prefix="MVG tést ") as folder:
        other = slicer.vtkMRMLScene()
        other.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "of somebody else")
        _save(other, Path(folder) / "other.mrml")
        _save(slicer.mrmlScene, Path(folder) / "own.mrml")
        _add_scene(Path(folder) / "other.mrml")
        case.assertEqual(_choices(panel), kept)
        case.assertEqual(read(panel.ui.volumeSelector, "currentNodeID"), kept[0])
        slicer.mrmlScene.Clear(0)
        case.assertEqual(_choices(panel), ("", "", 0))
        _add_scene(Path(folder) / "own.mrml")
    view = panel.controller.view()
    case.assertEqual(panel.controller.scene.nodes.name(view.volume_id), "generated")
    case.assertEqual(read(panel.ui.volumeSelector, "currentNodeID"), view.volume_id)
    case.assertEqual(read(panel.ui.labelsSelector, "currentNodeID"), view.partner_id)


def test_a_reload_leaves_a_panel_that_lives(case: Any) -> None:
    """After Reload the panel is another one, and works without the module being left and entered."""
    volume, labels, _truth = add_nodes()
    before = open_panel()
    slicer.util.getModuleWidget("MVG").onReload()
    after = open_panel(select=False)
    case.assertIsNot(after, before)
    choose(case, after, volume, labels)
    after.ui.addAllButton.click()
    _run_and_review(case, after, labels)


def test_the_effect_follows_the_editor(case: Any) -> None:
    """The effect shows the same examples, runs, and lets go when another effect is chosen."""
    volume, labels, _truth = add_nodes()
    panel = open_panel()
    slicer.util.selectModule("SegmentEditor")
    editor = slicer.util.getModuleWidget("SegmentEditor").editor
    editor.setSegmentationNode(labels)
    editor.setSourceVolumeNode(volume)
    editor.setActiveEffectByName("MVG")
    case.assertIsNotNone(editor.activeEffect())
    slicer.app.processEvents()
    view = panel.controller.view()
    case.assertEqual((view.volume_id, view.partner_id), (volume.GetID(), labels.GetID()))
    panel.controller.examples.add_all_labelled()
    panel.controller.runs.apply()
    pretend_all(panel)
    case.assertIsNotNone(panel.controller.view().review)
    editor.setActiveEffectByName("")
    slicer.app.processEvents()
    panel.controller.reviews.discard()
    slicer.util.selectModule("MVG")


def test_closing_the_scene_stops_a_run(case: Any) -> None:
    """The scene is closed in the middle of a run: nothing is left of it, and another run can begin."""
    volume, labels, _truth = add_nodes()
    panel = open_panel()
    choose(case, panel, volume, labels)
    panel.ui.addAllButton.click()
    panel.ui.applyButton.click()
    pretend(panel, slices=2)
    case.assertTrue(panel.controller.runner.busy)
    slicer.mrmlScene.Clear(0)
    slicer.app.processEvents()
    case.assertFalse(panel.controller.runner.busy)
    case.assertIsNone(panel.controller.view().review)
    case.assertIn("Choose a volume", read(panel.ui.hintLabel, "text"))
    volume, labels, _truth = add_nodes()
    choose(case, panel, volume, labels)
    panel.ui.addAllButton.click()
    _run_and_review(case, panel, labels)


TESTS = (
    test_every_control_works,
    test_an_import_changes_no_choice,
    test_a_reload_leaves_a_panel_that_lives,
    test_the_effect_follows_the_editor,
    test_closing_the_scene_stops_a_run,
)


def open_panel(select: bool = True) -> Any:
    """The module's panel, in which nothing is to be installed and a worker pretends.

    Args:
        select: Whether to go to the module first.
    """
    from MVGLib.host.pretender import Pretender  # of the modules that the panel has, after a reload too

    if select:
        slicer.util.selectModule("MVG")
    panel = slicer.util.getModuleWidget("MVG").panel
    controller = panel.controller
    controller.runner.worker.close()
    controller.runner.worker = Pretender()
    controller.setup.take_for_granted()
    slicer.app.processEvents()
    return panel


def choose(case: Any, panel: Any, volume: Any, labels: Any) -> None:
    """Choose the nodes in the panel's boxes."""
    panel.ui.volumeSelector.setCurrentNode(volume)
    panel.ui.labelsSelector.setProperty("currentNodeID", labels.GetID())
    view = panel.controller.view()
    case.assertEqual((view.volume_id, view.partner_id), (volume.GetID(), labels.GetID()))


def pretend(panel: Any, slices: int) -> None:
    """Let the worker send so many slices, and the panel show them."""
    panel.controller.runner.worker.release(slices)
    for _round in range(slices + 2):
        panel.controller.poll()
        slicer.app.processEvents()


def pretend_all(panel: Any) -> None:
    """Let the worker end what it does."""
    pretend(panel, SHAPE[0] + 1)


def _run_and_review(case: Any, panel: Any, labels: Any) -> None:
    """Apply, compare, discard, and apply and accept, by the panel's buttons."""
    ui, controller = panel.ui, panel.controller
    own = labels.GetSegmentation().GetNumberOfSegments()
    ui.applyButton.click()
    pretend(panel, slices=1)
    case.assertFalse(read(ui.applyButton, "enabled"))
    ui.cancelButton.click()
    pretend_all(panel)
    case.assertFalse(controller.runner.busy)
    if controller.view().review is not None:
        ui.discardButton.click()
    ui.applyButton.click()
    pretend_all(panel)
    review = controller.view().review
    case.assertIsNotNone(review)
    case.assertFalse(read(ui.reviewSection, "collapsed"))
    ui.compareButton.click()
    ui.compareButton.click()
    for switch in (ui.overlayCheckBox, ui.surfaceButton, ui.protectCheckBox):
        switch.click()
        case.assertTrue(read(switch, "checked"))
        switch.click()
    ui.nextButton.click()
    ui.acceptButton.click()
    case.assertIsNone(controller.view().review)
    result = slicer.mrmlScene.GetNodeByID(review.node_id)
    case.assertEqual(result.GetSegmentation().GetNumberOfSegments(), len(SEGMENTS))
    case.assertEqual(labels.GetSegmentation().GetNumberOfSegments(), own)
    volume = slicer.mrmlScene.GetNodeByID(review.volume_id)
    first = result.GetSegmentation().GetNthSegmentID(0)
    filled = slicer.util.arrayFromSegmentBinaryLabelmap(result, first, volume)
    case.assertTrue(all(np.any(filled[index]) for index in range(LABELLED[0], LABELLED[-1] + 1)))


def _hint_after(panel: Any, button: Any) -> str:
    button.click()
    return str(read(panel.ui.hintLabel, "text"))


def _choices(panel: Any) -> tuple[str, str, int]:
    view = panel.controller.view()
    return view.volume_id, view.partner_id, len(view.examples)


def _save(scene: Any, path: Path) -> None:
    scene.SetURL(str(path))
    scene.Commit(str(path))


def _add_scene(path: Path) -> None:
    """Slicer's File > Add Data with a scene."""
    slicer.mrmlScene.SetURL(str(path))
    slicer.mrmlScene.Import()
