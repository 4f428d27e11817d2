"""Which members of which classes of Slicer, CTK and Qt a source text uses."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from PyQt5 import QtCore, QtGui, QtWidgets

from Testing.packaging.slicerapi.tables import classes, find

# Expressions that hold an object of a class, wherever they stand in our code.
_HELD = {
    "slicer.app": "qSlicerApplication",
    "scriptedEffect": "qSlicerSegmentEditorScriptedEffect",
    "self.scriptedEffect": "qSlicerSegmentEditorScriptedEffect",
    "selector": "qMRMLNodeComboBox",
    "editor": "qMRMLSegmentEditorWidget",
}
# What some methods give.
_GIVEN = {
    "slicer.app.extensionsManagerModel": "qSlicerExtensionsManagerModel",
    "slicer.app.moduleManager": "qSlicerModuleManager",
    "slicer.qSlicerSegmentEditorEffectFactory.instance": "qSlicerSegmentEditorEffectFactory",
    "effects.qSlicerSegmentEditorScriptedEffect": "qSlicerSegmentEditorScriptedEffect",
}
_OF_SIGNALS = frozenset({"connect", "disconnect", "emit"})
_OF_FORM = frozenset({"ui", "self.ui", "self._ui"})


@dataclass(frozen=True)
class Use:
    """One place where a member is used.

    Attributes:
        line: In the source.
        of: Class of the object.
        member: Name of the member.
        how: "called", "read", "written" as an attribute, "connected", or "named" as a property's name.
    """

    line: int
    of: str
    member: str
    how: str

    def problem(self) -> str:
        """Why PythonQt would not do it, or ""."""
        owner = find(self.of, self.member)
        if owner is not None:
            return _problem(self, owner.kind(self.member), owner.properties.get(self.member, ""))
        return _problem_of_qt(self, _qt_base(self.of))


def form_classes(form: Path) -> dict[str, str]:
    """Name -> class of the widgets in a form."""
    return {node.get("name", ""): node.get("class", "") for node in ElementTree.parse(form).iter("widget")}


def uses_in(source: str, form: Mapping[str, str]) -> list[Use]:
    """What a source text uses of objects whose class is known.

    Args:
        source: The text.
        form: Name -> class of the widgets that it knows as `ui.name`.
    """
    finder = _Finder(form)
    tree = ast.parse(source)
    finder.learn(tree)
    finder.visit(tree)
    return finder.uses


class _Finder(ast.NodeVisitor):
    """Collects uses; a variable has the class of what is assigned to it anywhere in the text."""

    def __init__(self, form: Mapping[str, str]) -> None:
        self.uses: list[Use] = []
        self._form = form
        self._known = dict(_HELD)

    def learn(self, tree: ast.AST) -> None:
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    self._bind(target, node.value)
            elif isinstance(node, ast.For | ast.comprehension):
                for each in node.iter.elts if isinstance(node.iter, ast.Tuple | ast.List) else ():
                    self._bind(node.target, each)

    def visit_Call(self, node: ast.Call) -> None:
        function = node.func
        if isinstance(function, ast.Attribute) and function.attr in ("setProperty", "property"):
            self._name(node, function.value, node.args[0] if node.args else None)
        if isinstance(function, ast.Name) and function.id == "read" and len(node.args) == 2:
            self._name(node, node.args[0], node.args[1])
        if isinstance(function, ast.Attribute):
            self._use(function, "called")
            if isinstance(function.value, ast.Attribute) and function.attr in _OF_SIGNALS:
                self._use(function.value, "connected")
                self.visit(function.value.value)
            else:
                self.visit(function.value)
        else:
            self.visit(function)
        for argument in (*node.args, *(each.value for each in node.keywords)):
            self.visit(argument)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self._use(node, "written" if isinstance(node.ctx, ast.Store) else "read")
        self.visit(node.value)

    def _bind(self, target: ast.AST, value: ast.AST) -> None:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            for one, other in zip(target.elts, value.elts, strict=False):
                self._bind(one, other)
            return
        place, kind = _dotted(target), self._class_of(value)
        if place and kind:
            self._known[place] = kind

    def _class_of(self, node: ast.AST) -> str:
        if isinstance(node, ast.Call):
            return _GIVEN.get(_dotted(node.func), "")
        if isinstance(node, ast.Attribute) and _dotted(node.value) in _OF_FORM:
            return self._form.get(node.attr, "")
        return self._known.get(_dotted(node), "")

    def _use(self, node: ast.Attribute, how: str) -> None:
        kind = self._class_of(node.value)
        if kind:
            self.uses.append(Use(node.lineno, kind, node.attr, how))

    def _name(self, node: ast.Call, thing: ast.AST, name: ast.AST | None) -> None:
        kind = self._class_of(thing)
        if kind and isinstance(name, ast.Constant) and isinstance(name.value, str):
            self.uses.append(Use(node.lineno, kind, name.value, "named"))


def _problem(use: Use, kind: str, access: str) -> str:
    if use.how == "called" and kind == "property":
        return f"{use.of}.{use.member} is a property: PythonQt gives its value, which cannot be called"
    if use.how == "called" and kind == "signal":
        return f"{use.of}.{use.member} is a signal"
    if use.how == "written" and "write" not in access:
        return f"{use.of}.{use.member} cannot be written"
    if use.how == "connected" and kind != "signal":
        return f"{use.of}.{use.member} is no signal"
    if use.how == "named" and kind != "property":
        return f"{use.of} has no property {use.member}"
    return ""


def _qt_base(class_name: str) -> type[QtCore.QObject] | None:
    """The class of Qt that a class of the table extends, or the class of Qt of that name."""
    while class_name in classes():
        class_name = classes()[class_name].extends
    for module in (QtWidgets, QtGui, QtCore):
        if hasattr(module, class_name):
            found: type[QtCore.QObject] = getattr(module, class_name)
            return found
    return None


def _problem_of_qt(use: Use, base: type[QtCore.QObject] | None) -> str:
    if base is None:
        return "" if use.of not in classes() else f"{use.of}.{use.member} is not known to PythonQt"
    meta = base.staticMetaObject
    is_property = meta.indexOfProperty(use.member) >= 0
    if use.how == "named" or (use.how == "written" and use.of in classes()):
        return "" if is_property else f"{use.of} has no property {use.member}"
    if not is_property and not hasattr(base, use.member):
        return f"{use.of}.{use.member} is not known to PythonQt: neither property, slot, signal nor invokable"
    if use.how == "called" and is_property:
        return f"{use.of}.{use.member} is a property: PythonQt gives its value, which cannot be called"
    return ""


def _dotted(node: ast.AST) -> str:
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""
