"""What `pip install` brings: the code, the types marker, the resources, the command."""

from __future__ import annotations

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
    "CMakeLists.txt", ".ci", "MVGCore", "MVGSlicerExtension", "Resources", "Testing",
)  # fmt: skip


def build(tree: Path, kind: str, out: Path) -> Path:
    """Runs setuptools' build hook as pip does and returns the archive."""
    program = f"import sys; from setuptools import build_meta; print(build_meta.build_{kind}(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", program, str(out)], cwd=tree, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out / done.stdout.strip().splitlines()[-1]


@dataclass(frozen=True)
class Archives:
    """File names in the sdist and in the wheel, and two texts of the wheel."""

    sdist: set[str]
    wheel: set[str]
    entry_points: str
    metadata: str


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Archives:
    """The sdist, and the wheel built from that sdist."""
    work = tmp_path_factory.mktemp("build")
    tree = work / "tree"
    tree.mkdir()
    ignore = shutil.ignore_patterns("__pycache__", "*.pyc")
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=ignore)
        else:
            shutil.copy(source, tree / name)
    (tree / "Resources" / "Weights").mkdir(exist_ok=True)
    (tree / "Resources" / "Weights" / "probe.safetensors").write_bytes(b"weights")
    (tree / "Resources" / "Weights" / "probe.md").write_text("card")
    with tarfile.open(build(tree, "sdist", work)) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
        unpacked = work / "unpacked"
        sdist.extractall(unpacked, filter="data")
    with zipfile.ZipFile(build(next(unpacked.iterdir()), "wheel", work)) as wheel:
        texts = {Path(name).name: name for name in wheel.namelist() if ".dist-info/" in name}
        return Archives(
            sdist=names,
            wheel=set(wheel.namelist()),
            entry_points=wheel.read(texts["entry_points.txt"]).decode(),
            metadata=wheel.read(texts["METADATA"]).decode(),
        )


def test_the_wheel_has_every_module_and_its_types(archives: Archives) -> None:
    wheel = archives.wheel
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "MVGCore").rglob("*.py")}
    assert modules <= wheel
    assert "MVGCore/py.typed" in wheel
    assert not [name for name in wheel if name.startswith(("Testing", "MVGSlicerExtension", "Resources"))]


def test_the_wheel_has_weights_cards_and_icons(archives: Archives) -> None:
    wheel = archives.wheel
    expected = {"weights/probe.safetensors", "weights/probe.md", "icons/MVG.png", "icons/MVG-24.png"}
    expected |= {f"weights/{path.name}" for path in (ROOT / "Resources" / "Weights").glob("*.safetensors")}
    assert {f"MVGCore/resources/{name}" for name in expected} <= wheel


def test_the_sdist_can_be_built_and_tested_from(archives: Archives) -> None:
    sdist = archives.sdist
    assert {"LICENSE", "README.md", "Resources/Weights/probe.safetensors", "CMakeLists.txt"} <= sdist
    assert "Testing/packaging/test_distribution.py" in sdist


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
