"""The Segment Editor effect: the module's controller shown a second time, on what is being edited."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import slicer
from PyQt5 import QtGui, QtTest, QtWidgets

from Testing.slicer import slicershim
from Testing.slicer.slicermodules import EFFECT_FILE, ScriptedEffect
from Testing.slicer.slicershim import load
from Testing.slicer.test_module import MODULE_FILES


@pytest.fixture
def module_widget(app: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module's widget as `slicer.util.getModuleWidget` finds it."""
    widget = load(MODULE_FILES[0]).MVGWidget(slicershim.ModuleArea())
    widget.setup()
    monkeypatch.setattr(slicer.util, "getModuleWidget", lambda name: {"MVG": widget}[name])
    yield widget
    widget.cleanup()


@pytest.fixture
def nodes(app: Any) -> tuple[Any, Any]:
    from MVGLib.host import selftest

    volume, segmentation, _ = selftest.add_nodes()
    return volume, segmentation


@pytest.fixture
def effect(module_widget: Any, nodes: tuple[Any, Any]) -> Iterator[Any]:
    """The effect in a Segment Editor that shows the nodes; not active yet."""
    volume, segmentation = nodes
    scripted = ScriptedEffect()
    scripted.node.SetAndObserveSourceVolumeNode(volume)
    scripted.node.SetAndObserveSegmentationNode(segmentation)
    effect = load(EFFECT_FILE).SegmentEditorEffect(scripted)
    effect.setupOptionsFrame()
    yield effect
    effect.cleanup()


def test_it_introduces_itself(effect: Any) -> None:
    scripted = effect.scriptedEffect
    assert scripted.name == scripted.title == "MVG"
    assert scripted.perSegment is False and scripted.requireSegments is True
    assert not effect.icon().isNull()
    assert "Apply" in effect.helpText()


def test_nothing_is_built_before_it_is_used(effect: Any) -> None:
    assert effect.panel is None
    effect.sourceVolumeNodeChanged()
    effect.deactivate()
    assert effect.panel is None


def test_it_shows_the_modules_controller_on_what_is_edited(
    effect: Any, module_widget: Any, nodes: tuple[Any, Any]
) -> None:
    effect.activate()
    controller = module_widget.panel.controller
    assert effect.panel.controller is controller
    assert effect.panel is not module_widget.panel
    assert effect.frame.layout().itemAt(0).widget() is effect.panel.widget
    view = controller.view()
    assert (view.volume_id, view.partner_id) == tuple(node.GetID() for node in nodes)


def test_examples_added_here_are_the_modules_examples(effect: Any, module_widget: Any) -> None:
    effect.activate()
    effect.panel.ui.addAllButton.click()
    assert len(module_widget.panel.controller.view().examples) == 3


def test_it_follows_the_editor_to_another_volume(effect: Any, module_widget: Any) -> None:
    effect.activate()
    other = slicer.vtkSlicerVolumesLogic.CloneVolume(
        slicer.mrmlScene, effect.scriptedEffect.node.GetSourceVolumeNode(), "other"
    )
    effect.scriptedEffect.node.SetAndObserveSourceVolumeNode(other)
    effect.sourceVolumeNodeChanged()
    assert module_widget.panel.controller.view().volume_id == other.GetID()


def test_an_editor_without_nodes_is_no_problem(effect: Any) -> None:
    effect.scriptedEffect.node.SetAndObserveSourceVolumeNode(None)
    effect.scriptedEffect.node.SetAndObserveSegmentationNode(None)
    effect.activate()
    effect.deactivate()


def test_going_away_leaves_the_module_at_work(effect: Any, module_widget: Any) -> None:
    effect.activate()
    effect.deactivate()
    effect.cleanup()
    module_widget.panel.controller.choices.set_task("denoise")
    assert module_widget.panel.controller.view().settings.task.value == "denoise"


def test_a_reloaded_module_is_found_again(
    effect: Any, module_widget: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    effect.activate()
    first = effect.panel
    effect.deactivate()
    module_widget.cleanup()
    reloaded = load(MODULE_FILES[0]).MVGWidget(slicershim.ModuleArea())
    reloaded.setup()
    monkeypatch.setattr(slicer.util, "getModuleWidget", lambda name: reloaded)
    effect.activate()
    assert effect.panel is not first and effect.panel.controller is reloaded.panel.controller
    assert effect.frame.layout().count() == 1
    reloaded.cleanup()


def test_the_hidden_module_registers_the_effect(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    registered = []

    class Scripted:
        def __init__(self, parent: Any) -> None:
            self.source = ""

        def setPythonSource(self, path: str) -> None:
            self.source = path

        def self(self) -> Any:
            return self

        def register(self) -> None:
            registered.append(self.source)

    effects = ModuleType("qSlicerSegmentationsEditorEffectsPythonQt")
    effects.qSlicerSegmentEditorScriptedEffect = Scripted  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, effects.__name__, effects)

    class Parent:
        pass

    parent = Parent()
    load(MODULE_FILES[1]).SegmentEditorMVG(parent)
    assert parent.hidden is True  # type: ignore[attr-defined]
    app.startupCompleted.emit()
    assert registered == [EFFECT_FILE.as_posix()]


# What the Segment Editor puts on the main window while it is open (qMRMLSegmentEditorWidget of Slicer 5.12),
# and the keys of its slice views (vtkMRMLSliceIntersectionWidget).
EDITOR_KEYS = (
    *"0123456789ZYQWI/*,.><",
    *(f"Shift+{digit}" for digit in range(10)),
    "Esc",
    "Space",
    "Ctrl+Z",
    "Ctrl+Y",
)
SLICE_VIEW_KEYS = ("G", "T", "Right", "Left", "Up", "Down", "F", "B", "V", "R")


def test_no_key_of_the_panel_is_one_of_the_editor_or_of_the_slice_views() -> None:
    from MVGLib.panel.shortcuts import EFFECT_KEYS, MODULE_KEYS

    for keys, taken in ((EFFECT_KEYS, (*EDITOR_KEYS, *SLICE_VIEW_KEYS)), (MODULE_KEYS, SLICE_VIEW_KEYS)):
        ours = {QtGui.QKeySequence(key).toString() for own in keys.values() for key in own}
        assert not ours & {QtGui.QKeySequence(key).toString() for key in taken}


def test_in_the_editor_every_key_does_one_thing(effect: Any, app: Any) -> None:
    window = QtWidgets.QMainWindow()
    window.setCentralWidget(effect.frame)
    pressed: list[str] = []
    for key in EDITOR_KEYS:
        shortcut = QtWidgets.QShortcut(QtGui.QKeySequence(key), window)
        shortcut.activated.connect(lambda key=key: pressed.append(key))
    window.show()
    effect.activate()
    ours = effect.panel.shortcuts.live
    ambiguous: list[str] = []
    for shortcut in window.findChildren(QtWidgets.QShortcut):
        shortcut.activatedAmbiguously.connect(lambda: ambiguous.append("!"))
    QtWidgets.QApplication.setActiveWindow(window)
    window.setFocus()
    for key in ("Space", "Esc"):
        QtTest.QTest.keySequence(window, QtGui.QKeySequence(key))
    effect.panel.controller.setup.about()
    QtTest.QTest.keySequence(window, QtGui.QKeySequence("Shift+Esc"))
    assert pressed == ["Space", "Esc"] and not ambiguous and ours
    assert effect.panel.controller.view().message is None
    effect.deactivate()
    assert not effect.panel.shortcuts.live
    window.takeCentralWidget()


def test_the_buttons_tell_the_keys_of_the_editor(effect: Any) -> None:
    effect.activate()
    assert "(Shift+Space)" in effect.panel.ui.previewButton.toolTip()
    assert "(Shift+B)" in effect.panel.ui.compareButton.toolTip()
