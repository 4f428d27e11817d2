"""One idea, one word: no class name stands for two things, and vague words name nothing."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOUSE = ("MVGCore", "MVGSlicerExtension")

# Words that only their authors understood; the docstring of a name's module may use them, a name may not.
VAGUE = {"wanted", "looks", "spoiling", "tellings", "memo", "carried", "favour", "pins", "keepsake"}
VAGUE |= {"LEAST", "MOST", "USUAL", "SHIPPED", "BATCH", "ENOUGH", "FEW", "MANY", "NEAR", "EARLY"}  # of what?
VAGUE |= {"LIMIT", "REACH", "STEP", "PRIOR", "BREATH"}
# What may not name what others see: modules, classes, functions, parameters, fields, constants.
VAGUE_IN_PUBLIC = VAGUE | {"found", "answers", "shrink", "trace"}
# What may name nothing at all in some parts: what was found, or is shown where?
VAGUE_PARTS = ("MVGCore/segmentation/", "MVGCore/models/", "MVGSlicerExtension/")
VAGUE_IN_PARTS = {"found", "shown"}
# Terms of the field, or of a library that is followed.
TERMS = {
    "MVGCore/cli/console.py": {"trace"},  # of a context manager
    "MVGSlicerExtension/MVGDesktop/app.py": {"trace"},
    "MVGSlicerExtension/MVGDesktop/editing/strokes.py": {"trace"},
}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for part in HOUSE:
        for path in sorted((ROOT / part).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def assigned(statement: ast.stmt) -> list[str]:
    """Names that a statement of a module or a class gives a value or a type."""
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    targets = [statement.target] if isinstance(statement, ast.AnnAssign) else targets
    return [each.id for each in targets if isinstance(each, ast.Name)]


def public_names(path: str, tree: ast.Module) -> set[str]:
    names = {re.sub(r"\.py$", "", path).rsplit("/", 1)[-1]}
    names.update(name for statement in tree.body for name in assigned(statement))
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            names.add(node.name)
            names.update(name for statement in node.body for name in assigned(statement))
        elif isinstance(node, ast.FunctionDef):
            names.add(node.name)
            arguments = node.args
            given = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
            names.update(each.arg for each in given)
    return names


def test_no_class_name_stands_for_two_things() -> None:
    places = defaultdict(list)
    for path, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(path)
    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}


def test_vague_words_name_nothing() -> None:
    vague = {}
    for path, tree in modules():
        everywhere = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        everywhere |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        refused = VAGUE | VAGUE_IN_PARTS if path.startswith(VAGUE_PARTS) else VAGUE
        seen = {name.lstrip("_") for name in everywhere | public_names(path, tree)} & refused
        seen |= {name.lstrip("_") for name in public_names(path, tree)} & VAGUE_IN_PUBLIC
        seen -= TERMS.get(path, set())
        if seen:
            vague[path] = sorted(seen)
    assert vague == {}
