"""What a module file needs of Slicer beyond slicer-core and `MVGDesktop`: base classes, a signal, settings.

Only what Slicer documents, and only as much as our module files use; they run on it as they are.
"""

from __future__ import annotations

import unittest
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
    """The place for a module's panel, which knows whether the module is the one that is shown."""

    def __init__(self) -> None:
        super().__init__()
        QtWidgets.QVBoxLayout(self)
        self.isEntered = False


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
    import sys

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
