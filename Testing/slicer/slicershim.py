"""What a module file needs of Slicer beyond slicer-core and `MVGDesktop`: base classes, a signal, settings.

Only what Slicer documents, and only as much as our module files use; they run on it as they are.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import unittest
from pathlib import Path
from types import ModuleType
from typing import Any

import slicer
from PyQt5 import QtWidgets

from MVGLib.control.signals import Signal


class ScriptedLoadableModule:
    def __init__(self, parent: Any) -> None:
        self.parent = parent


class ScriptedLoadableModuleWidget:
    def __init__(self, parent: Any = None) -> None:
        super().__init__()
        self.parent = parent
        self.layout = parent.layout()

    def setup(self) -> None:
        pass

    def cleanup(self) -> None:
        pass

    def onReload(self) -> None:
        """Slicer's button Reload: the old widget is cleaned up, and a new one set up, but not entered."""
        self.cleanup()
        while self.layout.count():
            self.layout.takeAt(0).widget().hide()
        self.parent.reload()


class ScriptedLoadableModuleLogic:
    def __init__(self) -> None:
        self.moduleName = type(self).__name__.removesuffix("Logic")

    def getParameterNode(self) -> Any:
        """The scene's singleton node of the module, made if there is none; as in Slicer."""
        scene, kind = slicer.mrmlScene, "vtkMRMLScriptedModuleNode"
        node = scene.GetSingletonNode(self.moduleName, kind)
        if node is None:
            node = slicer.vtkMRMLScriptedModuleNode()
            node.SetSingletonTag(self.moduleName)
            node.SetModuleName(self.moduleName)
            node.SetName(self.moduleName)
            node = scene.AddNode(node)
        node.SetAttribute("ModuleName", self.moduleName)
        return node


class ScriptedLoadableModuleTest(unittest.TestCase):
    shown: list[str] = []

    def runTest(self) -> None:
        raise NotImplementedError

    def delayDisplay(self, message: str, requestedDelay: Any = None, msec: Any = None) -> None:
        self.shown.append(message)


class AbstractScriptedSegmentEditorEffect:
    def __init__(self, scriptedEffect: Any) -> None:
        self.scriptedEffect = scriptedEffect


class ModuleArea(QtWidgets.QWidget):
    """The place for a module's panel, as `qSlicerScriptedLoadableModuleWidget` is.

    Attributes:
        isEntered: Whether the module is the one that is shown.
        widget: What the module has put into it.
    """

    def __init__(self, source: str = "") -> None:
        """
        Args:
            source: Path of the module's file, from which it is loaded again.
        """
        super().__init__()
        QtWidgets.QVBoxLayout(self)
        self.isEntered = False
        self.widget: Any = None
        self._source = source

    def enter(self) -> None:
        self.isEntered = True
        self.widget.enter()

    def exit(self) -> None:
        self.isEntered = False
        self.widget.exit()

    def reload(self) -> None:
        """Make the widget anew from the file and set it up."""
        self.widget = load(Path(self._source)).MVGWidget(self)
        self.widget.setup()


def load(path: Path) -> ModuleType:
    """A module's file as Slicer loads it."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Settings:
    """`slicer.app.settings()` without a file."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def setValue(self, key: str, value: Any) -> None:
        self.values[key] = value

    def value(self, key: str, default: Any = None) -> Any:
        return self.values.get(key, default)

    def contains(self, key: str) -> bool:
        return key in self.values


def install(monkeypatch: Any, app: Any) -> Settings:
    """Adds the missing parts for the time of a test and returns the application's settings."""
    settings = Settings()
    base = ModuleType("slicer.ScriptedLoadableModule")
    effects = ModuleType("SegmentEditorEffects")
    for each in (
        ScriptedLoadableModule,
        ScriptedLoadableModuleWidget,
        ScriptedLoadableModuleLogic,
        ScriptedLoadableModuleTest,
    ):
        setattr(base, each.__name__, each)
    effects.AbstractScriptedSegmentEditorEffect = AbstractScriptedSegmentEditorEffect  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "slicer.ScriptedLoadableModule", base)
    monkeypatch.setitem(sys.modules, "SegmentEditorEffects", effects)
    for name, value in {
        "startupCompleted": Signal(),
        "applicationVersion": "5.12.0",
        "slicerHome": "/nowhere",
        "setOverrideCursor": QtWidgets.QApplication.setOverrideCursor,
        "restoreOverrideCursor": QtWidgets.QApplication.restoreOverrideCursor,
        "settings": lambda: settings,
        "userSettings": lambda: settings,
    }.items():
        monkeypatch.setattr(app, name, value, raising=False)
    return settings


def put_on_path(monkeypatch: Any, program: Path) -> None:
    """Makes a program that starts this Python, where Slicer has its PythonSlicer."""
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
