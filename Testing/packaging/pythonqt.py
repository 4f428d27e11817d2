"""Finds code that works in PyQt5, where the tests run, and not in PythonQt, where 3D Slicer runs it.

The two bind the same Qt differently. PythonQt reads properties as attributes, knows the values of
enumerations by the class alone, takes no keyword arguments, returns a path where PyQt5 returns a pair. What
Qt has is asked of PyQt5 itself; what Slicer and CTK have beyond slicer-core is listed from documentation.
"""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Any

import slicer
import slicer.util
from PyQt5 import QtCore, QtGui, QtWidgets

FOREIGN_BINDINGS = frozenset({"PyQt5", "PyQt6", "PySide2", "PySide6", "sip", "vtkmodules"})
# They return a path in PythonQt and (path, filter) in PyQt5; `MVGLib.panel.qtread.chosen_path` takes both.
FILE_DIALOGS = frozenset({"getOpenFileName", "getOpenFileNames", "getSaveFileName", "getOpenFileUrl"})
# Only PyQt5 has them.
PYQT_ONLY = frozenset({"pyqtSignal", "pyqtSlot", "pyqtProperty", "QVariant", "sip", "Signal", "Slot"})

# Names of Slicer's application that slicer-core lacks: Slicer documentation, developer guide, "slicer" and
# "Script repository", and the API of qSlicerApplication.
SLICER_APPLICATION = frozenset(
    {
        "app",
        "i18n",
        "modules",
        "mrmlScene",
        "packaging",
        "ScriptedLoadableModule",
        "selfTests",
        "testing",
        "util",
    }
)
SLICER_WIDGETS = frozenset(
    {
        "qMRMLNodeComboBox",
        "qMRMLWidget",
        "qMRMLSegmentSelectorWidget",
        "qMRMLSegmentEditorWidget",
        "qMRMLSliderWidget",
        "qMRMLSpinBox",
        "qMRMLCheckableNodeComboBox",
        "qSlicerSegmentEditorEffectFactory",
    }
)
CTK_CLASSES = frozenset(
    {
        "ctkCheckableComboBox",
        "ctkCollapsibleButton",
        "ctkCollapsibleGroupBox",
        "ctkDoubleSpinBox",
        "ctkExpandButton",
        "ctkMessageBox",
        "ctkPathLineEdit",
        "ctkRangeWidget",
        "ctkSliderWidget",
    }
)


@dataclass(frozen=True)
class Finding:
    """One place that Slicer would not run as PyQt5 does."""

    line: int
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}"


@cache
def qt_names() -> dict[str, Any]:
    """Returns what `import qt` offers: QtCore, QtGui and QtWidgets in one."""
    return {**vars(QtCore), **vars(QtGui), **vars(QtWidgets)}


@cache
def property_names() -> frozenset[str]:
    """Returns the names that are a property of widgets and their helpers and, in PyQt5, its getter."""
    helpers = (QtWidgets.QWidget, QtWidgets.QAction, QtWidgets.QLayout, QtWidgets.QShortcut, QtCore.QTimer)
    found = set()
    for thing in list(qt_names().values()):
        if isinstance(thing, type) and issubclass(thing, helpers):
            meta = thing.staticMetaObject
            names = (meta.property(index).name() for index in range(meta.propertyCount()))
            found.update(name for name in names if callable(getattr(thing, name, None)))
    return frozenset(found)


@cache
def overloaded_signals() -> frozenset[str]:
    """Returns the names of signals of widgets that bring an argument of one type or of another."""
    found = set()
    for thing in list(qt_names().values()):
        if isinstance(thing, type) and issubclass(thing, QtWidgets.QWidget):
            meta = thing.staticMetaObject
            methods = (meta.method(index) for index in range(meta.methodCount()))
            signals = [each for each in methods if each.methodType() == QtCore.QMetaMethod.Signal]
            seen = Counter((bytes(each.name()).decode(), each.parameterCount()) for each in signals)
            found.update(name for (name, count), number in seen.items() if number > 1 and count)
    return frozenset(found)


def is_object_class(name: str) -> bool:
    """Whether a class of Qt has properties; values such as QSize, QPainter and events have methods only."""
    thing = qt_names().get(name)
    return isinstance(thing, type) and issubclass(thing, QtCore.QObject)


def dotted(node: ast.AST) -> str:
    """Returns "qt.Qt.AlignLeft" for such an expression, "" for others."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


class Checker(ast.NodeVisitor):
    """Collects the findings of one file.

    Args:
        host_only: the file runs in Slicer alone, so it may set properties as attributes.
    """

    def __init__(self, host_only: bool = False) -> None:
        self.findings: list[Finding] = []
        self._host_only = host_only
        # Variables that hold a value of Qt (QSize, QPainter, an event), whose methods are methods in both.
        self._values: set[str] = set()
        self._paths_taken: set[ast.Call] = set()
        self._modules: set[str] = set()

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._check_import(node, alias.name)
            self._modules.add((alias.asname or alias.name).split(".")[0])

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self._check_import(node, node.module or "")
        if node.module in ("qt", "ctk"):
            self._note(node, f"import {node.module} as a whole, as Slicer's modules do")
        if node.module == "slicer":
            for alias in node.names:
                self._check_slicer_name(node, f"slicer.{alias.name}")

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._check_target(target, node.value)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = dotted(node.func)
        if name.split(".")[0] in ("qt", "ctk") and node.keywords:
            self._note(node, f"{name}() with keyword arguments: PythonQt takes none")
        if isinstance(node.func, ast.Attribute):
            self._check_method(node, node.func)
        if name.endswith("chosen_path"):
            self._paths_taken.update(each for each in node.args if isinstance(each, ast.Call))
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        name = dotted(node)
        root = name.split(".")[0]
        if root == "qt":
            self._check_qt_name(node, name)
        elif root == "ctk" and name.split(".")[1] not in CTK_CLASSES:
            self._note(node, f"{name} is not among the classes of CTK that Slicer documents")
        elif root == "slicer":
            self._check_slicer_name(node, name)
        if not name:
            self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        # Events come as arguments.
        self._values.update(each.arg for each in node.args.args if each.arg.endswith("event"))
        self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for statement in node.body:
            if isinstance(statement, ast.Assign) and "Signal" in ast.dump(statement.value):
                self._note(statement, "a Qt signal declared in Python: PythonQt has none, use `signals`")
        self.generic_visit(node)

    def _check_import(self, node: ast.AST, name: str) -> None:
        if name.split(".")[0] in FOREIGN_BINDINGS:
            self._note(node, f"import of {name}, which Slicer does not have")

    def _check_target(self, target: ast.AST, value: ast.AST) -> None:
        place = dotted(target)
        if place and isinstance(value, ast.Call) and dotted(value.func).startswith("qt."):
            known = self._values.discard if is_object_class(dotted(value.func)[3:]) else self._values.add
            known(place)
        if not isinstance(target, ast.Attribute) or self._host_only:
            return
        # self.text = ... is an attribute of a class of ours.
        if target.attr in property_names() and dotted(target.value) not in ("self", "cls"):
            self._note(target, f"property {target.attr} set as an attribute: call its setter")

    def _check_method(self, node: ast.Call, function: ast.Attribute) -> None:
        name = function.attr
        if name == "connect":
            self._check_connect(node, function)
        elif name in ("exec", "exec_"):
            self._note(node, f"{name}() differs between bindings: use open(), popup() or show()")
        elif name in FILE_DIALOGS and node not in self._paths_taken:
            self._note(node, f"{name}() returns a pair in PyQt5: wrap it in qtread.chosen_path")
        elif name in property_names() and not (node.args or node.keywords or self._is_value(function.value)):
            self._note(node, f"property {name} called: read(thing, {name!r}) reads it in both")

    def _check_connect(self, node: ast.Call, function: ast.Attribute) -> None:
        if node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str):
            self._note(node, "signal given as a string: thing.signal.connect(slot)")
        if isinstance(function.value, ast.Subscript):
            self._note(node, "overload chosen by signal[type]: PyQt5 alone has that")
        if node.keywords:
            self._note(node, "connect() with keyword arguments: PyQt5 alone has them")
        signal = dotted(function.value)
        name = signal.rpartition(".")[2]
        # That of QShortcut brings nothing.
        if name in overloaded_signals() and not signal.endswith("shortcut.activated"):
            self._note(node, f"signal {name} has overloads, of which PythonQt connects any: qtread.follow")

    def _is_value(self, node: ast.AST) -> bool:
        """Whether an expression surely is no QObject: a module, a value of Qt, or what its methods return."""
        if isinstance(node, ast.Call):
            name = dotted(node.func)
            if name.startswith("qt."):
                return not is_object_class(name[3:])
            return isinstance(node.func, ast.Attribute) and self._is_value(node.func.value)
        return dotted(node) in self._values | self._modules

    def _check_qt_name(self, node: ast.AST, name: str) -> None:
        parts = name.split(".")
        thing: Any = qt_names().get(parts[1], _MISSING)
        if parts[1] in PYQT_ONLY:
            self._note(node, f"{name} exists in PyQt5 alone")
        elif thing is _MISSING:
            self._note(node, f"{name} is not in Qt")
        else:
            for part in parts[2:]:
                if is_enumeration(thing):
                    self._note(node, f"{name}: an enumeration by its own name; leave it out")
                thing = getattr(thing, part, _MISSING)
                if thing is _MISSING:
                    self._note(node, f"{name} is not in Qt")
                    return

    def _check_slicer_name(self, node: ast.AST, name: str) -> None:
        parts = name.split(".")
        if len(parts) < 2:
            return
        if parts[1] == "util":
            if len(parts) > 2 and parts[2] not in vars(slicer.util) and parts[2] not in _source_names():
                self._note(node, f"{name} is not in slicer.util")
        elif parts[1] not in SLICER_APPLICATION | SLICER_WIDGETS and not hasattr(slicer, parts[1]):
            self._note(node, f"{name} is neither in slicer-core nor documented")

    def _note(self, node: ast.AST, text: str) -> None:
        finding = Finding(node.lineno, text)  # type: ignore[attr-defined]
        if finding not in self.findings:
            self.findings.append(finding)


_MISSING = object()


def is_enumeration(thing: Any) -> bool:
    """Whether it is an enumeration of Qt, which PyQt5 lets one name and PythonQt does not."""
    return isinstance(thing, type) and issubclass(thing, int) and thing.__module__.startswith("PyQt5")


@cache
def _source_names() -> frozenset[str]:
    """Returns the functions that the source of slicer.util defines, also those it has only inside Slicer."""
    tree = ast.parse(_read(slicer.util.__file__))
    kinds = (ast.FunctionDef, ast.ClassDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, kinds))


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


def check(source: str, host_only: bool = False) -> list[Finding]:
    """Returns what is wrong with a source text."""
    checker = Checker(host_only)
    checker.visit(ast.parse(source))
    return checker.findings
