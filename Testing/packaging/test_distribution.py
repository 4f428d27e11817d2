"""What `pip install` brings: the code, the types marker, the resources, the command."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Everything that the build reads; copied, because building writes into the tree.
SOURCES = (
    "pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md",
    "CMakeLists.txt", ".ci", "MVGCore", "MVGSlicerExtension", "Resources", "Testing", "docs",
)  # fmt: skip
# Where the packages lie in the repository, by the name under which they are installed.
PACKAGES = {
    "MVGCore": ROOT / "MVGCore",
    "MVGDesktop": ROOT / "MVGSlicerExtension" / "MVGDesktop",
    "MVGLib": ROOT / "MVGSlicerExtension" / "MVG" / "MVGLib",
}


def build(tree: Path, kind: str, out: Path) -> Path:
    """Runs setuptools' build hook as pip does and returns the archive."""
    program = f"import sys; from setuptools import build_meta; print(build_meta.build_{kind}(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", program, str(out)], cwd=tree, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out / done.stdout.strip().splitlines()[-1]


@dataclass(frozen=True)
class Archives:
    """File names in the sdist and in the wheel, two texts of the wheel, and the wheel itself."""

    sdist: set[str]
    wheel: set[str]
    wheel_file: Path
    entry_points: str
    metadata: str


def copy_sources(tree: Path) -> None:
    """Copies what the build reads into a folder of its own."""
    ignore = shutil.ignore_patterns("__pycache__", "*.pyc")
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=ignore)
        else:
            shutil.copy(source, tree / name)


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Archives:
    """The sdist, and the wheel built from that sdist."""
    work = tmp_path_factory.mktemp("build")
    tree = work / "tree"
    tree.mkdir()
    copy_sources(tree)
    (tree / "Resources" / "Weights").mkdir(exist_ok=True)
    (tree / "Resources" / "Weights" / "probe.safetensors").write_bytes(b"weights")
    (tree / "Resources" / "Weights" / "probe.md").write_text("card")
    with tarfile.open(build(tree, "sdist", work)) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
        unpacked = work / "unpacked"
        # Debian 12's Python 3.11.2 knows no filters yet; the archive is our own.
        sdist.extractall(unpacked, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    wheel_file = build(next(unpacked.iterdir()), "wheel", work)
    with zipfile.ZipFile(wheel_file) as wheel:
        texts = {Path(name).name: name for name in wheel.namelist() if ".dist-info/" in name}
        return Archives(
            sdist=names,
            wheel=set(wheel.namelist()),
            wheel_file=wheel_file,
            entry_points=wheel.read(texts["entry_points.txt"]).decode(),
            metadata=wheel.read(texts["METADATA"]).decode(),
        )


@pytest.mark.parametrize("package", PACKAGES)
def test_the_wheel_has_every_module(archives: Archives, package: str) -> None:
    folder = PACKAGES[package]
    modules = {f"{package}/{path.relative_to(folder).as_posix()}" for path in folder.rglob("*.py")}
    assert modules and modules <= archives.wheel


def test_the_wheel_has_these_packages_and_nothing_else(archives: Archives) -> None:
    tops = {name.split("/")[0] for name in archives.wheel if ".dist-info/" not in name}
    assert tops == set(PACKAGES)
    assert {"MVGCore/py.typed", "MVGCore/training/recipes/vit-large.json"} <= archives.wheel


def test_the_wheel_has_the_recipes_of_training(archives: Archives) -> None:
    recipes = {path.relative_to(ROOT).as_posix() for path in (ROOT / "MVGCore").rglob("*.json")}
    assert recipes and recipes <= archives.wheel


def test_the_wheel_has_the_form_and_pictures_of_the_panel(archives: Archives) -> None:
    resources = ROOT / "MVGSlicerExtension" / "MVG" / "Resources"
    pictures = {path for path in (resources / "Icons").iterdir() if path.suffix in (".png", ".svg")}
    files = {*(resources / "UI").glob("*.ui"), *pictures}
    assert {f"MVGLib/Resources/{path.relative_to(resources).as_posix()}" for path in files} <= archives.wheel


def test_the_installed_packages_find_their_files(archives: Archives, tmp_path: Path) -> None:
    site = tmp_path / "site with späces"
    with zipfile.ZipFile(archives.wheel_file) as wheel:
        wheel.extractall(site)
    program = (
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "import MVGCore, MVGDesktop, MVGLib\n"
        "from MVGCore.models.weights import bundled_weights\n"
        "from MVGLib.resourcefiles import resource_path\n"
        "print(ascii(str(resource_path('UI/MVG.ui')))); print(ascii(str(bundled_weights('compact'))))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    form, weights = (Path(ast.literal_eval(line)) for line in done.stdout.splitlines())
    assert form == site / "MVGLib" / "Resources" / "UI" / "MVG.ui"
    assert weights == site / "MVGCore" / "resources" / "weights" / "compact.safetensors"


def test_an_editable_install_points_into_the_checkout(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    copy_sources(tree)
    with zipfile.ZipFile(build(tree, "editable", tmp_path)) as wheel:
        finder = next(name for name in wheel.namelist() if name.endswith("_finder.py"))
        text = wheel.read(finder).decode()
    mapping = ast.literal_eval(re.search(r"^MAPPING: .*? = (\{.*\})$", text, re.MULTILINE)[1])  # type: ignore[index]
    assert mapping == {name: str(tree / path.relative_to(ROOT)) for name, path in PACKAGES.items()}


def test_the_wheel_has_weights_cards_and_icons(archives: Archives) -> None:
    wheel = archives.wheel
    expected = {"weights/probe.safetensors", "weights/probe.md", "icons/MVG.png", "icons/MVG-24.png"}
    expected |= {f"weights/{path.name}" for path in (ROOT / "Resources" / "Weights").glob("*.safetensors")}
    assert {f"MVGCore/resources/{name}" for name in expected} <= wheel


def test_the_sdist_can_be_built_and_tested_from(archives: Archives) -> None:
    sdist = archives.sdist
    assert {"LICENSE", "README.md", "Resources/Weights/probe.safetensors", "CMakeLists.txt"} <= sdist
    assert {"Testing/packaging/test_distribution.py", "MVGSlicerExtension/MVG/MVG.py"} <= sdist
    assert {"MVGSlicerExtension/MVG/Resources/UI/MVG.ui", "docs/MVG.json"} <= sdist


def test_the_command_is_installed(archives: Archives) -> None:
    assert "mvg = MVGCore.cli.main:main" in archives.entry_points


def test_the_extras_that_messages_name_exist(archives: Archives) -> None:
    provided = set(re.findall(r"^Provides-Extra: (\S+)$", archives.metadata, re.MULTILINE))
    named = {
        extra
        for path in (ROOT / "MVGCore").rglob("*.py")
        for extra in re.findall(r"mvg-slicer\[(\w+)\]", path.read_text(encoding="utf-8"))
    }
    assert named and named <= provided


def test_icons_have_the_sizes_that_slicer_wants() -> None:
    for name, size in (("MVG.png", 128), ("MVG-24.png", 24)):
        header = (ROOT / "Resources" / "Icons" / name).read_bytes()[:24]
        assert header[:8] == b"\x89PNG\r\n\x1a\n"
        assert [int.from_bytes(header[at : at + 4], "big") for at in (16, 20)] == [size, size]
