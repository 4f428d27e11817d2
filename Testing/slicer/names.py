"""Finds names of MRML, of Slicer's logics and of VTK in our code that do not exist.

Python sees such a mistake only when the line runs, which for much of the module is inside Slicer alone.
What exists is asked of slicer-core and VTK themselves; `Testing/packaging/pythonqt.py` does the same for Qt
and for `slicer.app`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import slicer
import vtk

from MVGDesktop.headless import start

# Only the full application has them.
FULL_APPLICATION = {
    # The extension "PyTorch": its README, "PyTorchUtils.PyTorchUtilsLogic().installTorch(...)".
    "PyTorchUtilsLogic",
}
# Classes whose objects our code gets from methods, so that their names do not occur in it.
_REACHED = (
    "vtkCollection",
    "vtkDataArray",
    "vtkGeneralTransform",
    "vtkImageData",
    "vtkMatrix4x4",
    "vtkPointData",
    "vtkPolyData",
    "vtkUnsignedCharArray",
)
_METHOD = re.compile(r"[A-Z]\w*[a-z]\w*")
_CLASS_NAME = re.compile(r"vtk(MRML|Slicer|Segment|Oriented)\w*[a-z]")


@dataclass(frozen=True)
class Problem:
    """A name that does not exist, and where it is used."""

    file: str
    line: int
    name: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.name}"


def problems_of(path: Path) -> list[Problem]:
    """The names in a Python file that neither slicer-core nor VTK nor `FULL_APPLICATION` has."""
    return problems_in(path.read_text(encoding="utf-8"), path.name)


def problems_in(source: str, file: str = "") -> list[Problem]:
    """As `problems_of`, for source text."""
    start()
    tree = ast.parse(source)
    foreign = _imported(tree) - {"slicer", "vtk"}
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return [
        Problem(file, node.lineno, name)
        for node in ast.walk(tree)
        if isinstance(node, ast.expr | ast.ImportFrom)
        for name in _unknown(node, foreign, outermost=id(node) not in inner)
        if name not in FULL_APPLICATION
    ]


def _imported(tree: ast.AST) -> set[str]:
    """The names that import statements bind: what is theirs is no method of VTK."""
    statements = (node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom))
    return {(a.asname or a.name).split(".")[0] for node in statements for a in node.names}


def _unknown(node: ast.AST, foreign: set[str], outermost: bool) -> Iterator[str]:
    if isinstance(node, ast.ImportFrom) and node.module == "slicer.util":
        yield from (f"slicer.util.{a.name}" for a in node.names if not hasattr(slicer.util, a.name))
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        if _CLASS_NAME.fullmatch(node.value) and not _is_class(node.value):
            yield node.value
    elif isinstance(node, ast.Attribute):
        chain = _chain(node)
        root = chain[0] if chain else ""
        if root in ("slicer", "vtk"):
            if outermost and not _resolves(chain):
                yield ".".join(chain)
        elif root not in foreign and _METHOD.fullmatch(node.attr) and node.attr not in _members():
            yield node.attr


def _chain(node: ast.expr) -> list[str]:
    """["slicer", "util", "getNode"] for `slicer.util.getNode`; [] if it does not begin with a plain name."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return [node.id, *reversed(parts)] if isinstance(node, ast.Name) else []


def _resolves(chain: list[str]) -> bool:
    if chain[1] not in ("modules", "util", "mrmlScene") and not chain[1].startswith("vtk"):
        return chain[0] == "slicer" or hasattr(vtk, chain[1])  # see pythonqt.py for the rest of slicer
    thing: Any = {"slicer": slicer, "vtk": vtk}[chain[0]]
    for name in chain[1:]:
        if not hasattr(thing, name):
            return False
        thing = getattr(thing, name)
    return True


def _is_class(name: str) -> bool:
    return isinstance(getattr(slicer, name, getattr(vtk, name, None)), type)


@cache
def _members() -> frozenset[str]:
    """All methods and constants of the classes of slicer-core, and of those of VTK that we use."""
    classes = [
        each for name, each in vars(slicer).items() if name.startswith("vtk") and isinstance(each, type)
    ]
    classes += [getattr(vtk, name) for name in _REACHED]
    return frozenset(name for each in classes for name in dir(each))
