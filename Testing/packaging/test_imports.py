"""Who may know whom: the architecture's rules, read from the import statements of MVGCore.

    cli, hosts -> worker -> session -> segmentation, adaptation, images
        -> models, tasks, prompts, drafts -> volume

`training`, `evaluation` and `report` use the same doors as everybody else, and nothing from the session down
knows them.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "MVGCore"

FOUNDATION = frozenset({"errors", "version", "outcomes", "private", "shortlived"})
VOLUME = FOUNDATION | {"volume"}
BUILDING_BLOCKS = frozenset({"models", "tasks", "prompts", "drafts", "augment"})
BELOW_SESSION = VOLUME | BUILDING_BLOCKS | {"segmentation", "adaptation", "images"}
DOORS = BELOW_SESSION | {"session", "worker"}

# Part of MVGCore -> the parts that it may import (itself always).
ALLOWED: dict[str, frozenset[str]] = {
    "errors": frozenset(),
    "version": frozenset(),
    "private": frozenset(),
    "shortlived": frozenset({"errors", "private"}),
    "outcomes": frozenset(),
    "volume": FOUNDATION,
    "models": VOLUME | BUILDING_BLOCKS,
    "tasks": VOLUME | BUILDING_BLOCKS,
    "prompts": VOLUME,
    "drafts": VOLUME | BUILDING_BLOCKS,
    "augment": VOLUME,
    "segmentation": BELOW_SESSION,
    "adaptation": BELOW_SESSION,
    "images": BELOW_SESSION,
    "session": BELOW_SESSION,
    "worker": BELOW_SESSION | {"session"},
    "report": DOORS,
    "metrics": frozenset({"errors"}),
    "datasets": DOORS | {"report", "metrics"},
    "evaluation": DOORS | {"report", "metrics"},
    "training": DOORS | {"evaluation", "metrics"},
    "cli": DOORS | {"report", "datasets", "evaluation", "training", "metrics"},
    # The package's own __init__ re-exports the doors, lazily.
    "": DOORS,
}

HOST_LIBRARIES = frozenset(
    {"PyQt5", "PyQt6", "PySide2", "PySide6", "qt", "ctk", "vtk", "vtkmodules", "slicer", "MVGSlicerExtension"}
)
HEAVY_LIBRARIES = frozenset(
    {"torch", "torchvision", "timm", "scipy", "SimpleITK", "skimage", "matplotlib", "nilearn", "itk", "nrrd"}
    | {"pydicom", "highdicom", "PIL"}
)


def modules() -> dict[str, Path]:
    """Returns dotted module name -> file, for every module of MVGCore."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def absolute_target(node: ast.ImportFrom, module: str, is_package: bool) -> str:
    """Returns the dotted name that a `from X import ...` names, with leading dots resolved."""
    if not node.level:
        return node.module or ""
    anchor = module.split(".") if is_package else module.split(".")[:-1]
    anchor = anchor[: len(anchor) - node.level + 1]
    return ".".join([*anchor, node.module] if node.module else anchor)


def imports(module: str) -> set[str]:
    """Returns the dotted names that a module imports; `from package import module` names the module."""
    path = MODULES[module]
    targets: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            targets.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = absolute_target(node, module, path.name == "__init__.py")
            members = {f"{base}.{alias.name}" for alias in node.names}
            targets.update(members & MODULES.keys())
            if members - MODULES.keys():
                targets.add(base)
    return targets


def part_of(module: str) -> str:
    """Returns the part of MVGCore that a dotted name belongs to: `MVGCore.volume.io` -> `volume`."""
    return module.split(".")[1] if "." in module else ""


def test_every_part_has_its_place_in_the_architecture() -> None:
    unknown = {part_of(module) for module in MODULES} - ALLOWED.keys()
    assert not unknown, f"Give {sorted(unknown)} a place in ALLOWED, as in the architecture."


@pytest.mark.parametrize("module", MODULES)
def test_imports_follow_the_layers(module: str) -> None:
    part = part_of(module)
    targets = imports(module)
    parts = {part_of(target) for target in targets if target.split(".")[0] == "MVGCore"}
    forbidden = parts - ALLOWED[part] - {part}
    assert not forbidden, f"{module} must not import {sorted(forbidden)}."


@pytest.mark.parametrize("module", MODULES)
def test_the_core_knows_no_host(module: str) -> None:
    roots = {target.split(".")[0] for target in imports(module)}
    assert not roots & HOST_LIBRARIES


def find_cycle(edges: dict[str, set[str]]) -> list[str]:
    """Returns one cycle of a directed graph as a list of nodes, or an empty list."""
    done: set[str] = set()

    def visit(node: str, trail: list[str]) -> list[str]:
        if node in trail:
            return [*trail[trail.index(node) :], node]
        if node in done:
            return []
        for target in sorted(edges.get(node, ())):
            cycle = visit(target, [*trail, node])
            if cycle:
                return cycle
        done.add(node)
        return []

    return next((cycle for node in sorted(edges) if (cycle := visit(node, []))), [])


def test_find_cycle_finds_one() -> None:
    assert find_cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert find_cycle({"a": {"b", "c"}, "b": {"c"}}) == []


def test_no_import_cycles() -> None:
    edges = {}
    for module in MODULES:
        targets = imports(module) & MODULES.keys()
        # A package's __init__ re-exports its modules; that they live in it is no knowledge of it.
        edges[module] = {target for target in targets if not module.startswith(f"{target}.")}
    assert not find_cycle(edges)


def run_python(program: str) -> str:
    """Returns what a program prints in a fresh interpreter."""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_packages_are_reached_through_the_top_one() -> None:
    names = {part_of(module) for module in MODULES} - {""}
    assert {"models", "tasks", "prompts", "volume", "evaluation", "training"} <= names
    printed = run_python(
        "import MVGCore\n"
        f"for name in {sorted(names)}: assert name in dir(MVGCore) and getattr(MVGCore, name), name\n"
        "print(type(MVGCore.models.create('vit-tiny')).__name__, hasattr(MVGCore, 'nothing'))"
    )
    assert printed.split() == ["ViT", "False"]


@pytest.mark.parametrize(
    "statement",
    [
        "import MVGCore",
        "import MVGCore.cli.main",
        "from MVGCore.cli.main import build_parser; build_parser().format_help()",
    ],
)
def test_start_up_loads_no_heavy_library(statement: str) -> None:
    printed = run_python(
        f"import sys; {statement}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    )
    assert not set(printed.split()) & HEAVY_LIBRARIES
