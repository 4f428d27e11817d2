"""Who may know whom in the extension: windows and scene do not know each other, and nobody knows torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXTENSION = ROOT / "MVGSlicerExtension"
LIBRARY = EXTENSION / "MVG" / "MVGLib"
MODULES = {path.relative_to(LIBRARY).as_posix(): path for path in sorted(LIBRARY.rglob("*.py"))}
DESKTOP = {
    path.relative_to(EXTENSION).as_posix(): path for path in sorted((EXTENSION / "MVGDesktop").rglob("*.py"))
}

# In Slicer's Python before anything is installed.
SLICERS_OWN = {"ctk", "numpy", "qt", "SampleData", "slicer", "vtk"}
IN_SLICER = SLICERS_OWN | {"MVGCore", "MVGLib"} | sys.stdlib_module_names
# Parts of MVGCore that need neither torch nor anything that has to be installed.
LIGHT_CORE = {
    "errors",
    "private",
    "shortlived",
    "outcomes",
    "prompts",
    "report",
    "session",
    "version",
    "volume",
    "worker",
}
# The installer tells where the weights are, and the self-test starts a worker by hand.
EXCEPTIONS = {"host/install.py": {"models"}, "host/selftest.py": {""}}
# Lists of cases and the review page need what reads files; they are imported when they are used.
EXCEPTIONS |= {"control/cases.py": {"datasets"}, "control/reviewpage.py": {"datasets"}}
# The demonstration is a case of the benchmark.
DESKTOP_EXCEPTIONS = {
    "MVGDesktop/demonstration.py": {"evaluation"},
}
# These build or test the whole, so they know all parts of it.
BUILDERS = {"host/building.py", "host/selftest.py"}


def imports(path: Path) -> set[str]:
    """Returns the dotted names that a file imports anywhere; `from a import b` gives a.b."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} imports relatively: name the package"
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def tops(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


@pytest.mark.parametrize("name", MODULES)
def test_the_library_needs_nothing_that_slicer_lacks(name: str) -> None:
    assert tops(MODULES[name]) <= IN_SLICER


@pytest.mark.parametrize("name", MODULES)
def test_the_library_knows_the_light_parts_of_the_core_only(name: str) -> None:
    parts = {
        target.split(".")[1] if target.count(".") else ""
        for target in imports(MODULES[name])
        if target.split(".")[0] == "MVGCore"
    }
    assert parts <= LIGHT_CORE | EXCEPTIONS.get(name, set())


@pytest.mark.parametrize("name", sorted(MODULES.keys() - BUILDERS))
def test_windows_and_scene_do_not_know_each_other(name: str) -> None:
    targets = imports(MODULES[name])
    if "qt" in tops(MODULES[name]):
        behind = ("MVGLib.scene", "MVGLib.control.controller", "MVGCore.worker")
        assert not [target for target in targets if target.startswith(behind)]
    if name.startswith("scene/"):
        inside = {target for target in targets if target.startswith("MVGLib")}
        assert not [each for each in inside if not each.startswith(("MVGLib.scene", "MVGLib.texts"))]


@pytest.mark.parametrize("name", DESKTOP)
def test_the_desktop_does_not_reach_into_the_core(name: str) -> None:
    parts = {target.split(".")[1] for target in imports(DESKTOP[name]) if target.startswith("MVGCore.")}
    assert parts <= LIGHT_CORE | DESKTOP_EXCEPTIONS.get(name, set())


def test_importing_the_library_loads_no_torch() -> None:
    modules = [f"MVGLib.{name[:-3].replace('/', '.')}".removesuffix(".__init__") for name in MODULES]
    program = (
        "from MVGDesktop import headless, qtcompat\n"
        "headless.start(); application = qtcompat.application(); qtcompat.install()\n"
        "import importlib, sys\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    paths = [str(ROOT), str(EXTENSION), str(EXTENSION / "MVG")]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {paths!r}\n{program}"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert not {"torch", "timm", "torchvision", "scipy", "SimpleITK"} & set(done.stdout.split())
