"""Slicer's modules MVG and Segment Editor, as far as a test goes from one to the other and reloads them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import slicer
from PyQt5 import QtWidgets

from Testing.slicer import slicershim

EXTENSION = Path(__file__).resolve().parents[2] / "MVGSlicerExtension"
MODULE_FILE = EXTENSION / "MVG" / "MVG.py"
EFFECT_FILE = EXTENSION / "SegmentEditorMVG" / "SegmentEditorMVGLib" / "SegmentEditorEffect.py"


class ScriptedEffect:
    """`qSlicerSegmentEditorScriptedEffect`: what the editor keeps for an effect."""

    def __init__(self) -> None:
        self.options = QtWidgets.QWidget()
        QtWidgets.QVBoxLayout(self.options)
        self.node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")

    def addOptionsWidget(self, widget: QtWidgets.QWidget) -> None:
        self.options.layout().addWidget(widget)

    def parameterSetNode(self) -> Any:
        return self.node


class Editor:
    """`qMRMLSegmentEditorWidget` with one effect."""

    def __init__(self) -> None:
        self._effect: Any = None
        self._active = False

    def setSegmentationNode(self, node: Any) -> None:
        self._built().scriptedEffect.node.SetAndObserveSegmentationNode(node)

    def setSourceVolumeNode(self, node: Any) -> None:
        self._built().scriptedEffect.node.SetAndObserveSourceVolumeNode(node)
        self._built().sourceVolumeNodeChanged()

    def setActiveEffectByName(self, name: str) -> None:
        ours = name == "MVG"
        if ours != self._active:
            self._active = ours
            (self._built().activate if ours else self._built().deactivate)()

    def activeEffect(self) -> Any:
        return self._built().scriptedEffect if self._active else None

    def close(self) -> None:
        """The editor goes away."""
        if self._effect is not None:
            self._effect.cleanup()
            self._effect = None

    def _built(self) -> Any:
        if self._effect is None:
            self._effect = slicershim.load(EFFECT_FILE).SegmentEditorEffect(ScriptedEffect())
            self._effect.setupOptionsFrame()
        return self._effect


class EditorModule:
    """Slicer's module Segment Editor, whose widget has the `editor`."""

    def __init__(self) -> None:
        self.editor = Editor()
        self.widget = self

    def enter(self) -> None:
        """The editor is shown."""

    def exit(self) -> None:
        self.editor.setActiveEffectByName("")


class Modules:
    """The modules by name; one is shown at a time."""

    def __init__(self) -> None:
        self._areas: dict[str, Any] = {"MVG": slicershim.ModuleArea(str(MODULE_FILE)), "SegmentEditor": None}
        self._areas["SegmentEditor"] = EditorModule()
        self._areas["MVG"].reload()
        self._shown = ""

    def select(self, name: str) -> None:
        """`slicer.util.selectModule()`."""
        if name != self._shown:
            if self._shown:
                self._areas[self._shown].exit()
            self._shown = name
            self._areas[name].enter()

    def widget(self, name: str) -> Any:
        """`slicer.util.getModuleWidget()`."""
        return self._areas[name].widget

    def close(self) -> None:
        """The application ends."""
        self._areas["SegmentEditor"].editor.close()
        self._areas["MVG"].widget.cleanup()
        self._areas["MVG"].deleteLater()


@contextmanager
def python_modules_kept() -> Iterator[None]:
    """A reload of the module throws its packages out of Python; other tests need those that they know."""
    ours = ("MVGLib", "MVGCore")
    known = {name: each for name, each in sys.modules.items() if name.partition(".")[0] in ours}
    try:
        yield
    finally:
        for name in [each for each in sys.modules if each.partition(".")[0] in ours]:
            del sys.modules[name]
        sys.modules.update(known)
